use proptest::prelude::*;

use super::*;
use crate::data::{Encoding, Field, Labels, Normalize, Preparation, Samples, Source};

fn read(text: &str, options: &CsvOptions) -> Result<Table, DataError> {
    read_csv("f.csv", text.as_bytes(), options)
}

fn plain(text: &str) -> Table {
    read(text, &CsvOptions::default()).unwrap()
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A network of so many inputs and outputs.
fn shape(inputs: usize, outputs: usize) -> CsvOptions {
    CsvOptions { inputs: Some(inputs), outputs: Some(outputs), ..CsvOptions::default() }
}

fn targets(table: &Table) -> Vec<f32> {
    table.encoded(&Labels::Numbers).unwrap().unwrap()
}

#[test]
fn a_file_of_xor_is_the_built_in_one() {
    let xor = Source::Xor.built_in().unwrap().unwrap();
    for text in [
        "# XOR\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n# end",
        "0,0,0\n0,1,1\n1,0,1\n1,1,0\n",
        "a,b,t\r\n0, 0,0\r\n0,1,1\n\n1,0,1\n1,1,0",
        "a;b;t\n0;0;0\n0;1;1\n1;0;1\n1;1;0\n",
        "0\t0\t0\n0\t1\t1\n1\t0\t1\n1\t1\t0\n",
        "  0 0  0\n0 1 1 \n1   0 1\n1 1 0\n",
        "0 0 0\r0 1 1\r1 0 1\r1 1 0\r",
        "0 0 0\r\n0 1 1\r\n1 0 1\r\n1 1 0\r\n",
        "\u{feff}a|b|t\n0|0|0\n0|1|1\n1|0|1\n1|1|0\n",
    ] {
        let table = plain(text);
        assert_eq!(
            (&table.numbers()[..], &targets(&table)[..]),
            (xor.inputs(), xor.targets()),
            "{text}"
        );
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let cases = [
        ("", "no rows"),
        ("a,b\n", "no rows"),
        ("1,2\n3\n", "line 2 has 1 field where the others have 2"),
        ("1,2\n3,4,5\n", "line 2 has 3 fields where the others have 2"),
        ("1,2\n3,x\n", "line 2, column 2: \"x\" is not a number"),
        ("1,2\nx,2\n", "line 2, column 1: \"x\" is not a number"),
        (
            "1,2\n3,\n",
            "missing values in 2 (1 of 2 rows); use `missing` drop to leave the rows without",
        ),
        ("1,2\n,3\n", "missing values in 1 (1 of 2 rows); use `missing` mean"),
        ("1,2\nNaN,4\n", "missing values in 1 (1 of 2 rows)"),
        ("nan,2\n3,?\n", "missing values in 1 (1 of 2 rows), 2 (1)"),
        ("a,b,c\n,2,1\n3,n/a,2\n,NULL,3\n", "missing values in a (2 of 3 rows), b (2)"),
        ("1,inf\n", "line 1, column 2: \"inf\" is not finite"),
        ("1,2\n3,1e400\n", "line 2, column 2: \"1e400\" is beyond the range of f32"),
        // Lines as an editor counts them, whatever ends them and whatever is passed over.
        ("a,b\r\n1,2\r\n3,x\r\n", "line 3, column 2: \"x\""),
        ("a,b\r1,2\r3,x\r", "line 3, column 2: \"x\""),
        ("a,b\n1,2\n\n\n# c\n  \n3,x\n", "line 7, column 2: \"x\""),
        ("# c\n\n1,2\r\n\r\n1,2,3\r\n", "line 5 has 3 fields"),
        ("\n\n1,5,3\n1,2,3\n1,x,3\n", "line 5, column 2: \"x\" is not a number, unlike most"),
        // What may be a header, and what is none.
        (
            "0,1,2,3\n4,5,6,7\n",
            "line 1 counts the columns: if these are their names, use `header: true`",
        ),
        ("1,2,NA\n2,3,4.5\n", "missing values in 3 (1 of 2 rows)"),
        ("a,b\n1,2\n2,x\n", "`classes: true`"),
        ("1,\"3,5\"\n2,\"4,5\"\n", "line 1, column 2: \"3,5\" is a number with a decimal comma"),
        ("1,\"1,234\"\n2,\"4\"\n", "\"1,234\" is a number with thousands separators"),
        ("\"1,234\",0\n5,1\n", "\"1,234\" is a number with thousands separators"),
        (
            "1;3,5\n2;4.5\n",
            "line 2, column 2: \"4.5\" is a number with a decimal point, where others",
        ),
        ("1.5;3\n2;4,5\n", "line 2, column 2: \"4,5\" is a number with a decimal comma"),
        ("a,b,y\n1,2,u\n3,4,\"v\n5,6,u\n", "line 3 opens a quote"),
        ("1,2,0\n5,6,\"0", "line 2 opens a quote"),
        ("1 2 0\r3 x 1\r", "line 2, column 2: \"x\""),
        ("1,a\n2,b\u{1b}[31m\n", "control character"),
        ("1,New York\n2,Los Angeles\n3,4,San Jose\n", "line 3 has 3 fields"),
        ("My data\na,b\n1,2\n", "line 1 has one field"),
        ("h,i\n1,1e39\n", "line 2, column 2: \"1e39\" is beyond the range of f32"),
        ("1,b\n2,\n", "missing values in 2 (1 of 2 rows)"),
        ("1,b\n2,nan\n", "missing values in 2 (1 of 2 rows)"),
        ("1;2\n3\n", "line 2 has 1 field where the others have 2"),
        ("a,b,a\n1,2,3\n", "columns 1 and 3 are both named \"a\""),
        ("a,b\n\n\n1,2\n3,?\n", "missing values in b (1 of 2 rows)"),
        ("5\n6\n", "line 1 has one field"),
    ];
    for (text, part) in cases {
        let error = read(text, &CsvOptions::default()).unwrap_err().to_string();
        assert!(error.contains(part) && error.contains("f.csv"), "{text:?}: {error}");
        assert!(error.contains("(read with "), "what was assumed is missing: {error}");
    }
    let error = read_csv("f.csv", b"1,\xff\n", &CsvOptions::default()).unwrap_err().to_string();
    assert!(error.contains("UTF-8"), "{error}");
}

#[test]
fn the_sizes_of_a_network_say_which_columns_are_targets() {
    let table = read("1,2,3\n4,5,6\n", &shape(2, 1)).unwrap();
    assert_eq!((table.numbers(), targets(&table)), (vec![1., 2., 4., 5.], vec![3., 6.]));
    let table = read("1,2,3\n4,5,6\n", &shape(1, 2)).unwrap();
    assert_eq!((table.numbers(), targets(&table)), (vec![1., 4.], vec![2., 3., 5., 6.]));
    let without = CsvOptions { targets_optional: true, ..shape(3, 1) };
    assert!(!read("1,2,3\n", &without).unwrap().has_targets());
    let error = read("1,2,3\n", &shape(3, 1)).unwrap_err().to_string();
    assert!(error.contains("no targets"), "{error}");
    assert!(read("1,2,3\n", &shape(4, 1)).is_err());
    assert!(read("1,2,3\n", &shape(2, usize::MAX)).is_ok_and(|table| table.has_classes()));
    // One column for three outputs names one of them.
    let table = read("1,2,0\n4,5,2\n1,1,1\n", &shape(2, 3)).unwrap();
    let labels = Labels::of(&table, Some(3)).unwrap();
    let encoded = table.encoded(&labels).unwrap().unwrap();
    assert_eq!(encoded, [1., 0., 0., 0., 0., 1., 0., 1., 0.]);
}

#[test]
fn columns_are_chosen_by_name_and_by_number() {
    let text = "id,kind,x,y\n7,cat,1,2\n8,dog,3,4\n";
    let options = |target: &[&str], ignore: &[&str]| CsvOptions {
        target: strings(target),
        ignore: strings(ignore),
        ..CsvOptions::default()
    };
    for options in [options(&["kind"], &["id"]), options(&["2"], &["1"])] {
        let table = read(text, &options).unwrap();
        assert_eq!(table.numbers(), [1., 2., 3., 4.]);
        let names = (&strings(&["x", "y"])[..], &strings(&["kind"])[..]);
        assert!(table.has_classes() && table.names() == names);
    }
    let several = read(text, &options(&["y", "x"], &["kind"])).unwrap();
    assert_eq!((several.numbers(), targets(&several)), (vec![7., 8.], vec![2., 1., 4., 3.]));
    for (bad, part) in [
        (options(&["colour"], &[]), "\"colour\"; its columns are id, kind, x, y"),
        (options(&["5"], &[]), "\"5\""),
        (options(&["x"], &["0"]), "\"0\""),
    ] {
        let error = read(text, &bad).unwrap_err();
        assert!(error.to_string().contains(part) && error.exit_code() == 2, "{error}");
    }
    for (bad, part) in [
        (options(&["x", "x"], &[]), "\"x\" is a target twice"),
        (options(&["x"], &["3"]), "\"x\" is both"),
    ] {
        let error = read(text, &bad).unwrap_err();
        assert!(error.to_string().contains(part) && error.exit_code() == 2, "{error}");
    }
    let error = read("1,2\n", &options(&["y"], &[])).unwrap_err().to_string();
    assert!(error.contains("numbered 1 to 2"), "{error}");
}

#[test]
fn known_names_are_found_wherever_they_stand() {
    let known = CsvOptions {
        known_inputs: strings(&["x", "y"]),
        known_targets: strings(&["kind"]),
        targets_optional: true,
        ..shape(2, 2)
    };
    let table = read("y,kind,x\n2,cat,1\n", &known).unwrap();
    assert!(table.numbers() == [1., 2.] && table.has_classes());
    let without = read("y,more,x\n2,9,1\n", &known).unwrap();
    assert!(without.numbers() == [1., 2.] && !without.has_targets());
    // Other names are refused, no names are taken by place.
    let error = read("x,b\n2,1\n", &known).unwrap_err().to_string();
    assert!(error.contains("no column \"y\"") && error.contains("x, b"), "{error}");
    assert!(read("x,y,x\n2,1,3\n", &known).unwrap_err().to_string().contains("both named"));
    assert_eq!(read("2,1\n", &known).unwrap().numbers(), [2., 1.]);
    // What is left out is no target, and may be empty.
    let input = CsvOptions { ignore: strings(&["x"]), ..known.clone() };
    let error = read("x,y,kind\n1,2,\n", &input).unwrap_err();
    assert!(error.to_string().contains("\"x\" is an input") && error.exit_code() == 2, "{error}");
    let ignored = CsvOptions { ignore: strings(&["kind"]), ..known };
    assert!(!read("x,y,kind\n1,2,\n", &ignored).unwrap().has_targets());
}

#[test]
fn the_delimiter_is_the_one_that_leaves_numbers() {
    let table = plain("1,a;b\n2,c;d\n");
    assert!(table.has_classes() && table.rows() == 2 && table.numbers() == [1., 2.]);
    assert_eq!(plain("1;a,b\n2;c,d\n").numbers(), [1., 2.]);
    assert_eq!(plain("1,New York\n2,Los Angeles\n").numbers(), [1., 2.]);
}

/// Without names, targets are looked for where they stood in training.
#[test]
fn targets_are_where_they_were() {
    let said =
        CsvOptions { target: strings(&["2"]), ignore: strings(&["1"]), ..CsvOptions::default() };
    let trained = read("9,a,1,2\n9,b,3,4\n", &said).unwrap();
    assert_eq!(trained.names.target_places, [0]);
    let later = CsvOptions {
        known_places: trained.names.target_places,
        targets_optional: true,
        classes: Some(true),
        ..shape(2, 1)
    };
    let table = read("a,5,6\n", &later).unwrap();
    assert!(table.has_classes() && table.numbers() == [5., 6.]);
    assert!(!read("5,6\n", &later).unwrap().has_targets());
}

#[test]
fn headers_and_delimiters_can_be_said() {
    let said = |header| CsvOptions { header: Some(header), ..CsvOptions::default() };
    assert_eq!(read("5,7\n1,2\n", &said(true)).unwrap().rows(), 1);
    assert_eq!(plain("5,7\n1,2\n").rows(), 2);
    let error = read("x,y\n1,2\n", &said(false)).unwrap_err().to_string();
    assert!(error.contains("line 2, column 2"), "{error}");
    let pipe = CsvOptions { delimiter: Some(b'|'), ..CsvOptions::default() };
    assert_eq!(read("1|2\n", &pipe).unwrap().numbers(), [1.0]);
    // One column that pandas left without a name: the others keep theirs. Two: no column has one.
    let table = plain(",a,b\n0,1,2\n1,3,4\n");
    assert!(table.rows() == 2 && table.names().0 == ["", "a"]);
    assert!(plain(",,b\n0,1,2\n1,3,4\n").names().0.is_empty());
    // Texts above numbers, and numbers that count the columns of a data frame.
    for text in ["2019,2020,price\n1,2,10\n", "0,1,2,label\n1,2,3,4\n", "0,x,2\n1,2,3\n"] {
        assert_eq!(plain(text).rows(), 1, "{text}");
    }
    for text in [",0,1\n0,5,6\n", "0,1,2\n0.1,0.9,0\n"] {
        assert_eq!(plain(text).rows(), 1, "{text}");
    }
    assert_eq!(plain("0,1,1\n1,0,1\n").rows(), 2);
}

#[test]
fn numbers_have_a_comma_where_all_of_them_agree() {
    for text in ["1;3,5;0\n2,25;4;1\n", "a\tb\tc\n1\t3,5\t0\n2,25\t4\t1\n"] {
        assert_eq!(plain(text).numbers(), [1., 3.5, 2.25, 4.], "{text}");
    }
    let comma = CsvOptions { decimal_comma: Some(true), ..CsvOptions::default() };
    assert_eq!(read("\"1,5\",0\n2,1\n", &comma).unwrap().numbers(), [1.5, 2.]);
}

#[test]
fn lines_before_the_table_and_comments_are_passed_over() {
    let said = CsvOptions { skip_lines: 2, comment: Some(b'%'), ..CsvOptions::default() };
    let table = read("report\nof, 2020,\na,b\n% more\n1,2\n3,4\n", &said).unwrap();
    assert_eq!((table.rows(), table.names().0), (2, &strings(&["a"])[..]));
    let error = read("x\ny\na,b\n1,2\n3\n", &said).unwrap_err().to_string();
    assert!(error.contains("line 5 has 1 field"), "{error}");
    let none = CsvOptions { comment: None, ..CsvOptions::default() };
    assert_eq!(read("#a,#b\n1,2\n", &none).unwrap().numbers(), [1.]);
}

#[test]
fn quotes_hold_line_ends_and_names_hold_commas() {
    let text = "id,\"a,b\",k\r\n1,\"fine\",0\r\n2,\"two\r\nlines # no comment\",1\r\n3,x,x\r\n";
    let ignore = |names: &[&str]| CsvOptions { ignore: strings(names), ..CsvOptions::default() };
    // A list is split at commas before it comes here.
    let error = read(text, &ignore(&["id", "a", "b"])).unwrap_err();
    assert!(error.to_string().contains("no column is left for inputs: of 3"), "{error}");
    let error = read(text, &ignore(&["a", "b"])).unwrap_err().to_string();
    assert!(error.contains("line 5, column 3: \"x\""), "{error}");
    assert_eq!(plain("\"1\n\",2,0\n3,4,1\n").numbers(), [1., 2., 3., 4.]);
}

#[test]
fn columns_of_texts_are_one_hot_or_refused_all_at_once() {
    let rows = |name: fn(usize) -> String| -> String {
        let line = |row: usize| {
            let color = ["red", "green", "blue"][row % 3];
            let fresh = ["Yes", "no"][row % 2];
            format!("{},{color},{fresh},{row},{}\n", name(row), row * row)
        };
        "id,color,fresh,size,price\n".to_owned() + &(0..30).map(line).collect::<String>()
    };
    let samples = |text: &str, options: &CsvOptions| {
        Samples::new(read(text, options)?, None, &Preparation::default())
    };
    let ids = rows(|row| format!("id {row}"));
    let error = samples(&ids, &CsvOptions::default()).unwrap_err().to_string();
    assert!(error.contains("id has 30 different ones; leave them out with `ignore` id"), "{error}");
    let ignore = CsvOptions { ignore: strings(&["id"]), ..CsvOptions::default() };
    let found = samples(&ids, &ignore).unwrap();
    let colors = Encoding::OneHot(strings(&["blue", "green", "red"]), None);
    let encodings = [colors, Encoding::Flag(None), Encoding::Number(None)];
    assert_eq!(found.schema.encodings, encodings);
    assert_eq!(found.normalize, Normalize::Standard);
    // blue, green, red, fresh, size: only the last is scaled.
    assert_eq!(found.train.input_len(), 5);
    assert_eq!(found.train.input(0)[..4], [0., 0., 1., 1.]);
    assert_eq!(found.train.input(1)[..4], [0., 1., 0., 0.]);
    let sizes: f32 = (0..30).map(|row| found.train.input(row)[4]).sum();
    assert!(sizes.abs() < 1e-5, "{sizes}");
    // The same columns of numbers as categories, and texts that are not known.
    let said = CsvOptions { categorical: strings(&["size", "id"]), ..CsvOptions::default() };
    assert_eq!(samples(&ids, &said).unwrap().train.input_len(), 30 + 3 + 1 + 30);
    let known = CsvOptions { known_texts: found.schema.texts(3), ..CsvOptions::default() };
    let later = read("color,fresh,size,price\nred,true,3,1\npink,no,4,2\n", &known).unwrap();
    let error = found.schema.encode(&later).unwrap_err().to_string();
    assert!(error.contains("line 3, column color: \"pink\" was not trained on"), "{error}");
    assert!(error.contains("blue, green, red"), "{error}");
}

#[test]
fn missing_values_are_dropped_or_filled_in() {
    let text = "age,kind,y\n1,a,1\n?,a,2\n3,,3\nNA,b,4\n8,a,5\n9,a,7\n7,b,9\n";
    let of = |missing| CsvOptions { missing, ..CsvOptions::default() };
    let error = read(text, &of(Missing::Error)).unwrap_err().to_string();
    assert!(error.contains("missing values in age (2 of 7 rows), kind (1)"), "{error}");
    assert_eq!(targets(&read(text, &of(Missing::Drop)).unwrap()), [1., 5., 7., 9.]);
    let table = read(text, &of(Missing::Mean)).unwrap();
    let none = Preparation { normalize: Some(Normalize::None), ..Preparation::default() };
    let fills = Preparation { fills: true, ..none.clone() };
    let filled = Samples::new(table, None, &fills).unwrap();
    let mean = (1.0 + 3.0 + 8.0 + 9.0 + 7.0) / 5.0;
    assert_eq!(filled.train.input(1), [mean, 1., 0.]);
    assert_eq!(filled.train.input(2), [3., 1., 0.]);
    assert_eq!(filled.train.input(6), [7., 0., 1.]);
    // What is known of the training fills in later rows; without it they are refused.
    let later = CsvOptions { known_texts: filled.schema.texts(2), ..of(Missing::Mean) };
    let table = read("age,kind,y\n,b,1\n2,null,1\n", &later).unwrap();
    assert_eq!(filled.schema.encode(&table).unwrap(), [mean, 0., 1., 2., 1., 0.]);
    let whole = read("age,kind,y\n1,a,1\n2,b,2\n3,a,3\n4,b,1\n5,a,1\n6,b,1\n", &of(Missing::Error))
        .unwrap();
    let whole = Samples::new(whole, None, &none).unwrap();
    let error = whole.schema.encode(&table).unwrap_err().to_string();
    assert!(error.contains("missing values in age (1 of 2 rows)"), "{error}");
}

#[test]
fn labels_that_are_numbers_are_one_however_they_are_written() {
    let options = CsvOptions { classes: Some(true), ..CsvOptions::default() };
    let table = read("1,1.0\n2,1\n3,0\n4,x\n5,007\n6,7\n7,1.5\n8,-0\n9,+1\n", &options).unwrap();
    let labels = Labels::of(&table, None).unwrap();
    assert_eq!(labels.names(), strings(&["0", "007", "1", "1.5", "7", "x"]));
    let many: String = (0..=10_000).map(|i| format!("1,c{i}\n")).collect();
    let error = read(&many, &CsvOptions::default()).unwrap_err().to_string();
    assert!(error.contains("line 10001, column 2") && error.contains("\"c10000\""), "{error}");
}

/// Whether every number is finite, and none is missing.
fn is_sound(table: &Table) -> bool {
    let is_sound = |field: Field<'_>| match field {
        Field::Number(value) => (value as f32).is_finite(),
        Field::Text(text) => !text.is_empty(),
        Field::Missing => false,
    };
    (0..table.rows()).all(|row| table.fields(row).all(is_sound))
}

proptest! {
    /// Whatever the bytes, an answer or an error, never a panic; an answer is rectangular and finite.
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>, classes: Option<bool>, header: Option<bool>) {
        let options = CsvOptions { classes, header, ..CsvOptions::default() };
        if let Ok(table) = read_csv("any", &bytes, &options) {
            let len = (0..table.rows()).map(|row| table.fields(row).count()).sum::<usize>();
            prop_assert_eq!(len, table.rows() * table.input_len());
            prop_assert!(is_sound(&table));
        }
    }

    /// The same over what looks like a table.
    #[test]
    fn any_text_of_fields_is_read_or_refused(text in "([-0-9a.,; \t\"#\n]|nan|inf|1e39){0,80}") {
        if let Ok(table) = read_csv("any", text.as_bytes(), &CsvOptions::default()) {
            prop_assert!(table.rows() > 0 && table.input_len() > 0);
            prop_assert!(is_sound(&table));
        }
    }

    /// What is written is what is read, whichever delimiter stands between.
    #[test]
    fn numbers_come_back(
        rows in prop::collection::vec(prop::array::uniform3(-1e6f32..1e6), 1..20),
        delimiter in prop::sample::select(vec![',', ';', '\t', '|', ' ']),
    ) {
        let line = |row: &[f32; 3]| {
            let fields: Vec<String> = row.iter().map(f32::to_string).collect();
            fields.join(&delimiter.to_string()) + "\n"
        };
        let text: String = rows.iter().map(line).collect();
        let table = read_csv("any", text.as_bytes(), &CsvOptions::default()).unwrap();
        let expected: Vec<f32> = rows.iter().flat_map(|row| [row[0], row[1]]).collect();
        prop_assert_eq!(table.numbers(), expected);
        let third: Vec<f32> = rows.iter().map(|row| row[2]).collect();
        prop_assert_eq!(targets(&table), third);
    }
}
