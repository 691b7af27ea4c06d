//! One call from "any adapter" to an open device.

use std::fmt;
use std::sync::Arc;

use crate::Error;
use crate::engine::EngineSpec;
use crate::engine::resident::{self, Capacity};
use crate::gpu::{AdapterEntry, Adapters, DeviceChoice, Environment, Gpu};
use crate::sweep::{Sweep, SweepOutcome};
use crate::train::{Outcome, Training};

/// Where trainings run: an open adapter, or the CPU. Printed, it says which, and why it is the CPU where nobody
/// asked for it.
///
/// ```
/// use wgrad::{Device, block_on};
///
/// let device = block_on(Device::any())?;
/// // "NVIDIA H200 (vulkan, NVIDIA 570.86; discrete GPU)", or "the CPU: no GPU adapter found (...)"
/// println!("{device}");
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Device {
    gpu: Option<Arc<Gpu>>,
    /// Why there is no adapter, where one would have been taken.
    why_cpu: Option<String>,
    /// Whether nobody asked for this very adapter, so that the CPU may take what it is faster with.
    is_free: bool,
}

impl Device {
    /// The best device that this machine has: a GPU, discrete before integrated; else a software adapter, which takes
    /// only what it is not slower with than the CPU, and XOR by 2-3-1; else the CPU. `WGPU_ADAPTER_NAME`,
    /// `WGPU_BACKEND` and `WGPU_POWER_PREF` choose another adapter, as for the command.
    ///
    /// # Errors
    /// [`Error::Gpu`]: an adapter that fails to open is an error, and not silently the CPU; so is a variable with an
    /// unknown value, or one that names no adapter.
    pub async fn any() -> Result<Device, Error> {
        Device::open(&DeviceChoice::Auto).await
    }

    /// The device that `choice` means, as `--device` of the command: `"gpu".parse()`, `"1"`, `"rtx"`.
    /// [`DeviceChoice::Fastest`] is as [`DeviceChoice::Auto`] here: nothing is measured.
    ///
    /// # Errors
    /// [`Error::Gpu`] where there is no such adapter, or it fails to open.
    pub async fn open(choice: &DeviceChoice) -> Result<Device, Error> {
        if *choice == DeviceChoice::Cpu {
            return Ok(Device::cpu());
        }
        let environment = Environment::of_process()?;
        let adapters = Adapters::enumerate(&environment).await;
        let is_free = matches!(choice, DeviceChoice::Auto | DeviceChoice::Fastest)
            && environment.adapter_name.is_none();
        Ok(match adapters.choose(choice, &environment, false)? {
            Some(adapter) => {
                let gpu = adapter.open().await.map(Arc::new)?;
                Device { is_free, ..Device::from(gpu) }
            }
            None => Device { why_cpu: Some(adapters.why_none()), ..Device::cpu() },
        })
    }

    /// The CPU, whatever adapters there are.
    pub fn cpu() -> Device {
        Device { gpu: None, why_cpu: None, is_free: false }
    }

    /// The open adapter; `None` on the CPU.
    pub fn gpu(&self) -> Option<&Arc<Gpu>> {
        self.gpu.as_ref()
    }

    /// The engine that suits a training here: resident for networks that fit into registers or workgroup memory,
    /// else layered; the cpu engine on the CPU, and in place of a software adapter that is slower and that nobody
    /// asked for, but for XOR by 2-3-1.
    pub fn engine(&self, training: &Training) -> EngineSpec {
        match &self.gpu {
            Some(gpu) if !self.is_free || suits(gpu.adapter(), training) => {
                let batches = training.batches(training.seed);
                let request = training.request(&batches, training.restarts as usize);
                EngineSpec::on(Arc::clone(gpu), request, &training.data)
            }
            _ => EngineSpec::Cpu,
        }
    }

    /// The same for a sweep, which counts the networks that solve their data.
    pub fn engine_of_sweep(&self, sweep: &Sweep) -> EngineSpec {
        match &self.gpu {
            Some(gpu)
                if sweep.unsuited(gpu).is_none() && !(self.is_free && is_lost(gpu, sweep)) =>
            {
                EngineSpec::Resident(Arc::clone(gpu), None)
            }
            _ => EngineSpec::Cpu,
        }
    }

    /// Trains to the end. [`Training::run`] tells how far it is, too, and can be stopped.
    ///
    /// # Errors
    /// As [`Training::run`].
    pub async fn train(&self, training: &Training) -> Result<Outcome, Error> {
        training.run(&self.engine(training), &mut |_| (), &|| false).await
    }

    /// Trains every network of a sweep. [`Sweep::run`] tells how far it is, too, and can be stopped.
    ///
    /// # Errors
    /// As [`Sweep::run`].
    pub async fn sweep(&self, sweep: &Sweep) -> Result<SweepOutcome, Error> {
        sweep.run(&self.engine_of_sweep(sweep), &mut |_| (), &|| false).await
    }
}

impl Environment {
    /// The environment variables of this process; in a browser there are none.
    ///
    /// # Errors
    /// As [`Environment::read`].
    pub fn of_process() -> Result<Environment, Error> {
        // What is not UTF-8 matches nothing, and is told so.
        let variable = |name: &str| std::env::var_os(name);
        let text = |name: &str| variable(name).map(|value| value.to_string_lossy().into_owned());
        Ok(Environment::read(text)?)
    }
}

/// An adapter that is open; it takes whatever it is given.
impl From<Arc<Gpu>> for Device {
    fn from(gpu: Arc<Gpu>) -> Device {
        Device { gpu: Some(gpu), why_cpu: None, is_free: false }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.gpu, &self.why_cpu) {
            (Some(gpu), _) => f.write_str(&gpu.adapter().describe()),
            (None, Some(why)) => write!(f, "the CPU: {why}"),
            (None, None) => f.write_str("the CPU"),
        }
    }
}

/// Whether a training goes to an adapter where nobody says so: if it pays there, or is the first example.
pub(crate) fn suits(adapter: &AdapterEntry, training: &Training) -> bool {
    is_first_example(training) || pays_on(adapter, training)
}

/// Whether an adapter trains this at least as fast as the cpu engine would, as far as that is known: a software
/// adapter shares the CPU's cores.
pub(crate) fn pays_on(adapter: &AdapterEntry, training: &Training) -> bool {
    let batches = training.batches(training.seed);
    let request = training.request(&batches, training.restarts as usize);
    !adapter.is_software()
        || !training.data.is_truth_table()
            && resident::pays_on_software(request, Capacity::of(adapter))
}

/// Whether it is what `wgrad` alone trains: XOR by 2-3-1, which takes any adapter that there is, so that its kernels
/// are seen to run, though the cpu engine is faster.
pub(crate) fn is_first_example(training: &Training) -> bool {
    let (network, batches) = (&training.network, training.batches(training.seed));
    let is_plain = batches.is_full() && !network.differs_in_training();
    is_plain && training.data.is_xor() && network.sizes() == [2, 3, 1]
}

/// Whether the CPU is faster with a sweep.
fn is_lost(gpu: &Gpu, sweep: &Sweep) -> bool {
    gpu.adapter().is_software() && sweep.suits_lanes()
}
