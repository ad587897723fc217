//! Fair scheduling of several runs on one thread pool.
//!
//! Work items of all runs go through one FIFO queue. Each run keeps only as many items queued as the threads need to
//! stay busy, so the items of concurrent runs alternate and a short run does not wait for a long one.

use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc;

use rayon::ThreadPool;

use crate::{CancelToken, DiarizeError};

/// Queued items per run and thread: one being processed, and one to continue with.
const QUEUED_PER_THREAD: usize = 2;

/// Maps items in parallel. The results are in the order of the items.
///
/// `progress` is called on the calling thread with the completed fraction, 0..1. Once cancelled, no further items
/// are processed. A panic in `work` is resumed on the calling thread.
///
/// # Errors
///
/// [`DiarizeError::Cancelled`] if cancelled before all items were processed.
pub(super) fn map<T: Sync, R: Send>(
    pool: &ThreadPool,
    items: &[T],
    cancel: &CancelToken,
    progress: &mut dyn FnMut(f64),
    work: impl Fn(&T) -> R + Sync,
) -> Result<Vec<R>, DiarizeError> {
    let work = &work;
    let (sender, results) = mpsc::channel();
    let mut in_order: Vec<Option<R>> = items.iter().map(|_| None).collect();
    pool.in_place_scope_fifo(|scope| {
        let enqueue = |(index, item)| {
            let sender = sender.clone();
            scope.spawn_fifo(move |_| {
                let work = || (!cancel.is_cancelled()).then(|| work(item));
                let result = panic::catch_unwind(AssertUnwindSafe(work));
                // Fails only if the calling thread has panicked.
                drop(sender.send((index, result)));
            });
        };
        let mut remaining = items.iter().enumerate();
        let mut pending = 0;
        let mut completed = 0_u32;
        for item in remaining
            .by_ref()
            .take(QUEUED_PER_THREAD * pool.current_num_threads())
        {
            enqueue(item);
            pending += 1;
        }
        while pending > 0
            && let Ok((index, result)) = results.recv()
        {
            pending -= 1;
            let Some(result) = result.unwrap_or_else(|panic| panic::resume_unwind(panic)) else {
                // Skipped, because the run was cancelled.
                continue;
            };
            if !cancel.is_cancelled()
                && let Some(item) = remaining.next()
            {
                enqueue(item);
                pending += 1;
            }
            in_order[index] = Some(result);
            completed += 1;
            progress(f64::from(completed) / items.len() as f64);
        }
    });
    let in_order = in_order.into_iter().collect::<Option<Vec<R>>>();
    in_order.ok_or(DiarizeError::Cancelled)
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use rayon::ThreadPoolBuilder;

    use super::*;

    fn pool(threads: usize) -> ThreadPool {
        let builder = ThreadPoolBuilder::new().num_threads(threads);
        builder.build().unwrap()
    }

    #[test]
    fn results_are_in_the_order_of_the_items() {
        let items: Vec<u64> = (0..50).collect();
        let work = |item: &u64| {
            // Later items complete sooner.
            thread::sleep(Duration::from_micros(50 * (50 - item)));
            item * item
        };
        let mut fractions = Vec::new();
        let progress = &mut |fraction| fractions.push(fraction);
        let found = map(&pool(3), &items, &CancelToken::default(), progress, work).unwrap();
        assert!(fractions.is_sorted() && fractions.len() == 50 && fractions[49] == 1.0);
        let squares: Vec<u64> = items.iter().map(|item| item * item).collect();
        assert_eq!(found, squares);
        let empty = map(&pool(1), &[], &CancelToken::default(), &mut |_| (), work).unwrap();
        assert!(empty.is_empty());
    }

    #[test]
    fn a_short_run_does_not_wait_for_a_long_one_and_cancelled_runs_end() {
        let pool = &pool(1);
        let cancel = CancelToken::default();
        let (started_sender, started) = mpsc::channel();
        thread::scope(|scope| {
            let long = scope.spawn(|| {
                let items: Vec<usize> = (0..10_000).collect();
                map(pool, &items, &cancel, &mut |_| (), |item| {
                    if *item == 0 {
                        started_sender.send(()).unwrap();
                    }
                    thread::sleep(Duration::from_millis(1));
                })
            });
            started.recv().unwrap();
            let short = map(
                pool,
                &[1, 2, 3],
                &CancelToken::default(),
                &mut |_| (),
                |item| *item,
            );
            assert_eq!(short, Ok(vec![1, 2, 3]));
            // If it had waited for the long run, there would be nothing left to cancel.
            cancel.cancel();
            assert_eq!(long.join().unwrap(), Err(DiarizeError::Cancelled));
        });
    }

    #[test]
    fn progress_counts_only_completed_items_after_a_cancel() {
        let cancel = CancelToken::default();
        let items: Vec<usize> = (0..1000).collect();
        let mut fractions = Vec::new();
        let progress = &mut |fraction| fractions.push(fraction);
        let result = map(&pool(1), &items, &cancel, progress, |item| {
            if *item == 9 {
                cancel.cancel();
            }
        });
        assert_eq!(result, Err(DiarizeError::Cancelled));
        assert_eq!(fractions.len(), 10);
        assert_eq!(fractions.last(), Some(&0.01));
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_threads_survive() {
        let pool = pool(2);
        let items: Vec<usize> = (0..20).collect();
        let work = |item: &usize| {
            assert_ne!(*item, 3, "item 3 panics");
            *item
        };
        let run =
            AssertUnwindSafe(|| map(&pool, &items, &CancelToken::default(), &mut |_| (), work));
        assert!(panic::catch_unwind(run).is_err());
        let after = map(&pool, &[7], &CancelToken::default(), &mut |_| (), work);
        assert_eq!(after, Ok(vec![7]));
    }
}
