// losses[step mod ring] = scale * sum of row_loss, the loss of one step, and clock[0] += 1: what ends a
// step. Read back, the clock tells whether all steps that were submitted were also done.
//
// row_loss is [rows]; clock[0] is the step; losses is a ring of ring_len numbers.
// One workgroup: each of 256 lanes sums every 256th row, then halves are added in a fixed order.

struct Params {
    rows: u32,
    ring_len: u32,
    scale: f32,
}

const LANES: u32 = 256u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> row_loss: array<f32>;
@group(0) @binding(2) var<storage, read_write> clock: array<u32>;
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;

var<workgroup> sum_partial: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn finish_step(@builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
    for (var row = lane; row < params.rows; row += LANES) {
        sum += row_loss[row];
    }
    sum_partial[lane] = sum;
    workgroupBarrier();
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        if (lane < width) {
            sum_partial[lane] += sum_partial[lane + width];
        }
        workgroupBarrier();
    }
    if (lane == 0u) {
        let step = clock[0];
        losses[step % params.ring_len] = sum_partial[0] * params.scale;
        clock[0] = step + 1u;
    }
}
