//! `wgrad train --live`, with and without a terminal.

use crate::command::{fail, wgrad};

/// Without a terminal it is plain lines in the course of the training, and what it comes to stays on standard output.
#[test]
fn without_a_terminal_it_is_plain_lines() {
    let args = ["--engine", "cpu", "--restarts", "1", "--seed", "2", "--epochs", "4000"];
    let plain = wgrad(&args).output().unwrap();
    let live = wgrad(&[&args[..], &["--live"]].concat()).output().unwrap();
    assert!(live.status.success());
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let lines = text(&live.stderr);
    assert!(lines.lines().count() > 10 && lines.lines().count() <= 20, "{lines}");
    assert!(
        lines
            .lines()
            .all(|line| line.starts_with("epoch ") && line.contains("/4000  seed 2  loss "))
    );
    assert!(!lines.contains('\x1b'));
    // But for the time it took.
    let without_times = |text: String| -> Vec<String> {
        text.lines().filter(|line| !line.contains(" of training")).map(str::to_owned).collect()
    };
    assert_eq!(without_times(text(&live.stdout)), without_times(text(&plain.stdout)));
    fail(wgrad(&["--live", "--json"]), 2, &["--live", "--json"]);
}

#[cfg(target_os = "linux")]
mod terminal {
    use std::ffi::OsStr;
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::unix::ffi::OsStrExt;
    use std::process::{Child, Command};
    use std::time::{Duration, Instant};

    use rustix::process::{Signal, kill_process_group};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::{LocalModes, Winsize, tcgetattr, tcgetpgrp, tcsetwinsize};

    /// `wgrad` in a terminal of its own, of so many characters a line, and the other end of that.
    fn in_terminal(columns: u16, args: &[&str]) -> (Child, File) {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let path = OsStr::from_bytes(name.as_bytes());
        let slave = File::options().read(true).write(true).open(path).unwrap();
        let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, size).unwrap();
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait", env!("CARGO_BIN_EXE_wgrad")]).args(args);
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR");
        let end = || slave.try_clone().unwrap();
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        (child, File::from(master))
    }

    /// What comes until `wanted` has come; all that is there, where it never does.
    fn until(terminal: &mut File, wanted: &str) -> String {
        let (mut all, mut some) = (Vec::new(), [0; 4096]);
        loop {
            let text = String::from_utf8_lossy(&all).into_owned();
            if text.contains(wanted) {
                return text;
            }
            match terminal.read(&mut some) {
                Ok(0) | Err(_) => return text,
                Ok(len) => all.extend_from_slice(&some[..len]),
            }
        }
    }

    /// The boundary is drawn while it trains; `q` ends the training in order, with exit code 0, and the terminal is
    /// left as it was.
    #[test]
    fn q_ends_it_in_order_and_leaves_the_terminal_as_it_was() {
        let args = [
            "--engine",
            "cpu",
            "--restarts",
            "1",
            "--seed",
            "2",
            "--epochs",
            "400000000",
            "--live",
        ];
        let (mut child, mut terminal) = in_terminal(90, &args);
        let drawn = until(&mut terminal, "q ends the training");
        assert!(drawn.contains("probability of 1, over input 1") && drawn.contains('▀'), "{drawn}");
        let modes = tcgetattr(&terminal).unwrap().local_modes;
        assert!(!modes.intersects(LocalModes::ICANON | LocalModes::ECHO));
        terminal.write_all(b"xq").unwrap();
        let rest = until(&mut terminal, "of setup");
        assert!(rest.contains("input   target") && rest.contains("Interrupted"), "{rest}");
        assert_eq!(child.wait().unwrap().code(), Some(0));
        let modes = tcgetattr(&terminal).unwrap().local_modes;
        assert!(modes.contains(LocalModes::ICANON | LocalModes::ECHO));
    }

    /// The first signal gives the terminal back, so that a second one, which ends the program on the spot, leaves it as
    /// it was. Output that is held (Ctrl-S) keeps the program from an end in order between the two.
    #[test]
    fn a_second_signal_leaves_the_terminal_as_it_was() {
        let args = ["--engine", "cpu", "--restarts", "1", "--epochs", "400000000", "--live"];
        let (mut child, mut terminal) = in_terminal(90, &args);
        until(&mut terminal, "q ends the training");
        terminal.write_all(b"\x13").unwrap();
        let program = tcgetpgrp(&terminal).unwrap();
        kill_process_group(program, Signal::INT).unwrap();
        let is_back = || {
            let modes = tcgetattr(&terminal).unwrap().local_modes;
            modes.contains(LocalModes::ICANON | LocalModes::ECHO)
        };
        // Only a failure takes all of that time.
        let begun = Instant::now();
        while !is_back() && begun.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(child.try_wait().unwrap().is_none(), "it waits for its output");
        kill_process_group(program, Signal::INT).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert!(is_back());
    }

    /// Curves and boundary take the room that there is, in a window narrower than the 80 that most are made for too.
    #[test]
    fn drawings_fit_the_window() {
        for columns in [60, 80, 120] {
            let args = ["--engine", "cpu", "--restarts", "1", "--seed", "2", "--epochs", "500"];
            let (mut child, mut terminal) = in_terminal(columns, &args);
            let text = until(&mut terminal, "of setup");
            assert_eq!(child.wait().unwrap().code(), Some(0));
            let curve = text.lines().find(|line| line.contains('└')).unwrap();
            let width = curve.trim_end().chars().count();
            assert_eq!(width, usize::from(columns).min(111), "{text}");
        }
    }
}
