//! The kernels of one formula each, and those that count.

use super::*;

pub fn matmul(c: &mut Criterion, gpu: &Arc<Gpu>) {
    for (m, k, n) in [(4, 2, 3), (64, 784, 128), (256, 256, 256)] {
        let shape = MatmulShape {
            m,
            k,
            n,
            left_stride: stride(k),
            right_stride: stride(n),
            output_stride: stride(n),
            transpose_left: false,
            transpose_right: false,
        };
        let (left, right) = (numbers(m * stride(k), 1), numbers(k * stride(n), 2));
        let mut twin = vec![0.0f64; m * stride(n)];
        twins::matmul(&wide(&left), &wide(&right), &mut twin, shape);
        let case = Case {
            launch: kernels::matmul([m, k, n], [false, false]),
            buffers: vec![words(&left), words(&right), vec![0; m * stride(n)]],
            work: Work {
                operations: (2 * m * k * n) as u64,
                bytes: (4 * (m * k + k * n + m * n)) as u64,
                formula: "2 m k n; 4 (m k + k n + m n)",
            },
        };
        case.run(c, gpu, &format!("{m}x{k}x{n}"), |outputs| {
            // (k + 2) roundings of at most k products of numbers below 1.
            let bound = (k + 2) as f64 * ULP * k as f64;
            let near = Bound::Mixed { absolute: bound, relative: 0.0 };
            assert_close("matmul", bytemuck::cast_slice::<u32, f32>(&outputs[0]), &twin, near);
        });
    }
}

pub fn elementwise(c: &mut Criterion, gpu: &Arc<Gpu>) {
    let (input, other) = (numbers(LEN, 3), numbers(LEN, 4));
    let bytes = |matrices: usize| Work {
        operations: 0,
        bytes: (4 * matrices * LEN) as u64,
        formula: "4 rows cols for every matrix read or written",
    };
    let mut twin = vec![0.0; LEN];
    twins::activate(TANH, &input, &mut twin, GRID);
    let buffers = vec![words(&input), vec![0; LEN]];
    Case { launch: kernels::activate(TANH, ROWS, COLS), buffers, work: bytes(2) }.run(
        c,
        gpu,
        SIZE,
        |outputs| close("activate", &outputs[0], &twin, 2e-6),
    );

    let mut twin = vec![0.0; LEN];
    twins::activate_grad(TANH, [&input, &input], &other, &mut twin, GRID);
    let buffers = vec![words(&input), words(&input), words(&other), vec![0; LEN]];
    Case { launch: kernels::activate_grad(TANH, ROWS, COLS), buffers, work: bytes(4) }.run(
        c,
        gpu,
        SIZE,
        |outputs| close("activate_grad", &outputs[0], &twin, 4.0 * ULP),
    );

    let network =
        Network::uniform(vec![1, COLS, 1], Activation::Tanh, Activation::Identity, Loss::MseMean);
    let layer = network.unwrap().with_dropout(0.2).unwrap().layers().next().unwrap();
    let mut twin = vec![0.0; LEN];
    twins::dropout(&Mask::new(&layer, 5, 3).unwrap(), &input, &mut twin, GRID);
    let buffers = vec![vec![3], words(&input), vec![0; LEN]];
    Case { launch: kernels::dropout(&layer, 5, ROWS), buffers, work: bytes(2) }.run(
        c,
        gpu,
        SIZE,
        |outputs| close("dropout", &outputs[0], &twin, 2.0 * ULP),
    );

    let adam = Optimizer::new(OptimizerKind::Adam);
    let n = adam.coefficients(0.5, 0);
    let (mut twin, mut m, mut v) = (input.clone(), vec![0.0; LEN], vec![0.0; LEN]);
    let update = Update::<f32>::new(&adam, 0.5, 0);
    twins::optimizer_step(&update, 1.0, &other, &mut twin, [&mut m, &mut v]);
    let mut schedule = vec![0.0f32; 68];
    schedule[64..67].copy_from_slice(&[n.rate, n.correction1, n.correction2].map(|n| n as f32));
    let zeros = vec![0; LEN];
    let buffers = vec![
        words(&other),
        vec![0; 2],
        words(&schedule),
        words(&input),
        zeros.clone(),
        zeros.clone(),
    ];
    Case { launch: kernels::optimizer_step(&adam, 1, LEN), buffers, work: bytes(7) }.run(
        c,
        gpu,
        SIZE,
        |outputs| close("optimizer_step", &outputs[1], &twin, 32.0 * ULP),
    );

    const STRETCHES: usize = LEN.div_ceil(twins::SQUARE_LANES * twins::SQUARES_EACH);
    let mut sums = vec![0.0f32; STRETCHES];
    twins::gradient_squares(&other, &mut sums, None);
    Case {
        launch: kernels::gradient_squares(&adam, LEN),
        buffers: vec![words(&other), vec![0; 4 * STRETCHES]],
        work: bytes(1),
    }
    .run(c, gpu, SIZE, |outputs| {
        let seen: Vec<u32> = outputs[0].iter().copied().step_by(4).collect();
        let bound = (twins::SQUARES_EACH + 8) as f64 * ULP;
        let truth: Vec<f64> = wide(&sums);
        let each: Vec<f64> = truth.iter().map(|sum| bound * sum).collect();
        let floats: Vec<f32> = seen.into_iter().map(f32::from_bits).collect();
        assert_close("gradient_squares", &floats, &truth, Bound::Each(&each));
    });

    let vectors: Vec<f32> = sums.iter().flat_map(|&sum| [sum, 0.0, 0.0, 0.0]).collect();
    let scale = twins::clip_scale(&sums, 1.0f32);
    Case {
        launch: kernels::clip_scale(1.0, STRETCHES),
        buffers: vec![words(&vectors), vec![0; 2]],
        work: bytes(1),
    }
    .run(c, gpu, SIZE, |outputs| close("clip_scale", &outputs[0], &[1.0, scale], 32.0 * ULP));
}

/// Biases alone.
const BIASED: kernels::LayerShape = kernels::LayerShape { rows: ROWS, fan_in: 0, fan_out: COLS };

pub fn biases(c: &mut Criterion, gpu: &Arc<Gpu>) {
    let (matrix, bias) = (numbers(LEN, 5), numbers(COLS, 6));
    let mut twin = matrix.clone();
    twins::bias_add(&bias, &mut twin, GRID);
    let work = |matrices: usize, formula| Work {
        operations: LEN as u64,
        bytes: (4 * (matrices * LEN + COLS)) as u64,
        formula,
    };
    let buffers = vec![words(&bias), words(&matrix)];
    let formula = "rows cols; 4 (2 rows cols + cols)";
    Case { launch: kernels::bias_add(BIASED), buffers, work: work(2, formula) }.run(
        c,
        gpu,
        SIZE,
        |outputs| close("bias_add", &outputs[0], &twin, ULP),
    );

    let mut twin = vec![0.0; COLS];
    twins::bias_grad(&matrix, &mut twin, GRID);
    let buffers = vec![words(&matrix), vec![0; COLS]];
    let formula = "rows cols; 4 (rows cols + cols)";
    Case { launch: kernels::bias_grad(BIASED), buffers, work: work(1, formula) }.run(
        c,
        gpu,
        SIZE,
        |outputs| close("bias_grad", &outputs[0], &twin, ROWS as f64 * ULP * ROWS as f64),
    );
}

pub fn losses(c: &mut Criterion, gpu: &Arc<Gpu>) {
    let output = numbers(LEN, 7);
    let target: Vec<f32> = (0..LEN).map(|i| if i % COLS == i / COLS { 1.0 } else { 0.0 }).collect();
    for (loss, label) in [
        (Loss::MseMean, "loss_elementwise, squares"),
        (Loss::BceWithLogits, "loss_elementwise, cross-entropy"),
        (Loss::SoftmaxCrossEntropy, "loss_softmax"),
    ] {
        let (mut row_loss, mut d) = (vec![0.0; ROWS], vec![0.0; LEN]);
        let (output_wide, target_wide) = (wide(&output), wide(&target));
        let rows = TargetRows::plain(&target_wide, GRID.stride);
        twins::loss((loss, 0.0), &output_wide, rows, &mut row_loss, &mut d, 1.0, GRID);
        let buffers = vec![words(&output), words(&target), vec![0; ROWS], vec![0; LEN]];
        let bytes = (4 * (3 * LEN + ROWS)) as u64;
        let work = Work { operations: 0, bytes, formula: "4 (3 rows cols + rows)" };
        let launch = kernels::loss((loss, 0.0), ROWS, COLS, 1.0, false);
        Case { launch, buffers, work }.run(c, gpu, SIZE, |outputs| {
            // Each of the terms of a row's sum within 2^-21, and cols roundings of the sum.
            let sums = Bound::Mixed { absolute: COLS as f64 * 5e-7, relative: COLS as f64 * ULP };
            assert_close(label, bytemuck::cast_slice::<u32, f32>(&outputs[0]), &row_loss, sums);
            let each = Bound::Mixed { absolute: 2e-6, relative: COLS as f64 * ULP };
            assert_close(label, bytemuck::cast_slice::<u32, f32>(&outputs[1]), &d, each);
        });
    }
}

pub fn counting(c: &mut Criterion, gpu: &Arc<Gpu>) {
    let (rows, batch) = (60_000, 256);
    let mut twin = vec![0; batch];
    twins::batch_rows(&mut twin, rows, 0, 9, 0);
    let batches = Batches::new(rows as usize, batch, Order::Shuffled, 9);
    let work = |bytes| Work { operations: 0, bytes, formula: "4 for every number written" };
    let buffers = vec![vec![0], vec![0; batch]];
    Case { launch: kernels::batch_rows(&batches, batch), buffers, work: work(4 * batch as u64) }
        .run(c, gpu, "256 of 60000", |outputs| assert_eq!(outputs[0], twin, "batch_rows"));

    Case { launch: kernels::advance(1), buffers: vec![vec![0]], work: work(4) }.run(
        c,
        gpu,
        "1",
        |outputs| assert_eq!(outputs[0], [1], "advance"),
    );

    Case { launch: kernels::canary(32_768), buffers: vec![vec![0]], work: work(4) }.run(
        c,
        gpu,
        "32768 iterations",
        |outputs| assert_eq!(outputs[0], [32_768], "canary"),
    );
}
