//! A check on several devices of one adapter at once, each on a thread of its own: not in a browser, whose devices
//! belong to one thread.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Findings, Progress, Queue, Watch};
use crate::engine::on_every_core;
use crate::gpu::Gpu;

impl Queue {
    /// The same on every device at once.
    pub(super) async fn work_off_on(
        &self,
        gpus: &[Arc<Gpu>],
        watch: &mut Watch<'_>,
    ) -> Vec<(usize, Findings)> {
        let (mut all, watch) = (Vec::new(), RefCell::new(watch));
        let now = Mutex::new(Default::default());
        let work = async |gpu: &Arc<Gpu>, stopped: &AtomicBool| {
            let tell = |progress: Progress<'_>| {
                let told = (progress.what.to_owned(), progress.case.to_owned(), progress.done);
                *now.lock().unwrap_or_else(PoisonError::into_inner) = told;
            };
            let stop = || stopped.load(Ordering::Relaxed);
            self.work_off(gpu, &mut Watch::new(tell, stop)).await
        };
        let stop = || {
            let now = now.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let ((what, case, done), of) = (&now, self.subjects.len());
            let mut watch = watch.borrow_mut();
            (watch.tell)(Progress { what, case, done: *done, of, last: None });
            (watch.stop)()
        };
        on_every_core(gpus, work, |_, found: Vec<_>| all.extend(found), &stop).await;
        all
    }
}
