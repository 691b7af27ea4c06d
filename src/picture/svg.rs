//! A drawing as SVG: shapes as elements, in their order.

use std::fmt::Write as _;

use super::color::Color;
use super::png::{Pixels, encode};
use super::scene::{Anchor, Point, Scene, Shape, Text};

/// The reader's own fonts without serifs.
const FONTS: &str = "Helvetica, Arial, 'Liberation Sans', sans-serif";

/// A length with at most two decimals.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A text as it may stand between tags and in quotes.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // XML has no place for these.
            letter if letter.is_control() => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}

fn places(points: &[Point]) -> String {
    let place = |&(x, y): &Point| format!("{},{}", number(x), number(y));
    points.iter().map(place).collect::<Vec<_>>().join(" ")
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let at = |place: usize| u32::from(three.get(place).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for sign in 0..4 {
            let code = BASE64[(bits >> (18 - 6 * sign) & 63) as usize];
            text.push(if sign > three.len() { '=' } else { char::from(code) });
        }
    }
    text
}

fn text_element(text: &Text) -> String {
    let Text { at: (x, y), size, .. } = *text;
    let anchor = match text.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let bold = if text.bold { " font-weight=\"bold\"" } else { "" };
    let (x, y) = (number(x), number(y));
    let turned = match text.upwards {
        true => format!(" transform=\"rotate(-90 {x} {y})\""),
        false => String::new(),
    };
    let halo = match text.halo {
        true => " paint-order=\"stroke\" stroke=\"#ffffff\" stroke-width=\"3\"",
        false => "",
    };
    format!(
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\" fill=\"{}\"{anchor}{bold}{halo}{turned}>{}</text>",
        number(size),
        text.color.hex(),
        escaped(&text.text)
    )
}

fn element(shape: &Shape) -> String {
    let fill = |color: Color| format!("fill=\"{}\"", color.hex());
    match shape {
        Shape::Line { points, color, width, dashed } => {
            let dashes = if *dashed { " stroke-dasharray=\"4 3\"" } else { "" };
            format!(
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"{dashes}/>",
                places(points),
                color.hex(),
                number(*width)
            )
        }
        Shape::Area { points, color, opacity } => format!(
            "<polygon points=\"{}\" {} fill-opacity=\"{}\"/>",
            places(points),
            fill(*color),
            number(*opacity)
        ),
        Shape::Circle { at, radius, fill: inner, rim } => format!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" {} stroke=\"{}\"/>",
            number(at.0),
            number(at.1),
            number(*radius),
            fill(*inner),
            rim.hex()
        ),
        Shape::Text(text) => text_element(text),
        Shape::Image { rect, cols, pixels, smooth } => {
            let height = pixels.len() / cols;
            let file = encode(&Pixels { width: *cols, height, colors: pixels.clone() });
            let sharp = if *smooth { "" } else { " style=\"image-rendering:pixelated\"" };
            format!(
                "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\"{sharp} \
                 href=\"data:image/png;base64,{}\"/>",
                number(rect.x),
                number(rect.y),
                number(rect.w),
                number(rect.h),
                base64(&file)
            )
        }
    }
}

/// A drawing as the text of an SVG file.
pub fn svg(scene: &Scene) -> String {
    let (width, height) = (number(scene.width), number(scene.height));
    let mut text = String::new();
    let _ = writeln!(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"{FONTS}\" stroke-linejoin=\"round\" \
         stroke-linecap=\"round\">\n<title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>",
        escaped(&scene.title)
    );
    for shape in &scene.shapes {
        text.push_str(&element(shape));
        text.push('\n');
    }
    text + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_the_standard_has_it() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (bytes, text) in cases {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn texts_are_escaped_and_numbers_short() {
        assert_eq!(escaped("a<b & \"c\"\n"), "a&lt;b &amp; &quot;c&quot; ");
        assert_eq!([1.0, -0.001, 2.50, 1.236].map(number), ["1", "0", "2.5", "1.24"]);
    }
}
