//! A picture as a drawing: its charts in columns under its title, and pictures beside each other.

use super::chart::Picture;
use super::color::{GREY, INK};
use super::drawn::Drawn;
use super::font;
use super::frame::{BODY, Frame, LINE, TITLE};
use super::scene::{Anchor, Rect, Scene, Shape, Text};

/// Free space around a picture, and between its charts.
const BORDER: f64 = 14.0;
const BETWEEN: f64 = 18.0;
/// The widest picture that leaves room for another one beside it.
const COLUMN: f64 = 580.0;

/// A picture as a drawing.
pub fn scene(picture: &Picture) -> Scene {
    let columns = picture.columns.clamp(1, picture.charts.len().max(1));
    let frames: Vec<Frame> = picture.charts.iter().map(Frame::of).collect();
    let rows = picture.charts.len().div_ceil(columns);
    // All of a column begin at one place, and all of a row.
    let most = |at: &dyn Fn(usize) -> bool, of: &dyn Fn(usize) -> f64| {
        (0..frames.len()).filter(|&chart| at(chart)).map(of).fold(0.0, f64::max)
    };
    let lefts: Vec<f64> =
        (0..columns).map(|col| most(&|at| at % columns == col, &|at| frames[at].left)).collect();
    let wides = (0..columns).map(|col| {
        let right = |at: usize| picture.charts[at].size.0 + frames[at].right;
        most(&|at| at % columns == col, &right)
    });
    let wides: Vec<f64> = wides.collect();
    let tops: Vec<f64> =
        (0..rows).map(|row| most(&|at| at / columns == row, &|at| frames[at].top)).collect();
    let highs = (0..rows).map(|row| {
        let below = |at: usize| picture.charts[at].size.1 + frames[at].below;
        most(&|at| at / columns == row, &below)
    });
    let highs: Vec<f64> = highs.collect();
    let gaps = |count: usize| count.saturating_sub(1) as f64 * BETWEEN;
    let inner = lefts.iter().chain(&wides).sum::<f64>() + gaps(columns);
    let of_notes = picture.notes.iter().map(|note| font::width(note, BODY));
    let of_texts = of_notes.fold(font::width(&picture.title, TITLE), f64::max);
    let head = TITLE + 6.0 + LINE * picture.notes.len() as f64 + 4.0;
    let mut scene = Scene {
        width: (inner.max(of_texts) + 2.0 * BORDER).ceil(),
        height: (2.0 * BORDER + head + tops.iter().chain(&highs).sum::<f64>() + gaps(rows)).ceil(),
        title: picture.title.clone(),
        shapes: Vec::new(),
    };
    scene.shapes.push(Shape::Text(Text {
        text: picture.title.clone(),
        at: (BORDER, BORDER + TITLE - 2.0),
        anchor: Anchor::Start,
        size: TITLE,
        bold: true,
        halo: false,
        upwards: false,
        color: INK,
    }));
    for (at, note) in picture.notes.iter().enumerate() {
        let down = BORDER + TITLE + 4.0 + LINE * at as f64 + BODY;
        scene.text(note, (BORDER, down), Anchor::Start, BODY, GREY);
    }
    for (at, chart) in picture.charts.iter().enumerate() {
        let (row, col) = (at / columns, at % columns);
        let before = |all: &[f64], more: &[f64], count: usize| {
            all[..=count].iter().chain(&more[..count]).sum::<f64>() + count as f64 * BETWEEN
        };
        let area = Rect {
            x: BORDER + before(&lefts, &wides, col),
            y: BORDER + head + before(&tops, &highs, row),
            w: chart.size.0,
            h: chart.size.1,
        };
        Drawn { scene: &mut scene, chart, area, marked: Vec::new() }.draw();
    }
    scene
}

/// Drawings in two columns, each below the shorter one, and those that are wider across both.
pub fn arranged(scenes: Vec<Scene>) -> Scene {
    // The column of each, if it is in one, and how far down it is.
    let mut places: Vec<(Option<usize>, f64)> = Vec::new();
    let (mut below, mut second) = ([0.0f64; 2], 0.0f64);
    for scene in &scenes {
        if scene.width > COLUMN {
            let top = below[0].max(below[1]);
            places.push((None, top));
            below = [top + scene.height; 2];
            continue;
        }
        let column = usize::from(below[1] < below[0]);
        places.push((Some(column), below[column]));
        below[column] += scene.height;
        if column == 0 {
            second = second.max(scene.width);
        }
    }
    let mut all = Scene::default();
    for (scene, (column, top)) in scenes.into_iter().zip(places) {
        let left = if column == Some(1) { second } else { 0.0 };
        all.width = all.width.max(left + scene.width);
        all.height = all.height.max(top + scene.height);
        let titles = [all.title, scene.title].join(", ");
        all.title = titles.trim_start_matches(", ").to_owned();
        all.shapes.extend(scene.shapes.into_iter().map(|shape| shape.moved(left, top)));
    }
    all
}

impl Shape {
    /// The same shape so much further to the right and down.
    fn moved(mut self, right: f64, down: f64) -> Shape {
        let shift = |point: &mut (f64, f64)| *point = (point.0 + right, point.1 + down);
        match &mut self {
            Shape::Line { points, .. } | Shape::Area { points, .. } => {
                points.iter_mut().for_each(shift);
            }
            Shape::Image { rect, .. } => {
                (rect.x, rect.y) = (rect.x + right, rect.y + down);
            }
            Shape::Circle { at, .. } => shift(at),
            Shape::Text(text) => shift(&mut text.at),
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blank(title: &str, width: f64, height: f64) -> Scene {
        let mut scene = Scene { width, height, title: title.to_owned(), shapes: Vec::new() };
        scene.text(title, (1.0, 2.0), Anchor::Start, BODY, INK);
        scene
    }

    #[test]
    fn pictures_fill_two_columns_and_wide_ones_take_both() {
        let all = [(300.0, 200.0), (400.0, 90.0), (350.0, 50.0), (700.0, 100.0), (200.0, 10.0)];
        let scenes = all.iter().enumerate().map(|(at, &(w, h))| blank(&at.to_string(), w, h));
        let seen = arranged(scenes.collect());
        let places = seen.shapes.iter().map(|shape| match shape {
            Shape::Text(text) => (text.at.0 - 1.0, text.at.1 - 2.0),
            other => panic!("{other:?}"),
        });
        let expected = [(0.0, 0.0), (300.0, 0.0), (300.0, 90.0), (0.0, 200.0), (0.0, 300.0)];
        assert_eq!(places.collect::<Vec<_>>(), expected);
        assert_eq!((seen.width, seen.height, seen.title.as_str()), (700.0, 310.0, "0, 1, 2, 3, 4"));
    }
}
