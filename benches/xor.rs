//! XOR on every engine and on loops written by hand, side by side: `wgrad bench xor` as a bench.
//!
//! `cargo bench --bench xor`; a filter that is not in its name leaves it out.
#![allow(missing_docs, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;

use wgrad::bench::{Sizes, contest};
use wgrad::report;

fn main() {
    let filters: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    if !filters.is_empty() && !filters.iter().any(|filter| "xor".contains(filter.as_str())) {
        return;
    }
    let gpu = common::gpu();
    let mut silent = |_: &str| ();
    let measured = contest(Some(&gpu), Sizes::default(), &mut silent, &|| false);
    let contest = pollster::block_on(measured).unwrap();
    report::contest(&contest, Some(gpu.adapter()), false).unwrap();
}
