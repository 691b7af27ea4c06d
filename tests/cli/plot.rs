//! Pictures of runs, saved networks and tables: their numbers, their pixels, and what is refused.

use std::fs;
use std::io::Read;
use std::path::Path;

use crate::command::{events, fail, folder, succeed, text, wgrad};

/// A run of XOR that is solved, in a folder, with its network beside it.
fn xor(folder: &Path, engine: &str) -> (String, String) {
    fs::create_dir_all(folder).unwrap();
    let (run, model) = (folder.join("xor"), folder.join("xor.safetensors"));
    let common = ["--engine", engine, "--restarts", "1", "--seed", "2", "--epochs", "600", "-q"];
    succeed(wgrad(&[&common[..], &["--out", text(&run), "--save", text(&model)]].concat()));
    (text(&run).to_owned(), text(&model).to_owned())
}

/// The picture of some kind as SVG.
#[track_caller]
fn drawn(of: &[&str], what: &str) -> String {
    let svg = succeed(wgrad(&[&["plot"], of, &["--what", what, "--out", "-"]].concat()));
    assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"), "{svg}");
    svg
}

/// The value of an attribute of every element of a kind.
fn attributes<'a>(svg: &'a str, element: &str, name: &str) -> Vec<&'a str> {
    let (element, name) = (format!("<{element} "), format!(" {name}=\""));
    let elements = svg.lines().filter(|line| line.starts_with(&element));
    elements.filter_map(|line| line.split_once(&name)?.1.split('"').next()).collect()
}

fn numbers(svg: &str, element: &str, name: &str) -> Vec<f64> {
    attributes(svg, element, name).iter().map(|text| text.parse().unwrap()).collect()
}

/// Every text of a picture.
fn texts(svg: &str) -> Vec<&str> {
    let lines = svg.lines().filter(|line| line.starts_with("<text "));
    lines.filter_map(|line| line.split_once('>')?.1.strip_suffix("</text>")).collect()
}

/// From the places of two ticks on an axis to its values: the first value of each and the points per unit.
fn axis(svg: &str, ticks: [&str; 2], place: &str) -> impl Fn(f64) -> f64 {
    let of = |tick: &str| -> f64 {
        let end = format!(">{tick}</text>");
        let is_it = |line: &&str| {
            let anchor = if place == "x" { "\"middle\"" } else { "\"end\"" };
            line.starts_with("<text ") && line.ends_with(&end) && line.contains(anchor)
        };
        let line = svg.lines().find(is_it).unwrap_or_else(|| panic!("no tick {tick}"));
        line.split_once(&format!(" {place}=\""))
            .unwrap()
            .1
            .split('"')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    };
    let (first, second) = (of(ticks[0]), of(ticks[1]));
    let values = ticks.map(|tick| tick.parse::<f64>().unwrap());
    move |at| values[0] + (at - first) / (second - first) * (values[1] - values[0])
}

#[test]
fn a_saved_network_and_its_run_are_drawn_alike_on_every_device() {
    let folder = folder("plot-alike");
    for (engine, device) in [("cpu", "cpu"), ("layered", "software")] {
        let (run, model) = xor(&folder.join(device), engine);
        for what in ["boundary", "units", "hidden", "weights", "confusion"] {
            let common = ["--device", device];
            let of_run = drawn(&[&[&run[..]], &common[..]].concat(), what);
            let of_model = drawn(&[&[&model[..], "--data", "xor"], &common[..]].concat(), what);
            assert!(of_run == of_model, "{what} on {device}");
        }
    }
}

/// On the line on which the outputs are 1/2, what the network predicts is 1/2: `predict` says so.
#[test]
fn the_boundary_lies_where_predictions_are_one_half() {
    let (run, model) = xor(&folder("plot-boundary"), "cpu");
    let svg = drawn(&[&run], "boundary");
    for name in
        ["input 1", "input 2", "probability of 1", "probability 0.5", "all rows: 4 of 4 correct"]
    {
        assert!(texts(&svg).contains(&name), "{name}: {:?}", texts(&svg));
    }
    // Four rows, and two names of classes above.
    assert_eq!(attributes(&svg, "circle", "cx").len(), 6);
    assert_eq!(attributes(&svg, "image", "href").len(), 2);
    let x = axis(&svg, ["0", "1.0"], "x");
    let y = axis(&svg, ["0.2", "0.8"], "y");
    // Text stands a bit below its tick.
    let shift = 0.36 * 10.0;
    let ink = "stroke=\"#222222\" stroke-width=\"1.6\"";
    let lines = svg.lines().filter(|line| line.starts_with("<polyline") && line.contains(ink));
    let mut asked = vec!["predict".to_owned(), "--model".to_owned(), model, "--json".to_owned()];
    for line in lines {
        let points = line.split('"').nth(1).unwrap();
        for point in points.split(' ').filter(|point| !point.is_empty()).step_by(9) {
            let (a, b) = point.split_once(',').unwrap();
            let [a, b] = [a, b].map(|text| text.parse::<f64>().unwrap());
            asked.extend(["--input".to_owned(), format!("{},{}", x(a), y(b + shift))]);
        }
    }
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    assert!(asked.len() > 20, "{asked:?}");
    for event in events(wgrad(&asked)).iter().filter(|event| event["event"] == "prediction") {
        let said = event["output"][0].as_f64().unwrap();
        // The grid is 1/93 fine, and places are rounded to a hundredth of a point.
        assert!((said - 0.5).abs() < 0.05, "{event}");
    }
}

#[test]
fn curves_hold_every_point_of_the_history() {
    let folder = folder("plot-curves");
    let run = folder.join("run");
    let flags =
        ["--data", "spirals", "--validation", "0.2", "--epochs", "40", "--schedule", "cosine"];
    succeed(wgrad(&[&flags[..], &["--engine", "cpu", "--out", text(&run), "-q"]].concat()));
    let svg = drawn(&[text(&run)], "curves");
    for name in ["loss", "accuracy", "learning rate", "epoch", "training", "validation"] {
        let is_named = |text: &&str| *text == name || text.strip_suffix(", log") == Some(name);
        assert!(texts(&svg).iter().any(is_named), "{name}: {:?}", texts(&svg));
    }
    let history = fs::read_to_string(run.join("history.jsonl")).unwrap();
    let epochs = history.lines().filter(|line| line.contains("\"event\":\"epoch\"")).count();
    assert_eq!(epochs, 40);
    let curves = svg.lines().filter(|line| line.contains("stroke-width=\"1.6\""));
    let lens: Vec<usize> =
        curves.map(|line| line.split('"').nth(1).unwrap().split(' ').count()).collect();
    // Both losses, the accuracy and the rate.
    assert_eq!(lens, [epochs; 4]);
    // The history alone has no rate; two of them are told apart by name.
    let alone = text(&run.join("history.jsonl")).to_owned();
    let both = drawn(&[&alone, text(&run)], "curves");
    assert!(
        texts(&both).contains(&"history, training") && texts(&both).contains(&"run, validation")
    );
    assert!(!texts(&drawn(&[&alone], "curves")).contains(&"learning rate"));
    let doctor = drawn(&[text(&run)], "doctor");
    for name in ["layer 1", "layer 2", "layer 3", "idle units"] {
        assert!(texts(&doctor).contains(&name), "{name}: {:?}", texts(&doctor));
    }
}

#[test]
fn digits_have_a_confusion_matrix_and_misread_images() {
    let folder = folder("plot-digits");
    let run = folder.join("run");
    succeed(wgrad(&[
        "--data",
        "digits",
        "--epochs",
        "6",
        "--engine",
        "cpu",
        "--out",
        text(&run),
        "-q",
    ]));
    let svg = drawn(&[text(&run)], "confusion");
    // The numbers in the squares are all test rows.
    let inner = svg.lines().filter(|line| line.contains("text-anchor=\"middle\""));
    let inner = inner.filter(|line| !line.contains("#606060") && !line.contains("rotate"));
    let counts = inner
        .filter_map(|line| line.split_once('>')?.1.strip_suffix("</text>")?.parse::<u32>().ok());
    assert_eq!(counts.sum::<u32>(), 359);
    let misread = drawn(&[text(&run)], "misread");
    let images = attributes(&misread, "image", "href").len();
    let named = texts(&misread).iter().filter(|text| text.starts_with("read ")).count();
    assert!((1..=24).contains(&images) && named == images, "{images} {named}");
    let hidden = drawn(&[text(&run)], "hidden");
    assert!(
        texts(&hidden)
            .iter()
            .any(|text| text.ends_with("32 units on their two main components (PCA)"))
    );
    fail(
        wgrad(&["plot", text(&run), "--what", "boundary"]),
        2,
        &["--what boundary: needs a network of 2 inputs, and this has 64", "confusion"],
    );
}

#[test]
fn a_regression_is_drawn_in_its_own_unit() {
    let folder = folder("plot-houses");
    let run = folder.join("run");
    let houses = ["--data", "tests/reported/houses.csv", "--test", "0.2", "--engine", "cpu"];
    succeed(wgrad(&[&houses[..], &["--out", text(&run), "-q"]].concat()));
    let svg = drawn(&[text(&run)], "predicted");
    for name in ["true price", "predicted price", "predicted = true", "300000"] {
        assert!(texts(&svg).contains(&name), "{name}: {:?}", texts(&svg));
    }
    assert_eq!(attributes(&svg, "circle", "cx").len(), 40);
}

#[test]
fn tables_are_recognized_by_what_is_in_them() {
    let folder = folder("plot-tables");
    let at = |name: &str| text(&folder.join(name)).to_owned();
    // Whatever they are called.
    let (sweep, drift, bench) = (at("sweep"), at("drift.txt"), at("bench.log"));
    let axes = ["--lr", "0.1,0.5,1", "--width", "2,3", "--activation", "relu,tanh"];
    let small = ["--networks", "16", "--engine", "cpu", "-q", "--csv"];
    succeed(wgrad(&[&["sweep"], &axes[..], &small[..], &[&sweep]].concat()));
    let svg = drawn(&[&sweep], "sweep");
    for name in ["lr", "width", "activation relu", "activation tanh", "share solved"] {
        assert!(texts(&svg).contains(&name), "{name}: {:?}", texts(&svg));
    }
    fs::write(
        &drift,
        "step,loss,reference_loss,drift,bound,share_of_step_bound\n1,0.7,0.7,1e-8,2e-7,0.1\n2,0.6,0.6,3e-8,4e-6,0.2\n",
    )
    .unwrap();
    assert!(texts(&drawn(&[&drift], "drift")).contains(&"largest difference"));
    let row = |hidden: u32, ratio: f64| {
        format!(
            "{{\"event\":\"bench\",\"work\":\"step\",\"sizes\":[784,{hidden},10],\"batch\":32,\"ratio_to_cpu\":{ratio}}}\n"
        )
    };
    fs::write(&bench, format!("{}{}", row(16, 0.5), row(1024, 9.0))).unwrap();
    let svg = drawn(&[&bench], "crossover");
    for name in ["784-H-10, batch 32", "as fast as the CPU", "16", "1024"] {
        assert!(texts(&svg).contains(&name), "{name}: {:?}", texts(&svg));
    }
    let list = events(wgrad(&["plot", &sweep, "--list", "--json"]));
    assert_eq!(list.iter().map(|line| &line["name"]).collect::<Vec<_>>(), ["sweep"]);
}

#[test]
fn what_cannot_be_drawn_is_refused_with_the_fix() {
    let folder = folder("plot-refused");
    let (run, model) = xor(&folder, "cpu");
    let write = |name: &str, content: &[u8]| {
        fs::write(folder.join(name), content).unwrap();
        text(&folder.join(name)).to_owned()
    };
    let other = write("other.csv", b"a,b\n1,2\n");
    let binary = write("binary", &[0xff, 0xfe, 0, 1]);
    let broken = write("broken.jsonl", b"{\"event\":\"epoch\"}\n{oops\n{}\n");
    let result = write("result.json", b"{\"event\":\"result\"}\n");
    let empty = write("empty.csv", b"lr,networks,solved,rate,rate_low,rate_high\n");
    let mut damaged = fs::read(&model).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    let damaged = write("damaged.safetensors", &damaged);
    let here = text(&folder).to_owned();
    let missing = text(&folder.join("missing")).to_owned();
    let cases: [(&[&str], i32, &[&str]); 16] = [
        (
            &[&other],
            6,
            &["other.csv: is no table of wgrad's, it begins with \"a,b\"", "sweep --csv"],
        ),
        (&[&binary], 6, &["binary: is nothing that can be drawn"]),
        (&[&broken], 6, &["broken.jsonl: line 2 is not JSON", "remove that line"]),
        (&[&result], 6, &["has no measurements of an adapter", "bench width --json"]),
        (&[&empty], 6, &["empty.csv: has no rows"]),
        (&[&damaged], 6, &["damaged.safetensors: its content does not match its hash"]),
        (&[&here], 6, &["is not the folder of a run: it has no config.toml"]),
        (&[&missing], 6, &["missing: no such file or folder"]),
        (&[&model, &run], 2, &["xor.safetensors: has no history of a training"]),
        (
            &[&model, "--what", "curves"],
            2,
            &["--what curves: needs the history of a run; give the folder of --out"],
        ),
        (&[&model, "--what", "confusion"], 2, &["needs rows with targets; give them with --data"]),
        (&[&run, "--what", "predicted"], 2, &["needs targets that are numbers"]),
        (&[&run, "--what", "sketch"], 2, &["sketch"]),
        (&[&run, "--out", "run.pdf"], 2, &["--out run.pdf: must end in .svg or .png"]),
        (&[&model, "--data", "iris"], 2, &["rows of 4 inputs do not fit the model, which has 2"]),
        (&[&run, "--engine", "resident"], 2, &["--engine resident: trains"]),
    ];
    for (args, code, parts) in cases {
        let out = text(&folder.join("out.svg")).to_owned();
        let out: &[&str] = if args.contains(&"--out") { &[] } else { &["--out", &out] };
        fail(wgrad(&[&["plot"], args, out].concat()), code, parts);
        assert!(!folder.join("out.svg").exists(), "{args:?}");
    }
    let svg = text(&folder.join("xor.svg")).to_owned();
    let plot = ["plot", &run, "--out", &svg];
    assert_eq!(succeed(wgrad(&plot)), format!("curves, boundary and hidden in {svg}.\n"));
    fail(wgrad(&plot), 2, &["xor.svg: exists", "--force"]);
    let told = events(wgrad(&[&plot[..], &["--force", "--json"]].concat()));
    assert_eq!(told[0]["pictures"], serde_json::json!(["curves", "boundary", "hidden"]));
    assert_eq!(succeed(wgrad(&[&plot[..], &["--force", "-q"]].concat())), format!("{svg}\n"));
    // Without rows a network is still drawn.
    let alone = succeed(wgrad(&["plot", &model, "--out", "-"]));
    assert!(texts(&alone).contains(&"network 2-3-1, relu, sigmoid, bce"), "{alone}");
}

#[test]
fn a_page_holds_every_picture_and_needs_nothing_else() {
    let folder = folder("plot-page");
    let (run, _) = xor(&folder, "cpu");
    let page = text(&folder.join("page.html")).to_owned();
    succeed(wgrad(&["plot", &run, "--page", &page]));
    let html = fs::read_to_string(&page).unwrap();
    let count = succeed(wgrad(&["plot", &run, "--list", "-q"])).lines().count();
    assert_eq!(html.matches("<svg ").count(), count);
    assert!(html.contains("<h2>Configuration</h2>") && html.contains("seed = 2\n"), "{html}");
    for word in ["<script", "http://", "https://", "<link", "src=", "@import"] {
        assert!(!html.replace("http://www.w3.org/2000/svg", "").contains(word), "{word}");
    }
    assert_eq!(
        html.matches("href=").count(),
        html.matches("href=\"data:image/png;base64,").count()
    );
}

/// A PNG file: its width, its height, the kinds of its chunks, and the pixels of its first picture.
fn png(path: &Path) -> (usize, usize, Vec<String>, Vec<[u8; 3]>) {
    let bytes = fs::read(path).unwrap();
    assert_eq!(bytes[..8], *b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let (width, height) = (number(16), number(20));
    let (mut at, mut kinds, mut data) = (8, Vec::new(), Vec::new());
    while at < bytes.len() {
        let kind = String::from_utf8(bytes[at + 4..at + 8].to_vec()).unwrap();
        if kind == "IDAT" {
            data.extend_from_slice(&bytes[at + 8..at + 8 + number(at)]);
        }
        at += 12 + number(at);
        kinds.push(kind);
    }
    let mut raw = Vec::new();
    flate2::read::ZlibDecoder::new(&data[..]).read_to_end(&mut raw).unwrap();
    let mut above = vec![0u8; 3 * width];
    let mut pixels = Vec::new();
    for row in raw.chunks_exact(3 * width + 1) {
        above = row[1..].iter().zip(&above).map(|(own, above)| own.wrapping_add(*above)).collect();
        pixels.extend(above.chunks_exact(3).map(|one| [one[0], one[1], one[2]]));
    }
    assert_eq!(pixels.len(), width * height);
    (width, height, kinds, pixels)
}

/// Where the network is sure, its picture has the colour of the class; and PNG and SVG are of one size.
#[test]
fn the_pixels_of_a_boundary_are_those_of_its_classes() {
    let folder = folder("plot-pixels");
    let (run, _) = xor(&folder, "cpu");
    let path = folder.join("boundary.png");
    succeed(wgrad(&["plot", &run, "--what", "boundary", "--out", text(&path)]));
    let svg = drawn(&[&run], "boundary");
    let (width, height, kinds, pixels) = png(&path);
    assert_eq!(kinds, ["IHDR", "IDAT", "IEND"]);
    let size = ["width", "height"].map(|name| {
        let text = svg.split_once(&format!(" {name}=\"")).unwrap().1;
        text.split('"').next().unwrap().parse::<usize>().unwrap()
    });
    assert_eq!([width, height], size.map(|side| 2 * side));
    let at = |x: f64, y: f64| pixels[(2.0 * y) as usize * width + (2.0 * x) as usize];
    // The four rows, as discs of their class in a white rim: beside them lies the field.
    let [xs, ys] = ["cx", "cy"].map(|name| numbers(&svg, "circle", name));
    let colors = attributes(&svg, "circle", "fill");
    let mut seen = 0;
    for ((&x, &y), &color) in xs.iter().zip(&ys).zip(&colors).filter(|((_, y), _)| **y > 100.0) {
        let [r, g, b] = at(x, y);
        assert_eq!(format!("#{r:02x}{g:02x}{b:02x}"), color);
        let [r, _, b] = at(x + 12.0, y);
        // Blue is the first class, orange the second.
        assert_eq!(b > r, color == "#0072b2", "{color} {:?}", at(x + 12.0, y));
        seen += 1;
    }
    assert_eq!(seen, 4);
    assert_eq!(at(1.0, 1.0), [255; 3]);
}

#[test]
fn a_film_shows_the_training_and_changes_nothing_about_it() {
    let folder = folder("plot-film");
    let [film, a, b] = ["film.png", "a", "b"].map(|name| text(&folder.join(name)).to_owned());
    let common = ["--engine", "cpu", "--restarts", "8", "--epochs", "300"];
    let filmed = [&common[..], &["--save", &a, "--film", &film]].concat();
    let said = succeed(wgrad(&filmed));
    succeed(wgrad(&[&common[..], &["--save", &b]].concat()));
    assert_eq!(fs::read(&a).unwrap(), fs::read(&b).unwrap());
    let (_, _, kinds, pixels) = png(Path::new(&film));
    let frames = kinds.iter().filter(|kind| *kind == "fcTL").count();
    assert!((20..=40).contains(&frames), "{frames}");
    assert!(said.ends_with(&format!("Film of {frames} frames in {film}.\n")), "{said}");
    assert_eq!(kinds.iter().filter(|kind| *kind == "fdAT").count(), frames - 1);
    assert!(pixels.contains(&[255; 3]));
    // The same training has the same film.
    let again = text(&folder.join("again.png")).to_owned();
    succeed(wgrad(&[&common[..], &["--film", &again, "-q"]].concat()));
    assert!(fs::read(&film).unwrap() == fs::read(&again).unwrap());
    let cases: [(&[&str], &[&str]); 4] = [
        (
            &["--data", "iris", "--film", "a.png"],
            &["--film a.png: shows the plane of two inputs, and this network has 4 inputs"],
        ),
        (&["--film", "a.gif"], &["--film a.gif: is written as an animated PNG"]),
        (&["--film", &film], &["film.png: exists", "--force"]),
        (&["--film", "a.png", "--save", "a.png"], &["a.png", "another file"]),
    ];
    for (args, parts) in cases {
        fail(wgrad(&[&common[..2], args].concat()), 2, parts);
    }
}
