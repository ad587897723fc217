//! The work of all jobs, piece by piece on the same threads.
//!
//! The threads take from one queue. Each job keeps just enough in it that no thread waits, so that a short job is not
//! kept waiting by a long one: their pieces alternate.

use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc;

use rayon::ThreadPool;

use crate::{CancelToken, DiarizeError};

/// How many pieces of a job are in the queue for each thread: one that is worked on, and one to go on with.
const QUEUED: usize = 2;

/// Does the work; the results are in the order of the pieces. `progress` is called with the completed fraction, 0 to 1, on the
/// calling thread.
pub(super) fn all<T: Sync, R: Send>(
    threads: &ThreadPool,
    pieces: &[T],
    cancel: &CancelToken,
    progress: &mut dyn FnMut(f64),
    work: impl Fn(&T) -> R + Sync,
) -> Result<Vec<R>, DiarizeError> {
    let work = &work;
    let (done, results) = mpsc::channel();
    let mut in_order: Vec<Option<R>> = pieces.iter().map(|_| None).collect();
    threads.in_place_scope_fifo(|scope| {
        let queue = |(index, piece)| {
            let done = done.clone();
            scope.spawn_fifo(move |_| {
                let work = || (!cancel.is_cancelled()).then(|| work(piece));
                let result = panic::catch_unwind(AssertUnwindSafe(work));
                // It only fails where the one who waits has panicked.
                drop(done.send((index, result)));
            });
        };
        let mut left = pieces.iter().enumerate();
        let mut open = 0;
        let mut done_pieces = 0_u32;
        for piece in left.by_ref().take(QUEUED * threads.current_num_threads()) {
            queue(piece);
            open += 1;
        }
        while open > 0
            && let Ok((index, result)) = results.recv()
        {
            match left.next() {
                Some(piece) => queue(piece),
                None => open -= 1,
            }
            let result = result.unwrap_or_else(|panic| panic::resume_unwind(panic));
            if let Some(slot) = in_order.get_mut(index) {
                *slot = result;
            }
            done_pieces += 1;
            progress(f64::from(done_pieces) / pieces.len() as f64);
        }
    });
    let all = in_order.into_iter().collect::<Option<Vec<R>>>();
    all.ok_or(DiarizeError::Cancelled)
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use rayon::ThreadPoolBuilder;

    use super::*;

    fn threads(number: usize) -> ThreadPool {
        let builder = ThreadPoolBuilder::new().num_threads(number);
        builder.build().unwrap()
    }

    #[test]
    fn results_are_in_order() {
        let pieces: Vec<u64> = (0..50).collect();
        let work = |piece: &u64| {
            // The later ones are done the sooner.
            thread::sleep(Duration::from_micros(50 * (50 - piece)));
            piece * piece
        };
        let mut fractions = Vec::new();
        let progress = &mut |fraction| fractions.push(fraction);
        let found = all(
            &threads(3),
            &pieces,
            &CancelToken::default(),
            progress,
            work,
        )
        .unwrap();
        assert!(fractions.is_sorted() && fractions.len() == 50 && fractions[49] == 1.0);
        let squares: Vec<u64> = pieces.iter().map(|piece| piece * piece).collect();
        assert_eq!(found, squares);
        let none = all(&threads(1), &[], &CancelToken::default(), &mut |_| (), work).unwrap();
        assert!(none.is_empty());
    }

    #[test]
    fn a_short_job_does_not_wait_for_a_long_one_and_what_is_stopped_ends() {
        let threads = &threads(1);
        let cancel = CancelToken::default();
        let (began, beginning) = mpsc::channel();
        thread::scope(|scope| {
            let long = scope.spawn(|| {
                let pieces: Vec<usize> = (0..10_000).collect();
                all(threads, &pieces, &cancel, &mut |_| (), |piece| {
                    if *piece == 0 {
                        began.send(()).unwrap();
                    }
                    thread::sleep(Duration::from_millis(1));
                })
            });
            beginning.recv().unwrap();
            let short = all(
                threads,
                &[1, 2, 3],
                &CancelToken::default(),
                &mut |_| (),
                |piece| *piece,
            );
            assert_eq!(short, Ok(vec![1, 2, 3]));
            // Had it waited, there would be nothing left to stop.
            cancel.cancel();
            assert_eq!(long.join().unwrap(), Err(DiarizeError::Cancelled));
        });
    }

    #[test]
    fn a_panic_reaches_the_one_who_waits_and_the_threads_live_on() {
        let threads = threads(2);
        let pieces: Vec<usize> = (0..20).collect();
        let work = |piece: &usize| {
            assert_ne!(*piece, 3, "three is too many");
            *piece
        };
        let job = AssertUnwindSafe(|| {
            all(
                &threads,
                &pieces,
                &CancelToken::default(),
                &mut |_| (),
                work,
            )
        });
        assert!(panic::catch_unwind(job).is_err());
        let after = all(&threads, &[7], &CancelToken::default(), &mut |_| (), work);
        assert_eq!(after, Ok(vec![7]));
    }
}
