//! Atomic writes: to a temporary file in the same folder, synced and renamed.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::data::DataProblem;

/// The error of the system about `path`, with a fix; `bad` if the path itself is wrong.
pub(super) fn error(path: &Path, error: &std::io::Error, bad: bool) -> Error {
    use std::io::ErrorKind::{
        IsADirectory, NotADirectory, NotFound, PermissionDenied, StorageFull,
    };
    let reason = match error.kind() {
        NotFound => "no such file or folder; check the path".to_owned(),
        PermissionDenied => "permission denied; check its mode and owner".to_owned(),
        IsADirectory => "is a folder; use a file".to_owned(),
        NotADirectory => "goes through a file as if it were a folder; check the path".to_owned(),
        StorageFull => "no space left; make room on the disk, or try another path".to_owned(),
        _ => format!("{error}; try another path"),
    };
    Error::File { path: path.display().to_string(), reason, bad }
}

/// A whole file.
///
/// # Errors
/// [`Error::File`] with the path and the system's message, or that it does not fit in memory.
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|cause| match (cause.kind(), fs::metadata(path)) {
        (std::io::ErrorKind::OutOfMemory, Ok(file)) => {
            let bytes = usize::try_from(file.len()).unwrap_or(usize::MAX);
            DataProblem::Memory(bytes).of(path.display().to_string()).into()
        }
        _ => error(path, &cause, true),
    })
}

/// Writes `bytes` to `path`: whatever happens, either the old file or the new one exists.
///
/// # Errors
/// [`Error::File`] with the path and the system's message; no temporary file is left.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let target = target(path)?;
    let temporary = temporary(&target);
    let written = write_synced(&temporary, bytes).and_then(|()| fs::rename(&temporary, &target));
    written.and_then(|()| sync_folder(&target)).map_err(|cause| {
        // Best effort: the temporary file may not exist.
        let _ = fs::remove_file(&temporary);
        error(path, &cause, false)
    })
}

/// Whether a file can be created at `path`: checked before a training whose result goes there.
///
/// # Errors
/// [`Error::File`] as [`write_atomic`] would give it.
pub fn check_writable(path: &Path) -> Result<(), Error> {
    let temporary = temporary(&target(path)?);
    let made = write_synced(&temporary, b"").and_then(|()| fs::remove_file(&temporary));
    made.map_err(|cause| error(path, &cause, cause.kind() == std::io::ErrorKind::NotFound))
}

/// As [`check_writable`], for a path that must not exist unless `force` allows replacing it.
///
/// # Errors
/// [`Error::Setting`] for an existing file; [`Error::File`] as [`check_writable`].
pub fn check_free(path: &Path, force: bool) -> Result<(), Error> {
    if !force && target(path)?.exists() {
        let reason = "exists; use another file, or `force` to replace it";
        return Err(Error::setting(path.display().to_string(), reason));
    }
    check_writable(path)
}

/// The file that a write to `path` replaces or creates, with links resolved. A device, a pipe or a
/// folder is never replaced.
pub(super) fn target(path: &Path) -> Result<PathBuf, Error> {
    let refuse = |reason: &str| Err(Error::bad_file(path, reason));
    if path.as_os_str().to_string_lossy().ends_with(std::path::is_separator) || path.is_dir() {
        return refuse("is a folder; use a file");
    }
    if path.file_name().is_none() {
        return refuse("has no file name; add one");
    }
    match fs::metadata(path) {
        Ok(found) if found.is_file() => {
            fs::canonicalize(path).map_err(|cause| error(path, &cause, false))
        }
        Ok(_) => refuse("is a device or a pipe; use a file"),
        Err(_) if path.is_symlink() => refuse("is a broken link; remove it or use another file"),
        Err(_) => Ok(path.to_owned()),
    }
}

/// A temporary name in the same folder, unique to this process.
fn temporary(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

fn write_synced(temporary: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(temporary)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the rename durable, on systems that can sync folders.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    if cfg!(unix) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_atomically_and_no_temporary_file_is_left() {
        let folder = std::env::temp_dir().join(format!("wgrad-file-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("model.safetensors");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(read(&path).unwrap(), b"two");
        check_writable(&path).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        // A folder in the way: the error names it, and nothing is left.
        let taken = folder.join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(write_atomic(&taken, b"x").is_err());
        assert!(check_writable(&taken).is_err());
        assert!(write_atomic(&folder.join("no/such/place"), b"x").is_err());
        assert!(check_writable(&folder.join("new/")).is_err());
        assert!(check_writable(&path.join("within")).is_err());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn an_existing_file_is_replaced_only_with_force() {
        let folder = std::env::temp_dir().join(format!("wgrad-free-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("model.safetensors");
        check_free(&path, false).unwrap();
        assert!(!path.exists());
        fs::write(&path, b"old").unwrap();
        let error = check_free(&path, false).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let error = error.to_string();
        assert!(error.contains("model.safetensors: exists; use another file"), "{error}");
        assert!(error.contains("`force`"), "{error}");
        check_free(&path, true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        // Errors with and without force.
        for force in [false, true] {
            assert!(matches!(check_free(&folder, force), Err(Error::File { .. })));
            assert!(matches!(check_free(&folder.join("no/file"), force), Err(Error::File { .. })));
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_devices_never_replaced() {
        let folder = std::env::temp_dir().join(format!("wgrad-link-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (real, link) = (folder.join("real"), folder.join("link"));
        fs::write(&real, b"old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write_atomic(&link, b"new").unwrap();
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert!(link.is_symlink());
        fs::remove_file(&real).unwrap();
        assert!(write_atomic(&link, b"x").unwrap_err().to_string().contains("broken link"));
        let null = write_atomic(Path::new("/dev/null"), b"x").unwrap_err();
        assert!(null.to_string().contains("device"), "{null}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
