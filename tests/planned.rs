//! What compilers are given of the shapes that the resident engine's planner chooses: valid under every
//! optimizer and activation, and nothing that DXC or FXC does not take.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "common/shapes.rs"]
mod shapes;

use std::collections::BTreeMap;

use naga::back::{hlsl, pipeline_constants::process_overrides};
use naga::proc::TypeResolution;
use naga::valid::{Capabilities, FunctionInfo, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Expression, Function, Handle, Module, ShaderStage, TypeInner};
use shapes::{Wanted, examples, network, training, xor};
use wgrad::engine::Mapping;
use wgrad::engine::resident::Capacity;
use wgrad::kernels::ALL;
use wgrad::network::{Activation, Loss, Network};
use wgrad::optimizer::{Optimizer, OptimizerKind};

/// What an invocation of a software adapter takes too.
const SOFTWARE: Capacity = Capacity { is_software: true, ..Capacity::BASE };

/// A module as a back end is given it.
struct Built {
    label: String,
    entry: String,
    module: Module,
    info: ModuleInfo,
    /// What it asks for beyond WebGPU.
    capabilities: Capabilities,
}

fn build(label: String, entry: &str, source: &str) -> Built {
    let module = naga::front::wgsl::parse_str(source)
        .unwrap_or_else(|error| panic!("{label}: {}", error.emit_to_string(source)));
    let capabilities = shapes::capabilities(source);
    let info = Validator::new(ValidationFlags::all(), capabilities)
        .validate(&module)
        .unwrap_or_else(|error| panic!("{label}: {}", error.into_inner()));
    let constants = naga::back::PipelineConstants::default();
    let stage = Some((ShaderStage::Compute, entry));
    let (module, info) = process_overrides(&module, &info, stage, &constants).unwrap();
    let (module, info) = (module.into_owned(), info.into_owned());
    Built { label, entry: entry.to_owned(), module, info, capabilities }
}

/// The kernels of the table, and those that train whole networks in many more shapes: of one width and of
/// several, with full vectors and a rest, several outputs, mini-batches, every activation, every optimizer.
fn all() -> Vec<Built> {
    let mut all: Vec<Built> = ALL
        .iter()
        .flat_map(examples)
        .map(|(row, lines)| {
            build(row.name.to_owned(), row.name, &format!("{}\n{lines}", row.source))
        })
        .collect();
    let sizes: [&[usize]; 12] = [
        &[2, 3, 1],
        &[2, 2, 1],
        &[2, 4, 4, 1],
        &[2, 2, 2, 1],
        &[2, 3, 3, 1],
        &[2, 4, 8, 1],
        &[2, 3, 2, 1],
        &[1, 5, 7, 1],
        &[4, 5, 3],
        &[2, 16, 1],
        &[3, 2],
        &[2, 16, 16, 4],
    ];
    let optimizers = OptimizerKind::ALL.iter().flat_map(|&kind| {
        let plain = Optimizer::new(kind);
        let mut clipped = plain;
        (clipped.clip_norm, clipped.clip_value) = (Some(1.0), Some(2.0));
        [plain, clipped]
    });
    let optimizers: Vec<Optimizer> = optimizers.collect();
    let mut add = |network: &Network, wanted: Wanted| {
        if let Some(launch) = training(network, 1000, wanted, SOFTWARE) {
            let (row, lines) = (launch.kernel(), launch.lines());
            let label = format!("{} of {:?}, {wanted:?}", row.name, network.sizes());
            all.push(build(label, row.name, &format!("{}\n{lines}", row.source)));
        }
    };
    for mapping in [Mapping::Invocation, Mapping::Workgroup] {
        for (at, sizes) in sizes.iter().enumerate() {
            let activation = Activation::ALL[at % Activation::ALL.len()];
            let optimizer = optimizers[at % optimizers.len()];
            add(&network(sizes, activation), Wanted { optimizer, ..xor(mapping) });
            let batches = Wanted {
                rows: 10,
                batch: 4,
                stops_when_solved: true,
                is_weighted: true,
                ..xor(mapping)
            };
            add(&network(sizes, activation), batches);
        }
        for &optimizer in &optimizers {
            add(&network(&[2, 3, 2, 1], Activation::Tanh), Wanted { optimizer, ..xor(mapping) });
        }
        for &activation in Activation::ALL {
            add(&network(&[2, 4, 3, 2], activation), xor(mapping));
        }
        for &loss in Loss::ALL {
            let output = loss.required_output().unwrap_or(Activation::Tanh);
            let network = Network::uniform(vec![3, 4, 3], Activation::Relu, output, loss);
            add(&network.unwrap(), xor(mapping));
        }
    }
    assert!(all.len() > 90, "{} modules", all.len());
    all
}

/// Wave operations are of shader model 6.0; all else goes to FXC too.
fn hlsl_options(built: &Built) -> hlsl::Options {
    let shader_model = match built.capabilities.is_empty() {
        true => hlsl::ShaderModel::V5_1,
        false => hlsl::ShaderModel::V6_0,
    };
    hlsl::Options { shader_model, ..hlsl::Options::default() }
}

/// The functions that HLSL has twice.
fn defined_twice(built: &Built) -> Vec<String> {
    let entry_point = Some((ShaderStage::Compute, built.entry.clone()));
    let (options, pipeline) = (hlsl_options(built), hlsl::PipelineOptions { entry_point });
    let mut text = String::new();
    let mut writer = hlsl::Writer::new(&mut text, &options, &pipeline);
    writer.write(&built.module, &built.info, None).unwrap();
    let mut heads: BTreeMap<&str, usize> = BTreeMap::new();
    let lines = text.lines().filter(|line| !line.starts_with([' ', '}', '/', '[']));
    for line in lines.filter(|line| line.contains('(') && !line.contains('=')) {
        *heads.entry(line.trim_end_matches(" {")).or_default() += 1;
    }
    assert!(!heads.is_empty(), "{}: no functions are found", built.label);
    heads.into_iter().filter(|(_, count)| *count > 1).map(|(head, _)| head.to_owned()).collect()
}

/// The functions in which an array that a struct holds is indexed by a run-time value.
fn indexing_in_structs(Built { module, info, .. }: &Built) -> Vec<String> {
    let functions = module.functions.iter().map(|(at, function)| (function, &info[at]));
    let entries = module.entry_points.iter().enumerate();
    let entries = entries.map(|(at, entry)| (&entry.function, info.get_entry_point(at)));
    functions
        .chain(entries)
        .filter(|(function, info)| {
            function.expressions.iter().any(|(_, expression)| {
                matches!(expression, Expression::Access { base, .. }
                    if is_in_struct(module, function, info, *base))
            })
        })
        .map(|(function, _)| function.name.clone().unwrap_or_default())
        .collect()
}

/// DXC and FXC take no function that is defined twice; FXC unrolls, or gives up on, every loop around an array
/// in a struct that is indexed by a run-time value.
#[test]
fn every_planned_shape_is_one_that_hlsl_compilers_take() {
    for built in all() {
        assert_eq!(defined_twice(&built), Vec::<String>::new(), "{}", built.label);
        assert_eq!(indexing_in_structs(&built), Vec::<String>::new(), "{}", built.label);
    }
}

/// naga writes a function for each type that is cleared, by a name that tells the type's shape: two aliases of
/// one type give one name twice.
#[test]
fn what_they_do_not_take_is_found() {
    let aliases = "
        alias One = vec4<f32>;
        alias Other = vec4<f32>;
        var<private> one: array<One, 1>;
        var<private> other: array<Other, 1>;
        @compute @workgroup_size(1)
        fn kernel() {
            one = array<One, 1>();
            other = array<Other, 1>();
        }";
    assert_eq!(defined_twice(&build("aliases".to_owned(), "kernel", aliases)).len(), 1);
    let indexed = "
        struct Result { values: array<f32, 4>, count: u32 }
        @group(0) @binding(0) var<storage, read_write> buffer: array<f32, 4>;
        @compute @workgroup_size(1)
        fn kernel() {
            var result: Result;
            for (var i = 0u; i < 4u; i++) {
                result.values[i] = buffer[i];
            }
            buffer[0] = result.values[3];
        }";
    let built = build("indexed".to_owned(), "kernel", indexed);
    assert_eq!(indexing_in_structs(&built), ["kernel"]);
    assert!(defined_twice(&built).is_empty());
}

/// Whether what is indexed is an array that a struct holds, but in a buffer.
fn is_in_struct(
    module: &Module,
    function: &Function,
    info: &FunctionInfo,
    base: Handle<Expression>,
) -> bool {
    let inner = |at: Handle<Expression>| match &info[at].ty {
        TypeResolution::Handle(ty) => &module.types[*ty].inner,
        TypeResolution::Value(inner) => inner,
    };
    let pointee = |of: &'_ TypeInner| match of {
        TypeInner::Pointer { base, space } => {
            let is_buffer = matches!(space, AddressSpace::Uniform | AddressSpace::Storage { .. });
            (!is_buffer).then(|| module.types[*base].inner.clone())
        }
        other => Some(other.clone()),
    };
    let is_array = matches!(pointee(inner(base)), Some(TypeInner::Array { .. }));
    let Expression::AccessIndex { base: holder, .. } = function.expressions[base] else {
        return false;
    };
    is_array && matches!(pointee(inner(holder)), Some(TypeInner::Struct { .. }))
}
