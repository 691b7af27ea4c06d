//! Pictures: the plane in which points of many dimensions differ the most ([`project`]), to see hidden layers in.
//!
//! ```
//! use wgrad::picture::project;
//!
//! // Four points of three dimensions.
//! let points = [2.0, 0.0, 1.0, -2.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, -1.0, 1.0];
//! let plane = project(&points, 3);
//! // Along the first dimension they differ the most: four fifths of the variance.
//! assert!((plane.shares[0] - 0.8).abs() < 1e-6);
//! assert!((plane.place(&points[..3]).0 - 2.0).abs() < 1e-6);
//! ```
#![cfg_attr(not(feature = "cli"), allow(dead_code, unused_imports))] // Much of it is for commands.

// The rest is the command's: from numbers to charts, from charts to a drawing, and from that to SVG or PNG. Knows
// numbers and shapes; of networks and runs it knows what it is handed.
//
// | word | what it is | where |
// | --- | --- | --- |
// | picture | a title over charts in columns | `chart` |
// | chart | two axes, and layers of data between them | `chart` |
// | axis | a name with its unit, a range, ticks | `axis` |
// | color | one palette and three maps for all pictures | `color` |
// | scene | lines, areas, circles, texts and images in points | `scene` |
// | layout | a picture as a scene: the one look of all of them | `layout`, `frame`, `drawn` |
// | svg, raster, png | a scene as a file | `svg`, `raster`, `png`, `font` |
// | window | characters of a terminal, as half-blocks, shades and braille | `terminal`, `braille` |
//
// There is no chart library in it: those that draw pixels bring a font renderer that is not maintained any more
// (RUSTSEC-2026-0192), and none has contours, maps and animations in one look. Shapes, letters of strokes and PNG
// take no dependency that is not there already.

mod axis;
mod braille;
mod chart;
mod color;
mod contour;
mod drawn;
mod font;
mod frame;
mod layout;
mod network;
mod page;
mod plane;
mod png;
mod project;
mod raster;
mod rows;
mod run;
mod scene;
mod svg;
mod table;
mod terminal;

pub(crate) use axis::{Axis, short};
pub(crate) use braille::{Curves, Stroke};
pub(crate) use chart::{Chart, Picture};
pub(crate) use color::{Map, class};
pub(crate) use layout::{arranged, scene};
pub(crate) use network::{axes_around, confusion, fit, hidden, image, percent, scatter, weights};
pub(crate) use page::{Part, page};
pub(crate) use plane::{Answer, Plane, boundary, units};
pub use project::{Projection, project};
pub(crate) use rows::Rows;
pub(crate) use run::{CheckupPoint, LayerPoint, RunCurve, curves, doctor};
pub(crate) use scene::Scene;
pub(crate) use svg::svg;
pub(crate) use table::{Cell, Crossing, Drift, MOST_MAPS, columns, crossover, drift, sweep};
pub(crate) use terminal::{MOST_MARKED, Paint, Window, boundary as in_characters};

/// Pixels of a point in PNG files.
const PIXELS_OF_A_POINT: f64 = 2.0;
/// The same in films, of which there are many.
const PIXELS_OF_A_FILM: f64 = 1.2;

/// A drawing as a PNG file.
pub(crate) fn png(scene: &Scene) -> Vec<u8> {
    png::encode(&raster::pixels(scene, PIXELS_OF_A_POINT))
}

/// Drawings as an animated PNG, each with the milliseconds that it is shown.
pub(crate) fn film(scenes: &[(Scene, u16)]) -> Vec<u8> {
    let most =
        |of: fn(&Scene) -> f64| scenes.iter().map(|(scene, _)| of(scene)).fold(0.0, f64::max);
    let (width, height) = (most(|scene| scene.width), most(|scene| scene.height));
    let frame = |(scene, shown): &(Scene, u16)| {
        let scene = Scene { width, height, ..scene.clone() };
        (raster::pixels(&scene, PIXELS_OF_A_FILM), *shown)
    };
    png::animate(&scenes.iter().map(frame).collect::<Vec<_>>())
}
