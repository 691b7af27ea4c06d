//! The kernels that train whole networks, and the one that draws their starts.

use super::*;

/// A kernel that trains whole networks, by its name and who owns a network in it.
struct Training {
    name: &'static str,
    mapping: Mapping,
    sizes: &'static [usize],
    networks: usize,
}

pub fn trainings(c: &mut Criterion, gpu: &Arc<Gpu>) {
    let (name, mapping) = ("train_invocation", Mapping::Invocation);
    let one = |networks| Training { name, mapping, sizes: &[2, 3, 1], networks };
    let two = |networks| Training { name, mapping, sizes: &[2, 3, 2, 1], networks };
    let (name, mapping) = ("train_workgroup", Mapping::Workgroup);
    let workgroup = |networks| Training { name, mapping, sizes: &[2, 3, 1], networks };
    for case in [one(1), one(65_536), two(1), two(65_536), workgroup(1), workgroup(256)] {
        training(c, gpu, &case);
    }
}

fn training(c: &mut Criterion, gpu: &Arc<Gpu>, training: &Training) {
    const STEPS: u32 = 100;
    let Training { name, mapping, sizes, networks } = *training;
    let network =
        Network::uniform(sizes.to_vec(), Activation::Relu, Activation::Sigmoid, Loss::Bce).unwrap();
    let layout = Layout::new(&network);
    let count = network.parameter_count();
    let xor = Source::Xor.built_in().unwrap().unwrap();
    let data: Vec<f32> =
        (0..4).flat_map(|row| [xor.input(row), xor.target(row), &[0.0]].concat()).collect();
    let start = |seed| Initializer::HeNormal.parameters(&network, seed, 1.0);
    let starts: Vec<Vec<f32>> =
        (0..networks as u64).map(|seed| layout.unpack(&start(seed)).concat()).collect();
    let parameters: Vec<f32> =
        (0..count).flat_map(|index| starts.iter().map(move |list| list[index])).collect();
    let mut reference = Reference::new(&network, wide(&start(0)));
    for _ in 0..STEPS {
        reference.step(&wide(xor.inputs()), &wide(xor.targets()), 0.5);
    }
    let twin = layout.unpack(&reference.parameters).concat();
    let mut rules = vec![0.5f32; networks];
    rules.resize(3 * networks, 0.0);
    let buffers = vec![
        words(&data),
        words(&rules),
        (0..networks as u32).collect(),
        vec![0; 4],
        words(&parameters),
        vec![0],
        vec![0; networks],
        vec![u32::MAX; networks],
    ];
    let work = Work {
        operations: networks as u64 * u64::from(STEPS),
        bytes: 8 * (count * networks) as u64,
        formula: "elements are networks x epochs; 4 bytes in and out for every parameter",
    };
    let batches = Batches::new(4, 0, Order::Sequential, 0);
    let request = Request {
        network: &network,
        optimizer: Optimizer::default(),
        schedule: RateSchedule::default(),
        batches: &batches,
        networks,
        stops_when_solved: false,
        is_weighted: false,
        mapping: Some(mapping),
    };
    let trainings = Trainings {
        network: &network,
        optimizer: &Optimizer::default(),
        batches: &batches,
        networks,
        steps: STEPS,
        until: u32::MAX,
        schedule_first: 0,
        ring_len: 1,
        loss_every: 0,
    };
    let launch = resident::launch(request, Capacity::of(gpu.adapter()), &trainings).unwrap();
    assert_eq!(launch.kernel().name, name);
    let launch = launch.with_iterations(100 * 100);
    let case = Case { launch, buffers, work };
    let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
    case.run(c, gpu, &format!("{networks} of {}", sizes.join("-")), |outputs| {
        let all = bytemuck::cast_slice::<u32, f32>(&outputs[0]);
        let first: Vec<f32> = all.iter().step_by(networks).copied().collect();
        let bound = f64::from(STEPS) * 16.0 * ULP;
        let near = Bound::Mixed { absolute: bound, relative: bound };
        assert_close(name, &first, &twin, near);
    });
}

pub fn inits(c: &mut Criterion, gpu: &Arc<Gpu>) {
    const NETWORKS: usize = 1 << 18;
    let mut twin = vec![0.0; 6];
    twins::init_uniform(&mut twin, 0, 0, 1.0);
    let case = Case {
        launch: kernels::init_uniform(0..NETWORKS, NETWORKS, 0, (0, 6), (0, 1.0)),
        buffers: vec![vec![0; 6 * NETWORKS]],
        work: Work {
            operations: 0,
            bytes: (4 * 6 * NETWORKS) as u64,
            formula: "4 for every weight written",
        },
    };
    case.run(c, gpu, "6 weights of 262144", |outputs| {
        let first: Vec<u32> = outputs[0].iter().step_by(NETWORKS).copied().collect();
        close("init_uniform", &first, &twin, 0.0);
    });
}
