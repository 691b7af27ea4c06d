//! The folder of a run: its settings, its history, its last and its best checkpoint.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind::{AlreadyExists, NotADirectory, NotFound};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::file;
use super::history::History;
use super::run_name::{MAX_RUNS, number, safe_name};
use crate::Error;

const CONFIG: &str = "config.toml";
const HISTORY: &str = "history.jsonl";
const LAST: &str = "last.safetensors";
/// The checkpoint with the lowest loss.
pub const BEST: &str = "best.safetensors";
/// The files of a run; other files in the folder are never touched.
const FILES: [&str; 4] = [CONFIG, HISTORY, LAST, BEST];
/// The file that is locked on systems that do not lock folders.
const LOCK: &str = ".lock";

/// The folder of a run, locked while this value exists: a second run in it would mix both histories.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Closing the file releases the lock, also when the process is killed. `None` on a file system
    /// without locks.
    _lock: Option<File>,
}

impl RunFolder {
    /// The folder of --out, created if it is missing. With `force` it may contain files: those of an
    /// earlier run are removed, all others are kept. So this is called when nothing else can fail.
    ///
    /// # Errors
    /// [`Error::Setting`] for a folder that is not empty; [`Error::File`] if it cannot be created or
    /// written to, if another run uses it, or if one of its files is not a regular file, such as a link.
    pub fn create(path: &Path, force: bool) -> Result<RunFolder, Error> {
        if path.as_os_str().is_empty() {
            let reason = "is not a folder; use one, such as runs/first";
            return Err(Error::setting("`folder` ''", reason));
        }
        fs::create_dir_all(path).map_err(|cause| folder_error(path, &cause))?;
        let entries = fs::read_dir(path).map_err(|cause| folder_error(path, &cause))?;
        // Before an earlier run is read or removed.
        let folder = RunFolder::locked(path.to_owned())?;
        let is_lock = |entry: &fs::DirEntry| entry.file_name() == LOCK;
        if !force && entries.flatten().any(|entry| !is_lock(&entry)) {
            let reason = "is not empty; use another folder, or `force` to replace the run in it";
            return Err(Error::setting(format!("`folder` {}", path.display()), reason));
        }
        let mut found = Vec::new();
        for file in FILES.map(|name| path.join(name)) {
            match fs::symlink_metadata(&file) {
                Ok(metadata) if metadata.is_file() => found.push(file),
                Ok(_) => {
                    let reason = "is not a regular file and is not replaced; remove it, or use another `folder`";
                    return Err(Error::bad_file(file, reason));
                }
                Err(cause) if cause.kind() == NotFound => {}
                Err(cause) => return Err(file::error(&file, &cause, false)),
            }
        }
        // The old run is removed only once a new one can be written.
        file::check_writable(&folder.config())?;
        for old in found {
            fs::remove_file(&old).map_err(|cause| file::error(&old, &cause, false))?;
        }
        Ok(folder)
    }

    /// A new folder `root/NAME-001`, or with the number after the last one. Creating it claims it: two
    /// runs that start at once get one each.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be created or written to; [`Error::Setting`] if all numbers are
    /// used.
    pub fn next(root: &Path, name: &str) -> Result<RunFolder, Error> {
        fs::create_dir_all(root).map_err(|cause| folder_error(root, &cause))?;
        let name = safe_name(name);
        let mut last = 0;
        for entry in fs::read_dir(root).map_err(|cause| folder_error(root, &cause))? {
            let entry = entry.map_err(|cause| folder_error(root, &cause))?;
            last = last.max(number(&entry.file_name().to_string_lossy(), &name).unwrap_or(0));
        }
        for number in last + 1..=MAX_RUNS {
            let path = root.join(format!("{name}-{number:03}"));
            match fs::create_dir(&path) {
                Ok(()) => {
                    let folder = RunFolder::locked(path)?;
                    file::check_writable(&folder.config())?;
                    return Ok(folder);
                }
                // Another run was faster, or a file has the name.
                Err(cause) if cause.kind() == AlreadyExists => {}
                Err(cause) => return Err(folder_error(&path, &cause)),
            }
        }
        let setting = root.join(format!("{name}-{MAX_RUNS}")).display().to_string();
        Err(Error::setting(setting, "exists, and there is no number after it; use another `name`"))
    }

    /// The folder of a run to resume.
    ///
    /// # Errors
    /// [`Error::File`] if it is not a folder, cannot be written to, or another run uses it.
    pub fn open(path: &Path) -> Result<RunFolder, Error> {
        fs::read_dir(path).map_err(|cause| folder_error(path, &cause))?;
        let folder = RunFolder::locked(path.to_owned())?;
        file::check_writable(&folder.config())?;
        Ok(folder)
    }

    /// An existing folder, locked for this run.
    fn locked(path: PathBuf) -> Result<RunFolder, Error> {
        let opened = match cfg!(unix) {
            true => File::open(&path),
            false => fs::OpenOptions::new().append(true).create(true).open(path.join(LOCK)),
        };
        let lock = opened.map_err(|cause| folder_error(&path, &cause))?;
        match lock.try_lock() {
            Ok(()) => Ok(RunFolder { path, _lock: Some(lock) }),
            Err(TryLockError::WouldBlock) => {
                let reason =
                    "another wgrad is writing its run there; wait until it ends, or use another `folder`"
                        .to_owned();
                Err(Error::File { path: path.display().to_string(), reason, bad: false })
            }
            // A file system without locks is not an error.
            Err(TryLockError::Error(_)) => Ok(RunFolder { path, _lock: None }),
        }
    }

    /// The file that a path to a run stands for where its weights are wanted: of a folder those with the lowest
    /// loss, or the last ones where there are no others.
    pub fn weights_path(path: &Path) -> PathBuf {
        let best = path.join(BEST);
        if path.is_dir() && best.exists() { best } else { RunFolder::checkpoint_path(path) }
    }

    /// The checkpoint of --resume: the last one of a folder, or the file itself.
    pub fn checkpoint_path(path: &Path) -> PathBuf {
        if path.is_dir() { path.join(LAST) } else { path.to_owned() }
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of its settings.
    pub fn config(&self) -> PathBuf {
        self.path.join(CONFIG)
    }

    /// The path of its last checkpoint.
    pub fn last(&self) -> PathBuf {
        self.path.join(LAST)
    }

    /// The path of its best checkpoint.
    pub fn best(&self) -> PathBuf {
        self.path.join(BEST)
    }

    /// Writes its settings as TOML.
    ///
    /// # Errors
    /// [`Error::File`] as [`file::write_atomic`].
    pub fn write_config(&self, toml: &str) -> Result<(), Error> {
        file::write_atomic(&self.config(), toml.as_bytes())
    }

    /// Writes its last checkpoint, replacing the one before.
    ///
    /// # Errors
    /// [`Error::File`] as [`file::write_atomic`].
    pub fn write_last(&self, bytes: &[u8]) -> Result<(), Error> {
        file::write_atomic(&self.last(), bytes)
    }

    /// Writes its best checkpoint, replacing the one before.
    ///
    /// # Errors
    /// [`Error::File`] as [`file::write_atomic`].
    pub fn write_best(&self, bytes: &[u8]) -> Result<(), Error> {
        file::write_atomic(&self.best(), bytes)
    }

    /// Its history, open for appending: without a truncated line at its end, and without the lines that
    /// `keep` rejects, such as those after the resumed checkpoint.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be read or written, or if a line between others is not JSON.
    pub fn history(&self, keep: &dyn Fn(&Value) -> bool) -> Result<History, Error> {
        History::open(self.path.join(HISTORY), keep)
    }
}

/// The error of the system about a folder.
fn folder_error(path: &Path, cause: &std::io::Error) -> Error {
    let there = fs::metadata(path);
    if there.is_ok_and(|found| !found.is_dir()) {
        return Error::bad_file(path, "is a file; use a folder");
    }
    if path.is_symlink() && !path.exists() {
        return Error::bad_file(path, "is a broken link; remove it or use another folder");
    }
    file::error(path, cause, matches!(cause.kind(), NotFound | NotADirectory))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A folder of a test's own, gone with it.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Scratch {
            let folder = format!("wgrad-run-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(folder);
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Scratch(path)
        }

        fn names(&self, folder: &str) -> BTreeSet<String> {
            let entries = fs::read_dir(self.0.join(folder)).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.filter(|name| name != LOCK).collect()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// The folder of a run that has ended, and nothing holds.
    fn ended(folder: RunFolder) -> RunFolder {
        RunFolder { _lock: None, ..folder }
    }

    fn said(result: Result<RunFolder, Error>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_folder_is_made_and_its_files_are_where_they_belong() {
        let scratch = Scratch::new("made");
        let folder = RunFolder::create(&scratch.0.join("runs/a"), false).unwrap();
        assert_eq!(scratch.names("runs/a"), BTreeSet::new());
        folder.write_config("lr = 0.5\n").unwrap();
        folder.write_last(b"one").unwrap();
        folder.write_last(b"two").unwrap();
        folder.write_best(b"best").unwrap();
        folder.history(&|_| true).unwrap().append(&Value::from(1)).unwrap();
        assert_eq!(scratch.names("runs/a"), FILES.map(str::to_owned).into());
        assert_eq!(fs::read(folder.last()).unwrap(), b"two");
        assert_eq!(fs::read(folder.best()).unwrap(), b"best");
        assert_eq!(fs::read(folder.config()).unwrap(), b"lr = 0.5\n");
        assert_eq!(RunFolder::checkpoint_path(folder.path()), folder.last());
        assert_eq!(RunFolder::checkpoint_path(&folder.best()), folder.best());
        let folder = ended(folder);
        assert_eq!(RunFolder::open(folder.path()).unwrap().path(), folder.path());
        // An empty folder that is there is as good as a new one.
        fs::create_dir(scratch.0.join("empty")).unwrap();
        RunFolder::create(&scratch.0.join("empty"), false).unwrap();
    }

    #[test]
    fn what_is_there_is_left_alone_and_force_replaces_only_ours() {
        let scratch = Scratch::new("force");
        let path = scratch.0.join("a");
        let folder = ended(RunFolder::create(&path, false).unwrap());
        folder.write_best(b"old").unwrap();
        folder.write_config("old").unwrap();
        fs::write(path.join("notes.txt"), b"mine").unwrap();
        fs::create_dir(path.join("plots")).unwrap();
        let error = RunFolder::create(&path, false).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let error = error.to_string();
        assert!(error.contains("a: is not empty") && error.contains("`force`"), "{error}");
        assert_eq!(fs::read(folder.best()).unwrap(), b"old");
        RunFolder::create(&path, true).unwrap();
        assert_eq!(scratch.names("a"), ["notes.txt", "plots"].map(str::to_owned).into());
        // A folder of that name is not ours, and then nothing of ours is removed either.
        folder.write_config("new").unwrap();
        fs::create_dir(folder.best()).unwrap();
        let error = said(RunFolder::create(&path, true));
        assert!(error.contains("best.safetensors: is not a regular file"), "{error}");
        assert_eq!(fs::read(folder.config()).unwrap(), b"new");
    }

    #[test]
    fn one_run_at_a_time_writes_to_a_folder() {
        let scratch = Scratch::new("lock");
        let path = scratch.0.join("a");
        let folder = RunFolder::create(&path, false).unwrap();
        folder.write_config("first").unwrap();
        for other in [
            RunFolder::open(&path),
            RunFolder::create(&path, false),
            RunFolder::create(&path, true),
        ] {
            let error = other.unwrap_err();
            assert_eq!(error.exit_code(), 1);
            let error = error.to_string();
            assert!(error.contains("lock-") && error.contains("a: another wgrad"), "{error}");
            assert!(error.contains("wait until it ends"), "{error}");
        }
        assert_eq!(fs::read(folder.config()).unwrap(), b"first");
        drop(folder);
        let again = RunFolder::open(&path).unwrap();
        assert!(RunFolder::open(&path).is_err());
        drop(again);
        RunFolder::create(&path, true).unwrap();
    }

    #[test]
    fn what_is_no_folder_is_named() {
        let scratch = Scratch::new("bad");
        let file = scratch.0.join("file");
        fs::write(&file, b"x").unwrap();
        for force in [false, true] {
            let error = said(RunFolder::create(&file, force));
            assert!(error.contains("file: is a file; use a folder"), "{error}");
            let error = said(RunFolder::create(&file.join("in"), force));
            assert!(error.contains("file/in: "), "{error}");
            let error = said(RunFolder::create(Path::new(""), force));
            assert!(error.contains("`folder` '': is not a folder"), "{error}");
        }
        assert!(said(RunFolder::open(&file)).contains("is a file; use a folder"));
        assert!(said(RunFolder::next(&file, "x")).contains("is a file; use a folder"));
        let missing = RunFolder::open(&scratch.0.join("missing")).unwrap_err();
        assert!(missing.to_string().contains("missing: no such file or folder"), "{missing}");
        assert_eq!(missing.exit_code(), 6);
        assert_eq!(fs::read(&file).unwrap(), b"x");
    }

    #[cfg(unix)]
    #[test]
    fn links_among_ours_are_left_alone() {
        use std::os::unix::fs::symlink;
        let scratch = Scratch::new("links");
        let (real, path) = (scratch.0.join("real"), scratch.0.join("run"));
        fs::write(&real, b"precious").unwrap();
        let folder = ended(RunFolder::create(&path, false).unwrap());
        folder.write_config("old").unwrap();
        for target in [&real, &scratch.0.join("nothing")] {
            symlink(target, folder.last()).unwrap();
            let error = said(RunFolder::create(&path, true));
            assert!(error.contains("last.safetensors: is not a regular file"), "{error}");
            assert!(folder.last().is_symlink());
            fs::remove_file(folder.last()).unwrap();
        }
        assert_eq!(fs::read(&real).unwrap(), b"precious");
        assert_eq!(fs::read(folder.config()).unwrap(), b"old");
        // A link to a folder is that folder; one to nothing is none.
        symlink(&path, scratch.0.join("link")).unwrap();
        RunFolder::create(&scratch.0.join("link"), true).unwrap();
        assert!(scratch.0.join("link").is_symlink() && !folder.config().exists());
        symlink(scratch.0.join("nothing"), scratch.0.join("dangling")).unwrap();
        let error = said(RunFolder::create(&scratch.0.join("dangling"), true));
        assert!(error.contains("dangling: is a broken link"), "{error}");
        assert!(!scratch.0.join("nothing").exists());
    }

    #[test]
    fn numbers_go_on_from_the_last_one() {
        let scratch = Scratch::new("numbers");
        let root = scratch.0.join("runs");
        let next = |name: &str| {
            let folder = RunFolder::next(&root, name).unwrap();
            folder.path().file_name().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(next("xor"), "xor-001");
        assert_eq!(next("xor"), "xor-002");
        assert_eq!(next("xor-two"), "xor-two-001");
        // One that was deleted leaves its number free, and it stays so while later ones are there.
        fs::remove_dir(root.join("xor-001")).unwrap();
        fs::write(root.join("xor-7"), b"a file").unwrap();
        fs::create_dir(root.join("xor-20260101")).unwrap();
        fs::create_dir(root.join("xor-12b")).unwrap();
        assert_eq!(next("xor"), "xor-008");
        fs::create_dir(root.join("xor-999")).unwrap();
        assert_eq!(next("xor"), "xor-1000");
        fs::create_dir(root.join("xor-999999")).unwrap();
        let error = said(RunFolder::next(&root, "xor"));
        assert!(error.contains("xor-999999: exists"), "{error}");
    }

    #[test]
    fn runs_that_begin_at_once_have_a_folder_each() {
        let scratch = Scratch::new("threads");
        let root = scratch.0.join("runs");
        let begin = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    begin.wait();
                    for _ in 0..10 {
                        let folder = RunFolder::next(&root, "xor").unwrap();
                        let claim = File::create_new(folder.path().join("claim"));
                        claim.unwrap();
                    }
                });
            }
        });
        let expected = (1..=80).map(|number| format!("xor-{number:03}")).collect();
        assert_eq!(scratch.names("runs"), expected);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_may_not_be_written_to_is_named_before_anything_is_lost() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = Scratch::new("mode");
        let path = scratch.0.join("a");
        let folder = ended(RunFolder::create(&path, false).unwrap());
        folder.write_best(b"old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o555)).unwrap();
        // Nothing is forbidden to root.
        if fs::write(path.join("probe"), b"").is_err() {
            for result in [RunFolder::create(&path, true), RunFolder::open(&path)] {
                let error = said(result);
                assert!(error.contains("permission denied"), "{error}");
            }
            assert!(matches!(folder.write_last(b"x"), Err(Error::File { .. })));
            assert_eq!(fs::read(folder.best()).unwrap(), b"old");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}
