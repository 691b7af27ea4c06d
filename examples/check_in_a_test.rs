//! The check of a device as a test of your own: `cargo test --example check_in_a_test`.
//!
//! It fails where the kernels disagree with their CPU twins on the machine that runs the tests, and where there is
//! no adapter to check.
#![allow(clippy::print_stdout)]

fn main() {
    println!("this is a test: cargo test --example check_in_a_test");
}

#[test]
fn the_gpu_agrees_with_the_cpu() -> Result<(), wgrad::Error> {
    use wgrad::check::{Options, run};
    use wgrad::gpu::DeviceChoice;

    // `Gpu` is the best adapter, software adapters included, and an error without one.
    let device = wgrad::block_on(wgrad::Device::open(&DeviceChoice::Gpu))?;
    let gpu = device.gpu().expect("an adapter is open");
    // One row of the table of `wgrad check`; leave `filter` out for all of them.
    let mut options = Options::default();
    options.quick = true;
    options.filter = Some("bias".to_owned());
    let report = wgrad::block_on(run(gpu, &options))?;
    // What failed is lines for a bug report; what could not be checked is no pass either.
    assert!(report.is_pass(), "{:#?}", report.failures());
    Ok(())
}
