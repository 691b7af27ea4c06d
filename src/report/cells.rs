//! The cells of a sweep, as lists and maps of them need them.

use crate::sweep::{AxisValue, Count};

/// One cell as it is reported: its axes by name, and what was counted of it.
pub type CellCount = (Vec<(String, AxisValue)>, Count);

/// The axes on which cells differ; the learning rate where they do on none.
pub(super) fn varying(cells: &[CellCount]) -> Vec<usize> {
    let Some((first, _)) = cells.first() else { return Vec::new() };
    let varies = |axis: &usize| cells.iter().any(|(axes, _)| axes[*axis].1 != first[*axis].1);
    let found: Vec<usize> = (0..first.len()).filter(varies).collect();
    match found.is_empty() {
        true => first.iter().position(|(name, _)| name == "lr").into_iter().collect(),
        false => found,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Cells over the product of the points, the last axis the fastest; 10 networks each, of which
    /// as many solve it as the cell's place says, modulo 11.
    pub(in crate::report) fn cells(axes: &[(&str, &[AxisValue])]) -> Vec<CellCount> {
        let mut all: Vec<Vec<(String, AxisValue)>> = vec![Vec::new()];
        for (name, points) in axes {
            let with = |cell: &Vec<(String, AxisValue)>, point: &AxisValue| {
                [&cell[..], &[((*name).to_owned(), point.clone())]].concat()
            };
            all = all.iter().flat_map(|c| points.iter().map(move |p| with(c, p))).collect();
        }
        let count = |place: usize| Count {
            networks: 10,
            solved: (place % 11) as u64,
            epochs: [(100 + place as u32, (place % 11) as u64)].into(),
            ..Count::default()
        };
        all.into_iter().enumerate().map(|(place, axes)| (axes, count(place))).collect()
    }
}
