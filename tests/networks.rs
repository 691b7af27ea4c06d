//! What `wgrad check` does with whole networks, on the adapter of the tests: the same calls as the command's.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::unwrap_used)]

mod common;

use common::gpu;
use wgrad::check::{Options, Proof, Report, run};

fn report(filter: &str, quick: bool) -> Report {
    let options = Options { filter: Some(filter.to_owned()), quick, ..Options::default() };
    pollster::block_on(run(&gpu(), &options)).unwrap()
}

#[test]
fn every_proof_over_random_networks_holds() {
    for quick in [true, false] {
        for proof in Proof::ALL {
            let report = report(proof.name(), quick);
            assert!(report.is_pass(), "{:#?}", report.failures());
            let [row] = &report.rows[..] else { panic!("{} rows", report.rows.len()) };
            assert!(row.cases >= 8 && row.compared > 50 * row.cases, "{row:?}");
            // Bounds that are hardly used would let too much pass.
            assert!(*proof == Proof::Determinism || row.share > 0.01, "{row:?}");
        }
    }
}
