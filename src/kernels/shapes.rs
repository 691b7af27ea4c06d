//! The lines that stand for those which the host appends to a kernel for a shape: what the tests
//! build it with. Each is that of 2-3-1 or 2-3-2-1 over the four rows of XOR.

/// A network of one output.
pub(super) const ONE_OUTPUT: &str = "const OUTPUTS: u32 = 1u; const OUTPUT_VECTORS: u32 = 1u;";

macro_rules! rows {
    ($kept:literal) => {
        concat!(
            "@group(0) @binding(1) var<uniform> data: array<vec4<f32>, 4>;\n",
            "const INPUTS: u32 = 2u; const OUTPUTS: u32 = 1u;\n",
            "const ROW_VECTORS: u32 = 1u; const ROWS: u32 = 4u; const KEPT: u32 = ",
            $kept,
            "u; const SHORT_ROWS: u32 = 0u;\n",
            "const FULL: bool = true; const SHUFFLED: bool = false; const JUDGED: bool = false;\n",
        )
    };
}

macro_rules! three_units {
    () => {
        "\
alias Units = vec3<f32>; const UNITS: u32 = 3u; const LANES: u32 = 3u; const GROUPS: u32 = 1u;
fn activate_units(kind: u32, parameter: f32, z: Units) -> Units { return activation3(kind, parameter, z); }
fn slope_units(kind: u32, parameter: f32, z: Units, a: Units) -> Units { return slope3(kind, parameter, z, a); }
fn unit_mask(g: u32) -> Units { return Units(1.0, 1.0, 1.0); }
fn wide_units(v: Units) -> vec4<f32> { return vec4<f32>(v, 0.0); }
fn narrow_units(v: vec4<f32>) -> Units { return v.xyz; }
"
    };
}

macro_rules! two_units {
    () => {
        "\
alias SecondUnits = vec2<f32>; const SECOND_UNITS: u32 = 2u; const SECOND_LANES: u32 = 2u; const SECOND_GROUPS: u32 = 1u;
fn activate_second_units(kind: u32, parameter: f32, z: SecondUnits) -> SecondUnits { return activation2(kind, parameter, z); }
fn slope_second_units(kind: u32, parameter: f32, z: SecondUnits, a: SecondUnits) -> SecondUnits { return slope2(kind, parameter, z, a); }
fn second_unit_mask(g: u32) -> SecondUnits { return SecondUnits(1.0, 1.0); }
fn wide_second_units(v: SecondUnits) -> vec4<f32> { return vec4<f32>(v, 0.0, 0.0); }
fn narrow_second_units(v: vec4<f32>) -> SecondUnits { return v.xy; }
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

pub(super) const ONE_HIDDEN: &[&str] = &[
    concat!(rows!("4"), "const PARAMETERS: u32 = 13u;\n", three_units!(), plain!()),
    concat!(rows!("4"), "const PARAMETERS: u32 = 13u;\n", three_units!(), adam!()),
];

pub(super) const TWO_HIDDEN: &[&str] = &[
    concat!(rows!("4"), "const PARAMETERS: u32 = 20u;\n", three_units!(), two_units!(), plain!()),
    concat!(rows!("4"), "const PARAMETERS: u32 = 20u;\n", three_units!(), two_units!(), adam!()),
];

pub(super) const WORKGROUP: &[&str] = &[
    concat!(rows!("0"), layers!(), "const KEPT_GRADIENTS: u32 = 1u;\n", plain!()),
    concat!(rows!("0"), layers!(), "const KEPT_GRADIENTS: u32 = 13u;\n", adam!()),
];
