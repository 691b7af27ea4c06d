//! Work on every core: the one place that starts threads, and that starts none where there are none.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// Threads that are worth starting: one a core, none but the caller's in a browser.
pub fn workers() -> usize {
    if cfg!(target_family = "wasm") {
        return 1;
    }
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// How often the caller's thread is asked whether to go on while the others work.
const ASKED_EVERY: Duration = Duration::from_millis(50);

/// Does `work` on every item, and hands each result to `note` on the caller's thread, in whatever
/// order they come. Once `stop` says true, as it is asked now and then, no item is begun any more,
/// and work under way is told by the flag that it may end early.
pub fn on_every_core<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T, &AtomicBool) -> R + Sync,
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
            note(item, work(item, &stopped));
            ask();
        }
        return;
    }
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..threads {
            let (sender, take, work, stopped) = (sender.clone(), &take, &work, &stopped);
            scope.spawn(move || {
                while let Some(item) = take() {
                    // The receiver stays until every sender is gone.
                    let _ = sender.send((item, work(item, stopped)));
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
    use super::on_every_core;

    #[test]
    fn every_item_is_done_once_and_heard_of_on_this_thread() {
        for len in [0, 1, 2, 1000] {
            let items: Vec<usize> = (0..len).collect();
            let mut seen = vec![0; len];
            let note = |&item: &usize, double| {
                assert_eq!(double, 2 * item);
                seen[item] += 1;
            };
            on_every_core(&items, |&item, _| item * 2, note, &|| false);
            assert_eq!(seen, vec![1; len]);
        }
    }

    #[test]
    fn a_stop_begins_nothing_more_and_is_told_to_work_under_way() {
        use std::sync::atomic::Ordering;
        let items: Vec<usize> = (0..100).collect();
        let mut heard = 0;
        let endless = |_: &usize, stopped: &std::sync::atomic::AtomicBool| {
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(std::time::Duration::from_micros(100));
            }
        };
        let note = |_: &usize, ()| heard += 1;
        if super::workers() > 1 {
            on_every_core(&items, endless, note, &|| true);
            assert!(heard >= 1 && heard < items.len(), "{heard}");
        }
    }
}
