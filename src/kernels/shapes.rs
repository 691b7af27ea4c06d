//! The lines that stand for those which the host appends to a kernel for a shape: what the tests
//! build it with. Each is that of 2-3-1 or 2-3-2-1 over the four rows of XOR.

/// A network of one output.
pub(super) const ONE_OUTPUT: &str = "const OUTPUTS: u32 = 1u; const OUTPUT_VECTORS: u32 = 1u;";

macro_rules! rows {
    ($kept:literal) => {
        concat!(
            "@group(0) @binding(1) var<uniform> data: array<vec4<f32>, 4>;\n",
            "const ROW_VECTORS: u32 = 1u; const ROWS: u32 = 4u; const KEPT: u32 = ",
            $kept,
            "u;\nconst SHORT_ROWS: u32 = 0u; const FULL: bool = true; const SHUFFLED: bool = false;\n",
            "const JUDGED: bool = false;\n",
        )
    };
}

macro_rules! sizes {
    ($parameters:literal) => {
        concat!(
            "const INPUTS: u32 = 2u; const OUTPUTS: u32 = 1u; const PARAMETERS: u32 = ",
            $parameters,
            "u;"
        )
    };
}

macro_rules! one_hidden {
    () => {
        "\
const HIDDEN_0: Layer = Layer(0u, 0.0f, 3u, 3u, 1u, 0u, 0u, 2u, FROM_DATA, 4u);
const LAST: Layer = HIDDEN_0; const OUTPUTS_AT: u32 = 3u; const UNIT_VECTORS: u32 = 1u; const VECTORS: u32 = 5u;
fn forward_layers() {
    forward_group(HIDDEN_0, 0u);
}
fn backward_layers() {
    backward_group(HIDDEN_0, 0u);
}
fn load(network: u32) {
    load_vector(0u, Place(0u, 1u, 3u), network);
    load_vector(1u, Place(3u, 1u, 3u), network);
    load_vector(2u, Place(6u, 1u, 3u), network);
    load_vector(3u, Place(9u, 1u, 3u), network);
    load_vector(4u, Place(12u, 1u, 1u), network);
}
fn store(network: u32) -> bool {
    var is_finite = true;
    is_finite &= store_vector(0u, Place(0u, 1u, 3u), network);
    is_finite &= store_vector(1u, Place(3u, 1u, 3u), network);
    is_finite &= store_vector(2u, Place(6u, 1u, 3u), network);
    is_finite &= store_vector(3u, Place(9u, 1u, 3u), network);
    is_finite &= store_vector(4u, Place(12u, 1u, 1u), network);
    return is_finite;
}
fn largest() -> f32 {
    var largest = 0.0;
    largest = max(largest, largest_of(0u));
    largest = max(largest, largest_of(1u));
    largest = max(largest, largest_of(2u));
    largest = max(largest, largest_of(3u));
    largest = max(largest, largest_of(4u));
    return largest;
}
fn squares(scale: f32) -> f32 {
    var sum = 0.0;
    sum += square_of(0u, scale);
    sum += square_of(1u, scale);
    sum += square_of(2u, scale);
    sum += square_of(3u, scale);
    sum += square_of(4u, scale);
    return sum;
}
fn update(rule: Rule, clip: vec2<f32>) {
    update_vector(0u, rule, clip);
    update_vector(1u, rule, clip);
    update_vector(2u, rule, clip);
    update_vector(3u, rule, clip);
    update_vector(4u, rule, clip);
}
"
    };
}

macro_rules! two_hidden {
    () => {
        "\
const HIDDEN_0: Layer = Layer(0u, 0.0f, 3u, 3u, 1u, 0u, 0u, 2u, FROM_DATA, 4u);
const HIDDEN_1: Layer = Layer(0u, 0.0f, 2u, 2u, 1u, 3u, 1u, 3u, 0u, 3u);
const LAST: Layer = HIDDEN_1; const OUTPUTS_AT: u32 = 7u; const UNIT_VECTORS: u32 = 2u; const VECTORS: u32 = 9u;
fn forward_layers() {
    forward_group(HIDDEN_0, 0u);
    forward_group(HIDDEN_1, 0u);
}
fn backward_layers() {
    backward_group(HIDDEN_1, 0u);
    backward_group(HIDDEN_0, 0u);
}
fn load(network: u32) {
    load_vector(0u, Place(0u, 1u, 3u), network);
    load_vector(1u, Place(3u, 1u, 3u), network);
    load_vector(2u, Place(6u, 1u, 3u), network);
    load_vector(3u, Place(9u, 1u, 2u), network);
    load_vector(4u, Place(11u, 1u, 2u), network);
    load_vector(5u, Place(13u, 1u, 2u), network);
    load_vector(6u, Place(15u, 1u, 2u), network);
    load_vector(7u, Place(17u, 1u, 2u), network);
    load_vector(8u, Place(19u, 1u, 1u), network);
}
fn store(network: u32) -> bool {
    var is_finite = true;
    is_finite &= store_vector(0u, Place(0u, 1u, 3u), network);
    is_finite &= store_vector(1u, Place(3u, 1u, 3u), network);
    is_finite &= store_vector(2u, Place(6u, 1u, 3u), network);
    is_finite &= store_vector(3u, Place(9u, 1u, 2u), network);
    is_finite &= store_vector(4u, Place(11u, 1u, 2u), network);
    is_finite &= store_vector(5u, Place(13u, 1u, 2u), network);
    is_finite &= store_vector(6u, Place(15u, 1u, 2u), network);
    is_finite &= store_vector(7u, Place(17u, 1u, 2u), network);
    is_finite &= store_vector(8u, Place(19u, 1u, 1u), network);
    return is_finite;
}
fn largest() -> f32 {
    var largest = 0.0;
    largest = max(largest, largest_of(0u));
    largest = max(largest, largest_of(1u));
    largest = max(largest, largest_of(2u));
    largest = max(largest, largest_of(3u));
    largest = max(largest, largest_of(4u));
    largest = max(largest, largest_of(5u));
    largest = max(largest, largest_of(6u));
    largest = max(largest, largest_of(7u));
    largest = max(largest, largest_of(8u));
    return largest;
}
fn squares(scale: f32) -> f32 {
    var sum = 0.0;
    sum += square_of(0u, scale);
    sum += square_of(1u, scale);
    sum += square_of(2u, scale);
    sum += square_of(3u, scale);
    sum += square_of(4u, scale);
    sum += square_of(5u, scale);
    sum += square_of(6u, scale);
    sum += square_of(7u, scale);
    sum += square_of(8u, scale);
    return sum;
}
fn update(rule: Rule, clip: vec2<f32>) {
    update_vector(0u, rule, clip);
    update_vector(1u, rule, clip);
    update_vector(2u, rule, clip);
    update_vector(3u, rule, clip);
    update_vector(4u, rule, clip);
    update_vector(5u, rule, clip);
    update_vector(6u, rule, clip);
    update_vector(7u, rule, clip);
    update_vector(8u, rule, clip);
}
"
    };
}

macro_rules! layers {
    () => {
        "\
const PARAMETERS: u32 = 13u; const UNITS: u32 = 4u;
fn forward_layers(lane: u32, rows: u32) {
    forward_layer(lane, rows, 0u, 0.0, 0u, 2u, 3u, FROM_DATA, 0u);
    forward_layer(lane, rows, 4u, 0.0, 9u, 3u, 1u, 0u, 12u);
}
fn backward_layers(lane: u32, rows: u32) {
    backward_layer(lane, rows, 0u, 0.0, 9u, 3u, 1u, 0u, 12u);
}
fn update_layers(lane: u32, rows: u32, rule: Rule) {
    update_layer(lane, rows, rule, 0u, 2u, 3u, FROM_DATA, 0u);
    update_layer(lane, rows, rule, 9u, 3u, 1u, 0u, 12u);
}
"
    };
}

/// Plain gradient descent; every moment and every kind of clipping.
macro_rules! plain {
    () => {
        "const OPTIMIZER: u32 = 0u; const DECAY: u32 = 0u; const STATES: u32 = 1u; const CLIP_NORM: bool = false; const CLIP_VALUE: bool = false; const SCHEDULED: bool = false;\n"
    };
}

macro_rules! adam {
    () => {
        "const OPTIMIZER: u32 = 3u; const DECAY: u32 = 2u; const STATES: u32 = 3u; const CLIP_NORM: bool = true; const CLIP_VALUE: bool = true; const SCHEDULED: bool = true;\n"
    };
}

pub(super) const INVOCATION: &[&str] = &[
    concat!("const PARAMETERS: u32 = 13u;\n", plain!(), one_hidden!(), rows!("4")),
    concat!("const PARAMETERS: u32 = 20u;\n", plain!(), two_hidden!(), rows!("4")),
    concat!("const PARAMETERS: u32 = 13u;\n", adam!(), one_hidden!(), rows!("4")),
    concat!("const PARAMETERS: u32 = 20u;\n", adam!(), two_hidden!(), rows!("4")),
];

pub(super) const WORKGROUP: &[&str] = &[
    concat!(rows!("0"), layers!(), "const KEPT_GRADIENTS: u32 = 1u;\n", plain!()),
    concat!(rows!("0"), layers!(), "const KEPT_GRADIENTS: u32 = 13u;\n", adam!()),
];
