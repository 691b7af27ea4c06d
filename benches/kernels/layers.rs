//! The fused kernels of a layer, and those that look at rows that are not learned from.

use super::*;

/// Every way to compute a product that is worth its time on this device.
fn variants(gpu: &Gpu) -> Vec<Variant> {
    match gpu.adapter().class() {
        class @ AdapterClass::Software { .. } => {
            [kernels::broadcasts(class), vec![Variant::Direct]].concat()
        }
        _ => vec![Variant::Direct, Variant::Split(4), Variant::Staged(32), Variant::Staged(64)],
    }
}

/// The size of the layer below, by this variant.
fn named(variant: Variant) -> String {
    format!("256x784x512 {variant}")
}

/// A layer of 784 to 512 over a batch of 256, by the fused kernels; what they do at their ends is not
/// counted as work.
pub fn layers(c: &mut Criterion, gpu: &Arc<Gpu>) {
    const LAYER: LayerShape =
        LayerShape { rows: 256, fan_in: 784, fan_out: 512, input_stride: 784, stride: 512 };
    let LayerShape { rows, fan_in, fan_out, .. } = LAYER;
    let shape = kernels::LayerShape { rows, fan_in, fan_out };
    let input = numbers(rows * fan_in, 1);
    let parameters: Vec<f32> = numbers(LAYER.block_len(), 2).iter().map(|p| p / 28.0).collect();
    let d_output = numbers(rows * fan_out, 3);
    let work = || Work {
        operations: 2 * (rows * fan_in * fan_out) as u64,
        bytes: 4 * (rows * fan_in + fan_in * fan_out + rows * fan_out) as u64,
        formula: "2 rows fan_in fan_out; each matrix once",
    };
    let bound = (fan_in + 8) as f64 * ULP * 28.0;

    let (mut twin, mut counts) = (vec![0.0; rows * fan_out], vec![0; rows / 8 * fan_out]);
    let (x, p) = (wide(&input), wide(&parameters));
    fused::layer_forward(RELU, &x, &p, [&mut twin, &mut []], &mut counts, LAYER);
    let truth: Vec<f32> = twin.iter().map(|&a| a as f32).collect();
    for variant in variants(gpu) {
        Case {
            launch: kernels::layer_forward(RELU, false, shape, variant),
            buffers: vec![
                words(&input),
                words(&parameters),
                vec![0; truth.len()],
                vec![0; counts.len()],
                vec![0; 4],
            ],
            work: work(),
        }
        .run(c, gpu, &named(variant), |outputs| {
            close("layer_forward", &outputs[0], &truth, bound);
        });
    }

    let mut twin = vec![0.0; rows * fan_in];
    let d = wide(&d_output);
    fused::layer_input_grad(RELU, &d, &p, &x, &mut twin, LAYER);
    let truth: Vec<f32> = twin.iter().map(|&a| a as f32).collect();
    for variant in variants(gpu) {
        Case {
            launch: kernels::layer_input_grad(RELU, shape, variant),
            buffers: vec![
                words(&d_output),
                words(&parameters),
                words(&input),
                vec![0; truth.len()],
            ],
            work: work(),
        }
        .run(c, gpu, &named(variant), |outputs| {
            close("layer_input_grad", &outputs[0], &truth, bound);
        });
    }

    let (mut twin, mut gradients) = (p.clone(), vec![0.0; p.len()]);
    let sgd = Optimizer::default();
    let update = Update::new(&sgd, f64::from(1e-3f32), 0);
    let all = (&mut twin[..], [&mut [][..], &mut [][..]]);
    fused::layer_update(&x, &d, all, &mut gradients, &update, LAYER);
    let mut schedule = vec![0.0f32; 68];
    schedule[64] = 1e-3;
    let truth: Vec<f32> = twin.iter().map(|&a| a as f32).collect();
    for variant in variants(gpu) {
        Case {
            launch: kernels::layer_update(&sgd, false, 1, shape, variant),
            buffers: vec![
                words(&input),
                words(&d_output),
                words(&schedule),
                words(&parameters),
                vec![0; 4],
                vec![0; 4],
                vec![0; 4],
                vec![0; kernels::update_sums_len(shape, variant)],
            ],
            work: work(),
        }
        .run(c, gpu, &named(variant), |outputs| {
            close("layer_update", &outputs[1], &truth, bound);
        });
    }

    const OUTPUT: LayerShape =
        LayerShape { rows: 256, fan_in: 512, fan_out: 10, input_stride: 512, stride: 12 };
    let mut zero_padded = numbers(OUTPUT.block_len(), 4);
    zero_padded.chunks_exact_mut(12).for_each(|row| row[10..].fill(0.0));
    let mut targets = vec![0.0f32; 256 * 12];
    (0..256).for_each(|row| targets[row * 12 + row % 10] = 1.0);
    let (mut row_loss, mut d) = (vec![0.0; 256], vec![0.0; 256 * 12]);
    let ends = ((Loss::SoftmaxCrossEntropy, 0.0), (Activation::Identity, 0.0));
    let (x, p, t) = (wide(&input[..256 * 512]), wide(&zero_padded), wide(&targets));
    let t = TargetRows::plain(&t, 12);
    fused::output_loss((ends.0, ends.1, 1.0), &x, &p, t, &mut row_loss, &mut d, OUTPUT);
    let truth: Vec<f32> = row_loss.iter().map(|&loss| loss as f32).collect();
    Case {
        launch: kernels::output_loss(
            ends,
            kernels::LayerShape { rows: 256, fan_in: 512, fan_out: 10 },
            1.0,
            false,
        ),
        buffers: vec![
            words(&input[..256 * 512]),
            words(&zero_padded),
            words(&targets),
            vec![0; 256],
            vec![0; 256 * 12],
        ],
        work: Work {
            operations: 2 * 256 * 512 * 10,
            bytes: 4 * (256 * 512 + 512 * 10),
            formula: "2 rows fan_in fan_out; each matrix once",
        },
    }
    .run(c, gpu, "256x512x10", |outputs| close("output_loss", &outputs[0], &truth, 1e-3));

    let rows: Vec<u32> = (0..256).map(|row| row * 7 % 256).collect();
    let mut batch = [vec![0.0; input.len()], vec![0.0; targets.len()]];
    let [x, t] = &mut batch;
    fused::gather_batch(&rows, [&input, &targets], [x, t], [784, 12], 0..256);
    Case {
        launch: kernels::gather_batch(256, 784, 10, 0..256),
        buffers: vec![
            rows,
            words(&input),
            words(&targets),
            vec![0; input.len()],
            vec![0; targets.len()],
        ],
        work: Work { operations: 0, bytes: 8 * 256 * 796, formula: "8 for every number copied" },
    }
    .run(c, gpu, "256x796", |outputs| close("gather_batch", &outputs[0], &batch[0], 0.0));

    let row_loss = numbers(256, 5);
    let (mut clock, mut ring) = (0, [0.0]);
    fused::finish_step(&row_loss, &mut clock, &mut ring, 1.0);
    Case {
        launch: kernels::finish_step(256, 1, 1.0),
        buffers: vec![words(&row_loss), vec![0], vec![0]],
        work: Work { operations: 256, bytes: 1024, formula: "rows; each once" },
    }
    .run(c, gpu, "256", |outputs| close("finish_step", &outputs[1], &ring, 256.0 * ULP));
}

/// What looks at rows that are not learned from: many small networks, and one of ten outputs.
pub fn evaluation(c: &mut Criterion, gpu: &Arc<Gpu>) {
    const NETWORKS: usize = 1024;
    const SMALL: LayerShape =
        LayerShape { rows: 64, fan_in: 8, fan_out: 8, input_stride: 8, stride: 8 };
    let relu = (Activation::Relu, 0.0);
    let (data, parameters) = (numbers(64 * 8, 7), numbers(72 * NETWORKS, 8));
    let mut twin = vec![0.0; 64 * 8 * NETWORKS];
    fused::population_forward(relu, (&data, true), &parameters, None, &mut twin, SMALL, NETWORKS);
    let shape = kernels::LayerShape { rows: 64, fan_in: 8, fan_out: 8 };
    Case {
        launch: kernels::population_forward(relu, shape, NETWORKS, (0, None), Some(0)),
        buffers: vec![words(&data), words(&parameters), vec![0; twin.len()]],
        work: Work {
            operations: 2 * 64 * 72 * NETWORKS as u64,
            bytes: 4 * (64 * 8 + 72 + 64 * 8) * NETWORKS as u64,
            formula: "2 rows (fan_in + 1) fan_out networks; each once",
        },
    }
    .run(c, gpu, "64x8x8, 1024 networks", |outputs| {
        close("population_forward", &outputs[0], &twin, 32.0 * ULP);
    });

    let (z, grid) = (numbers(10_000 * 12, 9), Grid { rows: 10_000, cols: 10, stride: 12 });
    let mut targets = vec![0.0f32; z.len()];
    (0..10_000).for_each(|row| targets[row * 12 + row % 10] = 1.0);
    let ends = ((Loss::SoftmaxCrossEntropy, 0.0), (Activation::Identity, 0.0));
    let wide_targets = wide(&targets);
    let both = (&wide(&z)[..], TargetRows::plain(&wide_targets, 12));
    let truth = [fused::evaluate_rows(ends, both, true, 1e-4, grid, 1)[0].0 as f32];
    Case {
        launch: kernels::evaluate_rows(ends, (0..10_000, false), 10, 1, true, 1e-4, false),
        buffers: vec![words(&z), words(&targets), vec![0; 2]],
        work: Work {
            operations: 0,
            bytes: 8 * 10_000 * 10,
            formula: "8 for every output and its target",
        },
    }
    .run(c, gpu, "10000x10", |outputs| {
        close("evaluate_rows", &outputs[0][..1], &truth, 1e-4);
    });

    let shape = kernels::LayerShape { rows: 256, fan_in: 784, fan_out: 512 };
    let sums: Vec<f32> = numbers(kernels::update_sums_len(shape, Variant::Direct), 5)
        .iter()
        .map(|sum| sum.abs())
        .collect();
    let counts = vec![8u32; kernels::unit_counts_len(256, 512)];
    let (vectors, _) = sums.as_chunks::<4>();
    let (truth, [zero, _]) = twins::layer_statistics(vectors, &counts, 512, 512, [256, 244]);
    Case {
        launch: kernels::layer_statistics((0, true), shape, 4 * vectors.len(), [256, 244]),
        buffers: vec![words(&sums), counts.clone(), vec![0; 8]],
        work: Work {
            operations: 0,
            bytes: 4 * (sums.len() + counts.len()) as u64,
            formula: "4 for every sum and count",
        },
    }
    .run(c, gpu, "784x512, batch 256", |outputs| {
        close("layer_statistics", &outputs[0][..4], &truth, 32.0 * ULP);
        assert_eq!(outputs[0][4] as usize, zero);
    });
}
