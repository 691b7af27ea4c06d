//! Two 2-D classes that no line separates: circles, moons and spirals, generated from a seed.

use rand::Rng;

use super::table::Table;
use super::{DataError, Dataset};
use crate::network::named;
use crate::random::{Purpose, Threefry, unit_normals};

named! {
    /// The curves that the points of the two classes lie on.
    pub enum Shape ("shape") {
        /// A circle of radius 1 around one of radius 1/2.
        Circles = "circles",
        /// Two half circles, each reaching into the other.
        Moons = "moons",
        /// Two spirals of one and three quarter turns.
        Spirals = "spirals",
    }
}

/// The default number of rows, of which every fifth is for testing.
pub(super) const DEFAULT_ROWS: u32 = 500;

/// Turns of a spiral.
const TURNS: f64 = 1.75;
/// The radius at its end.
const REACH: f64 = 3.0;

impl Shape {
    /// The default noise: the standard deviation per axis.
    pub fn default_noise(self) -> f32 {
        match self {
            Shape::Circles => 0.08,
            Shape::Moons | Shape::Spirals => 0.1,
        }
    }

    /// `rows` points that alternate between the classes.
    ///
    /// # Errors
    /// [`DataProblem::Empty`](super::DataProblem::Empty) for 0 rows.
    pub(super) fn points(self, rows: u32, noise: f32, seed: u64) -> Result<Table, DataError> {
        let mut stream = Threefry::new(seed, Purpose::Rows, 0);
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        for row in 0..rows {
            let class = row % 2;
            let along = f64::from(stream.next_u32()) / 4_294_967_296.0;
            let (x, y) = self.point(class == 1, along);
            let (dx, dy) = unit_normals(stream.next_u32(), stream.next_u32());
            inputs.push((x + dx * f64::from(noise)) as f32);
            inputs.push((y + dy * f64::from(noise)) as f32);
            targets.push(class as f32);
        }
        Ok(Table::of(&Dataset::new(self.name(), inputs, 2, targets, 1)?))
    }

    /// The point of a class at a position along its curve, from 0 to 1.
    fn point(self, second: bool, along: f64) -> (f64, f64) {
        use std::f64::consts::{PI, TAU};
        let at = |angle: f64| (libm::cos(angle), libm::sin(angle));
        match self {
            Shape::Circles => {
                let radius = if second { 0.5 } else { 1.0 };
                let (x, y) = at(TAU * along);
                (radius * x, radius * y)
            }
            Shape::Moons => {
                let (x, y) = at(PI * along);
                if second { (1.0 - x, 0.5 - y) } else { (x, y) }
            }
            Shape::Spirals => {
                let turn = if second { PI } else { 0.0 };
                let (x, y) = at(TAU * TURNS * along + turn);
                (REACH * along * x, REACH * along * y)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Schema;

    fn points(shape: Shape, noise: f32, seed: u64) -> Dataset {
        Schema::default().dataset(&shape.points(200, noise, seed).unwrap()).unwrap()
    }

    #[test]
    fn points_lie_on_the_curve_of_their_class() {
        let radius = |input: &[f32]| input[0].hypot(input[1]);
        let circles = points(Shape::Circles, 0.0, 1);
        for row in 0..circles.rows() {
            let expected = if circles.target(row)[0] == 1.0 { 0.5 } else { 1.0 };
            assert!((radius(circles.input(row)) - expected).abs() < 1e-6);
        }
        let moons = points(Shape::Moons, 0.0, 1);
        for row in 0..moons.rows() {
            let (x, y) = (moons.input(row)[0], moons.input(row)[1]);
            let centre = if moons.target(row)[0] == 1.0 { (1.0, 0.5) } else { (0.0, 0.0) };
            assert!(((x - centre.0).hypot(y - centre.1) - 1.0).abs() < 1e-6);
        }
        // The angle follows from the radius.
        let spirals = points(Shape::Spirals, 0.0, 1);
        for row in 0..spirals.rows() {
            let along = f64::from(radius(spirals.input(row))) / REACH;
            let (x, y) = Shape::Spirals.point(spirals.target(row)[0] == 1.0, along);
            let off = (x as f32 - spirals.input(row)[0]).hypot(y as f32 - spirals.input(row)[1]);
            assert!(off < 1e-5, "{off}");
        }
    }

    #[test]
    fn a_seed_repeats_and_noise_has_its_standard_deviation() {
        for shape in Shape::ALL.iter().copied() {
            assert_eq!(points(shape, 0.1, 3), points(shape, 0.1, 3));
            assert_ne!(points(shape, 0.1, 3), points(shape, 0.1, 4));
            let (clean, noisy) = (points(shape, 0.0, 3), points(shape, 0.25, 3));
            let off = clean.inputs().iter().zip(noisy.inputs()).map(|(a, b)| f64::from(b - a));
            let squares: f64 = off.map(|d| d * d).sum();
            // 400 draws of variance 1/16: its deviation is sqrt(2/400) of it, 7 %; five of them.
            let seen = squares / 400.0 * 16.0;
            assert!((seen - 1.0).abs() < 0.36, "{shape}: {seen}");
        }
    }
}
