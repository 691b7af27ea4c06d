//! Ctrl-C and SIGTERM: the first ends the run in order, the second at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::Error;

/// What stands for a key: no signal.
const BY_KEY: usize = usize::MAX;

/// Which signal came, if any.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop(Arc<AtomicUsize>);

impl Stop {
    /// Listens from now on.
    pub(super) fn listen() -> Result<Stop, Error> {
        let stop = Stop::default();
        let again = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds `again` false and sets it, the second ends all.
            let listening =
                flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&again))
                    .and_then(|_| flag::register(signal, Arc::clone(&again)))
                    .and_then(|_| {
                        flag::register_usize(signal, Arc::clone(&stop.0), signal as usize)
                    });
            listening.map_err(|error| Error::File {
                path: "signal handler".to_owned(),
                reason: error.to_string(),
                bad: false,
            })?;
        }
        Ok(stop)
    }

    /// Asks for a stop as a key does: in order, and not as a failure.
    pub(super) fn by_key(&self) {
        let _ = self.0.compare_exchange(0, BY_KEY, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Whether a stop is asked for, by whatever.
    pub(super) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// The signal that asked for a stop.
    pub(super) fn signal(&self) -> Option<u8> {
        u8::try_from(self.0.load(Ordering::Relaxed)).ok().filter(|&signal| signal != 0)
    }

    /// The end of a command that was asked to stop, if it was.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub(super) fn check(&self) -> Result<(), Error> {
        self.signal().map_or(Ok(()), |signal| Err(Error::Stopped { signal }))
    }
}
