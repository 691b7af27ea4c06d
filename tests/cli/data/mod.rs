//! Real data as a stranger brings it: tables, IDX files, held-out rows, classes by name; and what
//! is wrong with it, told before anything is trained.

mod tables;

use std::io::Write;
use std::process::{Command, Stdio};

use crate::command::{events, fail, folder, run, stderr, stdout, succeed, wgrad, write};
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
    let data = write("data-numbers", "train.csv", "1,1\n2,2\n3,3\n4,4\n");
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
    let model = folder("data-parts").join("iris.safetensors");
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
    let path = write("data-config", "rows.csv", "x;y;t\n1;2;a\n3;4;b\n5;6;a\n7;8;b\n");
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
