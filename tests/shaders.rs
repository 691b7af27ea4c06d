//! What can be known of every kernel without a GPU: files, table, twins and tests are the same
//! set; the WGSL is valid under WebGPU's base limits; the table says what the WGSL says; and every
//! back end can be given it.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "common/shapes.rs"]
mod shapes;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use naga::back::{hlsl, msl, pipeline_constants::process_overrides, spv};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ShaderStage, StorageAccess, TypeInner};
use shapes::{capabilities, examples};
use wgrad::gpu::{Access, FieldKind, KernelRow, ParamsLayout};
use wgrad::kernels::{ALL, COMMON};
use wgrad::network::{Activation, Loss};
use wgrad::optimizer::{Decay, Optimizer, OptimizerKind};

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    fs::read_to_string(root(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The stems of the files in a folder with this ending.
fn stems(folder: &str, ending: &str) -> BTreeSet<String> {
    let files = fs::read_dir(root(folder)).unwrap().map(|entry| entry.unwrap().path());
    let named = files.filter(|path| path.extension().is_some_and(|found| found == ending));
    named.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// The kernel under the first of its shapes.
fn parse(kernel: &KernelRow) -> Module {
    let (kernel, lines) = examples(kernel).remove(0);
    parse_shape(&kernel, &lines)
}

fn parse_shape(kernel: &KernelRow, lines: &str) -> Module {
    let source = format!("{}\n{lines}", kernel.source);
    naga::front::wgsl::parse_str(&source)
        .unwrap_or_else(|error| panic!("{}", error.emit_to_string_with_path(&source, kernel.name)))
}

fn validate(name: &str, module: &Module, capabilities: Capabilities) -> ModuleInfo {
    Validator::new(ValidationFlags::all(), capabilities)
        .validate(module)
        .unwrap_or_else(|error| panic!("{name}: {}", error.into_inner()))
}

/// Every way in which the host may set a kernel's overrides.
fn settings(kernel: &KernelRow) -> Vec<Vec<(String, f64)>> {
    kernel.constants.iter().fold(vec![Vec::new()], |all, constant| {
        let extended = |setting: &Vec<(String, f64)>| {
            let setting = setting.clone();
            constant
                .values
                .iter()
                .map(move |&value| [&setting[..], &[(constant.name.to_owned(), value)]].concat())
        };
        all.iter().flat_map(extended).collect()
    })
}

#[test]
fn files_table_twins_and_tests_are_one_set() {
    let names: BTreeSet<String> = ALL.iter().map(|kernel| kernel.name.to_owned()).collect();
    assert_eq!(names.len(), ALL.len(), "a name stands twice in the table");
    assert_eq!(stems("shaders", "wgsl"), names, "files of shaders/ and rows of kernels::ALL");
    let tests = text("tests/kernels/main.rs");
    let all = |folder: &str| -> String {
        stems(folder, "rs").iter().map(|stem| text(&format!("{folder}/{stem}.rs"))).collect()
    };
    let (benches, twins) = (all("benches/kernels"), all("src/reference"));
    let test_files = stems("tests/kernels", "rs");
    for kernel in ALL {
        let name = kernel.name;
        assert!(test_files.contains(name), "{name}: no tests/kernels/{name}.rs");
        assert!(tests.contains(&format!("mod {name};")), "{name}: its tests are not run");
        let module = text(&format!("tests/kernels/{name}.rs"));
        for test in ["by_hand", "a_wrong_twin_is_found_out"] {
            let named = module.contains(&format!("fn {test}"));
            assert!(named || name == "canary", "{name}: no test {test}");
        }
        let twin = format!("pub fn {}", kernel.twin);
        assert!(twins.contains(&twin), "{name}: no twin {}", kernel.twin);
        // Launched by its own function, by that of its family, or as the row itself.
        let launched = [
            format!("kernels::{name}("),
            format!("\"{name}"),
            format!("kernel: {},", name.to_uppercase()),
        ];
        let is_benched = launched.iter().any(|launched| benches.contains(launched));
        assert!(is_benched, "{name}: no bench has any of {launched:?}");
    }
    let common: BTreeSet<String> = COMMON.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(stems("shaders/common", "wgsl"), common, "files of shaders/common and COMMON");
}

#[test]
fn every_kernel_is_valid_under_the_base_limits() {
    for kernel in ALL {
        for (kernel, lines) in examples(kernel) {
            let module = parse_shape(&kernel, &lines);
            validate(kernel.name, &module, capabilities(&lines));
            assert!(kernel.lanes <= 256 && kernel.workgroup_bytes <= 16_384, "{}", kernel.name);
        }
        // WebGPU's defaults, which every browser and software adapter gives.
        assert!(kernel.lanes <= 256, "{}: {} invocations", kernel.name, kernel.lanes);
        assert!(
            kernel.workgroup_bytes <= 16_384,
            "{}: {} bytes",
            kernel.name,
            kernel.workgroup_bytes
        );
        assert!(
            kernel.bindings.len() <= 8,
            "{}: {} storage buffers",
            kernel.name,
            kernel.bindings.len()
        );
    }
}

#[test]
fn the_table_says_what_the_wgsl_says() {
    for (kernel, lines) in ALL.iter().flat_map(examples) {
        let module = parse_shape(&kernel, &lines);
        let name = kernel.name;
        let [entry] = &module.entry_points[..] else { panic!("{name}: not one entry point") };
        assert_eq!((entry.name.as_str(), entry.stage), (name, ShaderStage::Compute));
        assert_eq!(entry.workgroup_size, [kernel.lanes, 1, 1], "{name}: only x fills lanes");

        let overrides: Vec<&str> = module
            .overrides
            .iter()
            .map(|(_, constant)| constant.name.as_deref().unwrap())
            .collect();
        let constants: Vec<&str> = kernel.constants.iter().map(|constant| constant.name).collect();
        assert_eq!(overrides, constants, "{name}: overrides");
        assert!(
            module.overrides.iter().all(|(_, c)| c.init.is_some()),
            "{name}: an override without default"
        );

        let mut workgroup_bytes = 0;
        let mut seen = vec![None; kernel.bindings.len() + 1];
        for (_, variable) in module.global_variables.iter() {
            if variable.space == AddressSpace::Private {
                continue;
            }
            if variable.space == AddressSpace::WorkGroup {
                let own = variable.name.as_deref().unwrap();
                assert!(own.ends_with("_tile") || own.ends_with("_partial"), "{name}: {own}");
                workgroup_bytes += module.types[variable.ty].inner.size(module.to_ctx());
                continue;
            }
            let at = variable.binding.as_ref().unwrap();
            assert_eq!(at.group, 0, "{name}");
            seen[at.binding as usize] = Some((variable.name.clone().unwrap(), variable.space));
        }
        assert_eq!(workgroup_bytes, kernel.workgroup_bytes, "{name}: workgroup memory");
        let mut expected = vec![Some(("params".to_owned(), AddressSpace::Uniform))];
        expected.extend(kernel.bindings.iter().map(|binding| {
            let space = match binding.access {
                Access::Uniform => AddressSpace::Uniform,
                Access::Read => AddressSpace::Storage { access: StorageAccess::LOAD },
                Access::ReadWrite => {
                    AddressSpace::Storage { access: StorageAccess::LOAD | StorageAccess::STORE }
                }
            };
            Some((binding.name.to_owned(), space))
        }));
        assert_eq!(seen, expected, "{name}: bindings");
        let outputs =
            kernel.bindings.iter().skip_while(|binding| binding.access != Access::ReadWrite);
        let outputs_last = outputs.clone().all(|binding| binding.access == Access::ReadWrite);
        assert!(outputs_last, "{name}: inputs before outputs");
    }
}

/// The members of a params struct and of those in it: name, offset, and the kind of scalars.
type Members = Vec<(String, usize, &'static str)>;

fn members_in_wgsl(
    name: &str,
    module: &Module,
    members: &[naga::StructMember],
    start: usize,
) -> Members {
    let each = members.iter().map(|member| {
        let at = start + member.offset as usize;
        let own = |kind| (member.name.clone().unwrap(), at, kind);
        match &module.types[member.ty].inner {
            TypeInner::Scalar(naga::Scalar::U32) => vec![own("u32")],
            TypeInner::Scalar(naga::Scalar::F32) => vec![own("f32")],
            TypeInner::Struct { members, .. } => {
                [vec![own("struct")], members_in_wgsl(name, module, members, at)].concat()
            }
            other => panic!("{name}: {other:?} in params"),
        }
    });
    each.flatten().collect()
}

fn members_in_rust(layout: &ParamsLayout, start: usize) -> Members {
    let each = layout.fields.iter().map(|field| {
        let at = start + field.offset;
        let own = |kind| (field.name.to_owned(), at, kind);
        match &field.kind {
            FieldKind::U32 => vec![own("u32")],
            FieldKind::F32 => vec![own("f32")],
            FieldKind::Struct(layout) => {
                [vec![own("struct")], members_in_rust(layout, at)].concat()
            }
        }
    });
    each.flatten().collect()
}

#[test]
fn params_structs_are_the_same_in_rust_and_in_wgsl() {
    for kernel in ALL {
        let module = parse(kernel);
        let (_, params) = module
            .global_variables
            .iter()
            .find(|(_, variable)| variable.name.as_deref() == Some("params"))
            .unwrap_or_else(|| panic!("{}: no params", kernel.name));
        let TypeInner::Struct { members, span } = &module.types[params.ty].inner else {
            panic!("{}: params are no struct", kernel.name)
        };
        let in_wgsl = members_in_wgsl(kernel.name, &module, members, 0);
        let in_rust = members_in_rust(&kernel.params, 0);
        assert_eq!(in_wgsl, in_rust, "{}: members", kernel.name);
        assert_eq!(*span as usize, kernel.params.bytes, "{}: size", kernel.name);
    }
}

#[test]
fn every_back_end_can_be_given_every_variant() {
    let mut variants = 0;
    for kernel in ALL {
        // Further shapes are of other lines, under the first setting alone.
        let firsts = examples(kernel).into_iter().skip(1).filter_map(|(kernel, lines)| {
            let setting = settings(&kernel).into_iter().next()?;
            Some((parse_shape(&kernel, &lines), setting, capabilities(&lines)))
        });
        let none = Capabilities::empty();
        let all = settings(kernel).into_iter().map(|setting| (parse(kernel), setting, none));
        for (module, setting, capabilities) in all.chain(firsts) {
            let info = validate(kernel.name, &module, capabilities);
            let constants = setting.iter().cloned().collect();
            let stage = ShaderStage::Compute;
            let (module, info) =
                process_overrides(&module, &info, Some((stage, kernel.name)), &constants).unwrap();
            let name = kernel.name.to_owned();
            let options = spv::PipelineOptions { shader_stage: stage, entry_point: name.clone() };
            // Subgroups are of SPIR-V 1.3, which Vulkan 1.1 takes.
            let target = spv::Options { lang_version: (1, 3), ..spv::Options::default() };
            let words = spv::write_vec(&module, &info, &target, Some(&options));
            assert!(words.unwrap().len() > 20, "{name}: SPIR-V");
            let options = msl::PipelineOptions {
                entry_point: Some((stage, name.clone())),
                ..msl::PipelineOptions::default()
            };
            let target = msl::Options { lang_version: (2, 1), ..msl::Options::default() };
            let (metal, _) = msl::write_string(&module, &info, &target, &options)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(metal.contains(&name), "{name}: MSL");
            let options = hlsl::PipelineOptions { entry_point: Some((stage, name.clone())) };
            // Wave operations and integers of 64 bits are of shader model 6.0.
            let shader_model = match capabilities.is_empty() {
                true => hlsl::ShaderModel::V5_1,
                false => hlsl::ShaderModel::V6_0,
            };
            let hlsl_options = hlsl::Options { shader_model, ..hlsl::Options::default() };
            let mut direct = String::new();
            hlsl::Writer::new(&mut direct, &hlsl_options, &options)
                .write(&module, &info, None)
                .unwrap();
            assert!(direct.contains(&name), "{name}: HLSL");
            variants += 1;
        }
    }
    assert!(variants > ALL.len(), "{variants} variants of {} kernels", ALL.len());
}

#[test]
fn files_are_written_in_the_order_of_the_house() {
    for kernel in ALL {
        let source = text(&format!("shaders/{}.wgsl", kernel.name));
        assert!(source.starts_with("// "), "{}: no head comment", kernel.name);
        let parts = [
            "struct Params",
            "\noverride ",
            "var<uniform> params",
            "\nvar<workgroup>",
            "\n@compute",
        ];
        let places: Vec<usize> = parts.iter().filter_map(|part| source.find(part)).collect();
        assert!(places.is_sorted(), "{}: {parts:?} stand at {places:?}", kernel.name);
        let mapping = source.contains("One invocation") || source.contains("One workgroup");
        assert!(mapping, "{}: the head comment does not say what an invocation owns", kernel.name);
    }
}

/// A file of `common/` adds nothing but constants, types and functions to the kernel that takes
/// it; the rows of the data set are also kept there, for the kernels that read them alike, and what a workgroup
/// shares for a product or for sums over rows.
#[test]
fn common_files_hold_constants_and_pure_functions() {
    for (name, source) in COMMON {
        let code = source.lines().filter(|line| !line.is_empty() && !line.starts_with("//"));
        for line in code.filter(|line| !line.starts_with([' ', '}', ')'])) {
            let is_pure =
                ["const ", "fn ", "struct ", "alias "].iter().any(|start| line.starts_with(start));
            let is_rows = *name == "rows" && line.starts_with("var<private> ");
            let is_shared = ["split", "staged", "columns"].contains(name)
                && line.starts_with("var<workgroup> ");
            assert!(is_pure || is_rows || is_shared, "{name}: {line}");
        }
    }
}

/// The value of a `const` in WGSL.
fn constant(source: &str, name: &str) -> String {
    let line = source.lines().find(|line| line.starts_with(&format!("const {name}:")));
    let line = line.unwrap_or_else(|| panic!("no const {name}"));
    line.split('=').nth(1).unwrap().trim().trim_end_matches([';', 'u']).to_owned()
}

/// Every `const` of a file of `common/` that numbers something.
fn codes(source: &str) -> BTreeSet<(String, u32)> {
    let lines =
        source.lines().filter_map(|line| line.strip_prefix("const ")?.split_once(": u32 = "));
    lines
        .map(|(name, value)| (name.to_owned(), value.trim_end_matches("u;").parse().unwrap()))
        .collect()
}

fn decaying(decay: Decay) -> Optimizer {
    let mut optimizer = Optimizer::default();
    (optimizer.weight_decay, optimizer.decay) = (0.1, decay);
    optimizer
}

/// Every member of a family is a value that tests build its kernels with.
#[test]
fn lists_of_constants_are_those_of_the_families() {
    let sorted = |codes: &mut dyn Iterator<Item = u32>| -> Vec<f64> {
        codes.collect::<BTreeSet<u32>>().into_iter().map(f64::from).collect()
    };
    let activations = sorted(&mut Activation::ALL.iter().map(|kind| kind.code()));
    let losses = sorted(&mut Loss::ALL.iter().map(|kind| kind.code()));
    let optimizers = sorted(&mut OptimizerKind::ALL.iter().map(|&k| Optimizer::new(k).code()));
    let none = Optimizer::default().decay_code();
    let decays = Decay::ALL.iter().map(|&decay| decaying(decay).decay_code());
    let decays = sorted(&mut decays.chain([none]));
    let mut seen = BTreeSet::new();
    for kernel in ALL {
        for constant in kernel.constants {
            let expected = match constant.name {
                "ACTIVATION" | "OUTPUT_ACTIVATION" => &activations,
                "LOSS" => &losses,
                "OPTIMIZER" => &optimizers,
                "DECAY" => &decays,
                _ => continue,
            };
            let values = constant.values;
            assert_eq!(values, expected, "{} of {}", constant.name, kernel.name);
            seen.insert(constant.name);
        }
    }
    assert_eq!(seen.len(), 5, "{seen:?}");
}

#[test]
fn numbers_that_stand_on_both_sides_are_the_same() {
    let activation = text("shaders/common/activation.wgsl");
    let named = |name: &str, code: u32| (name.replace('-', "_").to_uppercase(), code);
    let activations = Activation::ALL.iter().map(|kind| named(kind.name(), kind.code()));
    assert_eq!(codes(&activation), activations.collect());
    let loss = text("shaders/common/loss.wgsl");
    let losses = Loss::ALL.iter().map(|kind| named(kind.name(), kind.code()));
    assert_eq!(codes(&loss), losses.collect());
    for (name, is_needed) in Activation::ALL.iter().map(|kind| (kind, kind.needs_pre_activation()))
    {
        let name = name.name().replace('-', "_").to_uppercase();
        let line = activation.lines().find(|line| line.contains("return kind == GELU")).unwrap();
        let says = line
            .split("||")
            .any(|part| part.trim().trim_end_matches(';').ends_with(&format!("== {name}")));
        assert_eq!(says, is_needed, "slope_needs_z of {name}");
    }
    let within: f64 = constant(&activation, "SATURATED_WITHIN").parse().unwrap();
    assert_eq!(within, wgrad::network::SATURATED_WITHIN);
    let optimizer = text("shaders/common/optimizer.wgsl");
    let rules = OptimizerKind::ALL.iter().map(|kind| kind.row().rule);
    let rules = rules.map(|rule| named(&format!("{rule:?}"), rule.code()));
    let decays = [
        ("NO_DECAY", Optimizer::default()),
        ("L2_DECAY", decaying(Decay::L2)),
        ("DECOUPLED_DECAY", decaying(Decay::Decoupled)),
    ];
    let decays = decays.map(|(name, rule)| (name.to_owned(), rule.decay_code()));
    assert_eq!(codes(&optimizer), rules.chain(decays).collect());
    let norm = text("shaders/common/norm.wgsl");
    assert!(norm.contains("norm + 1e-6") && wgrad::optimizer::CLIP_EPSILON == 1e-6);
    assert_eq!(constant(&norm, "LARGE_SCALE"), "0x1p-80f");
    assert_eq!(wgrad::optimizer::LARGE_SCALE, 2f64.powi(-80));
    let squares = text("shaders/gradient_squares.wgsl");
    for (name, value) in [
        ("LANES", wgrad::reference::twins::SQUARE_LANES),
        ("SQUARES_EACH", wgrad::reference::twins::SQUARES_EACH),
    ] {
        assert_eq!(constant(&squares, name), value.to_string());
    }
    for file in ["finish_step", "clip_scale"] {
        let lanes = constant(&text(&format!("shaders/{file}.wgsl")), "LANES");
        assert_eq!(lanes, wgrad::reference::twins::MEAN_LANES.to_string(), "{file}");
    }
    let columns = text("shaders/common/columns.wgsl");
    let lanes = wgrad::reference::norm::COLUMN_LANES.to_string();
    assert_eq!(constant(&columns, "ROW_LANES"), lanes);
    for kernel in ALL.iter().filter(|kernel| kernel.source.contains("column_of(group")) {
        assert_eq!(constant(&columns, "COLUMN_LANES"), kernel.lanes.to_string(), "{}", kernel.name);
    }
    let within = constant(&text("shaders/common/output.wgsl"), "STOP_WITHIN");
    assert_eq!(within.parse(), Ok(wgrad::engine::STOP_WITHIN));
    let order = wgrad::random::stream_id(wgrad::random::Purpose::Order, 0);
    let stream = constant(&text("shaders/common/order.wgsl"), "ORDER_STREAM");
    assert_eq!(stream, format!("{order:#x}"));
    let lanes = constant(&text("shaders/common/grid.wgsl"), "GROUP_LANES");
    for kernel in ALL.iter().filter(|kernel| kernel.source.contains("flat_index(group")) {
        assert_eq!(lanes, kernel.lanes.to_string(), "{}", kernel.name);
    }
    let lanes = constant(&text("shaders/train_workgroup.wgsl"), "LANES");
    assert_eq!(lanes, wgrad::kernels::TRAIN_WORKGROUP.lanes.to_string());
}
