// rows[i] = the data set's row at place i of this step's batch: a permutation of its own for each
// epoch, fixed by the seed; or the rows as they stand, where shuffled is 0.
//
// clock[0] is the step, from which epoch and batch follow; rows is [len].
// One invocation owns one place of the batch; a workgroup owns 64.

struct Params {
    len: u32,
    data_rows: u32,
    batch: u32,
    steps_per_epoch: u32,
    seed_low: u32,
    seed_high: u32,
    shuffled: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> clock: array<u32>;
@group(0) @binding(2) var<storage, read_write> rows: array<u32>;

@compute @workgroup_size(64)
fn batch_rows(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = flat_index(group, groups, lane);
    if (index >= params.len) {
        return;
    }
    let step = clock[0];
    let position = step % params.steps_per_epoch * params.batch + index;
    if (params.shuffled == 0u) {
        rows[index] = position;
        return;
    }
    let seed = vec2<u32>(params.seed_low, params.seed_high);
    let key = epoch_key(seed, step / params.steps_per_epoch);
    rows[index] = permuted(key, params.data_rows, position);
}
