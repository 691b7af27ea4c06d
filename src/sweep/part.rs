//! Parts of a sweep as files, and the whole they make.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{AxisValue, Count, MOST_CELLS, Shard, Sweep, SweepOutcome};

/// What one run computed of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// What kind of file this is, and of which version.
    pub format: String,
    /// What decides the numbers of the sweep beside its axes, by name, to tell what differs.
    pub settings: BTreeMap<String, String>,
    /// A hash of everything that decides its numbers: parts of one sweep have the same.
    pub digest: String,
    /// How to train one of the networks that solved their data, if there is one.
    pub example: Option<String>,
    /// Which part this is.
    pub shard: Shard,
    /// Where it was computed.
    pub computed_on: String,
    /// Seconds it took.
    pub seconds: f64,
    /// Whether it ended before its end.
    pub stopped: bool,
    /// Networks of a whole cell.
    pub networks: u32,
    /// Every cell's axes, and what was counted of it.
    pub cells: Vec<(Vec<(String, AxisValue)>, Count)>,
}

/// Parts of one sweep at most.
pub const MOST_PARTS: u32 = 1_000_000;

/// What [`Part::format`] must say.
pub const FORMAT: &str = "wgrad sweep part 2";

impl Part {
    /// What a run computed; `settings` with their hash and `computed_on` are for whoever puts parts together.
    pub fn new(
        sweep: &Sweep,
        outcome: &SweepOutcome,
        (settings, digest): (BTreeMap<String, String>, String),
        computed_on: String,
    ) -> Part {
        let named = |axes: &[(&str, AxisValue)]| {
            axes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
        };
        Part {
            format: FORMAT.to_owned(),
            settings,
            digest,
            example: None,
            shard: sweep.shard,
            computed_on,
            seconds: outcome.seconds,
            stopped: outcome.stopped,
            networks: sweep.cells.first().map_or(0, |cell| cell.training.restarts),
            cells: sweep
                .cells
                .iter()
                .zip(&outcome.counts)
                .map(|(cell, count)| (named(&cell.axes), count.clone()))
                .collect(),
        }
    }

    /// A part as JSON, one line.
    pub fn to_json(&self) -> String {
        // Our own struct always has a JSON form.
        serde_json::to_string(self).map(|text| text + "\n").unwrap_or_default()
    }

    /// What [`Part::to_json`] made.
    ///
    /// # Errors
    /// In words, where it is something else.
    pub fn from_json(text: &str) -> Result<Part, String> {
        let part: Part = serde_json::from_str(text)
            .map_err(|error| format!("is no part of a sweep ({error}); give what --save wrote"))?;
        if part.format != FORMAT {
            return Err(format!("is {:?}, not {FORMAT:?}; write it again", part.format));
        }
        match part.is_sound() {
            true => Ok(part),
            false => {
                Err("is damaged: its numbers do not fit each other; write it again".to_owned())
            }
        }
    }

    /// Whether the numbers can be those of a run.
    fn is_sound(&self) -> bool {
        let Shard { part, of } = self.shard;
        let Some((first, _)) = self.cells.first() else { return false };
        let names = |axes: &[(String, AxisValue)]| -> Vec<String> {
            axes.iter().map(|(name, _)| name.clone()).collect()
        };
        let is_whole = |(axes, count): &(Vec<(String, AxisValue)>, Count)| {
            let ended = count.solved.checked_add(count.diverged);
            let most = count.networks.saturating_mul(u32::MAX.into());
            let solved = count.epochs.values().try_fold(0u64, |sum, &n| sum.checked_add(n));
            names(axes) == names(first)
                && ended.is_some_and(|ended| ended <= count.networks)
                && count.networks <= self.networks.into()
                && count.net_epochs <= most
                && solved == Some(count.solved)
        };
        1 <= part
            && part <= of
            && of <= MOST_PARTS
            && self.cells.len() <= MOST_CELLS
            && self.seconds.is_finite()
            && self.seconds >= 0.0
            && self.cells.iter().all(is_whole)
    }
}

/// Every setting in which two trainings differ, in words.
pub fn differences(
    there: &BTreeMap<String, String>,
    here: &BTreeMap<String, String>,
) -> Vec<String> {
    let keys: BTreeSet<&String> = there.keys().chain(here.keys()).collect();
    let value = |of: &BTreeMap<String, String>, key: &String| {
        of.get(key).cloned().unwrap_or_else(|| "nothing".to_owned())
    };
    let differs = |key: &&String| there.get(*key) != here.get(*key);
    let said = |key| format!("{key} is {} there and {} here", value(there, key), value(here, key));
    keys.into_iter().filter(differs).map(said).collect()
}

/// The whole of which these are the parts; each with the name of its file.
///
/// # Errors
/// The file at fault, and what is wrong with it.
pub fn join(parts: &[(String, Part)]) -> Result<Part, (String, String)> {
    let Some((first_name, first)) = parts.first() else {
        return Err(("--join".to_owned(), "names no file; give every part".to_owned()));
    };
    let mut whole = Part { shard: Shard::WHOLE, seconds: 0.0, ..first.clone() };
    whole.cells.iter_mut().for_each(|(_, count)| *count = Count::default());
    let mut places: Vec<&str> = Vec::new();
    let mut seen: Vec<Option<&str>> = vec![None; first.shard.of as usize];
    for (name, part) in parts {
        let wrong = |reason: String| Err((name.clone(), reason));
        let axes = |part: &Part| part.cells.iter().map(|cell| cell.0.clone()).collect::<Vec<_>>();
        let (of, cells) = (part.shard.of != first.shard.of, axes(part) != axes(first));
        if of || cells || part.digest != first.digest {
            let mut differences = differences(&first.settings, &part.settings);
            let (there, here) = (first.shard.of, part.shard.of);
            differences.extend(of.then(|| format!("it has {there} parts there and {here} here")));
            differences.extend(cells.then(|| "its cells are others".to_owned()));
            if differences.is_empty() {
                differences.push("the settings of its cells are others".to_owned());
            }
            let differences = differences.join(", ");
            return wrong(format!("is part of another sweep than {first_name}: {differences}"));
        }
        if part.stopped {
            return wrong("was stopped before its end; run this part again".to_owned());
        }
        let at = (part.shard.part as usize).wrapping_sub(1);
        match seen.get_mut(at) {
            None => return wrong(format!("says it is part {}", part.shard)),
            Some(Some(other)) => {
                return wrong(format!("is part {}, as is {other}; leave one out", part.shard));
            }
            Some(computed_on) => *computed_on = Some(name),
        }
        let share = part.shard.range(part.networks).len() as u64;
        if part.cells.iter().any(|(_, count)| count.networks != share) {
            return wrong("does not hold all of its networks; run this part again".to_owned());
        }
        for ((_, joined), (_, count)) in whole.cells.iter_mut().zip(&part.cells) {
            joined.join(count);
        }
        whole.seconds += part.seconds;
        if !places.contains(&part.computed_on.as_str()) {
            places.push(&part.computed_on);
        }
    }
    whole.computed_on = places.join("; ");
    whole.example = parts.iter().find_map(|(_, part)| part.example.clone());
    let missing: Vec<String> = (1..=first.shard.of)
        .zip(&seen)
        .filter(|(_, name)| name.is_none())
        .map(|(part, _)| Shard { part, of: first.shard.of }.to_string())
        .collect();
    match &missing[..] {
        [] => Ok(whole),
        few if few.len() <= 8 => {
            Err(("--join".to_owned(), format!("lacks part {}", few.join(", "))))
        }
        [one, ..] => {
            let reason = format!("lacks {} parts, the first of them {one}", missing.len());
            Err(("--join".to_owned(), reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::NetworkStatus;

    fn part(part: u32, of: u32) -> (String, Part) {
        let shard = Shard { part, of };
        let mut count = Count::default();
        for seed in shard.range(10) {
            let status =
                if seed % 3 == 0 { NetworkStatus::Solved(seed) } else { NetworkStatus::Unsolved };
            count.add(seed.into(), status, 1, 50);
        }
        let cells = vec![(vec![("lr".to_owned(), AxisValue::Number(0.1))], count)];
        let part = Part {
            format: FORMAT.to_owned(),
            settings: [("epochs".to_owned(), "50".to_owned())].into(),
            digest: "00ff".to_owned(),
            example: None,
            shard,
            computed_on: "here".to_owned(),
            seconds: 1.5,
            stopped: false,
            networks: 10,
            cells,
        };
        (format!("{shard}"), part)
    }

    #[test]
    fn parts_in_any_order_make_the_whole() {
        let whole = part(1, 1).1;
        for of in [1, 2, 3, 10, 13] {
            let mut parts: Vec<_> = (1..=of).map(|at| part(at, of)).collect();
            parts.reverse();
            let joined = join(&parts).unwrap();
            assert_eq!(joined.cells, whole.cells, "{of} parts");
            assert_eq!(joined.seconds, 1.5 * f64::from(of));
        }
    }

    #[test]
    fn what_makes_no_whole_is_told_by_file() {
        let told = |parts: &[(String, Part)]| {
            let (name, reason) = join(parts).unwrap_err();
            format!("{name} {reason}")
        };
        assert!(told(&[]).contains("give every part"));
        assert!(told(&[part(1, 3), part(3, 3)]).contains("lacks part 2/3"));
        assert!(told(&[part(1, 2), part(1, 2)]).contains("1/2 is part 1/2, as is 1/2"));
        assert!(told(&[part(1, 2), part(2, 3)]).contains("another sweep"));
        let mut other = part(2, 2);
        other.1.settings.insert("epochs".to_owned(), "51".to_owned());
        other.1.digest = "00fe".to_owned();
        let said = told(&[part(1, 2), other]);
        assert!(said.contains("another sweep") && said.contains("epochs is 50 there and 51 here"));
        let mut other = part(2, 2);
        other.1.digest = "00fe".to_owned();
        assert!(told(&[part(1, 2), other]).contains("another sweep"));
        let mut stopped = part(2, 2);
        stopped.1.stopped = true;
        assert!(told(&[part(1, 2), stopped]).contains("run this part again"));
        let mut short = part(2, 2);
        short.1.cells[0].1.networks -= 1;
        assert!(told(&[part(1, 2), short]).contains("all of its networks"));
    }

    #[test]
    fn a_part_is_read_as_it_was_written() {
        let part = part(2, 3).1;
        assert_eq!(Part::from_json(&part.to_json()), Ok(part.clone()));
        for text in ["", "{}", "[1]", "x", &part.to_json()[1..]] {
            assert!(Part::from_json(text).unwrap_err().contains("no part of a sweep"), "{text}");
        }
        for damage in [
            (|part| part.cells.clear()) as fn(&mut Part),
            |part| part.cells[0].1.solved += 1,
            |part| part.cells[0].1.networks = 11,
            |part| part.cells[0].1.net_epochs = u64::MAX,
            |part| part.seconds = -1.0,
            |part| part.shard.of = u32::MAX,
            |part| part.shard.part = 0,
            |part| {
                let other = (Vec::new(), Count::default());
                part.cells.push(other);
            },
        ] {
            let mut part = part.clone();
            damage(&mut part);
            assert!(Part::from_json(&part.to_json()).unwrap_err().contains("damaged"));
        }
        let newer = Part { format: "wgrad sweep part 3".to_owned(), ..part };
        assert!(Part::from_json(&newer.to_json()).unwrap_err().contains("part 2"));
    }
}
