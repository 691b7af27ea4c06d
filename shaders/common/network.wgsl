// What the kernels that train whole networks share: the outcome of a network, and the place of a
// step among epochs.

// Outcomes: in training, no longer finite, or, of networks that stop when solved, so many steps (from 0) and
// then solved.
const IN_TRAINING: u32 = 0xffffffffu;
const DIVERGED: u32 = 0xfffffffeu;

// Where a step stands: its epoch, its place therein, and how many epochs from there the next one
// is whose losses are kept. They are counted on: a division would cost as much as a step.
struct Clock {
    epoch: u32,
    place: u32,
    wait: u32,
}

// Of `every` epochs the last one's losses are kept; none where it is 0.
fn clock_at(step: u32, steps_per_epoch: u32, every: u32) -> Clock {
    let epoch = step / steps_per_epoch;
    let period = max(every, 1u);
    return Clock(epoch, step % steps_per_epoch, period - 1u - epoch % period);
}

fn clock_after(clock: Clock, steps_per_epoch: u32, every: u32) -> Clock {
    let is_last = clock.place + 1u == steps_per_epoch;
    let wait = select(clock.wait, max(every, 1u), clock.wait == 0u) - 1u;
    return Clock(
        select(clock.epoch, clock.epoch + 1u, is_last),
        select(clock.place + 1u, 0u, is_last),
        select(clock.wait, wait, is_last),
    );
}

fn is_kept(clock: Clock, every: u32) -> bool {
    return every != 0u && clock.wait == 0u;
}

// Steps from here of which none but perhaps the first is kept, nor begins an epoch but the first.
fn plain_steps(clock: Clock, steps_per_epoch: u32, every: u32) -> u32 {
    if (steps_per_epoch > 1u) {
        return select(steps_per_epoch - clock.place, 1u, is_kept(clock, every));
    }
    return select(0xffffffffu, max(clock.wait, 1u), every != 0u);
}

// Where in the ring the next losses that are kept go.
fn slot_at(clock: Clock, steps_per_epoch: u32, every: u32, ring_len: u32) -> u32 {
    let before = clock.epoch / max(every, 1u) * steps_per_epoch;
    return (before + select(0u, clock.place, clock.wait == 0u)) % ring_len;
}
