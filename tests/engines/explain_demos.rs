//! Every demonstration, and whether its numbers bear its claim out: on the CPU all of them, on a device those whose
//! trainings are short; and `wgrad explain --demo` as a stranger types it.

use std::sync::Arc;

use crate::command::{events, fail, succeed, wgrad};
use wgrad::explain::demos::{Cell, Inequality, Relation, Table};
use wgrad::explain::{Demo, Demonstration, Lab};
use wgrad::gpu::Gpu;

fn run(demo: Demo, gpu: Option<Arc<Gpu>>) -> Demonstration {
    let go_on = || false;
    let found = pollster::block_on(demo.run(&Lab::new(gpu, &go_on))).unwrap();
    assert!(found.holds(), "{demo}: {:#?}", found.inequalities);
    assert!(!found.computed_by.is_empty() && !found.sections.is_empty(), "{demo}");
    for section in &found.sections {
        let Table { head, rows, .. } = &section.table;
        assert!(!rows.is_empty() && rows.iter().all(|row| row.len() == head.len()), "{demo}");
    }
    found
}

/// A column of a table of a demonstration, as numbers.
fn column(found: &Demonstration, section: usize, name: &str) -> Vec<f64> {
    let table = &found.sections[section].table;
    let at = table.head.iter().position(|head| head == name).unwrap_or_else(|| panic!("{name}"));
    let number = |row: &Vec<Cell>| match row[at] {
        Cell::Number(value) => value,
        Cell::Count(count) => count as f64,
        _ => f64::NAN,
    };
    table.rows.iter().map(number).collect()
}

#[test]
fn every_claim_holds_in_the_numbers_of_the_cpu_and_they_are_the_same_again() {
    for &demo in Demo::ALL {
        let found = run(demo, None);
        assert!(found.computed_by.iter().all(|by| !by.contains(" on ")), "{:?}", found.computed_by);
        // Sums over many starts are the same whatever thread made them; no number depends on the time.
        if demo != Demo::SingleLayer {
            assert_eq!(run(demo, None), found, "{demo}");
        }
    }
}

#[test]
fn claims_hold_in_the_numbers_of_a_device_too() {
    let gpu = crate::common::gpu();
    let short =
        [Demo::Symmetry, Demo::OnePoint, Demo::MissingDerivative, Demo::Clipping, Demo::Momentum];
    for demo in short {
        let found = run(demo, Some(Arc::clone(&gpu)));
        let name = &gpu.adapter().name;
        assert!(found.computed_by.iter().any(|by| by.contains(name)), "{:?}", found.computed_by);
    }
}

/// What the tables say is what the claims are about.
#[test]
fn tables_have_the_numbers_of_the_claims() {
    let folding = run(Demo::Folding, None);
    let margins = &folding.sections[0].table.rows;
    let after = |row: &Vec<Cell>| matches!(row[7], Cell::Number(margin) if margin > 0.0);
    assert!(margins.len() == 4 && margins.iter().all(after), "{margins:?}");
    let single = run(Demo::SingleLayer, None);
    let (rows, lines) = (column(&single, 1, "rows right"), column(&single, 1, "lines"));
    assert_eq!(rows, [0.0, 1.0, 2.0, 3.0, 4.0]);
    assert_eq!((lines.iter().sum::<f64>(), lines[4]), (4913.0, 0.0));
    assert!(lines[3] > 0.0);
    let vanishing = run(Demo::Vanishing, None);
    let sigmoid = column(&vanishing, 0, "sigmoid");
    assert!(sigmoid.windows(2).all(|pair| pair[0] < pair[1]), "{sigmoid:?}");
    let missing = run(Demo::MissingDerivative, None);
    let wrong = column(&missing, 0, "without the derivative");
    // The layer behind the forgotten derivative is wrong, the one before it is not.
    assert!(wrong[0] > 0.1 && wrong[1] > 0.1 && wrong[2] < 1e-5 && wrong[3] < 1e-5, "{wrong:?}");
}

#[test]
fn a_claim_that_does_not_hold_says_so() {
    let inequality = |left, relation, right| Inequality::new("", left, relation, right);
    for (left, relation, right, holds) in [
        (1.0, Relation::Below, 2.0, true),
        (2.0, Relation::Below, 2.0, false),
        (2.0, Relation::AtMost, 2.0, true),
        (2.0, Relation::Above, 2.0, false),
        (2.0, Relation::Equal, 2.0, true),
        (f64::NAN, Relation::AtMost, 2.0, false),
        (f64::NAN, Relation::Equal, f64::NAN, false),
    ] {
        assert_eq!(inequality(left, relation, right).holds(), holds, "{left} {relation:?} {right}");
    }
    let mut found = run(Demo::OnePoint, None);
    found.inequalities[0].right = -1.0;
    assert!(!found.holds());
    found.inequalities.clear();
    assert!(!found.holds(), "nothing was claimed");
}

#[test]
fn demonstrations_are_listed_and_run_by_name_in_every_format() {
    let list = succeed(wgrad(&["explain", "--demo", "list"]));
    for demo in Demo::ALL {
        assert!(list.contains(demo.name()) && list.contains(demo.claim()), "{list}");
    }
    let demo = |more: &[&str]| wgrad(&[&["explain", "--demo", "one-point"], more].concat());
    let text = succeed(demo(&["--device", "cpu"]));
    for line in text.lines().chain(list.lines()) {
        assert!(line.chars().count() <= 100, "{line}");
    }
    assert!(text.contains("computed by: cpu engine") && text.contains("So it is"), "{text}");
    assert!(succeed(demo(&["--format", "markdown"])).contains("| epoch | loss before it |"));
    assert!(succeed(demo(&["--format", "html"])).contains(">1000</td>"));
    let lines = events(demo(&["--format", "json", "--device", "cpu"]));
    assert_eq!((&lines[0]["name"], &lines[0]["holds"]), (&"one-point".into(), &true.into()));
    assert_eq!((&lines[1]["event"], &lines[1]["holds"]), (&"result".into(), &true.into()));
    assert_eq!(lines[0]["sections"][0]["rows"][0][0], 1);
    let all = events(wgrad(&["explain", "--demo", "list", "--format", "json"]));
    assert_eq!(all.len(), Demo::ALL.len());
    for (args, parts) in [
        (&["--demo", "none"][..], &["none", "vanishing"][..]),
        (&["--demo", "bce", "--step", "2"], &["--step"]),
        (&["--demo", "bce", "--lr", "2"], &["--lr 2", "own settings"]),
    ] {
        fail(wgrad(&[&["explain"], args].concat()), 2, parts);
    }
}
