//! Points of an axis, as a person writes them: `0.1,0.5`, `2..16`, `0.01..10:log:25`.

/// What is wrong with an axis.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AxisError {
    /// No point at all.
    #[error("has no points; give a list as in {0}")]
    Empty(&'static str),
    /// Something that is neither a number nor a range.
    #[error("{item:?} is neither a number nor a range; write {example}")]
    NotAPoint {
        /// What was written.
        item: String,
        /// What could have been.
        example: &'static str,
    },
    /// A range that says nothing of its points.
    #[error("{item} does not say how many points; write {item}:log:25 or {item}:lin:25")]
    NoCount {
        /// What was written.
        item: String,
    },
    /// A range that holds no such points.
    #[error("{item} {reason}")]
    BadRange {
        /// What was written.
        item: String,
        /// Why it is none.
        reason: &'static str,
    },
    /// A name that names nothing.
    #[error("{0}")]
    Name(String),
    /// The same point twice.
    #[error("has {point} twice; leave one out, or ask for fewer points")]
    Twice {
        /// The point.
        point: String,
    },
}

/// Points of one axis at most.
const MOST_POINTS: usize = 10_000;

/// Numbers, ranges with both their ends, and how far apart: `A..B:log:N` and `A..B:lin:N` are N
/// points, evenly apart in the logarithm or as they are, to four digits, so that each can be
/// typed again.
///
/// # Errors
/// [`AxisError`].
pub fn numbers(text: &str) -> Result<Vec<f32>, AxisError> {
    const EXAMPLE: &str = "0.1,0.5 or 0.01..10:log:25";
    let number = |text: &str| text.parse().ok().filter(|number: &f32| number.is_finite());
    points(text, EXAMPLE, number, |range, first, last| match (range.count, range.scale) {
        (Some(count), _) => Ok(range.between(first, last, count)?.into_iter().map(short).collect()),
        (None, "") => Err(AxisError::NoCount { item: range.item.to_owned() }),
        (None, _) => Err(not_a_point(range.item, EXAMPLE)),
    })
}

/// Whole numbers: `A..B` is all of them from A to B, `A..B:log:N` N of them, rounded.
///
/// # Errors
/// [`AxisError`].
pub fn wholes(text: &str) -> Result<Vec<u32>, AxisError> {
    const EXAMPLE: &str = "3 or 2..16 or 2..64:log:6";
    let whole = |text: &str| text.parse().ok();
    points(text, EXAMPLE, whole, |range, first, last: u32| match (range.count, range.scale) {
        (None, "") if first <= last && ((last - first) as usize) < MOST_POINTS => {
            Ok((first..=last).collect())
        }
        (None, "") => Err(range.bad("does not go upwards, or has more than 10000 points")),
        (Some(count), _) => {
            let between = range.between(first as f32, last as f32, count)?;
            Ok(between.into_iter().map(|point| point.round() as u32).collect())
        }
        (None, _) => Err(not_a_point(range.item, EXAMPLE)),
    })
}

/// Points and ranges of points, by what reads one and what lists those of a range with its ends.
fn points<T: PartialEq + std::fmt::Display>(
    text: &str,
    example: &'static str,
    read: impl Fn(&str) -> Option<T>,
    list: impl Fn(&Range<'_>, T, T) -> Result<Vec<T>, AxisError>,
) -> Result<Vec<T>, AxisError> {
    let point = |text: &str| read(text).ok_or_else(|| not_a_point(text, example));
    let mut points = Vec::new();
    for item in items(text) {
        match Range::parse(item) {
            None => points.push(point(item)?),
            Some(range) => {
                points.extend(list(&range, point(range.first)?, point(range.last)?)?);
            }
        }
    }
    distinct(points, example)
}

/// Names, each as `read` has it.
///
/// # Errors
/// [`AxisError`], [`AxisError::Name`] with what `read` says.
pub fn names(
    text: &str,
    read: impl Fn(&str) -> Result<String, String>,
) -> Result<Vec<String>, AxisError> {
    let points = items(text).map(read).collect::<Result<Vec<_>, _>>().map_err(AxisError::Name)?;
    distinct(points, "one,other")
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn not_a_point(item: &str, example: &'static str) -> AxisError {
    AxisError::NotAPoint { item: item.to_owned(), example }
}

/// A range as it is written.
struct Range<'a> {
    item: &'a str,
    first: &'a str,
    last: &'a str,
    /// `log`, `lin`, or nothing.
    scale: &'a str,
    count: Option<usize>,
}

impl<'a> Range<'a> {
    fn parse(item: &'a str) -> Option<Range<'a>> {
        let (first, rest) = item.split_once("..")?;
        let (last, how) = rest.split_once(':').unwrap_or((rest, ""));
        let (scale, count) = match how.split_once(':') {
            Some((scale, count)) => (scale, count.parse().ok()),
            None if how.is_empty() => ("", None),
            None => ("lin", how.parse().ok()),
        };
        Some(Range { item, first, last, scale, count })
    }

    fn bad(&self, reason: &'static str) -> AxisError {
        AxisError::BadRange { item: self.item.to_owned(), reason }
    }

    fn between(&self, first: f32, last: f32, count: usize) -> Result<Vec<f64>, AxisError> {
        if !(2..=MOST_POINTS).contains(&count) {
            return Err(self.bad("needs 2 to 10000 points"));
        }
        if first >= last {
            return Err(self.bad("does not go upwards"));
        }
        let (first, last) = (f64::from(first), f64::from(last));
        let part = |point: usize| point as f64 / (count - 1) as f64;
        match self.scale {
            "log" if first <= 0.0 => Err(self.bad("has no logarithm: start above 0")),
            // libm's: the platforms' own powers differ.
            "log" => Ok((0..count).map(|i| first * libm::pow(last / first, part(i))).collect()),
            "lin" => Ok((0..count).map(|i| first + (last - first) * part(i)).collect()),
            _ => Err(self.bad("is neither log nor lin")),
        }
    }
}

/// A number to four digits.
fn short(number: f64) -> f32 {
    format!("{number:.3e}").parse().unwrap_or(number as f32)
}

fn distinct<T: PartialEq + std::fmt::Display>(
    points: Vec<T>,
    example: &'static str,
) -> Result<Vec<T>, AxisError> {
    if points.is_empty() {
        return Err(AxisError::Empty(example));
    }
    for (at, point) in points.iter().enumerate() {
        if points[..at].contains(point) {
            return Err(AxisError::Twice { point: point.to_string() });
        }
    }
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_ranges_hold_both_their_ends() {
        assert_eq!(numbers("0.1, 0.5"), Ok(vec![0.1, 0.5]));
        assert_eq!(numbers("0.01..10:log:4"), Ok(vec![0.01, 0.1, 1.0, 10.0]));
        assert_eq!(numbers("1..2:lin:3,5"), Ok(vec![1.0, 1.5, 2.0, 5.0]));
        assert_eq!(numbers("0..1:3"), Ok(vec![0.0, 0.5, 1.0]));
        assert_eq!(numbers("0.01..10:log:25").unwrap()[2], 0.01778);
        assert_eq!(wholes("2..5"), Ok(vec![2, 3, 4, 5]));
        assert_eq!(wholes("2..64:log:6"), Ok(vec![2, 4, 8, 16, 32, 64]));
        assert_eq!(wholes("8,3"), Ok(vec![8, 3]));
    }

    #[test]
    fn what_is_no_axis_is_refused_with_what_could_be() {
        for (text, part) in [
            ("", "no points"),
            (",", "no points"),
            ("a", "0.01..10:log:25"),
            ("nan", "neither a number"),
            ("0.1..1", "does not say how many"),
            ("0.1..1:log:x", "neither a number"),
            ("0.1..1:log:1", "2 to 10000"),
            ("0.1..1:log:10001", "2 to 10000"),
            ("0..1:log:3", "logarithm"),
            ("1..0.1:log:3", "upwards"),
            ("1..2:sqrt:3", "neither log nor lin"),
            ("0.5,0.50", "twice"),
            ("1..1.001:lin:9", "twice"),
        ] {
            let error = numbers(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
        for (text, part) in [
            ("2..", "2..16"),
            ("-3", "2..16"),
            ("9..2", "upwards"),
            ("1..99999", "more than 10000 points"),
            ("2..3:log:5", "twice"),
            ("2..3:log:", "2..16"),
        ] {
            let error = wholes(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }
}
