//! All pictures of something on one page: HTML that needs no other file, no network and no script.

use super::scene::Scene;
use super::svg::{escaped, svg};

/// A part of a page.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// A picture.
    Picture(Scene),
    /// Lines as they stand, under a heading.
    Text(String, String),
}

const STYLE: &str = "body{font:14px/1.5 Helvetica,Arial,sans-serif;color:#222;margin:24px;background:#fff}\
h1{font-size:20px}h2{font-size:15px}svg{max-width:100%;height:auto}figure{margin:0 0 12px}\
main{display:flex;flex-wrap:wrap;align-items:flex-start;gap:12px}\
pre{font-size:12px;line-height:1.4;background:#f6f6f6;padding:12px;overflow:auto;max-width:100%}";

/// A page of parts.
pub fn page(title: &str, parts: &[Part]) -> String {
    let title = escaped(title);
    let mut text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<main>\n"
    );
    for part in parts {
        text += &match part {
            Part::Picture(scene) => format!("<figure>\n{}</figure>\n", svg(scene)),
            Part::Text(heading, lines) => format!(
                "<section>\n<h2>{}</h2>\n<pre>{}</pre>\n</section>\n",
                escaped(heading),
                lines.lines().map(escaped).collect::<Vec<_>>().join("\n")
            ),
        };
    }
    text + "</main>\n</body>\n</html>\n"
}
