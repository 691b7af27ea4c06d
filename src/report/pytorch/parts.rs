//! The functions of a script that depend on the training: network, loss, learning rate, optimizer, steps.

use std::fmt::Write as _;

use super::number;
use crate::network::{LossPyTorch, Network};
use crate::optimizer::{
    Decay, Optimizer, OptimizerKind, PyTorchArgument, Schedule, ScheduleKind, UpdateRule,
};
use crate::train::Training;

/// The kind of weight decay, if any.
fn decay(optimizer: &Optimizer) -> Option<Decay> {
    (optimizer.weight_decay != 0.0).then_some(optimizer.decay)
}

/// Whether weights decay in a way that PyTorch has no optimizer for: decoupled, and not Adam's.
fn decays_apart(optimizer: &Optimizer) -> bool {
    decay(optimizer) == Some(Decay::Decoupled) && optimizer.kind.row().rule != UpdateRule::Adam
}

/// How activations are dropped, where they are.
pub(super) fn dropout(training: &Training) -> Option<String> {
    let (dropout, seed) = (training.network.dropout(), training.seed);
    let head = format!("SEED = ({}, {})\nP = {}\n\n\n", seed as u32, seed >> 32, number(dropout));
    (dropout > 0.0).then(|| head + include_str!("dropout.py"))
}

/// The network up to the input of its loss.
pub(super) fn network(network: &Network) -> String {
    let left_out = network.loss().row().pytorch.takes_logits;
    let about = match left_out {
        true => " without its output activation, which is part of the loss",
        false => "",
    };
    let mut text = format!(
        "def network():
    \"\"\"The network{about}.\"\"\"
    return nn.Sequential(\n"
    );
    let last = network.layers().len() - 1;
    for layer in network.layers() {
        let _ = writeln!(text, "        nn.Linear({}, {}),", layer.fan_in, layer.fan_out);
        if let Some(class) = layer.norm.row().pytorch {
            let _ = writeln!(text, "        nn.{class}({}),", layer.fan_out);
        }
        let module = layer.activation.row().pytorch.filter(|_| layer.index != last || !left_out);
        if let Some(module) = module {
            let _ = writeln!(text, "        nn.{},", module(layer.parameter));
        }
        if layer.dropout > 0.0 {
            let _ = writeln!(text, "        Dropout({}),", layer.index);
        }
    }
    text + "    )\n"
}

/// The loss of a batch.
pub(super) fn loss(network: &Network, is_weighted: bool) -> String {
    let loss = network.loss();
    let LossPyTorch { about, expression, .. } = &loss.row().pytorch;
    let value = expression(network.loss_parameter());
    let mut text = format!(
        "def loss_of(outputs, targets):
    \"\"\"{loss}: {about}.\"\"\"
    return {value}\n"
    );
    if is_weighted {
        text.push_str(
            "

def weighted_loss_of(outputs, targets, weights):
    \"\"\"The mean over rows of weight times loss; the mean of the weights of all rows is 1.\"\"\"
    rows = zip(outputs.split(1), targets.split(1))
    return (weights * torch.stack([loss_of(*row) for row in rows])).mean()\n",
        );
    }
    text
}

/// The learning rate of a step.
pub(super) fn rate(training: &Training) -> String {
    let Schedule { kind, warmup, every, factor, floor } = training.schedule;
    let per_epoch = training.batches(training.seed).steps_per_epoch() as u64;
    let steps = |epochs: u32| u64::from(epochs) * per_epoch;
    let (rate, warm) = (number(training.learning_rate), steps(warmup));
    let (factor, floor) = (number(factor), number(floor));
    let mut text = format!(
        "def rate_of(step):
    \"\"\"The learning rate of a step, counted from 0: {kind}{}.\"\"\"\n",
        if warm > 0 { ", after a warmup" } else { "" }
    );
    if warm > 0 {
        let _ = writeln!(
            text,
            "    if step < {warm}:
        return {rate} * (step + 1) / {warm}"
        );
        if !matches!(kind, ScheduleKind::Constant | ScheduleKind::Plateau) {
            let _ = writeln!(text, "    step -= {warm}");
        }
    }
    let share = match kind {
        ScheduleKind::Constant => None,
        ScheduleKind::Plateau => {
            text.push_str(
                "    # `wgrad train` lowers it when the loss stops improving; these steps did not.\n",
            );
            None
        }
        ScheduleKind::Step => {
            Some(format!("max({factor} ** (step // {per_epoch} // {every}), {floor})"))
        }
        ScheduleKind::Exponential => {
            Some(format!("max({factor} ** (step // {per_epoch}), {floor})"))
        }
        ScheduleKind::Cosine => {
            let all = steps(training.epochs).saturating_sub(warm).max(1);
            let _ = writeln!(text, "    progress = min(step, {all}) / {all}");
            Some(format!("({floor} + (1 - {floor}) * 0.5 * (1 + math.cos(math.pi * progress)))"))
        }
    };
    let _ = match share {
        Some(share) => writeln!(text, "    return {rate} * {share}"),
        None => writeln!(text, "    return {rate}"),
    };
    text
}

/// PyTorch's optimizer with the same update.
pub(super) fn optimizer(optimizer: &Optimizer) -> String {
    let Optimizer { kind, weight_decay, .. } = *optimizer;
    let row = kind.row();
    // Adam with decoupled decay is another class, and that is the only difference.
    let class = match (row.rule, decay(optimizer)) {
        (UpdateRule::Adam, Some(Decay::Decoupled)) => OptimizerKind::AdamW.row().pytorch,
        _ => row.pytorch,
    };
    let mut text = format!(
        "def optimizer_of(model):
    \"\"\"{kind}.\"\"\"
    return torch.optim.{class}(
        model.parameters(),
        lr=rate_of(0),\n"
    );
    let value = |row| number(optimizer.value(row));
    for argument in row.pytorch_arguments {
        let argument = match argument {
            PyTorchArgument::Number(name, row) => format!("{name}={}", value(row)),
            PyTorchArgument::Pair(name, [one, other]) => {
                format!("{name}=({}, {})", value(one), value(other))
            }
            PyTorchArgument::True(_, row) if optimizer.value(row) == 0.0 => continue,
            PyTorchArgument::True(name, _) => format!("{name}=True"),
        };
        let _ = writeln!(text, "        {argument},");
    }
    // The default of AdamW is not 0.
    if class == "AdamW" || weight_decay != 0.0 && !decays_apart(optimizer) {
        let _ = writeln!(text, "        weight_decay={},", number(weight_decay));
    }
    text + "    )\n"
}

/// The steps.
pub(super) fn train(training: &Training, in_batches: bool) -> String {
    let optimizer = &training.optimizer;
    let decays_apart = decays_apart(optimizer);
    let is_weighted = training.data.is_weighted();
    let mut text = "\
def train(model, dtype):
    \"\"\"Takes the steps; returns the loss of each before its update.\"\"\"
    inputs, targets = INPUTS.to(dtype), TARGETS.to(dtype)
WEIGHTS    optimizer = optimizer_of(model)
    losses = []
    for step in range(len(LOSSES)):
"
    .replace(
        "WEIGHTS",
        if is_weighted { "    weights = WEIGHTS.to(dtype).flatten()\n" } else { "" },
    );
    let mut line = |line: &str| {
        let _ = writeln!(text, "        {line}");
    };
    if !training.rate_schedule().is_constant() {
        line("optimizer.param_groups[0][\"lr\"] = rate_of(step)");
    }
    if training.network.dropout() > 0.0 {
        line("Dropout.step = step");
    }
    line("optimizer.zero_grad()");
    match in_batches {
        true => {
            line("rows = [int(row) for row in BATCHES[step].split()]");
            line(match is_weighted {
                true => {
                    "loss = weighted_loss_of(model(inputs[rows]), targets[rows], weights[rows])"
                }
                false => "loss = loss_of(model(inputs[rows]), targets[rows])",
            });
        }
        false => line(match is_weighted {
            true => "loss = weighted_loss_of(model(inputs), targets, weights)",
            false => "loss = loss_of(model(inputs), targets)",
        }),
    }
    line("losses.append(loss.item())");
    line("loss.backward()");
    if let Some(most) = optimizer.clip_value {
        line(&format!("nn.utils.clip_grad_value_(model.parameters(), {})", number(most)));
    }
    if let Some(most) = optimizer.clip_norm {
        line(&format!("nn.utils.clip_grad_norm_(model.parameters(), {})", number(most)));
    }
    if decays_apart {
        line("# Decoupled decay, which PyTorch has only for AdamW.");
        line("with torch.no_grad():");
        line("    for parameter in model.parameters():");
        let weight_decay = number(optimizer.weight_decay);
        line(&format!("        parameter.mul_(1 - rate_of(step) * {weight_decay})"));
    }
    line("optimizer.step()");
    text + "    return torch.tensor(losses, dtype=torch.float64)\n"
}
