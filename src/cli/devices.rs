//! `wgrad devices`: every adapter, and whether it works.

use clap::Args;

use super::{Failure, start_log};
use crate::gpu::{AdapterEntry, Adapters, DeviceChoice, Environment};
use crate::kernels::{CANARY_ITERATIONS, count_iterations};
use crate::report::{self, AdapterReport};

/// Flags of `wgrad devices`.
#[derive(Debug, Args)]
pub(super) struct DevicesArgs {
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// Let through what wgpu and the drivers log
    #[arg(short, long)]
    verbose: bool,
}

pub(super) fn run(args: &DevicesArgs) -> Result<(), Failure> {
    start_log(args.verbose);
    pollster::block_on(async {
        let environment = Environment::of_process()?;
        let adapters = Adapters::enumerate(&environment).await;
        let default = adapters.choose(&DeviceChoice::Auto, &environment, false);
        // A WGPU_ADAPTER_NAME that matches nothing is an error, but only after the list that
        // shows what there is.
        let default_index = default.as_ref().ok().copied().flatten().map(|adapter| adapter.index);
        let mut reports = Vec::new();
        for adapter in &adapters.entries {
            reports.push(try_out(adapter, default_index == Some(adapter.index)).await);
        }
        report::devices(&reports, &adapters.skipped, args.json)?;
        default?;
        Ok(())
    })
}

/// Opens an adapter and counts the loop iterations it makes.
async fn try_out(adapter: &AdapterEntry, is_default: bool) -> AdapterReport<'_> {
    let tried = async {
        let gpu = adapter.open().await?;
        count_iterations(&gpu, CANARY_ITERATIONS).await
    };
    let iterations = tried.await.map_err(|error| report::in_flags(&error.to_string()));
    AdapterReport { adapter, is_default, iterations }
}
