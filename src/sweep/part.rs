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
    /// Every cell's axes, and what was counted of it: of a stopped part, its first networks.
    pub cells: Vec<(Vec<(String, AxisValue)>, Count)>,
}

/// Parts of one sweep at most.
pub const MOST_PARTS: u32 = 1_000_000;

/// What [`Part::format`] must say.
pub const FORMAT: &str = "wgrad sweep part 3";

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
        let cells = sweep.cells.iter().map(|cell| (named(&cell.axes), Count::default())).collect();
        let mut part = Part {
            format: FORMAT.to_owned(),
            settings,
            digest,
            example: None,
            shard: sweep.shard,
            computed_on,
            seconds: 0.0,
            stopped: true,
            networks: sweep.cells.first().map_or(0, |cell| cell.training.restarts),
            cells,
        };
        part.set(outcome);
        part
    }

    /// Takes what a run computed in place of what it has.
    pub fn set(&mut self, outcome: &SweepOutcome) {
        (self.seconds, self.stopped) = (outcome.seconds, outcome.stopped);
        for ((_, own), count) in self.cells.iter_mut().zip(&outcome.counts) {
            own.clone_from(count);
        }
    }

    /// What is counted of every cell, in their order.
    pub fn counts(&self) -> Vec<Count> {
        self.cells.iter().map(|(_, count)| count.clone()).collect()
    }

    /// Networks that are counted, over all cells.
    pub fn counted(&self) -> u64 {
        self.cells.iter().map(|(_, count)| count.networks).sum()
    }

    /// In what another part's sweep is not the one of this part: nothing where they belong together.
    pub fn differences(&self, other: &Part) -> Vec<String> {
        let axes = |part: &Part| part.cells.iter().map(|cell| cell.0.clone()).collect::<Vec<_>>();
        let (there, here) = (self.shard.of, other.shard.of);
        let cells = axes(other) != axes(self) || other.networks != self.networks;
        if there == here && !cells && other.digest == self.digest {
            return Vec::new();
        }
        let mut found = differences(&self.settings, &other.settings);
        found
            .extend((there != here).then(|| format!("it has {there} parts there and {here} here")));
        found.extend(cells.then(|| "its cells are others".to_owned()));
        if found.is_empty() {
            found.push("the settings of its cells are others".to_owned());
        }
        found
    }

    /// Whether all of its networks are counted.
    fn is_complete(&self) -> bool {
        let share = self.shard.range(self.networks).len() as u64;
        !self.stopped && self.cells.iter().all(|(_, count)| count.networks == share)
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
        let share = if part <= of && part > 0 { self.shard.range(self.networks).len() } else { 0 };
        let is_whole = |(axes, count): &(Vec<(String, AxisValue)>, Count)| {
            let ended = count.solved.checked_add(count.diverged);
            let most = count.networks.saturating_mul(u32::MAX.into());
            let solved = count.epochs.values().try_fold(0u64, |sum, &n| sum.checked_add(n));
            names(axes) == names(first)
                && ended.is_some_and(|ended| ended <= count.networks)
                && count.networks <= share as u64
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

/// The places where parts were computed, each once.
pub fn places<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut places: Vec<&str> = Vec::new();
    for place in parts.into_iter().flat_map(|places| places.split("; ")) {
        if !place.is_empty() && !places.contains(&place) {
            places.push(place);
        }
    }
    places.join("; ")
}

/// Parts put together.
#[derive(Debug, Clone, PartialEq)]
pub struct Joined {
    /// The counts of all parts that are complete; `stopped` where others are missing.
    pub whole: Part,
    /// How many parts that is.
    pub parts: usize,
    /// What is missing, in words, each with the name of its file where there is one.
    pub missing: Vec<String>,
}

/// The whole of which these are the parts, each with the name of its file; those that were stopped before
/// their end are left out and told.
///
/// # Errors
/// The file at fault, and what is wrong with it; where no part is complete.
pub fn join(parts: &[(String, Part)]) -> Result<Joined, (String, String)> {
    let Some((first_name, first)) = parts.first() else {
        return Err(("--join".to_owned(), "names no file; give every part".to_owned()));
    };
    let mut whole = Part { shard: Shard::WHOLE, seconds: 0.0, ..first.clone() };
    whole.cells.iter_mut().for_each(|(_, count)| *count = Count::default());
    let mut seen: Vec<Option<&str>> = vec![None; first.shard.of as usize];
    let (mut complete, mut missing) = (Vec::new(), Vec::new());
    for (name, part) in parts {
        let wrong = |reason: String| Err((name.clone(), reason));
        let differences = first.differences(part).join(", ");
        if !differences.is_empty() {
            return wrong(format!("is part of another sweep than {first_name}: {differences}"));
        }
        let at = (part.shard.part as usize).wrapping_sub(1);
        match seen.get_mut(at) {
            None => return wrong(format!("says it is part {}", part.shard)),
            Some(Some(other)) => {
                return wrong(format!("is part {}, as is {other}; leave one out", part.shard));
            }
            Some(computed_on) => *computed_on = Some(name),
        }
        if !part.is_complete() {
            missing.push(format!("{name} (part {}) was stopped before its end", part.shard));
            continue;
        }
        for ((_, joined), (_, count)) in whole.cells.iter_mut().zip(&part.cells) {
            joined.join(count);
        }
        whole.seconds += part.seconds;
        complete.push(part);
    }
    if complete.is_empty() {
        let reason = format!("has no complete part: {}", missing.join(", "));
        return Err(("--join".to_owned(), reason));
    }
    whole.computed_on = places(complete.iter().map(|part| part.computed_on.as_str()));
    whole.example = complete.iter().find_map(|part| part.example.clone());
    let absent: Vec<String> = (1..=first.shard.of)
        .zip(&seen)
        .filter(|(_, name)| name.is_none())
        .map(|(part, _)| Shard { part, of: first.shard.of }.to_string())
        .collect();
    match &absent[..] {
        [] => {}
        [one] => missing.push(format!("part {one} is not given")),
        few if few.len() <= 8 => missing.push(format!("parts {} are not given", few.join(", "))),
        [one, ..] => {
            missing.push(format!("{} parts are not given, the first of them {one}", absent.len()));
        }
    }
    whole.stopped = !missing.is_empty();
    Ok(Joined { whole, parts: complete.len(), missing })
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
            assert_eq!(joined.whole.cells, whole.cells, "{of} parts");
            assert_eq!(joined.whole.seconds, 1.5 * f64::from(of));
            assert!(joined.missing.is_empty() && joined.parts == parts.len());
        }
    }

    #[test]
    fn what_makes_no_whole_is_told_by_file() {
        let told = |parts: &[(String, Part)]| {
            let (name, reason) = join(parts).unwrap_err();
            format!("{name} {reason}")
        };
        assert!(told(&[]).contains("give every part"));
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
        assert!(told(&[stopped]).contains("no complete part: 2/2 (part 2/2) was stopped"));
    }

    #[test]
    fn what_is_complete_is_joined_and_the_rest_is_told() {
        let missing = |parts: &[(String, Part)]| {
            let joined = join(parts).unwrap();
            let networks = parts.iter().filter(|(_, part)| part.is_complete());
            let networks: u64 = networks.map(|(_, part)| part.cells[0].1.networks).sum();
            assert_eq!(joined.whole.cells[0].1.networks, networks);
            assert!(joined.whole.stopped);
            joined.missing.join(", ")
        };
        assert_eq!(missing(&[part(1, 3), part(3, 3)]), "part 2/3 is not given");
        assert_eq!(missing(&[part(2, 4), part(3, 4)]), "parts 1/4, 4/4 are not given");
        assert_eq!(missing(&[part(2, 30)]), "29 parts are not given, the first of them 1/30");
        let mut stopped = part(2, 3);
        stopped.1.stopped = true;
        let told = missing(&[part(1, 3), stopped]);
        assert_eq!(told, "2/3 (part 2/3) was stopped before its end, part 3/3 is not given");
        let mut short = part(2, 2);
        short.1.cells[0].1.networks -= 1;
        assert!(missing(&[part(1, 2), short]).contains("(part 2/2) was stopped"));
    }

    #[test]
    fn places_are_told_once() {
        assert_eq!(places(["a", "b; a", "", "c"]), "a; b; c");
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
        let newer = Part { format: "wgrad sweep part 4".to_owned(), ..part };
        assert!(Part::from_json(&newer.to_json()).unwrap_err().contains("part 3"));
    }
}
