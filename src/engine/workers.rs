//! Work on every core: the one place that starts threads, and that starts none where there are none.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::turn::pause;

/// Threads that are worth starting: one a core, none but the caller's in a browser.
pub fn workers() -> usize {
    if cfg!(target_family = "wasm") {
        return 1;
    }
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// How often the caller's thread is asked whether to go on while the others work.
const ASKED_EVERY: Duration = Duration::from_millis(50);

/// What a future comes to that never has to wait: on the CPU there is nothing to wait for, and natively a device is
/// waited for within the call. `None` in a browser, where a device is asked, or work gives way to the page.
pub fn at_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Does `work` on every item, and hands each result to `note` on the caller's thread, in whatever
/// order they come. Once `stop` says true, as it is asked now and then, no item is begun any more,
/// and work under way is told by the flag that it may end early. On threads work never has to wait; in a
/// browser, which has none, it does, for the page.
pub async fn on_every_core<T: Sync, R: Send>(
    items: &[T],
    work: impl AsyncFn(&T, &AtomicBool) -> R + Sync,
    mut note: impl FnMut(&T, R),
    stop: &dyn Fn() -> bool,
) {
    let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let take = || {
        let item = items.get(next.fetch_add(1, Ordering::Relaxed));
        item.filter(|_| !stopped.load(Ordering::Relaxed))
    };
    let ask = || {
        if stop() {
            stopped.store(true, Ordering::Relaxed);
        }
    };
    let threads = workers().min(items.len());
    if threads <= 1 {
        while let Some(item) = take() {
            note(item, work(item, &stopped).await);
            ask();
            pause().await;
        }
        return;
    }
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..threads {
            let (sender, take, work, stopped) = (sender.clone(), &take, &work, &stopped);
            scope.spawn(move || {
                while let Some(item) = take() {
                    if let Some(result) = at_once(work(item, stopped)) {
                        // The receiver stays until every sender is gone.
                        let _ = sender.send((item, result));
                    }
                }
            });
        }
        drop(sender);
        loop {
            match receiver.recv_timeout(ASKED_EVERY) {
                Ok((item, result)) => note(item, result),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            ask();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::{at_once, on_every_core};

    #[test]
    fn a_future_that_never_waits_is_done_at_once() {
        let inner = async |number| number + 1;
        assert_eq!(at_once(async { inner(1).await + inner(2).await }), Some(5));
        assert_eq!(at_once(std::future::pending::<u32>()), None);
    }

    #[test]
    fn every_item_is_done_once_and_heard_of_on_this_thread() {
        for len in [0, 1, 2, 1000] {
            let items: Vec<usize> = (0..len).collect();
            let mut seen = vec![0; len];
            let note = |&item: &usize, double| {
                assert_eq!(double, 2 * item);
                seen[item] += 1;
            };
            at_once(on_every_core(&items, async |&item, _| item * 2, note, &|| false));
            assert_eq!(seen, vec![1; len]);
        }
    }

    #[test]
    fn a_stop_begins_nothing_more_and_is_told_to_work_under_way() {
        use std::sync::atomic::Ordering;
        let items: Vec<usize> = (0..100).collect();
        let mut heard = 0;
        let endless = async |_: &usize, stopped: &std::sync::atomic::AtomicBool| {
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(std::time::Duration::from_micros(100));
            }
        };
        let note = |_: &usize, ()| heard += 1;
        if super::workers() > 1 {
            at_once(on_every_core(&items, endless, note, &|| true));
            assert!(heard >= 1 && heard < items.len(), "{heard}");
        }
    }
}
