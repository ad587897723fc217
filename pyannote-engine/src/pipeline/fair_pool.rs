//! Fair scheduling of several runs on one thread pool.
//!
//! Work items of all runs go through one FIFO queue. Each run keeps only as many items queued as the threads need to
//! stay busy, so the items of concurrent runs alternate and a short run does not wait for a long one.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc;

use rayon::ThreadPool;

use crate::{CancelToken, DiarizeError};

/// Queued items per run and thread: one being processed, and one to continue with.
const QUEUED_PER_THREAD: usize = 2;

/// Processes items in parallel, and takes their results in the order of the items, each as soon as those before it are
/// complete.
///
/// `take` and `progress` are called on the calling thread, the latter with the completed fraction, 0..1. Once cancelled
/// or failed, no further items are processed. A panic in `work` is resumed on the calling thread.
///
/// # Errors
///
/// The first error of `work`, or [`DiarizeError::Cancelled`] if cancelled before all items were processed.
pub(crate) fn run<T: Sync, R: Send>(
    pool: &ThreadPool,
    items: &[T],
    cancel: &CancelToken,
    progress: &mut dyn FnMut(f64),
    work: impl Fn(&T) -> Result<R, DiarizeError> + Sync,
    mut take: impl FnMut(R),
) -> Result<(), DiarizeError> {
    let work = &work;
    let (sender, results) = mpsc::channel();
    // Results that are complete before one of an earlier item, by index.
    let mut early = BTreeMap::new();
    let mut taken = 0;
    let mut failed = None;
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
            let result = match result.unwrap_or_else(|panic| panic::resume_unwind(panic)) {
                Some(Ok(result)) => result,
                Some(Err(error)) => {
                    failed.get_or_insert(error);
                    continue;
                }
                // Skipped, because the run was cancelled.
                None => continue,
            };
            if failed.is_none()
                && !cancel.is_cancelled()
                && let Some(item) = remaining.next()
            {
                enqueue(item);
                pending += 1;
            }
            early.insert(index, result);
            while let Some(result) = early.remove(&taken) {
                taken += 1;
                take(result);
            }
            completed += 1;
            progress(f64::from(completed) / items.len() as f64);
        }
    });
    match failed {
        Some(error) => Err(error),
        None if taken < items.len() => Err(DiarizeError::Cancelled),
        None => Ok(()),
    }
}

/// The size, at most `max`, of equal batches of `count` items whose number is a multiple of the number of threads.
pub(crate) fn batch_size(pool: &ThreadPool, count: usize, max: usize) -> usize {
    let threads = pool.current_num_threads().max(1);
    let batches = count.div_ceil(max).next_multiple_of(threads);
    count.div_ceil(batches.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use rayon::ThreadPoolBuilder;

    use super::*;

    /// The results of all items.
    fn map<T: Sync, R: Send>(
        pool: &ThreadPool,
        items: &[T],
        cancel: &CancelToken,
        progress: &mut dyn FnMut(f64),
        work: impl Fn(&T) -> R + Sync,
    ) -> Result<Vec<R>, DiarizeError> {
        let mut results = Vec::new();
        let work = |item: &T| Ok(work(item));
        run(pool, items, cancel, progress, work, |result| {
            results.push(result);
        })?;
        Ok(results)
    }

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
    fn a_failure_ends_the_run() {
        let items: Vec<usize> = (0..1000).collect();
        let mut taken = Vec::new();
        let work = |item: &usize| match item {
            9 => Err(DiarizeError::Failed("item 9".to_owned())),
            _ => Ok(*item),
        };
        let take = |item| taken.push(item);
        let result = run(
            &pool(2),
            &items,
            &CancelToken::default(),
            &mut |_| (),
            work,
            take,
        );
        assert_eq!(result, Err(DiarizeError::Failed("item 9".to_owned())));
        assert_eq!(taken, (0..9).collect::<Vec<_>>());
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
