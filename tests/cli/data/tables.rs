//! Tables as people have them, those that are read later with a model, and what is said of columns.

use serde_json::json;

use super::{train, with_input};
use crate::command::{events, fail, folder, succeed, wgrad, write};

/// Tables in the forms of well-known public ones, each trained with one command.
#[test]
fn tables_like_those_that_people_have_train_with_one_command() {
    let lines =
        |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let pick = |list: &[&str], at: usize| list[at % list.len()].to_owned();
    let titanic = "PassengerId,Survived,Pclass,Name,Sex,Age,Ticket,Fare,Cabin,Embarked\n"
        .to_owned()
        + &lines(90, &|i| {
            let sex = pick(&["male", "female", "male"], i);
            let age = if i % 7 == 0 { String::new() } else { format!("{}.5", 20 + i % 40) };
            let ticket =
                if i % 4 == 0 { format!("A/5 {}", 21_171 + i) } else { (113_803 + i).to_string() };
            let cabin = if i % 5 == 0 { format!("C{}", 80 + i) } else { String::new() };
            format!(
                "{},{},{},\"Person, Mr. {i} (\"\"Jo\"\")\",{sex},{age},{ticket},{}.25,{cabin},{}\n",
                i + 1,
                u8::from(sex == "female"),
                1 + i % 3,
                7 + i,
                pick(&["S", "C", "Q", ""], i)
            )
        });
    let adult = lines(80, &|i| {
        let class = if i % 3 == 0 { ">50K" } else { "<=50K" };
        let work = pick(&["Private", "State-gov", "?"], i);
        format!(
            "{}, {work}, {}, {}, {class}\n",
            25 + i % 3 * 20,
            77_000 + i,
            pick(&["Male", "Female"], i / 2)
        )
    }) + "\n";
    let abalone = lines(60, &|i| {
        format!("{},0.{},0.{},{}\n", pick(&["M", "F", "I"], i), 455 + i, 365 + i, 5 + i % 3 * 4)
    });
    let auto = lines(60, &|i| {
        let power = if i % 11 == 0 { "?".to_owned() } else { format!("{}.0", 80 + i) };
        format!(
            "{}.0   8   307.0      {power}      {}.   12.0   70  1\t\"make {i} de luxe\"\n",
            40 - i % 30,
            2000 + 50 * (i % 30)
        )
    });
    let cancer = lines(80, &|i| {
        let class = pick(&["no-recurrence-events", "recurrence-events"], i);
        let nodes = if i % 2 == 0 { "0-2" } else { pick(&["3-5", "6-8"], i / 2).leak() };
        format!(
            "{class},{},premeno,{nodes},{},left\n",
            pick(&["30-39", "40-49"], i / 3),
            pick(&["yes", "no", "?"], i)
        )
    });
    let colic = lines(60, &|i| {
        format!("{} 1 530{i:03} 38.50 {} ? ? 3 {}\n", 1 + i % 2, 60 + i % 2 * 20, 1 + i % 2)
    });
    for (name, text, args, least) in [
        (
            "titanic.csv",
            titanic,
            "--target Survived --ignore PassengerId,Name,Ticket,Cabin --missing mean",
            0.95,
        ),
        ("adult.data", adult, "--missing mean", 0.95),
        ("abalone.data", abalone, "", 0.8),
        ("auto-mpg.data", auto, "--target 1 --ignore 9 --missing drop", 0.9),
        ("breast-cancer.data", cancer, "--target 1 --missing drop", 0.95),
        ("horse-colic.data", colic, "--target-type classes --ignore 3,6,7 --missing mean", 0.95),
    ] {
        let data = write(&format!("public-{name}"), name, &text);
        let args: Vec<&str> = args.split_whitespace().collect();
        let common = ["--data", data.as_str(), "--engine", "cpu"];
        let (_, result) = train(&[&common[..], &args].concat());
        let reached = result["accuracy"].as_f64().or(result["r2"].as_f64()).unwrap();
        assert!(reached >= least, "{name}: {reached} {result}");
        if name == "titanic.csv" {
            // All that cannot be inputs is named at once, and all that is missing.
            let told = [
                "Name has 90 different ones",
                "Ticket has 90",
                "Cabin has 18",
                "--ignore Name,Ticket,Cabin",
            ];
            fail(wgrad(&["--data", &data, "--target", "Survived"]), 6, &told);
            let ignore = ["--target", "Survived", "--ignore", "Name,Ticket,Cabin"];
            let told = ["Age (13 of 90 rows)", "Embarked (22)", "--missing mean"];
            fail(wgrad(&[&["--data", &data], &ignore[..]].concat()), 6, &told);
        }
    }
}

/// A model takes rows as people have them: texts, yes and no, and values that are missing.
#[test]
fn predictions_take_raw_rows() {
    let row = |i: usize| {
        let (kind, fresh) = (["red", "green", "blue"][i % 3], ["yes", "No"][i % 2]);
        let size = if i == 7 { "NA".to_owned() } else { i.to_string() };
        format!("{kind},{fresh},{size},{}\n", 100 * (i % 3) + 10 * (i % 2))
    };
    let text = "kind,fresh,size,price\n".to_owned() + &(0..60).map(row).collect::<String>();
    let data = write("raw", "rows.csv", &text);
    let model = folder("raw-model").join("m.safetensors");
    let model = model.to_str().unwrap();
    let common = ["--engine", "cpu", "--missing", "mean", "--save", model];
    let text = succeed(wgrad(&[&["--data", &data], &common[..]].concat()));
    for part in [
        "kind: one-hot of 3 values",
        "fresh: 0 or 1",
        "where numbers are missing: size 29.",
        "\"red\" where missing",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let predict = |more: &[&str]| wgrad(&[&["predict", "--model", model], more].concat());
    let told = events(predict(&["--input", "blue,yes,4", "--input", "red,false,?", "--json"]));
    let price = |at: usize| told[at]["output"][0].as_f64().unwrap();
    assert!((price(0) - 200.0).abs() < 15.0 && (price(1) - 10.0).abs() < 15.0, "{told:?}");
    assert_eq!(told[1]["input"], json!(["red", "false", null]));
    fail(
        predict(&["--input", "pink,yes,4"]),
        2,
        &["\"pink\" was not trained on", "blue, green, red"],
    );
    fail(predict(&["--input", "red,perhaps,4"]), 2, &["\"perhaps\"", "yes, no, true, false"]);
    let later = write("raw-later", "later.csv", "size,fresh,kind\n3,yes,green\n4,no,pink\n");
    fail(predict(&["--data", &later]), 6, &["line 3, column kind", "\"pink\""]);
    let later = write("raw-good", "later.csv", "size,fresh,kind\n3,TRUE,green\n,no,red\n");
    let told = events(predict(&["--data", &later, "--json"]));
    assert!((told[0]["output"][0].as_f64().unwrap() - 110.0).abs() < 20.0, "{told:?}");
    let csv = succeed(predict(&["--data", &data, "--csv", "-"]));
    assert!(csv.starts_with("row,kind,fresh,size,target,prediction\n1,red,yes,0,0,"), "{csv}");
}

/// Rows to test on are a share of a table, and classes have their precision, recall and F1.
#[test]
fn a_share_of_the_rows_is_for_testing_and_classes_have_scores() {
    let line = |i: usize| {
        let class = ["a", "a", "a", "b"][i % 4];
        let x = if class == "a" { i % 10 } else { 8 + i % 10 };
        format!("{x},{},{class}\n", i % 7)
    };
    let data = write("shares", "rows.csv", &(0..400).map(line).collect::<String>());
    let common = ["--data", data.as_str(), "--engine", "cpu", "--epochs", "30"];
    let held = ["--validation", "0.1", "--test", "0.2"];
    let (start, result) = train(&[&common[..], &held].concat());
    let rows = ["rows", "validation_rows", "test_rows"].map(|key| start[key].as_u64().unwrap());
    assert_eq!(rows, [280, 40, 80]);
    let confusion = &result["test_confusion"];
    let counts: Vec<Vec<u64>> = serde_json::from_value(confusion["counts"].clone()).unwrap();
    // Three quarters are of class a, here too.
    assert_eq!((counts[0].iter().sum::<u64>(), counts[1].iter().sum::<u64>()), (60, 20));
    let recall = counts[0][0] as f64 / 60.0;
    approx::assert_relative_eq!(confusion["recall"][0].as_f64().unwrap(), recall);
    let balanced = (recall + counts[1][1] as f64 / 20.0) / 2.0;
    approx::assert_relative_eq!(confusion["balanced_accuracy"].as_f64().unwrap(), balanced);
    let text = succeed(wgrad(&[&common[..], &held, &["--stratify", "no"]].concat()));
    for part in ["precision", "recall", "F1", "balanced accuracy"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let bad = |args: &[&str], parts: &[&str]| fail(wgrad(&[&common[..], args].concat()), 2, parts);
    bad(&["--test", "1.5"], &["--test", "above 0 and below 1"]);
    bad(&["--validation", "0.5", "--test", "0.6"], &["0.6 of 400 rows", "smaller --test"]);
    succeed(wgrad(&[&common[..], &["--test", "0.2", "--stratify", "-q"]].concat()));
}

/// A gate under the softmax has an output for each of its two classes.
#[test]
fn a_gate_has_two_classes_under_the_softmax() {
    let model = folder("softmax-gate").join("m.safetensors");
    let model = model.to_str().unwrap();
    for args in [&[][..], &["--layers", "2,3,2"]] {
        let common =
            ["--loss", "softmax-cross-entropy", "--engine", "cpu", "--force", "--save", model];
        let (start, result) = train(&[&common[..], args].concat());
        assert_eq!((&start["network"], &start["classes"]), (&json!([2, 3, 2]), &json!(["0", "1"])));
        assert_eq!(result["solved"], true);
    }
    let told = events(wgrad(&["predict", "--model", model, "--data", "xor", "--json"]));
    assert_eq!((&told[1]["class"], &told.last().unwrap()["accuracy"]), (&"1".into(), &1.0.into()));
}

/// A column that only counts rows, and one of classes that is not the target.
#[test]
fn columns_that_may_be_meant_otherwise_are_pointed_out() {
    let line = |i: usize| format!("{i},{},{},{}\n", i * i, ["cat", "dog"][i % 2], i + 3);
    let rows: String = (0..12).map(line).collect();
    let indexed = write("notes", "indexed.csv", &format!(",x,kind,y\n{rows}"));
    let text = succeed(wgrad(&["--data", &indexed, "--engine", "cpu", "--epochs", "1"]));
    assert!(text.contains("column 1 has no name and counts the rows: --ignore 1"), "{text}");
    assert!(text.contains("y from input 1, x, kind;"), "{text}");
    let named = write("notes-named", "named.csv", &format!("n,x,kind,y\n{rows}"));
    let text = succeed(wgrad(&["--data", &named, "--engine", "cpu", "--epochs", "1"]));
    assert!(text.contains("kind has 2 values, as classes have: --target kind"), "{text}");
    let args = ["--data", &named, "--engine", "cpu", "--epochs", "1", "--target", "y"];
    assert!(!succeed(wgrad(&args)).contains("as classes have"));
}

/// Sixty rows of a, b and y = 3 a - 2 b + 100, with the columns in some order.
fn plane(name: &str, head: &str, line: &dyn Fn(usize, f64, f64, f64) -> String) -> String {
    let of = |i: usize| {
        let (a, b) = ((i % 7) as f64, (i * 5 % 11) as f64 / 2.0);
        line(i, a, b, 3.0 * a - 2.0 * b + 100.0) + "\n"
    };
    write(name, "rows.csv", &(head.to_owned() + &(0..60).map(of).collect::<String>()))
}

/// Targets that scaling makes 0 and 1 are numbers all the same.
#[test]
fn scaled_targets_are_no_classes() {
    type Line = dyn Fn(usize, f64, f64, f64) -> String;
    let constant: &Line = &|_, a, b, _| format!("{a},{b},5");
    let two: &Line = &|i, a, b, _| format!("{a},{b},{}", 5 * (1 + i % 2));
    for (name, line) in [("constant", constant), ("two-values", two)] {
        let data = plane(name, "a,b,y\n", line);
        for scale in ["standard", "unit"] {
            let args = [
                "--data",
                &data,
                "--normalize-targets",
                scale,
                "--engine",
                "cpu",
                "--epochs",
                "20",
            ];
            let (start, result) = train(&args);
            assert_eq!(start["loss"], "mse-mean");
            assert!(result["accuracy"].is_null() && result["rmse"].is_number(), "{result}");
        }
    }
    // Times as targets keep their seconds.
    let times = plane("times", "a,b,y\n", &|i, a, b, _| format!("{a},{b},{}", 1_700_000_000 + i));
    let model = folder("times-model").join("m.safetensors");
    let model = model.to_str().unwrap();
    succeed(wgrad(&["--data", &times, "--engine", "cpu", "--save", model]));
    let csv = succeed(wgrad(&["predict", "--model", model, "--data", &times, "--csv", "-"]));
    let target = |row: usize| csv.lines().nth(row).unwrap().split(',').nth(3).unwrap().to_owned();
    assert_eq!((target(1), target(2)), ("1700000000".to_owned(), "1700000001".to_owned()));
}

/// The columns of later rows are those of the training, however the table is written.
#[test]
fn later_tables_are_read_as_the_first_was() {
    let model = folder("later").join("m.safetensors");
    let model = model.to_str().unwrap();
    let r2 = |data: &str, more: &[&str]| {
        let args = [&["predict", "--model", model, "--data", data, "--json"], more].concat();
        events(wgrad(&args)).pop().unwrap()["r2"].as_f64().unwrap()
    };
    let save = |data: &str, args: &[&str]| {
        let common = ["--data", data, "--engine", "cpu", "--save", model, "--force"];
        train(&[&common[..], args].concat()).0
    };
    // An index without a name, and a target that is not the last.
    let pandas = plane("pandas", ",y,a,b\n", &|i, a, b, y| format!("{i},{y},{a},{b}"));
    save(&pandas, &["--ignore", "1", "--target", "y"]);
    assert!(r2(&pandas, &["--ignore", "1"]) > 0.99);
    // One that was trained on stays without a name, wherever it is, and the others keep theirs.
    let moved = plane("moved", "b,y,,a\n", &|i, a, b, y| format!("{b},{y},{i},{a}"));
    let start = save(&pandas, &["--target", "y"]);
    assert_eq!((&start["inputs"], &start["targets"]), (&json!(["", "a", "b"]), &json!(["y"])));
    assert!(r2(&pandas, &[]) > 0.99 && r2(&moved, &[]) > 0.99);
    // With a header at first, without one later.
    let named = plane("named-y", "a,y,b\n", &|_, a, b, y| format!("{a},{y},{b}"));
    let bare = plane("bare-y", "", &|_, a, b, y| format!("{a},{y},{b}"));
    save(&named, &["--target", "y"]);
    assert!(r2(&bare, &[]) > 0.99 && r2(&named, &[]) > 0.99);
    // A name that is a number, and two columns of one name.
    let year = plane("year", "a,2019,y\n", &|_, a, b, y| format!("{a},{b},{y}"));
    let start = save(&year, &["--test", &year]);
    assert_eq!(start["test_rows"], 60);
    assert!(r2(&year, &[]) > 0.99);
    let twin = plane("twin", "a,b,a,y\n", &|i, a, b, y| format!("{a},{b},{i},{y}"));
    save(&twin, &["--ignore", "3", "--test", &twin]);
    assert!(r2(&twin, &["--ignore", "3"]) > 0.99);
    // Categories of numbers, however they are written.
    let zip = plane("zip", "a,b,y\n", &|_, a, b, y| format!("{a},{b},{y}"));
    let zip_later = plane("zip-later", "a,b,y\n", &|_, a, b, y| format!("{a}.0,{b},{y}"));
    save(&zip, &["--categorical", "a"]);
    assert!(r2(&zip_later, &[]) > 0.9);
    // Yes and no as classes, in any case.
    let yes = plane("yes", "a,b,y\n", &|i, a, b, _| {
        let spelt = [["no", "No", "NO"], ["YES", "yes", "Yes"]];
        format!("{a},{b},{}", spelt[usize::from(a > b)][i % 3])
    });
    let start = save(&yes, &[]);
    assert_eq!(start["classes"], json!(["no", "YES"]), "{start}");
    let later = plane("yes-later", "a,b,y\n", &|_, a, b, _| {
        format!("{a},{b},{}", if a > b { "yEs" } else { "nO" })
    });
    let told = events(wgrad(&["predict", "--model", model, "--data", &later, "--json"]));
    assert!(told[60]["accuracy"].as_f64().unwrap() > 0.9, "{}", told[60]);
    // No row is taken for a header.
    save(&zip, &[]);
    let (code, _, error) = with_input(&["predict", "--model", model, "--data", "-"], "1,x\n2,3\n");
    assert!(code == Some(6) && error.contains("\"x\""), "{error}");
}

/// Values that later rows lack are filled in, and rows without a target are predicted.
#[test]
fn later_rows_may_lack_what_the_training_had() {
    let data = plane("whole", "a,b,y\n", &|_, a, b, y| format!("{a},{b},{y}"));
    let gaps = plane("gaps", "a,b,y\n", &|i, a, b, y| {
        let b = if i == 4 { String::new() } else { b.to_string() };
        let y = if i == 5 { "?".to_owned() } else { y.to_string() };
        format!("{a},{b},{y}")
    });
    let model = folder("gaps-model").join("m.safetensors");
    let model = model.to_str().unwrap();
    let common = ["--data", data.as_str(), "--engine", "cpu", "--save", model, "--force"];
    succeed(wgrad(&[&common[..], &["--missing", "mean"]].concat()));
    let told = events(wgrad(&["predict", "--model", model, "--data", &gaps, "--json"]));
    assert_eq!(told.len(), 61);
    assert!(told[5]["target"].is_null() && told[60]["r2"].as_f64().unwrap() > 0.9, "{}", told[60]);
    let csv = succeed(wgrad(&["predict", "--model", model, "--data", &gaps, "--csv", "-"]));
    assert!(csv.lines().all(|line| line.split(',').count() == 5), "{csv}");
    succeed(wgrad(&common));
    fail(
        wgrad(&["predict", "--model", model, "--data", &gaps]),
        6,
        &["missing values in b (1 of 60 rows)", "train with --missing mean"],
    );
    // A class that is missing is no class.
    let classes = plane("no-class", "a,b,k\n", &|i, a, b, _| {
        format!("{a},{b},{}", ["NA", "pos", "neg"][if i < 3 { 0 } else { 1 + i % 2 }])
    });
    fail(
        wgrad(&["--data", &classes]),
        6,
        &["missing values in k (3 of 60 rows)", "--missing drop"],
    );
    let (start, _) =
        train(&["--data", &classes, "--missing", "drop", "--engine", "cpu", "--epochs", "1"]);
    assert_eq!((&start["rows"], &start["classes"]), (&57.into(), &json!(["neg", "pos"])));
}

/// Every class keeps a row for the training, as long as there are enough.
#[test]
fn small_classes_are_not_all_held_out() {
    let pairs: String = (0..40).map(|i| format!("{i},{},c{:02}\n", i * i, i / 2)).collect();
    let data = write("pairs", "rows.csv", &pairs);
    let held = ["--validation", "0.2", "--test", "0.2", "--epochs", "1", "--engine", "cpu"];
    let (start, result) = train(&[&["--data", data.as_str()], &held[..]].concat());
    let rows = ["rows", "validation_rows", "test_rows"].map(|key| start[key].as_u64().unwrap());
    assert_eq!(rows, [24, 8, 8]);
    let held_out = |part: &str| -> Vec<u64> {
        let counts = &result[format!("{part}_confusion")]["counts"];
        let counts: Vec<Vec<u64>> = serde_json::from_value(counts.clone()).unwrap();
        counts.iter().map(|row| row.iter().sum()).collect()
    };
    let (validation, test) = (held_out("validation"), held_out("test"));
    assert!(validation.iter().zip(&test).all(|(a, b)| a + b <= 1), "{validation:?} {test:?}");
    let single: String = (0..40).map(|i| format!("{i},{},c{i}\n", i * i)).collect();
    let data = write("singles", "rows.csv", &single);
    let (start, _) = train(&[&["--data", data.as_str()], &held[..]].concat());
    assert_eq!((&start["validation_rows"], &start["test_rows"]), (&8.into(), &8.into()));
    // A network that always says the frequent class is told so, of few rows too.
    let skewed: String =
        (0..200).map(|i| format!("{},{}\n", i * 7 % 13, u8::from(i % 20 == 0))).collect();
    let data = write("skewed", "rows.csv", &skewed);
    let text = succeed(wgrad(&[
        "--data", &data, "--test", "0.2", "--epochs", "20", "--engine", "cpu", "-q",
    ]));
    assert!(text.contains("no better than always predicting 0"), "{text}");
}
