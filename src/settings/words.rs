//! What errors of the library name in its own words, as flags of the command.

/// Arguments and fields of the library, as its messages have them in backticks, with the flags that set them.
pub const WORDS: [(&str, &str); 70] = [
    ("Device::cpu()", "--device cpu"),
    ("EngineSpec::Cpu", "--engine cpu"),
    ("Model::from_bytes", "wgrad predict --model"),
    ("Part::to_json", "--save"),
    ("alpha", "--alpha"),
    ("batch", "--batch"),
    ("beta1", "--beta1"),
    ("beta2", "--beta2"),
    ("categorical", "--categorical"),
    ("checkpoint_every", "--checkpoint-every"),
    ("class_weights", "--class-weights"),
    ("classes: false", "--target-type numbers"),
    ("classes: true", "--target-type classes"),
    ("clip_norm", "--clip-norm"),
    ("clip_value", "--clip-value"),
    ("count", "--rates"),
    ("data", "--data"),
    ("decay", "--decay"),
    ("decimal_comma: true", "--decimal comma"),
    ("delimiter", "--delimiter"),
    ("device", "--device"),
    ("dropout", "--dropout"),
    ("engine", "--engine"),
    ("epochs", "--epochs"),
    ("eps", "--eps"),
    ("every", "--lr-every"),
    ("factor", "--lr-factor"),
    ("filter", "--filter"),
    ("floor", "--min-lr"),
    ("folder", "--out"),
    ("force", "--force"),
    ("from", "--from"),
    ("header: false", "--header no"),
    ("header: true", "--header yes"),
    ("huber_delta", "--huber-delta"),
    ("ignore", "--ignore"),
    ("init_scale", "--init-scale"),
    ("initial", "--init-from"),
    ("learning_rate", "--lr"),
    ("loss", "--loss"),
    ("max_seconds", "--max-seconds"),
    ("min_delta", "--min-delta"),
    ("missing", "--missing"),
    ("momentum", "--momentum"),
    ("name", "--keep"),
    ("negative_slope", "--negative-slope"),
    ("networks", "--networks"),
    ("norm", "--norm"),
    ("normalize", "--normalize"),
    ("on_divergence", "--on-divergence"),
    ("optimizer", "--optimizer"),
    ("output", "--output-activation"),
    ("parts", "--join"),
    ("patience", "--patience"),
    ("profile", "--profile"),
    ("require_gpu", "--require-gpu"),
    ("restarts", "--restarts"),
    ("resume", "--resume"),
    ("sample", "--sample"),
    ("seed", "--seed"),
    ("sizes", "--layers"),
    ("step", "--step"),
    ("steps", "--steps"),
    ("target", "--target"),
    ("target_loss", "--target-loss"),
    ("test", "--test"),
    ("to", "--to"),
    ("validation", "--validation"),
    ("warmup", "--warmup"),
    ("weight_decay", "--weight-decay"),
];

/// A message of the library with flags in place of its own words.
///
/// ```
/// use wgrad::report::in_flags;
///
/// assert_eq!(in_flags("use a smaller `batch`, or `EngineSpec::Cpu`"), "use a smaller --batch, or --engine cpu");
/// assert_eq!(in_flags("see `wgrad devices`"), "see `wgrad devices`");
/// ```
pub fn in_flags(message: &str) -> String {
    let mut parts = message.split('`');
    let mut text = parts.next().unwrap_or_default().to_owned();
    // Between two backticks, and then up to the next one.
    while let Some(word) = parts.next() {
        match (WORDS.iter().find(|(own, _)| *own == word), parts.next()) {
            (Some((_, flag)), Some(after)) => text += &format!("{flag}{after}"),
            (None, Some(after)) => text += &format!("`{word}`{after}"),
            (_, None) => text += &format!("`{word}"),
        }
    }
    text
}
