//! The history of a run: one JSON value per line; a crash truncates at most the last line.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use serde_json::Value;

use super::file;
use crate::Error;

/// The history file of a run, open for writing.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    file: File,
    /// Bytes up to the end of the last complete line.
    len: u64,
}

impl History {
    /// Opens a history for appending, created if it is missing, with the lines that `keep` accepts.
    pub(super) fn open(path: PathBuf, keep: &dyn Fn(&Value) -> bool) -> Result<History, Error> {
        // Not a pipe, where reading would block.
        let exists = file::target(&path)?.exists();
        let old = if exists { file::read(&path)? } else { Vec::new() };
        let kept = kept_lines(&old, keep).map_err(|line| {
            Error::bad_file(&path, format!("line {line} is not JSON; remove that line"))
        })?;
        if kept != old {
            file::write_atomic(&path, &kept)?;
        }
        let opened = OpenOptions::new().append(true).create(true).open(&path);
        let file = opened.map_err(|cause| file::error(&path, &cause, false))?;
        Ok(History { path, file, len: kept.len() as u64 })
    }

    /// Appends one line, in one write that is not buffered.
    ///
    /// # Errors
    /// [`Error::File`], as for a full disk; a partial line is removed if possible.
    pub fn append(&mut self, line: &Value) -> Result<(), Error> {
        let line = format!("{line}\n");
        if let Err(cause) = self.file.write_all(line.as_bytes()) {
            // Best effort: a partial line is removed when the run is resumed.
            let _ = self.file.set_len(self.len);
            return Err(file::error(&self.path, &cause, false));
        }
        self.len += line.len() as u64;
        Ok(())
    }

    /// Waits until all lines are on the disk.
    ///
    /// # Errors
    /// [`Error::File`] with the system's message.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.file.sync_all().map_err(|cause| file::error(&self.path, &cause, false))
    }
}

/// The lines of a history that are kept, or the number, from 1, of a line that is not JSON although
/// valid lines follow it. Such lines at the end, and a last line without a line feed, are truncated
/// writes.
fn kept_lines(old: &[u8], keep: &dyn Fn(&Value) -> bool) -> Result<Vec<u8>, usize> {
    let mut kept = Vec::new();
    let mut truncated = None;
    for (index, line) in old.split_inclusive(|&byte| byte == b'\n').enumerate() {
        match serde_json::from_slice::<Value>(line) {
            Ok(value) if line.ends_with(b"\n") => {
                if let Some(line) = truncated {
                    return Err(line);
                }
                if keep(&value) {
                    kept.extend_from_slice(line);
                }
            }
            _ => truncated = truncated.or(Some(index + 1)),
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    /// A history of `bytes`, in a folder of the test's own that `done` removes.
    fn given(name: &str, bytes: &[u8]) -> PathBuf {
        let folder = format!("wgrad-history-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("history.jsonl");
        fs::write(&path, bytes).unwrap();
        path
    }

    fn done(path: &std::path::Path) {
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    fn open(path: &std::path::Path) -> Result<History, Error> {
        History::open(path.to_owned(), &|_| true)
    }

    const TWO: &str = "{\"step\":1,\"loss\":0.10}\n{\"step\":2}\n";

    #[test]
    fn lines_are_written_at_once() {
        let path = given("lines", b"");
        fs::remove_file(&path).unwrap();
        let mut history = open(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
        history.append(&json!({ "step": 1, "text": "a\nb" })).unwrap();
        let first = "{\"step\":1,\"text\":\"a\\nb\"}\n";
        assert_eq!(fs::read_to_string(&path).unwrap(), first);
        history.append(&json!({ "step": 2 })).unwrap();
        history.sync().unwrap();
        // Opened again, it goes on.
        open(&path).unwrap().append(&json!(3)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{first}{{\"step\":2}}\n3\n"));
        done(&path);
    }

    #[test]
    fn a_truncated_line_is_removed() {
        let path = given("torn", b"");
        let torn: [&[u8]; 10] = [
            b"",
            b"{\"step\":3",
            b"{\"step\":3\n",
            // Whole but for its end: what comes next would be glued to it.
            b"{\"step\":3}",
            b"4",
            b"\n",
            b"\n\n",
            b"{\"text\":\"\xc3",
            b"\0\0\0\0",
            b"{\"st\n{\"step\":3",
        ];
        for tail in torn {
            fs::write(&path, [TWO.as_bytes(), tail].concat()).unwrap();
            open(&path).unwrap().append(&json!(5)).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(text, format!("{TWO}5\n"), "{}", tail.escape_ascii());
        }
        // Every cut of a line leaves those before it.
        for len in 0..=TWO.len() {
            fs::write(&path, &TWO[..len]).unwrap();
            open(&path).unwrap();
            let ends = TWO[..len].rfind('\n').map_or(0, |end| end + 1);
            assert_eq!(fs::read_to_string(&path).unwrap(), TWO[..ends], "cut to {len}");
        }
        done(&path);
    }

    #[test]
    fn a_bad_line_between_others_is_named_and_nothing_removed() {
        let text = format!("{TWO}oops\n{TWO}{{\"st");
        let path = given("amid", text.as_bytes());
        let error = open(&path).unwrap_err();
        assert_eq!(error.exit_code(), 6);
        let error = error.to_string();
        assert!(error.contains("history.jsonl: line 3 is not JSON; remove that line"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        done(&path);
    }

    #[test]
    fn lines_after_a_checkpoint_are_removed_and_the_others_unchanged() {
        let path = given("later", format!("{TWO}{{\"step\":3}}\n{{\"step\":4}}\n{{").as_bytes());
        let until = |step: u64| move |line: &Value| line["step"].as_u64() <= Some(step);
        let mut history = History::open(path.clone(), &until(2)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), TWO);
        history.append(&json!({ "step": 3 })).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{TWO}{{\"step\":3}}\n"));
        // Also from between those that stay.
        let odd = |line: &Value| line["step"] != 2;
        History::open(path.clone(), &odd).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "{\"step\":1,\"loss\":0.10}\n{\"step\":3}\n");
        History::open(path.clone(), &|_| false).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        done(&path);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_and_a_device_never_opened() {
        let real = given("link", format!("{TWO}{{").as_bytes());
        let link = real.with_file_name("link");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        open(&link).unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), TWO);
        fs::remove_file(&real).unwrap();
        assert!(open(&link).unwrap_err().to_string().contains("broken link"));
        let null = open(std::path::Path::new("/dev/null")).unwrap_err().to_string();
        assert!(null.contains("is a device or a pipe"), "{null}");
        done(&real);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_named() {
        let path = PathBuf::from("/dev/full");
        let file = OpenOptions::new().append(true).open(&path).unwrap();
        let mut history = History { path, file, len: 0 };
        let error = history.append(&json!(1)).unwrap_err();
        assert_eq!(error.exit_code(), 1);
        let error = error.to_string();
        assert!(error.contains("/dev/full: no space left; make room"), "{error}");
        assert_eq!(history.len, 0);
    }
}
