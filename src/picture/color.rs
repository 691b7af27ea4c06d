//! One palette and three maps for all pictures, chosen so that the colour-blind can tell them apart.

/// A colour, as red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color(pub u8, pub u8, pub u8);

/// The background.
pub const PAPER: Color = Color(255, 255, 255);
/// Text, and the marks that matter the most.
pub const INK: Color = Color(34, 34, 34);
/// Axes, and text beside them.
pub const GREY: Color = Color(96, 96, 96);
/// Lines of a grid, and frames.
pub const FAINT: Color = Color(222, 222, 222);

/// The colours of classes and of series: those of Okabe and Ito (2008), without their black and their yellow, which
/// does not show on white.
const CLASSES: [Color; 8] = [
    Color(0, 114, 178),
    Color(213, 94, 0),
    Color(0, 158, 115),
    Color(204, 121, 167),
    Color(230, 159, 0),
    Color(86, 180, 233),
    Color(70, 50, 130),
    Color(90, 90, 90),
];

/// The colour of a class or a series; beyond the eighth they repeat, darker.
pub fn class(at: usize) -> Color {
    let own = CLASSES[at % CLASSES.len()];
    if (at / CLASSES.len()).is_multiple_of(2) { own } else { own.mixed(INK, 0.45) }
}

/// From the first class over white to the second: signed values, and probabilities around 1/2.
const DIVERGING: [Color; 5] = [
    Color(0, 90, 150),
    Color(130, 185, 220),
    Color(247, 247, 247),
    Color(240, 165, 110),
    Color(190, 75, 0),
];

/// From light to dark, evenly in lightness: shares and amounts (Viridis from white on, light side first).
const SEQUENTIAL: [Color; 6] = [
    Color(252, 252, 246),
    Color(186, 224, 130),
    Color(72, 184, 124),
    Color(33, 144, 141),
    Color(52, 94, 141),
    Color(62, 24, 84),
];

impl Color {
    /// This much of another mixed in, from 0 to 1.
    #[must_use]
    pub fn mixed(self, other: Color, share: f64) -> Color {
        let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round();
        let part = |a: u8, b: u8| mix(a, b).clamp(0.0, 255.0) as u8;
        Color(part(self.0, other.0), part(self.1, other.1), part(self.2, other.2))
    }

    /// As `#rrggbb`.
    pub fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }

    /// Black or white, whichever is read on it.
    pub fn text_on(self) -> Color {
        let light = 0.299 * f64::from(self.0) + 0.587 * f64::from(self.1);
        if light + 0.114 * f64::from(self.2) > 140.0 { INK } else { PAPER }
    }
}

/// A map from 0 to 1 to colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Map {
    /// Signed values: the middle is 1/2.
    Diverging,
    /// The same, paler: what points are drawn on.
    Pale,
    /// Amounts.
    Sequential,
    /// Black ink on white: images.
    Ink,
}

impl Map {
    /// The colour of a share from 0 to 1; grey for what is not a number.
    pub fn color(self, share: f64) -> Color {
        if share.is_nan() {
            return FAINT;
        }
        let between = |stops: &[Color]| {
            let place = share.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
            let at = (place as usize).min(stops.len() - 2);
            stops[at].mixed(stops[at + 1], place - at as f64)
        };
        match self {
            Map::Diverging => between(&DIVERGING),
            Map::Pale => between(&DIVERGING).mixed(PAPER, 0.45),
            Map::Sequential => between(&SEQUENTIAL),
            Map::Ink => between(&[PAPER, INK]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_go_from_end_to_end_and_beyond() {
        assert_eq!(Map::Diverging.color(0.0), DIVERGING[0]);
        assert_eq!(Map::Diverging.color(0.5), DIVERGING[2]);
        assert_eq!(Map::Diverging.color(7.0), DIVERGING[4]);
        assert_eq!(Map::Ink.color(0.5).hex(), "#919191");
        assert_eq!(Map::Sequential.color(f64::NAN), FAINT);
    }

    /// Each step of the sequential map is darker, so that it reads in grey too; and neighbours of the palette
    /// differ for those who see no red or no green.
    #[test]
    fn colours_are_told_apart_without_colour() {
        let light =
            |c: Color| 0.2126 * f64::from(c.0) + 0.7152 * f64::from(c.1) + 0.0722 * f64::from(c.2);
        assert!(SEQUENTIAL.windows(2).all(|pair| light(pair[0]) > light(pair[1]) + 10.0));
        for (at, one) in CLASSES.iter().enumerate() {
            for other in &CLASSES[..at] {
                // What a dichromat sees of a colour: its blue, and red and green together.
                let apart =
                    |c: &Color| (f64::from(c.2), 0.4 * f64::from(c.0) + 0.6 * f64::from(c.1));
                let ((b, y), (b2, y2)) = (apart(one), apart(other));
                assert!((b - b2).hypot(y - y2) > 25.0, "{one:?} {other:?}");
            }
        }
    }
}
