//! Turns of work on the CPU. A browser runs a page on one thread: work that takes long there gives way to the page
//! again and again. Elsewhere nothing waits for it, and nothing is asked here.

use std::cell::Cell;
use std::time::Duration;

use web_time::Instant;

/// How long a turn takes: half of a frame.
const TURN: Duration = Duration::from_millis(8);

/// Steps between two looks at the clock: the smallest networks make one in less time than a look takes.
const LOOKS_EVERY: u32 = 64;

/// A turn under way.
#[derive(Debug)]
pub(super) struct Turn {
    began: Instant,
    steps: Cell<u32>,
}

impl Turn {
    /// Begins one.
    pub(super) fn begin() -> Turn {
        Turn { began: Instant::now(), steps: Cell::new(0) }
    }

    /// Whether it is over, asked after each step: never where no page waits.
    pub(super) fn is_over(&self) -> bool {
        if !cfg!(target_family = "wasm") {
            return false;
        }
        let steps = self.steps.replace(self.steps.get() + 1);
        (steps < LOOKS_EVERY && steps.is_power_of_two() || steps.is_multiple_of(LOOKS_EVERY))
            && self.began.elapsed() >= TURN
    }
}

/// Gives way to the page where this one's turn is over; nothing elsewhere.
#[cfg(not(target_family = "wasm"))]
pub async fn pause() {}

/// Gives way to the page where this one's turn is over; nothing elsewhere.
#[cfg(target_family = "wasm")]
pub async fn pause() {
    thread_local! { static SINCE: Cell<Option<Instant>> = const { Cell::new(None) } }
    if SINCE.get().is_some_and(|since| since.elapsed() < TURN) {
        return;
    }
    // A message to itself: timers that follow each other are held back by 4 ms.
    if let Ok(channel) = web_sys::MessageChannel::new() {
        let heard = js_sys::Promise::new(&mut |resolve, _| {
            channel.port1().set_onmessage(Some(&resolve));
            // What is sent can always be copied.
            let _ = channel.port2().post_message(&wasm_bindgen::JsValue::NULL);
        });
        let _ = wasm_bindgen_futures::JsFuture::from(heard).await;
        channel.port1().close();
    }
    SINCE.set(Some(Instant::now()));
}
