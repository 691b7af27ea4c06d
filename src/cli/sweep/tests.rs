//! What settings of a sweep mean: its cells, and what makes its parts one.

use super::*;
use crate::cli::flags::tests::samples;
use crate::network::{Activation, Initializer, Loss};
use crate::optimizer::OptimizerKind;
use crate::settings::{Form, Given, TABLES};
use crate::sweep::{Cell, Score, join};

fn plan(text: &str) -> Result<Plan, Error> {
    Plan::new(Given::read(Verb::Sweep, text).unwrap(), Shard::WHOLE)
}

fn resolve(text: &str) -> Result<(Sweep, Given), Error> {
    plan(text).map(|plan| (plan.sweep, plan.settings))
}

#[test]
fn nothing_said_is_one_cell_of_xor() {
    let (sweep, settings) = resolve("").unwrap();
    let [cell] = &sweep.cells[..] else { panic!("{} cells", sweep.cells.len()) };
    assert_eq!(cell.training.network.sizes(), [2, 3, 1]);
    assert_eq!((cell.training.restarts, cell.training.epochs), (4096, 2000));
    assert_eq!((cell.training.init, cell.training.init_scale), (Initializer::HeNormal, 1.0));
    assert!(settings.toml().contains("lr = \"0.5\"\n"));
}

#[test]
fn cells_are_the_product_of_the_axes_the_rate_the_fastest() {
    let text = "lr = '0.1..10:log:3'\nactivation = ['relu', 'tanh']\nwidth = '2..3'";
    let (sweep, _) = resolve(text).unwrap();
    assert_eq!(sweep.cells.len(), 12);
    let of = |at: usize| {
        let training = &sweep.cells[at].training;
        (training.network.sizes()[1], training.learning_rate, training.init)
    };
    assert_eq!(of(0), (2, 0.1, Initializer::HeNormal));
    assert_eq!(of(1), (2, 1.0, Initializer::HeNormal));
    assert_eq!(of(3), (3, 0.1, Initializer::HeNormal));
    assert_eq!(of(6), (2, 0.1, Initializer::XavierUniform));
    let axes: Vec<&str> = sweep.cells[0].axes.iter().map(|axis| axis.0).collect();
    assert_eq!(
        axes,
        ["loss", "activation", "init", "init-scale", "width", "optimizer", "schedule", "lr"]
    );
}

#[test]
fn resolved_settings_resolve_to_themselves() {
    for text in ["", "lr = [0.25, 1]\nnetworks = 7", "width = 4\nlayers = [2, 9, 9, 1]"] {
        let (sweep, settings) = resolve(text).unwrap();
        let printed = settings.toml();
        let (again, settings) = resolve(&printed).unwrap();
        assert_eq!(settings.toml(), printed);
        let axes = |sweep: &Sweep| -> Vec<_> {
            sweep.cells.iter().map(|cell| cell.axes.clone()).collect()
        };
        assert_eq!(axes(&again), axes(&sweep));
    }
}

#[test]
fn what_makes_no_sweep_is_refused_with_the_flag() {
    for (text, part) in [
        ("lr = ''", "--lr : has no points"),
        ("lr = 'fast'", "--lr fast"),
        ("lr = -1", "--lr -1"),
        ("activation = 'relu,rellu'", "--activation relu,rellu"),
        ("width = '0..3'", "size 2 of --layers is 0"),
        ("width = 3\nlayers = [2, 1]", "no hidden layer to widen"),
        ("networks = 0", "--networks 0"),
        ("epochs = 0", "--epochs 0"),
        ("init-scale = 0", "--init-scale 0"),
        ("seed = 18446744073709551615", "--networks"),
        ("lr = '1e-4..1e4:log:1000'\ninit-scale = '1e-4..1e4:log:1000'", "100000"),
    ] {
        let error = resolve(text).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        let error = crate::report::in_flags(&error.to_string());
        assert!(error.contains(part), "{text:?}: {error}");
    }
}

/// Part 1 of 2 of one sweep, and part 2 of another, put together.
fn joined(first: &str, second: &str) -> Result<(), String> {
    let plans = [(first, 1), (second, 2)].map(|(text, part)| {
        let given = Given::read(Verb::Sweep, text).unwrap();
        Plan::new(given, Shard { part, of: 2 }).unwrap()
    });
    let count = |share: u64| Count { networks: share, ..Count::default() };
    let score = |share: u64| {
        let score = |seed| Score { seed, loss: 0.5, measure: None };
        CellScore { scores: (0..share).map(score).collect(), diverged: Vec::new() }
    };
    match plans[0].sweep.is_counted() {
        true => joined_as(&plans, count),
        false => joined_as(&plans, score),
    }
}

fn joined_as<T: Kind>(plans: &[Plan; 2], cell: impl Fn(u64) -> T) -> Result<(), String> {
    let parts = plans.each_ref().map(|plan| {
        let sweep = &plan.sweep;
        let share = |cell: &Cell| sweep.shard.range(cell.training.restarts).len() as u64;
        let cells = sweep.cells.iter().map(|one| cell(share(one))).collect();
        let mut part = Part::new(sweep, plan.identity(), T::about(plan));
        part.set(&SweepOutcome { cells, seconds: 1.0, stopped: false });
        (format!("part {}", sweep.shard), part)
    });
    join(&parts).map(|_| ()).map_err(|(_, reason)| reason)
}

#[test]
fn parts_that_differ_in_anything_that_changes_results_are_never_joined() {
    let folder = std::env::temp_dir().join(format!("wgrad-sweep-table-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let table = folder.join("rows.csv");
    std::fs::write(&table, "0,0,0\n0,1,1\n1,0,1\n1,1,0\n").unwrap();
    let table = format!("data = {:?}\n", table.to_str().unwrap());
    let plain = "networks = 10\nepochs = 20\n";
    assert!(joined(plain, plain).is_ok());
    for row in SETTINGS.iter().filter(|row| row.is_in(Verb::Sweep)) {
        if row.refusal(Verb::Sweep).is_some() {
            continue;
        }
        // A sweep in which the setting means something.
        let about = match (row.key, row.family) {
            // Held-out rows are for networks that are scored.
            ("validation" | "test", _) => "data = 'iris'\n".to_owned(),
            ("stratify", _) => "data = 'iris'\ntest = 0.25\n".to_owned(),
            ("noise" | "data-seed", _) => "data = 'circles-40'\n".to_owned(),
            ("decay", _) => "weight-decay = 0.1\n".to_owned(),
            ("order", _) => "batch = 2\n".to_owned(),
            (key, Some(family)) => {
                format!("{} = '{}'\n", family.key(), family.members_with(key)[0])
            }
            _ if row.heading == TABLES => table.clone(),
            _ => String::new(),
        };
        let without = |key: &str| {
            let lines = plain.lines().filter(|line| !line.starts_with(key));
            lines.map(|line| format!("{line}\n")).collect::<String>()
        };
        let base = format!("{about}{}", without(row.key));
        let resolved = plan(&base).unwrap().settings.toml();
        let value = match row.key {
            "target" | "categorical" => "['1']".to_owned(),
            "comment" => "'%'".to_owned(),
            "skip-lines" => "1".to_owned(),
            "ignore" => "['2']".to_owned(),
            "normalize" => "'standard'".to_owned(),
            "test" => "0.5".to_owned(),
            "output-activation" => "'tanh'".to_owned(),
            "width" => "5".to_owned(),
            _ => {
                let [one, other] = samples(row).map(|value| match row.kind.form {
                    Form::Switch => value,
                    Form::List(_) => format!("[{value}]"),
                    _ => format!("'{value}'"),
                });
                let same = format!("{} = {one}\n", row.key).replace('\'', "\"");
                if resolved.contains(&same) { other } else { one }
            }
        };
        let with = format!("{base}{} = {value}\n", row.key);
        assert!(joined(&with, &with).is_ok(), "{with}");
        let together = joined(&base, &with);
        match row.role.decides_results() {
            true => {
                let reason = together.unwrap_err();
                assert!(reason.contains("another sweep"), "{with}: {reason}");
            }
            false => assert!(together.is_ok(), "{with}: {together:?}"),
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn parts_are_joined_however_their_settings_were_written() {
    for (first, second) in [
        ("lr = '0.1,1'", "lr = [0.1, 1]"),
        ("lr = '0.1,1'", "lr = '0.1..1:log:2'"),
        ("", "epochs = 2000\nlr = 0.5\ninit = 'he'\norder = 'shuffled'\nbatch = 0"),
        ("width = '2,4'", "width = '2..4:log:2'\nlayers = [2, 3, 1]"),
        ("csv = 'a.csv'\nengine = 'cpu'", "device = 'gpu'\nrequire-gpu = true"),
    ] {
        assert!(
            joined(first, second).is_ok(),
            "{first:?} and {second:?}: {:?}",
            joined(first, second)
        );
    }
    // Some of what differs is in no single setting.
    assert!(joined("width = '2,4'", "layers = [2, 3, 3, 1]\nwidth = '2,4'").is_err());
    let told = joined("epochs = 50", "epochs = 60").unwrap_err();
    assert!(told.contains("epochs is 50 there and 60 here"), "{told}");
}

#[test]
fn numbers_of_an_activation_a_loss_and_an_optimizer_are_axes() {
    let text = "activation = 'relu,leaky-relu'\nnegative-slope = [0.1, 0.2]\nloss = 'huber,bce'\n\
        huber-delta = [0.5, 2]\noptimizer = 'sgd,rmsprop'\nalpha = [0.9, 0.99]";
    let (sweep, settings) = resolve(text).unwrap();
    // 2 + 1 losses, 1 + 2 activations, 1 + 2 optimizers.
    assert_eq!(sweep.cells.len(), 27);
    let (first, last) = (&sweep.cells[0].training, &sweep.cells[26].training);
    assert_eq!(first.network.loss_function(), (Loss::Huber, 0.5));
    assert_eq!(last.network.loss(), Loss::Bce);
    assert_eq!(last.network.layers().next().unwrap().function(), (Activation::LeakyRelu, 0.2));
    assert_eq!((last.optimizer.kind, last.optimizer.alpha), (OptimizerKind::RmsProp, 0.99));
    let (again, _) = resolve(&settings.toml()).unwrap();
    assert_eq!(again.cells.len(), 27);
}

#[test]
fn points_that_a_cell_has_no_use_for_make_no_cells_alike() {
    let text = "optimizer = 'sgd,momentum,adam'\nmomentum = [0.5, 0.9]\neps = 1e-6\nlr = [0.1, 1]";
    let (sweep, _) = resolve(text).unwrap();
    let cells: Vec<String> = sweep
        .cells
        .iter()
        .map(|cell| {
            let axis = |name| &cell.axes.iter().find(|axis| axis.0 == name).unwrap().1;
            format!("{} {} {}", axis("optimizer"), axis("momentum"), axis("lr"))
        })
        .collect();
    let expected = [
        "sgd - 0.1",
        "sgd - 1",
        "momentum 0.5 0.1",
        "momentum 0.5 1",
        "momentum 0.9 0.1",
        "momentum 0.9 1",
        "adam - 0.1",
        "adam - 1",
    ];
    assert_eq!(cells, expected);
    // With one optimizer alone it is an error, as in a training.
    let error = resolve("optimizer = 'adam'\nmomentum = [0.5, 0.9]").unwrap_err().to_string();
    assert!(error.contains("--momentum 0.5") && error.contains("adam has none"), "{error}");
}
