//! Steps that are too large, too small, or too few.

use super::*;

/// A regression with tanh units.
fn values(sizes: &[usize], rate: f32, scale: f32) -> Training {
    let network = Network::uniform(sizes.to_vec(), Tanh, Identity, Loss::MseMean).unwrap();
    let training = Training { data: rings(), epochs: 200, ..xor(Tanh, sizes) };
    Training { network, learning_rate: rate, init_scale: scale, ..training }
}

#[test]
fn exploding_gradients_are_distinguished_from_too_high_a_rate() {
    // Over time, until they overflow.
    let findings = watch(values(&[2, 8, 1], 0.7, 1.0)).findings();
    assert_eq!([findings[0].cause, findings[1].cause], [Cause::NotFinite, Cause::Exploding]);
    assert!(findings[1].what.contains("grew from"), "{findings:?}");
    assert!(told(&findings[1]).contains(&"a lower --lr than 0.7 (--lr 0.07)".to_owned()));
    assert!(told(&findings[1]).iter().any(|fix| fix.starts_with("--clip-norm 0.")), "{findings:?}");
    assert_eq!(watch(values(&[2, 8, 1], 0.3, 1.0)).causes(), []);
    // From the start, with a rate that is small enough to continue, and one that is not.
    let deep = [2, 16, 16, 16, 16, 16, 16, 1];
    let network = Network::uniform(deep.to_vec(), LeakyRelu, Identity, Loss::MseMean).unwrap();
    let wide = |learning_rate, init_scale| {
        let network = network.clone();
        watch(Training { network, learning_rate, ..values(&deep, 0.0, init_scale) })
    };
    let seen = wide(1e-9, 2.0);
    let finding = seen.only(Cause::Exploding);
    assert!(finding.what.starts_with("The loss began at "), "{finding:?}");
    assert_eq!(told(&finding)[0], "--init-scale 1");
    assert!(!told(&finding).iter().any(|fix| fix.contains("--lr")), "{finding:?}");
    assert_eq!(seen.blind(), [Cause::Exploding]);
    assert_eq!(wide(0.1, 2.0).causes(), [Cause::NotFinite, Cause::Exploding]);
    assert_eq!(wide(1e-3, 1.0).causes(), [Cause::TooShort]);
    // Towards the inputs. That is reported only if the loss rose.
    let mut seen = watch(Training { epochs: 3, ..values(&deep, 0.01, 5.0) });
    for seen in &mut seen.run.checkups {
        seen.layers[0].gradient_norm *= 1e5;
    }
    assert!(!seen.causes().contains(&Cause::Exploding));
    seen.run.history[0].1 = 0.1;
    let finding = seen.findings()[0].clone();
    assert!(finding.cause == Cause::Exploding && finding.layer == Some(0), "{finding:?}");
    assert!(finding.what.contains("times those of the last layer"), "{finding:?}");
}

#[test]
fn too_high_a_rate_is_reported_with_a_lower_one() {
    for seed in 0..5 {
        let seen = watch(Training { learning_rate: 200.0, seed, ..xor(Tanh, &[2, 4, 1]) });
        let finding = seen.findings()[0].clone();
        assert!(finding.cause == Cause::RateTooHigh && finding.what.contains("rose"));
        assert_eq!(told(&finding)[0], "a lower --lr than 200 (--lr 20)");
        assert_eq!(seen.blind(), [Cause::RateTooHigh]);
    }
    let finding = watch(values(&[2, 8, 1], 0.6, 1.0)).only(Cause::RateTooHigh);
    assert!(finding.what.contains("bounces"), "{finding:?}");
    assert_eq!(told(&finding)[..2], ["a lower --lr than 0.6 (--lr 0.3)", "--schedule cosine"]);
    // The loss neither rises nor bounces here: only the updates show it.
    let seen = watch(Training { learning_rate: 8.0, ..xor(Relu, &[2, 3, 1]) });
    let finding = seen.findings()[0].clone();
    assert!(finding.what.starts_with("A step changes a layer by 0."), "{finding:?}");
    for seed in 0..20 {
        let causes = watch(Training { seed, ..xor(Tanh, &[2, 4, 1]) }).causes();
        assert!(!causes.contains(&Cause::RateTooHigh), "{seed}: {causes:?}");
    }
}

#[test]
fn too_low_a_rate_is_reported_with_a_higher_one() {
    for rate in [1e-7, 1e-5] {
        let seen = watch(Training { learning_rate: rate, ..xor(Tanh, &[2, 4, 1]) });
        let finding = seen.only(Cause::RateTooLow);
        assert!(told(&finding)[0].starts_with("a higher --lr than 0.0000"), "{finding:?}");
        assert_eq!(seen.blind(), [Cause::RateTooLow]);
    }
    for seed in 0..20 {
        let causes = watch(Training { seed, ..xor(Relu, &[2, 3, 1]) }).causes();
        assert!(!causes.contains(&Cause::RateTooLow), "{seed}: {causes:?}");
    }
}

#[test]
fn a_run_that_diverged_says_where() {
    let network = Network::uniform(vec![2, 3, 1], Relu, Identity, Loss::MseMean).unwrap();
    let training = Training { network, learning_rate: 1e30, ..xor(Relu, &[2, 3, 1]) };
    let findings = watch(training).findings();
    assert!(findings[0].cause == Cause::NotFinite && findings[0].layer == Some(0), "{findings:?}");
    assert!(told(&findings[0]).iter().any(|fix| fix.starts_with("a lower --lr than")));
    assert!(findings.len() <= 2);
}

#[test]
fn a_run_that_was_only_too_short_says_so() {
    for epochs in [3, 60] {
        let seen = watch(Training { seed: 2, epochs, ..xor(Relu, &[2, 3, 1]) });
        let finding = seen.only(Cause::TooShort);
        assert_eq!(told(&finding), [format!("more --epochs than {epochs}")]);
    }
    let stopped = Training { seed: 2, epochs: 60, ..xor(Relu, &[2, 3, 1]) };
    let seen = watch(stopped.clone());
    let cut = Seen { training: Training { epochs: 1000, ..stopped }, ..seen };
    assert!(told(&cut.only(Cause::TooShort))[0].contains("ended after 60"));
}
