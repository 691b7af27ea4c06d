//! `--live`: the curve of the loss and the boundary while a training runs, and the key that ends it.

use std::cell::{Cell, RefCell};
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use super::plot::{Picked, Subject};
use super::stop::Stop;
use crate::Error;
use crate::data::Samples;
use crate::engine::{EngineSpec, Forward};
use crate::picture::{MOST_MARKED, Plane, Window, in_characters};
use crate::report;
use crate::train::{Progress, Shown, Training};

/// The shortest time between two pictures.
const LEAST: Duration = Duration::from_millis(250);
/// Time that is trained for each time that a picture took, from reading the network to the last character: pictures
/// are then less than 2 % of a training.
const TRAINED: u32 = 60;
/// Lines that other things than the boundary take.
const OTHER_LINES: usize = 18;
/// Without a terminal, lines in the course of a training.
const LINES: u32 = 20;
/// Points of the curve beyond which every second is left out.
const MOST_POINTS: usize = 512;

/// What is shown of a training while it runs.
pub(super) struct Live {
    subject: Option<Subject>,
    scene: Option<Scene>,
    window: Option<Window>,
    epochs: u32,
    losses: RefCell<Vec<(u32, f32)>>,
    keys: Keys,
    /// When the picture that is being drawn was begun, and from when on the next one is due.
    began: Cell<Instant>,
    due: Cell<Instant>,
    /// Lines that were printed without a terminal.
    lines: Cell<u32>,
}

/// The plane of two inputs.
struct Scene {
    plane: Plane,
    picked: Picked,
    inputs: Vec<f32>,
}

impl Live {
    /// For a training that is about to begin, and that `q` stops.
    pub(super) fn new(
        training: &Training,
        samples: &Samples,
        spec: &EngineSpec,
        stop: &Stop,
    ) -> Live {
        let (subject, epochs) = (subject(training, samples, &[], spec), training.epochs);
        let terminal = console::Term::stderr();
        let window = terminal.is_term().then(|| {
            let (rows, columns) = terminal.size();
            let lines = usize::from(rows).saturating_sub(OTHER_LINES).max(8);
            let columns = usize::from(columns).min(2 * 2 * lines + 12);
            Window { columns, paint: report::window_of(&terminal).paint }
        });
        let scene = subject.as_ref().zip(window).map(|(subject, window)| {
            let (plane, picked) = subject.plane(window.cells(), MOST_MARKED);
            let inputs = subject.grid(&plane);
            Scene { plane, picked, inputs }
        });
        let now = Instant::now();
        let keys = Keys::listen(window.is_some(), stop.clone());
        let (losses, lines) = (RefCell::default(), Cell::new(0));
        let (began, due) = (Cell::new(now), Cell::new(now));
        Live { subject, scene, window, epochs, losses, keys, began, due, lines }
    }

    /// Whether it is time for the next picture, which is then begun.
    pub(super) fn is_due(&self) -> bool {
        let now = Instant::now();
        self.began.set(now);
        now >= self.due.get()
    }

    /// The inputs to be seen, and when.
    pub(super) fn shown<'a>(&'a self, is_due: &'a dyn Fn() -> bool) -> Option<Shown<'a>> {
        self.scene.as_ref().map(|scene| Shown::new(&scene.inputs, is_due))
    }

    /// A report boundary. Without a terminal that is a line now and then; a network of other than two inputs has
    /// its curve drawn.
    pub(super) fn progress(&self, progress: Progress) -> Option<String> {
        let Progress { seed, epoch, loss, .. } = progress;
        let mut losses = self.losses.borrow_mut();
        // Of several starts one after the other.
        if losses.last().is_some_and(|last| last.0 >= epoch) {
            losses.clear();
        }
        losses.push((epoch, loss));
        if losses.len() > MOST_POINTS {
            let mut at = 0;
            losses.retain(|_| {
                at += 1;
                at % 2 == 0
            });
        }
        drop(losses);
        if self.window.is_none() {
            let passed =
                (u64::from(epoch) * u64::from(LINES) / u64::from(self.epochs.max(1))) as u32;
            if self.lines.replace(passed) != passed {
                let loss = report::loss(loss.into());
                eprintln(&format!("epoch {epoch}/{}  seed {seed}  loss {loss}", self.epochs));
            }
        }
        let is_due = self.scene.is_none() && self.window.is_some() && self.is_due();
        is_due.then(|| self.drawing(None)).inspect(|_| self.drawn())
    }

    /// A report boundary at which the plane was seen.
    pub(super) fn seen(&self, forward: &Forward) -> String {
        let drawing = self.drawing(Some(forward));
        self.drawn();
        drawing
    }

    fn drawn(&self) {
        let took = self.began.get().elapsed();
        self.due.set(Instant::now() + LEAST.max(took * TRAINED));
    }

    fn drawing(&self, forward: Option<&Forward>) -> String {
        let window = self.window.unwrap_or(Window::PLAIN);
        let mut text = report::losses(&self.losses.borrow(), &[], window);
        if let (Some(subject), Some(scene), Some(forward)) = (&self.subject, &self.scene, forward) {
            let answer = subject.answer(forward);
            let rows = (&scene.picked.rows, scene.picked.note.as_deref());
            text += &in_characters(&scene.plane, &answer, rows, window);
        }
        if self.keys.are_heard {
            text += "q ends the training and keeps what it has reached";
        }
        text
    }
}

/// Where standard error is closed, nobody is left to tell.
fn eprintln(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The key `q`, read by a thread of its own, which ends with the program.
struct Keys {
    /// Whether there is a terminal to hear them from.
    are_heard: bool,
    /// How the terminal was before.
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

impl Keys {
    fn listen(is_live: bool, stop: Stop) -> Keys {
        #[cfg(unix)]
        let before = if is_live { one_by_one() } else { None };
        #[cfg(unix)]
        let is_live = before.is_some();
        #[cfg(unix)]
        before.iter().for_each(restore_on_signals);
        let are_heard = is_live && std::io::stdin().is_terminal();
        if are_heard {
            std::thread::spawn(move || {
                while let Some(key) = next_key() {
                    if key == 'q' {
                        stop.by_key();
                    }
                }
            });
        }
        Keys {
            are_heard,
            #[cfg(unix)]
            before,
        }
    }
}

#[cfg(unix)]
impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            restore(before);
        }
    }
}

#[cfg(unix)]
fn restore(before: &rustix::termios::Termios) {
    use rustix::termios::{OptionalActions, tcsetattr};
    let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, before);
}

/// Has the first signal restore the terminal, since a second one ends the program on the spot.
#[cfg(unix)]
fn restore_on_signals(before: &rustix::termios::Termios) {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use std::io::Read as _;
    let Ok((mut signals, signalled)) = std::io::pipe() else { return };
    for signal in [SIGINT, SIGTERM] {
        let Ok(signalled) = signalled.try_clone() else { return };
        let _ = signal_hook::low_level::pipe::register(signal, signalled);
    }
    let before = before.clone();
    std::thread::spawn(move || {
        if signals.read(&mut [0]).is_ok_and(|count| count == 1) {
            restore(&before);
        }
    });
}

/// Has keys come one by one and not shown. Ctrl-C stays a signal. Returns how the terminal was before, if there is one
/// and this program has it: a job in the background would be stopped.
#[cfg(unix)]
fn one_by_one() -> Option<rustix::termios::Termios> {
    use rustix::process::getpgrp;
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcgetpgrp, tcsetattr};
    let stdin = std::io::stdin();
    if !stdin.is_terminal() || tcgetpgrp(&stdin).ok()? != getpgrp() {
        return None;
    }
    let before = tcgetattr(&stdin).ok()?;
    let mut modes = before.clone();
    modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Now, &modes).ok()?;
    Some(before)
}

#[cfg(unix)]
fn next_key() -> Option<char> {
    use std::io::Read as _;
    let mut key = [0];
    (std::io::stdin().read(&mut key).ok()? == 1).then(|| char::from(key[0]))
}

#[cfg(not(unix))]
fn next_key() -> Option<char> {
    match console::Term::stderr().read_key().ok()? {
        console::Key::Char(key) => Some(key),
        _ => Some(' '),
    }
}

/// The network of a training, if it has two inputs, and its rows.
fn subject(
    training: &Training,
    samples: &Samples,
    parameters: &[f32],
    spec: &EngineSpec,
) -> Option<Subject> {
    // What the resident engine evaluates, it evaluates on the CPU too: it is over before a dispatch would have begun.
    let spec = match spec {
        EngineSpec::Resident(..) => EngineSpec::Cpu,
        spec => spec.clone(),
    };
    (training.network.inputs() == 2)
        .then(|| Subject::of_training(training, samples, parameters.to_vec(), spec))
}

/// What a network of two inputs says over their plane, for standard output.
///
/// # Errors
/// Where the device fails.
pub(super) async fn boundary(
    training: &Training,
    samples: &Samples,
    parameters: &[f32],
    spec: &EngineSpec,
) -> Result<Option<String>, Error> {
    let Some(subject) = subject(training, samples, parameters, spec) else { return Ok(None) };
    let window = report::window();
    let (plane, picked) = subject.plane(window.cells(), MOST_MARKED);
    let forward = subject.forward(&subject.grid(&plane)).await?;
    let answer = subject.answer(&forward);
    Ok(Some(in_characters(&plane, &answer, (&picked.rows, picked.note.as_deref()), window)))
}
