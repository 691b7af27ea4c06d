//! Axes: what they are called, from where to where they go, and where their ticks are.

/// How places on an axis follow from values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Evenly.
    Linear,
    /// Evenly in their logarithm.
    Log,
}

/// One axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Its name, with its unit.
    pub name: String,
    /// Its ends, the lower one first.
    pub range: (f64, f64),
    /// How places follow from values.
    pub scale: Scale,
    /// Its ticks, where they are names; else they are numbers that suit it. Empty for none.
    pub ticks: Option<Vec<(f64, String)>>,
}

/// How much of a range is left free at each end of it.
const MARGIN: f64 = 0.04;

impl Axis {
    /// An even axis from one end to another.
    pub fn linear(name: impl Into<String>, range: (f64, f64)) -> Axis {
        Axis { name: name.into(), range, scale: Scale::Linear, ticks: None }
    }

    /// An even axis that shows all of these values, and a bit more.
    pub fn around(name: impl Into<String>, values: impl Iterator<Item = f64>) -> Axis {
        let (low, high) = ends(values).unwrap_or((0.0, 1.0));
        let free = match high - low {
            0.0 => 0.5f64.max(0.1 * low.abs()),
            span => MARGIN * span,
        };
        Axis::linear(name, (low - free, high + free))
    }

    /// An axis even in the logarithm that shows all of these values above 0; an even one, where they are within
    /// less than a factor of `least`.
    pub fn around_log(name: impl Into<String>, values: &[f64], least: f64) -> Axis {
        let positive = values.iter().copied().filter(|value| *value > 0.0);
        match ends(positive) {
            Some((low, high)) if high / low >= least => {
                let free = (high / low).powf(MARGIN);
                let range = (low / free, high * free);
                Axis { name: name.into(), range, scale: Scale::Log, ticks: None }
            }
            _ => Axis::around(name, values.iter().copied()),
        }
    }

    /// An axis of so many names, one at each whole number from 0.
    pub fn names(name: impl Into<String>, names: impl Iterator<Item = String>) -> Axis {
        let ticks: Vec<(f64, String)> =
            names.enumerate().map(|(at, name)| (at as f64, name)).collect();
        let range = (-0.5, ticks.len() as f64 - 0.5);
        Axis { name: name.into(), range, scale: Scale::Linear, ticks: Some(ticks) }
    }

    /// The same axis without a name and ticks.
    #[must_use]
    pub fn bare(self) -> Axis {
        Axis { name: String::new(), ticks: Some(Vec::new()), ..self }
    }

    /// Where a value is, from 0 at its lower end to 1.
    pub fn share(&self, value: f64) -> f64 {
        let of = |value: f64| match self.scale {
            Scale::Linear => value,
            Scale::Log => value.max(f64::MIN_POSITIVE).log10(),
        };
        (of(value) - of(self.range.0)) / (of(self.range.1) - of(self.range.0))
    }

    /// Its ticks, about so many at most: where each is, and what stands beside it.
    pub fn ticks(&self, most: usize) -> Vec<(f64, String)> {
        match (&self.ticks, self.scale) {
            (Some(ticks), _) => ticks.clone(),
            (None, Scale::Linear) => linear_ticks(self.range, most),
            (None, Scale::Log) => log_ticks(self.range, most),
        }
    }
}

/// The least and the largest finite value.
pub fn ends(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|value| value.is_finite()).fold(None, |ends, value| match ends {
        None => Some((value, value)),
        Some((low, high)) => Some((f64::min(low, value), f64::max(high, value))),
    })
}

fn linear_ticks((low, high): (f64, f64), most: usize) -> Vec<(f64, String)> {
    let span = high - low;
    if !(span > 0.0 && span.is_finite()) {
        return vec![(low, short(low))];
    }
    // The least of 1, 2 and 5 times a power of ten that gives few enough.
    let power = 10f64.powf((span / most.max(1) as f64).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    let fits = |step: &&f64| span / **step <= most as f64;
    let step = *steps.iter().find(fits).unwrap_or(&steps[3]);
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    let is_plain = high.abs().max(low.abs()) < 1e6 && decimals <= 4;
    let tick = |at: i64| {
        let value = at as f64 * step;
        let text = if is_plain { format!("{value:.decimals$}") } else { short(value) };
        (value, if at == 0 { "0".to_owned() } else { text })
    };
    (first..=last).map(tick).collect()
}

fn log_ticks((low, high): (f64, f64), most: usize) -> Vec<(f64, String)> {
    let (first, last) = ((low.log10() - 1e-9).ceil() as i32, (high.log10() + 1e-9).floor() as i32);
    let decades = (last - first + 1).max(0) as usize;
    let factors: &[f64] = match decades {
        // Less than a decade or two needs more than its powers of ten.
        0..=1 => &[1.0, 2.0, 5.0],
        2 if most >= 6 => &[1.0, 3.0],
        _ => &[1.0],
    };
    let every = decades.div_ceil(most.max(1)).max(1) as i32;
    (first - 1..=last)
        .filter(|power| power.rem_euclid(every) == 0)
        .flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power)))
        .filter(|value| (low * (1.0 - 1e-9)..=high * (1.0 + 1e-9)).contains(value))
        .map(|value| (value, short(value)))
        .collect()
}

/// A number in few signs: four digits, or a power of ten.
pub fn short(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    if !(1e-4..1e6).contains(&magnitude) {
        let text = format!("{value:.3e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{power}", trimmed(digits));
    }
    let decimals = (3 - magnitude.log10().floor() as i32).max(0) as usize;
    let text = format!("{value:.decimals$}");
    if decimals == 0 { text } else { trimmed(&text).to_owned() }
}

fn trimmed(digits: &str) -> &str {
    match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.'),
        false => digits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis, most: usize) -> Vec<String> {
        axis.ticks(most).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(
            texts(&Axis::linear("x", (-0.04, 1.04)), 6),
            ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(
            texts(&Axis::linear("x", (0.0, 2000.0)), 5),
            ["0", "500", "1000", "1500", "2000"]
        );
        assert_eq!(texts(&Axis::linear("x", (-3.0, 3.0)), 4), ["-2", "0", "2"]);
        assert_eq!(texts(&Axis::linear("x", (0.0, 2e7)), 3), ["0", "1e7", "2e7"]);
        assert_eq!(texts(&Axis::linear("x", (5.0, 5.0)), 3), ["5"]);
    }

    #[test]
    fn a_logarithmic_axis_has_powers_of_ten() {
        let axis = Axis::around_log("loss", &[0.002, 0.9, 0.0], 10.0);
        assert_eq!(axis.scale, Scale::Log);
        assert_eq!(texts(&axis, 5), ["0.01", "0.1", "1"]);
        approx::assert_relative_eq!(axis.share(axis.range.1), 1.0, max_relative = 1e-12);
        let narrow = Axis::around_log("loss", &[0.5, 0.9], 10.0);
        assert_eq!(narrow.scale, Scale::Linear);
        assert_eq!(texts(&Axis { range: (0.3, 8.0), ..axis }, 5), ["0.5", "1", "2", "5"]);
    }

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.1, "0.1"),
            (1234.5678, "1235"),
            (0.00012, "0.00012"),
            (1e-9, "1e-9"),
            (2.5e8, "2.5e8"),
        ];
        for (value, text) in cases {
            assert_eq!(short(value), text);
        }
    }
}
