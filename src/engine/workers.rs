//! Work on every core: the one place that starts threads, and that starts none where there are none.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

/// Threads that are worth starting: one a core, none but the caller's in a browser.
pub fn workers() -> usize {
    if cfg!(target_family = "wasm") {
        return 1;
    }
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Does `work` on every item, and hands each result to `note` on the caller's thread, in whatever
/// order they come. Once `note` says true no item is begun any more; those under way are noted.
pub fn on_every_core<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut note: impl FnMut(&T, R) -> bool,
) {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let take = || {
        let item = items.get(next.fetch_add(1, Ordering::Relaxed));
        item.filter(|_| !stop.load(Ordering::Relaxed))
    };
    let mut hear = |item: &T, result: R| {
        if note(item, result) {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let threads = workers().min(items.len());
    if threads <= 1 {
        while let Some(item) = take() {
            hear(item, work(item));
        }
        return;
    }
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..threads {
            let (sender, take, work) = (sender.clone(), &take, &work);
            scope.spawn(move || {
                while let Some(item) = take() {
                    // The receiver stays until every sender is gone.
                    let _ = sender.send((item, work(item)));
                }
            });
        }
        drop(sender);
        receiver.iter().for_each(|(item, result)| hear(item, result));
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
            on_every_core(
                &items,
                |&item| item * 2,
                |&item, double| {
                    assert_eq!(double, 2 * item);
                    seen[item] += 1;
                    false
                },
            );
            assert_eq!(seen, vec![1; len]);
        }
    }

    #[test]
    fn a_stop_begins_nothing_more() {
        let items: Vec<usize> = (0..100_000).collect();
        let mut heard = 0;
        let work = |_: &usize| std::thread::sleep(std::time::Duration::from_micros(100));
        on_every_core(&items, work, |_, ()| {
            heard += 1;
            true
        });
        assert!(heard >= 1 && heard < items.len(), "{heard}");
    }
}
