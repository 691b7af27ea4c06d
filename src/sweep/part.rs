//! Parts of a sweep as files, and the whole they make.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{AxisValue, Count, MOST_CELLS, Shard, Sweep, SweepOutcome, Tally};

/// What one run computed of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "T: Tally")]
#[non_exhaustive]
pub struct Part<T: Tally = Count> {
    /// What kind of file this is, and of which version.
    pub format: String,
    /// What decides the numbers of the sweep beside its axes, by name, to tell what differs.
    pub settings: BTreeMap<String, String>,
    /// A hash of everything that decides its numbers: parts of one sweep have the same.
    pub digest: String,
    /// What is told of it beside its cells.
    pub about: T::About,
    /// Which part this is.
    pub shard: Shard,
    /// Where it was computed: the adapter, or the CPU, in words.
    pub computed_on: String,
    /// Seconds it took.
    pub seconds: f64,
    /// Whether it ended before its end.
    pub stopped: bool,
    /// Networks of a whole cell.
    pub networks: u32,
    /// Every cell's axes, and what was found out of it, `[cells]`.
    pub cells: Vec<PartCell<T>>,
}

/// A cell's axes by name, and what was found out of it.
pub type PartCell<T> = (Vec<(String, AxisValue)>, T);

/// Parts of one sweep at most.
pub const MOST_PARTS: u32 = 1_000_000;

impl<T: Tally> Part<T> {
    /// Nothing computed yet; `settings` with their hash are for whoever puts parts together.
    pub fn new(
        sweep: &Sweep,
        (settings, digest): (BTreeMap<String, String>, String),
        about: T::About,
    ) -> Part<T> {
        let named = |axes: &[(&str, AxisValue)]| {
            axes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
        };
        Part {
            format: T::FORMAT.to_owned(),
            settings,
            digest,
            about,
            shard: sweep.shard,
            computed_on: String::new(),
            seconds: 0.0,
            stopped: true,
            networks: sweep.cells.first().map_or(0, |cell| cell.training.restarts),
            cells: sweep.cells.iter().map(|cell| (named(&cell.axes), T::default())).collect(),
        }
    }

    /// Takes what a run computed in place of what it has.
    pub fn set(&mut self, outcome: &SweepOutcome<T>) {
        (self.seconds, self.stopped) = (outcome.seconds, outcome.stopped);
        for ((_, own), cell) in self.cells.iter_mut().zip(&outcome.cells) {
            own.clone_from(cell);
        }
    }

    /// What was found out of every cell, `[cells]`.
    pub fn tallies(&self) -> Vec<T> {
        self.cells.iter().map(|(_, cell)| cell.clone()).collect()
    }

    /// Networks that are done, over all cells.
    pub fn done(&self) -> u64 {
        self.cells.iter().map(|(_, cell)| cell.networks()).sum()
    }

    /// In what another part's sweep is not the one of this part: nothing where they belong together.
    pub fn differences(&self, other: &Part<T>) -> Vec<String> {
        let axes =
            |part: &Part<T>| part.cells.iter().map(|cell| cell.0.clone()).collect::<Vec<_>>();
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

    /// Whether all of its networks are done.
    fn is_complete(&self) -> bool {
        let share = self.shard.range(self.networks).len() as u64;
        !self.stopped && self.cells.iter().all(|(_, cell)| cell.networks() == share)
    }

    /// A part as JSON, one line.
    pub fn to_json(&self) -> String {
        // Our own struct always has a JSON form.
        serde_json::to_string(self).map(|text| text + "\n").unwrap_or_default()
    }

    /// What [`Part::to_json`] made.
    ///
    /// # Errors
    /// What is wrong, in words: no JSON, another kind or version of a file, or numbers that no run gives.
    pub fn from_json(text: &str) -> Result<Part<T>, String> {
        match format_of(text) {
            Some(format) if format != T::FORMAT => {
                return Err(format!("is {format:?}, not {:?}; write it again", T::FORMAT));
            }
            _ => {}
        }
        let part: Part<T> = serde_json::from_str(text).map_err(|error| {
            format!("is no part of a sweep ({error}); give what `Part::to_json` made")
        })?;
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
        let is_whole = |(axes, cell): &PartCell<T>| {
            names(axes) == names(first) && cell.networks() <= share as u64 && cell.is_sound()
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

/// What a file says it is, if it is JSON that says so.
pub fn format_of(text: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    value.get("format")?.as_str().map(str::to_owned)
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
#[non_exhaustive]
pub struct Joined<T: Tally = Count> {
    /// What was found out by all parts that are complete; `stopped` where others are missing.
    pub whole: Part<T>,
    /// How many parts that is.
    pub parts: usize,
    /// What is missing, in words, each with the name of its file where there is one.
    pub missing: Vec<String>,
}

/// The whole of which these are the parts, each with the name of its file; those that were stopped before
/// their end are left out and told.
///
/// # Errors
/// The name of the file at fault, `parts` for all of them, and what is wrong: another sweep, a part twice, none that is
/// complete.
pub fn join<T: Tally>(parts: &[(String, Part<T>)]) -> Result<Joined<T>, (String, String)> {
    let Some((first_name, first)) = parts.first() else {
        return Err(("`parts`".to_owned(), "names no file; give every part".to_owned()));
    };
    let mut whole = Part { shard: Shard::WHOLE, seconds: 0.0, ..first.clone() };
    whole.cells.iter_mut().for_each(|(_, cell)| *cell = T::default());
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
        for ((_, joined), (_, cell)) in whole.cells.iter_mut().zip(&part.cells) {
            joined.join(cell);
        }
        whole.seconds += part.seconds;
        complete.push(part);
    }
    if complete.is_empty() {
        let reason = format!("has no complete part: {}", missing.join(", "));
        return Err(("`parts`".to_owned(), reason));
    }
    whole.computed_on = places(complete.iter().map(|part| part.computed_on.as_str()));
    if let Some(about) = T::about_all(complete.iter().map(|part| &part.about)) {
        whole.about = about;
    }
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
    use crate::sweep::CellScore;

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
            format: Count::FORMAT.to_owned(),
            settings: [("epochs".to_owned(), "50".to_owned())].into(),
            digest: "00ff".to_owned(),
            about: None,
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
        let error = Part::<CellScore>::from_json(&part.to_json()).unwrap_err();
        assert!(error.contains("is \"wgrad sweep part 4\", not"), "{error}");
        for text in ["", "{}", "[1]", "x", &part.to_json()[1..]] {
            let error = Part::<Count>::from_json(text).unwrap_err();
            assert!(error.contains("no part of a sweep"), "{text}");
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
            assert!(Part::<Count>::from_json(&part.to_json()).unwrap_err().contains("damaged"));
        }
        let newer = Part { format: "wgrad sweep part 5".to_owned(), ..part };
        assert!(Part::<Count>::from_json(&newer.to_json()).unwrap_err().contains("part 4"));
    }
}
