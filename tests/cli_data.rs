//! Real data as a stranger brings it: tables, IDX files, held-out rows, classes by name; and what
//! is wrong with it, told before anything is trained.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "common/command.rs"]
mod command;

use std::io::Write;
use std::process::{Command, Stdio};

use command::{events, fail, folder, run, stderr, stdout, succeed, wgrad, write};
use serde_json::{Value, json};

/// The first and the last event of a training.
#[track_caller]
fn train(args: &[&str]) -> (Value, Value) {
    let mut events = events(wgrad(&[args, &["--json"]].concat()));
    (events.remove(0), events.pop().unwrap())
}

/// A call that is given `text` on standard input.
fn with_input(args: &[&str], text: &str) -> (Option<i32>, String, String) {
    let mut command: Command = wgrad(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), stdout(&output), stderr(&output))
}

/// An IDX file of bytes.
fn idx(sizes: &[u32], elements: &[u8]) -> Vec<u8> {
    let header = [0, 0, 8, sizes.len() as u8];
    let sizes = sizes.iter().flat_map(|size| size.to_be_bytes());
    header.into_iter().chain(sizes).chain(elements.iter().copied()).collect()
}

/// Images of 3 x 3 pixels of three classes, each class with one bright row, and their labels.
fn images(count: usize) -> (Vec<u8>, Vec<u8>) {
    let label = |image: usize| (image * 5 % 3) as u8;
    let pixel = |image: usize, at: usize| match at / 3 == usize::from(label(image)) {
        true => 200 + (image * 7 % 50) as u8,
        false => (image * 11 % 40) as u8,
    };
    let pixels: Vec<u8> =
        (0..count).flat_map(|image| (0..9).map(move |at| pixel(image, at))).collect();
    let labels: Vec<u8> = (0..count).map(label).collect();
    (idx(&[count as u32, 3, 3], &pixels), idx(&[count as u32], &labels))
}

#[test]
fn digits_reach_96_percent_of_rows_they_have_not_seen() {
    let right = (0..5).map(|seed: u32| {
        let (start, result) = train(&["--data", "digits", "--seed", &seed.to_string()]);
        assert_eq!(
            (&start["network"], &start["loss"]),
            (&json!([64, 32, 10]), &"softmax-cross-entropy".into())
        );
        assert_eq!((&start["rows"], &start["test_rows"]), (&1438.into(), &359.into()));
        assert_eq!(start["normalize"], "unit");
        result["test_accuracy"].as_f64().unwrap()
    });
    let mean = right.sum::<f64>() / 5.0;
    assert!(mean >= 0.96, "{mean}");
}

#[test]
fn shapes_are_learned_and_follow_their_own_seed() {
    for (data, least) in [("circles", 0.99), ("moons", 0.99), ("spirals", 0.85)] {
        let (start, result) = train(&["--data", data, "--engine", "cpu"]);
        assert_eq!((&start["rows"], &start["loss"]), (&400.into(), &"bce".into()));
        let right = result["test_accuracy"].as_f64().unwrap();
        assert!(right >= least, "{data}: {right}");
    }
    let loss = |args: &[&str]| {
        let common = ["--data", "moons-100", "--epochs", "2", "--engine", "cpu"];
        train(&[&common, args].concat()).1["loss"].clone()
    };
    let model = folder("moons").join("m.safetensors");
    let model = model.to_str().unwrap();
    let own = ["--data", "moons-200", "--data-seed", "3", "--noise", "0.3"];
    let common = ["--epochs", "20", "--engine", "cpu", "--save", model];
    let (_, trained) = train(&[&own[..], &common].concat());
    let predict = ["predict", "--model", model, "--part", "test", "--json"];
    let predicted = events(wgrad(&[&predict, &own[..]].concat())).pop().unwrap();
    assert_eq!(predicted["accuracy"], trained["test_accuracy"]);
    assert_eq!(loss(&[]), loss(&["--data-seed", "0", "--noise", "0.1"]));
    assert_ne!(loss(&[]), loss(&["--data-seed", "1"]));
    assert_ne!(loss(&[]), loss(&["--noise", "0.3"]));
}

/// Classes by name in any column, held-out rows, a test file with its columns in another order,
/// and a prediction that needs nothing but the model and a header.
#[test]
fn a_table_with_names_goes_all_the_way() {
    let kinds = ["low", "middle", "high"];
    let row = |i: usize| {
        let noise = |k: usize| (i * k % 17) as f64 / 10.0;
        (kinds[i % 3], 100.0 * (i % 3) as f64 + noise(5), -7.0 + noise(11))
    };
    let line = |i: usize| {
        let (kind, x, y) = row(i);
        format!("{i};{kind};{x};{y}\n")
    };
    let table = "id;kind;x;y\n".to_owned() + &(0..90).map(line).collect::<String>();
    let data = write("named", "train.csv", &table);
    let other = |i: usize| {
        let (kind, x, y) = row(i);
        format!("{y},{x},{i},{kind}\n")
    };
    let held = "y,x,id,kind\n".to_owned() + &(90..120).map(other).collect::<String>();
    let test = write("named-test", "test.csv", &held);
    let folder = folder("named-model");
    let model = folder.join("kinds.safetensors");
    let model = model.to_str().unwrap();
    for engine in ["cpu", "layered", "resident"] {
        let (start, result) = train(&[
            "--data",
            &data,
            "--target",
            "kind",
            "--ignore",
            "id",
            "--test",
            &test,
            "--validation",
            "0.2",
            "--normalize",
            "standard",
            "--layers",
            "2,6,3",
            "--epochs",
            "60",
            "--batch",
            "10",
            "--engine",
            engine,
            "--force",
            "--save",
            model,
        ]);
        assert_eq!(start["classes"], json!(["high", "low", "middle"]));
        let rows = [&start["rows"], &start["validation_rows"], &start["test_rows"]];
        assert_eq!(rows, [&json!(72), &json!(18), &json!(30)]);
        assert_eq!(start["loss"], "softmax-cross-entropy");
        for key in ["train_accuracy", "validation_accuracy", "test_accuracy"] {
            assert_eq!(result[key], 1.0, "{engine}: {key}");
        }
        assert!(result["validation_loss"].is_number() && result["test_loss"].is_number());
        assert_eq!(result["validation_confusion"]["of"], "validation");
        let confusion = &result["confusion"];
        assert_eq!(
            (&confusion["of"], &confusion["counts"][0]),
            (&"test".into(), &json!([10, 0, 0]))
        );
    }
    let predicted = events(wgrad(&["predict", "--model", model, "--data", &test, "--json"]));
    assert_eq!(predicted.len(), 31);
    let first = &predicted[0];
    assert_eq!((&first["class"], &first["target_class"]), (&"low".into(), &"low".into()));
    assert!(first["probability"].as_f64().unwrap() > 0.5);
    assert_eq!(predicted[30]["accuracy"], 1.0);
    // Without targets, and by place.
    let csv = folder.join("out.csv");
    let untaught = write("named-new", "new.csv", "x,y\n1,-7\n201,-6.5\n");
    let written = succeed(wgrad(&[
        "predict",
        "--model",
        model,
        "--data",
        &untaught,
        "--csv",
        csv.to_str().unwrap(),
    ]));
    assert!(written.contains("2 predictions written"), "{written}");
    let text = std::fs::read_to_string(&csv).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let head = "row,x,y,prediction,probability,probability high,probability low,probability middle";
    assert_eq!(lines[0], head);
    assert!(
        lines[1].starts_with("1,1,-7,low,") && lines[2].starts_with("2,201,-6.5,high,"),
        "{text}"
    );
    let typed = succeed(wgrad(&["predict", "--model", model, "--input", "101,-7"]));
    assert!(typed.lines().last().unwrap().contains("middle"), "{typed}");
    // A number that counts the columns of the first file means the same one in another.
    let by_number =
        ["--data", &data, "--target", "2", "--ignore", "1", "--test", &test, "--epochs", "1"];
    let (start, _) = train(&by_number);
    assert_eq!((&start["inputs"], &start["targets"]), (&json!(["x", "y"]), &json!(["kind"])));
    // Another header is not read by place.
    let other = write("named-else", "else.csv", "x,z\n1,2\n");
    let strange = wgrad(&["predict", "--model", model, "--data", &other]);
    fail(strange, 6, &["else.csv", "no column \"y\"", "x, z"]);
    // A class that nobody knows.
    let odd = write("named-odd", "odd.csv", "x,y,kind\n1,2,low\n1,2,lower\n");
    let unknown = wgrad(&["predict", "--model", model, "--data", &odd]);
    fail(unknown, 6, &["odd.csv", "line 3", "\"lower\"", "high, low, middle"]);
}

#[test]
fn validation_is_looked_at_on_the_way_on_every_engine_alike() {
    let losses = |engine: &str| {
        let args = ["--data", "iris", "--validation", "0.25", "--epochs", "30", "--json"];
        let events = events(wgrad(&[&args[..], &["--engine", engine]].concat()));
        let looks: Vec<(u64, f64)> = events
            .iter()
            .filter(|event| event["event"] == "epoch")
            .filter_map(|event| {
                assert_eq!(
                    event["validation_accuracy"].is_null(),
                    event["validation_loss"].is_null()
                );
                Some((event["epoch"].as_u64()?, event["validation_loss"].as_f64()?))
            })
            .collect();
        let last = events.last().unwrap()["validation_loss"].as_f64().unwrap();
        assert_eq!(looks.last(), Some(&(30, last)), "{engine}");
        looks
    };
    let on_cpu = losses("cpu");
    assert!(on_cpu.len() > 1);
    for engine in ["layered", "resident"] {
        let here = losses(engine);
        assert_eq!(here.len(), on_cpu.len(), "{engine}");
        for ((epoch, loss), (cpu_epoch, cpu_loss)) in here.iter().zip(&on_cpu) {
            assert_eq!(epoch, cpu_epoch);
            assert!((loss - cpu_loss).abs() <= 1e-4 * cpu_loss, "{engine}: {loss} {cpu_loss}");
        }
    }
}

#[test]
fn output_and_loss_follow_from_the_data() {
    let chosen = |name: &str, text: &str, args: &[&str]| {
        let path = write(name, "rows.csv", text);
        let common = ["--data", path.as_str(), "--epochs", "1", "--engine", "cpu"];
        let (start, _) = train(&[&common, args].concat());
        let last = start["activations"].as_array().unwrap().last().unwrap().clone();
        (start["loss"].clone(), last, start["network"].as_array().unwrap().last().unwrap().clone())
    };
    let expect = |loss: &str, activation: &str, outputs: u32| {
        (Value::from(loss), Value::from(activation), Value::from(outputs))
    };
    let softmax = |outputs| expect("softmax-cross-entropy", "identity", outputs);
    assert_eq!(chosen("c-text", "1,a\n2,b\n3,c\n", &[]), softmax(3));
    assert_eq!(chosen("c-two", "1,a\n2,b\n3,a\n", &[]), softmax(2));
    assert_eq!(
        chosen("c-one", "1,a\n2,b\n3,a\n", &["--layers", "1,4,1"]),
        expect("bce", "sigmoid", 1)
    );
    let logits = ["--loss", "bce-with-logits"];
    assert_eq!(chosen("c-bce", "1,a\n2,b\n", &logits), expect("bce-with-logits", "identity", 1));
    assert_eq!(chosen("c-bits", "1,0\n2,1\n", &[]), expect("bce", "sigmoid", 1));
    assert_eq!(chosen("c-real", "1,0.5\n2,3\n", &[]), expect("mse-mean", "identity", 1));
    let several = ["--layers", "1,4,2"];
    assert_eq!(chosen("c-hot", "1,0,1\n2,1,0\n", &several), softmax(2));
    assert_eq!(chosen("c-multi", "1,1,1\n2,1,0\n", &several), expect("bce", "sigmoid", 2));
    let named = ["--layers", "1,4,3"];
    assert_eq!(chosen("c-named", "1,0\n2,2\n", &named), softmax(3));
    let said = ["--target-type", "classes"];
    assert_eq!(chosen("c-said", "1,5\n2,7\n3,9\n", &said), softmax(3));
    assert_eq!(
        chosen("c-loss", "1,5\n2,7\n3,9\n", &["--loss", "softmax_cross_entropy"]),
        softmax(3)
    );
}

/// Numbers that happen to be 0 and 1 in one file are no classes where others were learned.
#[test]
fn a_regression_has_no_right_and_wrong() {
    let data = write("numbers", "train.csv", "1,1\n2,2\n3,3\n4,4\n");
    let test = write("numbers-test", "test.csv", "0,0\n1,1\n");
    let model = folder("numbers-model").join("m.safetensors");
    let model = model.to_str().unwrap();
    let args =
        ["--data", &data, "--test", &test, "--lr", "0.01", "--save", model, "--engine", "cpu"];
    let (_, result) = train(&args);
    assert!(result["test_loss"].is_number() && result["test_accuracy"].is_null(), "{result}");
    let predicted = events(wgrad(&["predict", "--model", model, "--data", &test, "--json"]));
    assert!(predicted[2]["accuracy"].is_null() && predicted[2]["confusion"].is_null());
}

/// What may have been meant otherwise is said, and nothing is said where it was not.
#[test]
fn data_that_may_be_meant_otherwise_is_pointed_out() {
    let rows: String = (0..12).map(|i| format!("{},{}\n", i * 10, i % 3)).collect();
    let path = write("hints", "rows.csv", &rows);
    let told = |args: &[&str]| {
        let common = ["--data", path.as_str(), "--epochs", "1", "--lr", "1e-6", "--engine", "cpu"];
        succeed(wgrad(&[&common, args].concat()))
    };
    let text = told(&["--normalize", "none"]);
    for part in ["targets are 3 whole numbers", "--target-type classes", "inputs reach 110"] {
        assert!(text.contains(part), "{text}");
    }
    let text = told(&["--target-type", "classes", "--normalize", "standard"]);
    assert!(!text.contains("whole numbers") && !text.contains("inputs reach"), "{text}");
    assert!(
        text.contains("classes 0, 1, 2; inputs scaled to mean 0 and standard deviation 1"),
        "{text}"
    );
}

#[test]
fn standard_input_is_a_table_too() {
    let table = "a b target\n0 0 0\n0 1 1\n1 0 1\n1 1 0\n";
    // Nothing else said: a table of a gate is that gate.
    let args = ["--data", "-", "--engine", "cpu", "--json"];
    let (code, out, err) = with_input(&args, table);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let named = ["--data", "xor", "--engine", "cpu", "--json"];
    let xor = events(wgrad(&named)).pop().unwrap();
    let result: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!((&result["loss"], &result["outputs"]), (&xor["loss"], &xor["outputs"]));
    let (code, _, err) = with_input(&["--data", "-"], "1,2\n3,x\n");
    assert_eq!(code, Some(6));
    assert!(err.contains("standard input: line 2, column 2"), "{err}");
    fail(wgrad(&["--data", "-", "--test", "-"]), 2, &["--test -", "give a file"]);
}

#[test]
fn idx_files_plain_and_packed_train_test_and_predict() {
    let folder = folder("idx");
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let packed = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let (pixels, labels) = images(60);
    let (test_pixels, test_labels) = images(21);
    let plain = format!("idx:{},{}", put("train-images", &pixels), put("train-labels", &labels));
    let zipped = format!(
        "idx:{},{}",
        put("train-images.gz", &packed(&pixels)),
        put("train-labels.gz", &packed(&labels))
    );
    let test = format!("idx:{},{}", put("t-images", &test_pixels), put("t-labels", &test_labels));
    let model = folder.join("m.safetensors");
    let model = model.to_str().unwrap();
    let common = ["--layers", "9,8,3", "--epochs", "30", "--batch", "16", "--engine", "layered"];
    let result = |data: &str| {
        let args = ["--data", data, "--test", &test, "--save", model, "--force"];
        train(&[&args, &common[..]].concat())
    };
    let (start, of_plain) = result(&plain);
    assert_eq!((&start["classes"], &start["normalize"]), (&json!(["0", "1", "2"]), &"unit".into()));
    assert_eq!(
        (&of_plain["test_accuracy"], &of_plain["train_accuracy"]),
        (&1.0.into(), &1.0.into())
    );
    assert_eq!(result(&zipped).1["loss"], of_plain["loss"]);
    let taught = events(wgrad(&["predict", "--model", model, "--data", &test, "--json"]));
    assert_eq!(taught.last().unwrap()["accuracy"], 1.0);
    let loss = |value: &Value| value.as_f64().unwrap();
    let (here, there) = (loss(&taught.last().unwrap()["loss"]), loss(&of_plain["test_loss"]));
    assert!((here - there).abs() <= 1e-5 * there, "on the CPU {here}, on the adapter {there}");
    let untaught = format!("idx:{}", put("more", &test_pixels));
    let bare = succeed(wgrad(&["predict", "--model", model, "--data", &untaught, "--csv", "-"]));
    assert_eq!(bare.lines().count(), 22);
    assert!(bare.starts_with("row,prediction,probability,probability 0,"), "{bare}");
    fail(wgrad(&["--data", &untaught]), 2, &["no targets", "idx:IMAGES,LABELS"]);
    // More classes than outputs.
    fail(
        wgrad(&["--data", &plain, "--layers", "9,4,2"]),
        6,
        &["3 classes", "line 2 has class \"2\"", "2 outputs"],
    );
    fail(wgrad(&["--data", &plain, "--layers", "8,4,3"]), 6, &["9 inputs", "--layers 9,...,3"]);
}

/// As many images as MNIST has, of its size, through the whole program: 60,000 to learn from and
/// 10,000 to test on, more than one binding of most software adapters holds.
#[test]
fn files_of_the_size_of_mnist_work_end_to_end() {
    let folder = folder("mnist");
    let images = |name: &str, count: usize| {
        let label = |image: usize| image * 7 % 10;
        // Each class has a block of rows of its own, brighter in some images than in others.
        let pixel = |image: usize, at: usize| {
            let is_own = at / 78 == label(image);
            let noise = (image * 784 + at).wrapping_mul(2_654_435_761) >> 9 & 63;
            (noise + if is_own { 100 + image % 90 } else { 0 }) as u8
        };
        let pixels: Vec<u8> =
            (0..count).flat_map(|image| (0..784).map(move |at| pixel(image, at))).collect();
        let labels: Vec<u8> = (0..count).map(|image| label(image) as u8).collect();
        let put = |kind: &str, bytes: Vec<u8>| {
            let path = folder.join(format!("{name}-{kind}"));
            std::fs::write(&path, bytes).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let images = put("images-idx3-ubyte", idx(&[count as u32, 28, 28], &pixels));
        format!("idx:{images},{}", put("labels-idx1-ubyte", idx(&[count as u32], &labels)))
    };
    let (data, test) = (images("train", 60_000), images("t10k", 10_000));
    let args = ["--data", &data, "--test", &test, "--epochs", "1", "--batch", "128"];
    let args = [&args[..], &["--engine", "layered"]].concat();
    let (start, result) = train(&args);
    assert_eq!(start["network"], json!([784, 128, 10]));
    assert_eq!((&start["rows"], &start["test_rows"]), (&60_000.into(), &10_000.into()));
    assert_eq!(
        (&result["engine"], &start["loss"]),
        (&"layered".into(), &"softmax-cross-entropy".into())
    );
    assert!(result["test_accuracy"].as_f64().unwrap() > 0.95, "{result}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn built_in_rows_are_predicted_in_parts() {
    let model = folder("parts").join("iris.safetensors");
    let model = model.to_str().unwrap();
    let (_, trained) = train(&["--data", "iris", "--engine", "cpu", "--save", model]);
    let part = |part: &str| {
        let args = ["predict", "--model", model, "--data", "iris", "--part", part, "--json"];
        events(wgrad(&args)).pop().unwrap()
    };
    assert_eq!(part("test")["accuracy"], trained["test_accuracy"]);
    assert_eq!(part("train")["accuracy"], trained["train_accuracy"]);
    assert_eq!((&part("all")["rows"], &part("test")["rows"]), (&150.into(), &30.into()));
    let text = succeed(wgrad(&["predict", "--model", model, "--data", "iris"]));
    assert!(text.contains("versicolor") && text.contains(" of 150 correct"), "{text}");
    let args = ["predict", "--model", model, "--data", "xor", "--part", "test"];
    fail(wgrad(&args), 2, &["--part test", "xor"]);
    let args = ["predict", "--model", model, "--data", "xor"];
    fail(wgrad(&args), 2, &["--data xor", "rows of 2 inputs", "4"]);
}

#[test]
fn hostile_files_are_refused_before_anything_is_trained() {
    let folder = folder("hostile");
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for (name, bytes, parts) in [
        ("empty.csv", &b""[..], &["no rows"][..]),
        ("blank.csv", b"\n\n  \n", &["no rows"]),
        ("header.csv", b"a,b\n", &["no rows"]),
        ("ragged.csv", b"1,2\n1,2,3\n", &["line 2", "3 fields", "2"]),
        ("text.csv", b"1,2\n1,two\n", &["line 2, column 2", "two"]),
        ("late.csv", b"x,y,t\n1,2,0\n1,oops,1\n", &["line 3, column 2", "oops"]),
        ("hole.csv", b"1,2\n,2\n", &["missing values in 1 (1 of 2 rows)", "--missing mean"]),
        ("nan.csv", b"1,2\nNaN,2\n", &["missing values in 1 (1 of 2 rows)", "--missing drop"]),
        ("inf.csv", b"1,2\n1,-inf\n", &["line 2, column 2", "-inf"]),
        ("huge.csv", b"1,2\n-4e38,2\n", &["line 2, column 1", "f32"]),
        ("bytes.csv", b"1,2\n\xff\xfe,2\n", &["UTF-8"]),
        ("nul.csv", b"1,2\n\0,2\n", &["line 2, column 1"]),
        ("one.csv", b"1,a\n2,a\n", &["every row has class \"a\""]),
        ("cut.csv.gz", b"\x1f\x8b\x08\0\0\0", &["gzip"]),
        ("alone.csv", b"1\n2\n", &["line 1 has one field", "--delimiter"]),
        ("book.xlsx.csv", b"PK\x03\x04....", &["zip archive", ".xlsx"]),
        ("twice.csv", b"a,b,a\n1,2,3\n", &["columns 1 and 3 are both named", "read with commas"]),
        ("names.csv", b"n,k\na,1\nb,2\nc,3\nd,5\n", &["n has 4 different", "--ignore n"]),
    ] {
        let path = put(name, bytes);
        fail(wgrad(&["--data", &path]), 6, &[&[name], parts].concat());
    }
    let (pixels, labels) = images(6);
    let good = put("labels", &labels);
    for (name, bytes, parts) in [
        ("magic", b"GIF89a".to_vec(), &["begins with 47 49 46 38"][..]),
        ("none", Vec::new(), &["is empty"]),
        ("short", pixels[..30].to_vec(), &["promises 6 x 3 x 3", "14 bytes follow"]),
        ("long", [&pixels[..], &[0]].concat(), &["55 bytes follow"]),
        ("vast", idx(&[u32::MAX; 4], &[1, 2, 3]), &["4294967295", "3 bytes follow"]),
        ("other", images(7).0, &["7 rows of inputs and 6 labels"]),
    ] {
        let data = format!("idx:{},{good}", put(name, &bytes));
        fail(wgrad(&["--data", &data]), 6, &[&[name], parts].concat());
    }
    let images_as_labels = format!("idx:{0},{0}", put("images", &pixels));
    fail(wgrad(&["--data", &images_as_labels]), 6, &["labels have one dimension"]);
    // A test file that does not go with the rows to learn from.
    let train = put("train.csv", b"1,2,a\n3,4,b\n");
    for (name, bytes, parts) in [
        ("class.csv", &b"1,2,a\n1,2,c\n"[..], &["line 2", "\"c\"", "a, b"][..]),
        ("wide.csv", b"1,2,3,a\n", &["3 inputs", "2"]),
        ("bad.csv", b"1,x,a\n2,2,b\n", &["line 1, column 2"]),
    ] {
        let test = put(name, bytes);
        fail(wgrad(&["--data", &train, "--test", &test]), 6, &[&[name], parts].concat());
    }
    fail(wgrad(&["--data", &train, "--test", "no/such.csv"]), 6, &["no/such.csv"]);
}

#[test]
fn flags_that_do_not_fit_the_data_are_refused() {
    let path = write("flags", "rows.csv", "x,y,t\n1,2,0\n3,4,1\n");
    for (args, parts) in [
        (&["--validation", "0"][..], &["--validation 0", "--validation 0.2"][..]),
        (&["--validation", "1"], &["--validation 1"]),
        (&["--validation", "nan"], &["--validation NaN"]),
        (&["--validation", "0.01"], &["0.01", "2 rows", "--validation"]),
        (&["--noise", "0.1"], &["--noise 0.1", "spirals"]),
        (&["--target", "z"], &["\"z\"", "x, y, t"]),
        (&["--ignore", "4"], &["\"4\"", "x, y, t"]),
        (&["--normalize", "both"], &["'both'", "none, unit, standard"]),
        (&["--delimiter", "x"], &["'x'", "semicolon"]),
    ] {
        let mut call = vec!["--data", path.as_str()];
        call.extend(args);
        fail(wgrad(&call), 2, parts);
    }
    for flag in [["--target", "1"], ["--ignore", "1"], ["--header", "no"], ["--delimiter", "tab"]] {
        fail(wgrad(&flag), 2, &[flag[0], "tables", "--data xor"]);
    }
    fail(wgrad(&["--data", "moons", "--noise", "-1"]), 2, &["--noise -1"]);
    fail(wgrad(&["--data", "moons-3"]), 2, &["moons-3"]);
}

#[test]
fn settings_about_data_can_be_written_down_and_read_again() {
    let path = write("config", "rows.csv", "x;y;t\n1;2;a\n3;4;b\n5;6;a\n7;8;b\n");
    let args = [
        "--data",
        &path,
        "--target",
        "t",
        "--validation",
        "0.25",
        "--normalize",
        "standard",
        "--delimiter",
        "semicolon",
        "--header",
        "yes",
        "--data-seed",
        "3",
        "--print-config",
    ];
    let text = succeed(wgrad(&args));
    for line in ["target = [\"t\"]", "validation = 0.25", "data-seed = 3", "header = \"yes\""] {
        assert!(text.contains(line), "{text}");
    }
    let config = write("config-file", "run.toml", &text);
    assert_eq!(succeed(wgrad(&["--config", &config, "--print-config"])), text);
    let run = run(wgrad(&["--config", &config, "--epochs", "2", "--engine", "cpu", "-q"]));
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
}

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
        let data = write("public", name, &text);
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
    for line in
        [&|_, a, b, _| format!("{a},{b},5"), &|i, a, b, _| format!("{a},{b},{}", 5 * (1 + i % 2))]
            as [&dyn Fn(usize, f64, f64, f64) -> String; 2]
    {
        let data = plane("constant", "a,b,y\n", line);
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
