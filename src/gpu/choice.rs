//! Which adapter to use: the flag before the environment before the default.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::adapter::{AdapterEntry, Adapters, DeviceKind, EXCLUDED};
use super::error::GpuError;

/// What to do without any adapter.
const INSTALL: &str =
    "install a Vulkan, Metal or DX12 driver (on Debian or Ubuntu: apt install mesa-vulkan-drivers)";

/// The device that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum DeviceChoice {
    /// The environment's choice, else a GPU, else a software adapter where it is not slower than the CPU
    /// (and for XOR by 2-3-1), else the CPU.
    #[default]
    Auto,
    /// No adapter: the cpu engine.
    Cpu,
    /// The best adapter, an error without one.
    Gpu,
    /// The first software adapter, an error without one.
    Software,
    /// The fastest by measurement, which the caller makes: [`Adapters::choose`] takes the default.
    Fastest,
    /// The adapter at this index of `wgrad devices`, or else with these digits in its name.
    Index(usize),
    /// The first adapter whose name contains this, ignoring case.
    Name(String),
}

impl FromStr for DeviceChoice {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "auto" => DeviceChoice::Auto,
            "cpu" => DeviceChoice::Cpu,
            "gpu" => DeviceChoice::Gpu,
            "software" => DeviceChoice::Software,
            "fastest" => DeviceChoice::Fastest,
            other => match other.parse() {
                Ok(index) => DeviceChoice::Index(index),
                Err(_) => DeviceChoice::Name(text.to_owned()),
            },
        })
    }
}

impl From<String> for DeviceChoice {
    fn from(text: String) -> Self {
        match text.parse() {
            Ok(choice) => choice,
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceChoice::Auto => f.pad("auto"),
            DeviceChoice::Cpu => f.pad("cpu"),
            DeviceChoice::Gpu => f.pad("gpu"),
            DeviceChoice::Software => f.pad("software"),
            DeviceChoice::Fastest => f.pad("fastest"),
            DeviceChoice::Index(index) => index.fmt(f),
            DeviceChoice::Name(part) => f.pad(part),
        }
    }
}

impl From<DeviceChoice> for String {
    fn from(choice: DeviceChoice) -> String {
        choice.to_string()
    }
}

/// The environment variables about adapters, parsed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Environment {
    /// `WGPU_ADAPTER_NAME`: part of an adapter's name.
    pub adapter_name: Option<String>,
    /// `WGPU_BACKEND`: the backends to use, by their names here.
    pub backends: Option<Vec<&'static str>>,
    /// `WGPU_POWER_PREF=low`: integrated before discrete.
    pub low_power: bool,
    /// A variable that is set and tells the Vulkan loader which drivers there are.
    pub drivers: Option<&'static str>,
}

/// The variables that tell the Vulkan loader which drivers to use, or not to.
const DRIVERS: [&str; 4] = [
    "VK_DRIVER_FILES",
    "VK_ICD_FILENAMES",
    "VK_LOADER_DRIVERS_SELECT",
    "VK_LOADER_DRIVERS_DISABLE",
];

impl Environment {
    /// Reads `WGPU_ADAPTER_NAME`, `WGPU_BACKEND` and `WGPU_POWER_PREF` through `variable`.
    ///
    /// # Errors
    /// [`GpuError::BadVariable`] for an unknown value.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Environment, GpuError> {
        let set = |name| variable(name).filter(|value| !value.trim().is_empty());
        let bad = |variable, value, choices| GpuError::BadVariable { variable, value, choices };
        let mut environment =
            Environment { adapter_name: set("WGPU_ADAPTER_NAME"), ..Environment::default() };
        environment.drivers = DRIVERS.into_iter().find(|name| set(name).is_some());
        if let Some(value) = set("WGPU_BACKEND") {
            let names =
                value.split(',').map(|name| match name.trim().to_ascii_lowercase().as_str() {
                    "vulkan" | "vk" => Some("vulkan"),
                    "metal" | "mtl" => Some("metal"),
                    "dx12" | "d3d12" => Some("dx12"),
                    _ => None,
                });
            let Some(backends) = names.collect() else {
                return Err(bad(
                    "WGPU_BACKEND",
                    value,
                    "vulkan, metal, dx12, or several with commas",
                ));
            };
            environment.backends = Some(backends);
        }
        if let Some(value) = set("WGPU_POWER_PREF") {
            environment.low_power = match value.to_ascii_lowercase().as_str() {
                "low" => true,
                "high" | "none" => false,
                _ => return Err(bad("WGPU_POWER_PREF", value, "low, high or none")),
            };
        }
        Ok(environment)
    }
}

/// The index into `kinds` of the best adapter: a GPU before a software adapter, discrete before
/// integrated unless low power is preferred, then the first.
fn best(kinds: impl Iterator<Item = DeviceKind>, low_power: bool) -> Option<usize> {
    let rank = |kind| match kind {
        DeviceKind::Discrete if low_power => 1,
        DeviceKind::Discrete => 0,
        DeviceKind::Integrated if low_power => 0,
        DeviceKind::Integrated => 1,
        DeviceKind::Virtual => 2,
        DeviceKind::Other => 3,
        DeviceKind::Software => 4,
    };
    kinds.enumerate().min_by_key(|&(index, kind)| (rank(kind), index)).map(|(index, _)| index)
}

impl Adapters {
    /// The adapter for `choice`; `None` means the CPU.
    ///
    /// # Errors
    /// [`GpuError::NoAdapter`] or [`GpuError::NoSuchAdapter`] if the one asked for does not exist;
    /// [`GpuError::SoftwareAdapter`] if `require_gpu` excludes it.
    pub fn choose(
        &self,
        choice: &DeviceChoice,
        environment: &Environment,
        require_gpu: bool,
    ) -> Result<Option<&AdapterEntry>, GpuError> {
        let named = |asked: String, part: &str| self.named(&asked, part).map(Some);
        let by_default = || match &environment.adapter_name {
            Some(part) => named(format!("WGPU_ADAPTER_NAME={part}"), part),
            None => {
                let kinds = self.entries.iter().map(|adapter| adapter.kind);
                Ok(best(kinds, environment.low_power).map(|index| &self.entries[index]))
            }
        };
        let chosen = match choice {
            DeviceChoice::Cpu => None,
            DeviceChoice::Auto | DeviceChoice::Fastest => by_default()?,
            DeviceChoice::Gpu => Some(by_default()?.ok_or_else(|| self.none())?),
            DeviceChoice::Software => {
                let found = self.entries.iter().find(|adapter| adapter.is_software());
                Some(found.ok_or_else(|| self.no_such("`device` software".to_owned()))?)
            }
            DeviceChoice::Index(index) => {
                let found = self.entries.iter().find(|adapter| adapter.index == *index);
                let by_name = || self.named(&format!("`device` {index}"), &index.to_string());
                Some(found.map_or_else(by_name, Ok)?)
            }
            DeviceChoice::Name(part) => named(format!("`device` {part}"), part)?,
        };
        match chosen {
            Some(adapter) if require_gpu && adapter.kind == DeviceKind::Software => {
                Err(GpuError::SoftwareAdapter(adapter.name.clone()))
            }
            None if require_gpu => Err(self.none()),
            chosen => Ok(chosen),
        }
    }

    /// The first adapter whose name contains `part`, ignoring case.
    fn named(&self, asked: &str, part: &str) -> Result<&AdapterEntry, GpuError> {
        let part = part.to_lowercase();
        let found = self.entries.iter().find(|a| a.name.to_lowercase().contains(&part));
        found.filter(|_| !part.is_empty()).ok_or_else(|| self.no_such(asked.to_owned()))
    }

    /// These adapters, or the one that the environment names.
    ///
    /// # Errors
    /// [`GpuError::NoSuchAdapter`] where it names none that is there.
    pub fn candidates(&self, environment: &Environment) -> Result<Adapters, GpuError> {
        let Some(part) = &environment.adapter_name else { return Ok(self.clone()) };
        let named = self.named(&format!("WGPU_ADAPTER_NAME={part}"), part)?;
        Ok(Adapters { entries: vec![named.clone()], skipped: self.skipped.clone() })
    }

    /// That there is no adapter, and why.
    pub fn why_none(&self) -> String {
        format!("no GPU adapter found ({})", self.skipped_reasons())
    }

    /// Why each backend without an adapter has none, in one line.
    pub fn skipped_reasons(&self) -> String {
        let reasons =
            self.skipped.iter().map(|skipped| format!("{}: {}", skipped.backend, skipped.reason));
        reasons.collect::<Vec<_>>().join("; ")
    }

    /// The error of no adapter at all.
    pub fn none(&self) -> GpuError {
        let is_excluded = self.skipped.iter().any(|skipped| skipped.reason == EXCLUDED);
        GpuError::NoAdapter {
            reasons: self.skipped_reasons(),
            fix: if is_excluded { "unset WGPU_BACKEND" } else { INSTALL },
        }
    }

    fn no_such(&self, asked: String) -> GpuError {
        if self.entries.is_empty() {
            return self.none();
        }
        let names = self.entries.iter().map(|a| format!("{} {}", a.index, a.name));
        GpuError::NoSuchAdapter { asked, available: names.collect::<Vec<_>>().join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Environment, GpuError> {
        Environment::read(|name| {
            pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.to_owned())
        })
    }

    #[test]
    fn choices_parse_and_print() {
        for (text, choice) in [
            ("auto", DeviceChoice::Auto),
            ("cpu", DeviceChoice::Cpu),
            ("gpu", DeviceChoice::Gpu),
            ("software", DeviceChoice::Software),
            ("3", DeviceChoice::Index(3)),
            ("RTX", DeviceChoice::Name("RTX".into())),
        ] {
            assert_eq!(text.parse(), Ok(choice.clone()));
            assert_eq!(choice.to_string(), text);
        }
    }

    #[test]
    fn the_environment_is_parsed_or_refused() {
        assert_eq!(read(&[]).unwrap(), Environment::default());
        let all = read(&[
            ("WGPU_ADAPTER_NAME", "llvm"),
            ("WGPU_BACKEND", "VK,metal"),
            ("WGPU_POWER_PREF", "low"),
        ]);
        assert_eq!(
            all.unwrap(),
            Environment {
                adapter_name: Some("llvm".into()),
                backends: Some(vec!["vulkan", "metal"]),
                low_power: true,
                drivers: None,
            }
        );
        assert_eq!(read(&[("WGPU_BACKEND", " ")]).unwrap().backends, None);
        for (name, value) in
            [("WGPU_BACKEND", "vulcan"), ("WGPU_BACKEND", "gl"), ("WGPU_POWER_PREF", "max")]
        {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(name) && error.to_string().contains(value));
        }
    }

    #[test]
    fn a_real_gpu_comes_before_a_software_adapter() {
        use DeviceKind::{Discrete, Integrated, Software};
        let best = |kinds: &[DeviceKind], low| best(kinds.iter().copied(), low);
        assert_eq!(best(&[], false), None);
        assert_eq!(best(&[Software], false), Some(0));
        assert_eq!(best(&[Software, Integrated, Discrete], false), Some(2));
        assert_eq!(best(&[Software, Integrated, Discrete], true), Some(1));
        assert_eq!(best(&[Discrete, Discrete], false), Some(0));
    }
}
