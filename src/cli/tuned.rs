//! What `wgrad bench --tune` found to be the fastest on an adapter, in a file of the user's cache folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::bench::Tuning;
use crate::gpu::{AdapterEntry, Gpu};
use crate::model::file;
use crate::settings::data::hex;

/// What the file holds: choices hold for one adapter under one driver, and for the kernels of one version.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    adapter: String,
    wgrad: String,
    choices: BTreeMap<String, String>,
}

impl Kept {
    fn new(adapter: &AdapterEntry) -> Kept {
        let wgrad = env!("CARGO_PKG_VERSION").to_owned();
        Kept { adapter: adapter.describe(), wgrad, choices: BTreeMap::new() }
    }

    /// Its file in a folder of caches.
    fn path(&self, folder: &Path) -> PathBuf {
        let mut digest = Sha256::new();
        digest.update(format!("{}\n{}", self.adapter, self.wgrad));
        folder.join("wgrad").join(format!("tuned-{}.json", &hex(digest)[..16]))
    }

    /// The choices that are kept there for the same adapter, driver and version.
    fn read(&self, path: &Path) -> Result<BTreeMap<String, String>, Error> {
        let bytes = file::read(path)?;
        match serde_json::from_slice::<Kept>(&bytes) {
            Ok(kept) if (&kept.adapter, &kept.wgrad) == (&self.adapter, &self.wgrad) => {
                Ok(kept.choices)
            }
            Ok(kept) => Err(Error::bad_file(path, format!("is of {}", kept.adapter))),
            Err(error) => Err(Error::bad_file(path, format!("is damaged: {error}"))),
        }
    }
}

/// Where choices for an adapter are kept, if the system says where caches are.
fn path(adapter: &AdapterEntry) -> Option<PathBuf> {
    Some(Kept::new(adapter).path(&caches()?))
}

/// Where the user's caches are: by the rules of each system.
fn caches() -> Option<PathBuf> {
    let folder = |variable: &str| {
        std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
    };
    if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else if cfg!(target_vendor = "apple") {
        Some(folder("HOME")?.join("Library/Caches"))
    } else {
        folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))
    }
}

/// Lets a device compute as it was found to be the fastest; what to say of it, if anything is kept for it.
pub(super) fn apply(gpu: &Gpu) -> Option<String> {
    let path = path(gpu.adapter()).filter(|path| path.exists())?;
    match Kept::new(gpu.adapter()).read(&path) {
        Ok(choices) if choices.is_empty() => None,
        Ok(choices) => {
            gpu.set_tuned(choices);
            Some(format!("products as in {}", path.display()))
        }
        Err(error) => Some(format!("not tuned, {error}; delete it, or run bench --tune again")),
    }
}

/// Keeps what was found, beside what is kept for other products. Returns the file.
///
/// # Errors
/// [`Error::Setting`] on a system without a folder for caches, [`Error::File`].
pub(super) fn keep(adapter: &AdapterEntry, tuning: &Tuning) -> Result<PathBuf, Error> {
    let Some(path) = path(adapter) else {
        let reason = "finds no folder for caches to keep its result in; set HOME";
        return Err(Error::setting("--tune", reason));
    };
    let mut kept = Kept::new(adapter);
    // What cannot be read is replaced.
    kept.choices = kept.read(&path).unwrap_or_default();
    for tuned in &tuning.products {
        kept.choices.remove(&tuned.product.to_string());
    }
    kept.choices.extend(tuning.choices());
    if let Some(folder) = path.parent() {
        let failed = |error: std::io::Error| Error::bad_file(folder, error.to_string());
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let text = serde_json::to_string_pretty(&kept).unwrap_or_default();
    file::write_atomic(&path, text.as_bytes())?;
    Ok(path)
}
