//! Files that are whole or not there: written beside, synced, renamed.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::data::DataProblem;

/// What the system said of `path`, with what to do; `bad` where the path itself is at fault.
pub(super) fn error(path: &Path, error: &std::io::Error, bad: bool) -> Error {
    use std::io::ErrorKind::{
        IsADirectory, NotADirectory, NotFound, PermissionDenied, StorageFull,
    };
    let reason = match error.kind() {
        NotFound => "no such file or folder; check the path".to_owned(),
        PermissionDenied => "permission denied; check its mode and owner".to_owned(),
        IsADirectory => "is a folder; give a file".to_owned(),
        NotADirectory => "goes through a file as if it were a folder; check the path".to_owned(),
        StorageFull => "no space left; make room on the disk, or try another path".to_owned(),
        _ => format!("{error}; try another path"),
    };
    Error::File { path: path.display().to_string(), reason, bad }
}

/// A whole file.
///
/// # Errors
/// [`Error::File`] with the path and what the system said, or that memory does not hold it.
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|cause| match (cause.kind(), fs::metadata(path)) {
        (std::io::ErrorKind::OutOfMemory, Ok(file)) => {
            let bytes = usize::try_from(file.len()).unwrap_or(usize::MAX);
            DataProblem::Memory(bytes).of(path.display().to_string()).into()
        }
        _ => error(path, &cause, true),
    })
}

/// Puts `bytes` at `path`: whatever happens meanwhile, the old file or the new one is there.
///
/// # Errors
/// [`Error::File`] with the path and what the system said; nothing is left behind.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let target = target(path)?;
    let beside = beside(&target);
    let written = write_beside(&beside, bytes).and_then(|()| fs::rename(&beside, &target));
    written.and_then(|()| sync_folder(&target)).map_err(|cause| {
        // Best effort: the file beside may never have come to be.
        let _ = fs::remove_file(&beside);
        error(path, &cause, false)
    })
}

/// Whether a file can be made at `path`: asked before a training whose result goes there.
///
/// # Errors
/// [`Error::File`] as [`write_atomic`] would give it.
pub fn check_writable(path: &Path) -> Result<(), Error> {
    let beside = beside(&target(path)?);
    let made = write_beside(&beside, b"").and_then(|()| fs::remove_file(&beside));
    made.map_err(|cause| error(path, &cause, cause.kind() == std::io::ErrorKind::NotFound))
}

/// As [`check_writable`], of a path where nothing may be lost: a file that is there is in the way
/// unless `force` lets it be replaced.
///
/// # Errors
/// [`Error::Setting`] naming the file in the way; [`Error::File`] as [`check_writable`].
pub fn check_free(path: &Path, force: bool) -> Result<(), Error> {
    if !force && target(path)?.exists() {
        let reason = "exists; give another file, or --force to replace it".to_owned();
        return Err(Error::Setting { setting: path.display().to_string(), reason });
    }
    check_writable(path)
}

/// What a write to `path` may replace: a plain file, seen through links, or nothing yet. A device,
/// a pipe or a folder is left alone.
pub(super) fn target(path: &Path) -> Result<PathBuf, Error> {
    let refuse = |reason: &str| {
        let (path, reason) = (path.display().to_string(), reason.to_owned());
        Err(Error::File { path, reason, bad: true })
    };
    if path.as_os_str().to_string_lossy().ends_with(std::path::is_separator) || path.is_dir() {
        return refuse("is a folder; give a file");
    }
    if path.file_name().is_none() {
        return refuse("names no file; give one");
    }
    match fs::metadata(path) {
        Ok(found) if found.is_file() => {
            fs::canonicalize(path).map_err(|cause| error(path, &cause, false))
        }
        Ok(_) => refuse("is a device or a pipe; give a file"),
        Err(_) if path.is_symlink() => {
            refuse("is a link to nothing; remove it or give another file")
        }
        Err(_) => Ok(path.to_owned()),
    }
}

/// A name in the same folder that nobody else uses.
fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

fn write_beside(beside: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(beside)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the rename itself last, where folders can be synced.
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
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
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
    fn a_file_in_the_way_is_left_alone_but_by_force() {
        let folder = std::env::temp_dir().join(format!("wgrad-free-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("model.safetensors");
        check_free(&path, false).unwrap();
        assert!(!path.exists());
        fs::write(&path, b"old").unwrap();
        let error = check_free(&path, false).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let error = error.to_string();
        assert!(error.contains("model.safetensors: exists; give another file"), "{error}");
        assert!(error.contains("--force"), "{error}");
        check_free(&path, true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        // What no force helps against.
        for force in [false, true] {
            assert!(matches!(check_free(&folder, force), Err(Error::File { .. })));
            assert!(matches!(check_free(&folder.join("no/file"), force), Err(Error::File { .. })));
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_devices_left_alone() {
        let folder = std::env::temp_dir().join(format!("wgrad-link-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (real, link) = (folder.join("real"), folder.join("link"));
        fs::write(&real, b"old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write_atomic(&link, b"new").unwrap();
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert!(link.is_symlink());
        fs::remove_file(&real).unwrap();
        assert!(write_atomic(&link, b"x").unwrap_err().to_string().contains("link to nothing"));
        let null = write_atomic(Path::new("/dev/null"), b"x").unwrap_err();
        assert!(null.to_string().contains("device"), "{null}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
