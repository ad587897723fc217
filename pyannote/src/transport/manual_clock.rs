//! A clock that tests control.
#![allow(
    unreachable_pub,
    reason = "public only if the feature test-util re-exports it"
)]

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use super::clock::{Clock, Sleep};

/// Virtual time for tests. Clones share it.
///
/// [`new`](Self::new) creates a clock that stands still until [`advance`](Self::advance) is called;
/// [`auto_advancing`](Self::auto_advancing) creates one that skips sleeps.
///
/// ```
/// use std::time::Duration;
/// use pyannote::testing::{Clock, ManualClock};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let clock = ManualClock::auto_advancing();
/// clock.sleep(Duration::from_secs(3600)).await; // takes no time
/// assert_eq!(clock.now(), Duration::from_secs(3600));
/// assert_eq!(clock.sleeps(), [Duration::from_secs(3600)]);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    shared: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    now: Duration,
    /// The part of `now` by which the test advanced the clock, which is the time of deadlines.
    advanced: Duration,
    /// The wall clock at `now == 0`.
    epoch: SystemTime,
    auto_advance: bool,
    random: f64,
    sleeps: Vec<Duration>,
    pending: Pending,
    pending_deadlines: Pending,
    next_id: u64,
}

/// Pending sleeps by end time; the id distinguishes sleeps with the same end.
type Pending = BTreeMap<(Duration, u64), Waker>;

impl State {
    /// Advances to `now`, and removes and returns the wakers of the sleeps that have ended.
    fn advance_to(&mut self, now: Duration) -> Vec<Waker> {
        self.now = self.now.max(now);
        take_ended(&mut self.pending, self.now)
    }

    /// Advances to the end of the next sleep, if there is one.
    fn advance_to_next(&mut self) -> Vec<Waker> {
        let next = self.pending.keys().next();
        let end = next.map_or(self.now, |(end, _)| *end);
        self.advance_to(end)
    }

    /// The same for deadlines, too.
    fn advance_by(&mut self, by: Duration) -> Vec<Waker> {
        self.advanced = self.advanced.saturating_add(by);
        let mut wakers = self.advance_to(self.now.saturating_add(by));
        wakers.extend(take_ended(&mut self.pending_deadlines, self.advanced));
        wakers
    }

    /// The time of deadlines, or that of sleeps.
    fn time(&self, is_deadline: bool) -> Duration {
        match is_deadline {
            true => self.advanced,
            false => self.now,
        }
    }

    fn pending(&mut self, is_deadline: bool) -> &mut Pending {
        match is_deadline {
            true => &mut self.pending_deadlines,
            false => &mut self.pending,
        }
    }
}

fn take_ended(pending: &mut Pending, now: Duration) -> Vec<Waker> {
    let mut wakers = Vec::new();
    while let Some(first) = pending.first_entry() {
        if first.key().0 > now {
            break;
        }
        wakers.push(first.remove());
    }
    wakers
}

impl ManualClock {
    /// Creates a clock that stands at 0 (and at 2026-01-01T00:00:00Z) until it is advanced.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Mutex::new(State {
                now: Duration::ZERO,
                advanced: Duration::ZERO,
                epoch: SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600),
                auto_advance: false,
                random: 0.5,
                sleeps: Vec::new(),
                pending: Pending::new(),
                pending_deadlines: Pending::new(),
                next_id: 0,
            })),
        }
    }

    /// Creates a clock that advances to the end of the next sleep as soon as something sleeps. Only
    /// [`advance`](Self::advance) reaches its [deadlines](Clock::deadline).
    ///
    /// Each sleep first lets other tasks run once, so that a loop of sleeps cannot keep them from running; then the sleeps
    /// that have started end in the order of their ends.
    #[must_use]
    pub fn auto_advancing() -> Self {
        let clock = Self::new();
        clock.state().auto_advance = true;
        clock
    }

    /// Advances time and wakes the sleeps and deadlines that have ended.
    pub fn advance(&self, by: Duration) {
        let wakers = self.state().advance_by(by);
        // Outside the lock: a waker may poll immediately, which takes the lock again.
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Advances time to the end of the sleep that ends first. Returns false if no sleep is pending. Deadlines do not
    /// count.
    pub fn advance_to_next(&self) -> bool {
        let wakers = {
            let mut state = self.state();
            let Some(&(end, _)) = state.pending.keys().next() else {
                return false;
            };
            let by = end.saturating_sub(state.now);
            state.advance_by(by)
        };
        wakers.into_iter().for_each(Waker::wake);
        true
    }

    /// The durations of all sleeps so far, in the order of their first poll. Deadlines are not sleeps.
    #[must_use]
    pub fn sleeps(&self) -> Vec<Duration> {
        self.state().sleeps.clone()
    }

    /// The number of pending sleeps.
    #[must_use]
    pub fn pending_sleeps(&self) -> usize {
        self.state().pending.len()
    }

    /// Sets the value of [`random`](Clock::random), which is 0.5 initially.
    pub fn set_random(&self, random: f64) {
        self.state().random = random;
    }

    /// Sets the wall clock without changing the monotonic time.
    pub fn set_wall(&self, wall: SystemTime) {
        let mut state = self.state();
        state.epoch = wall
            .checked_sub(state.now)
            .unwrap_or(SystemTime::UNIX_EPOCH);
    }

    fn sleep_until(&self, duration: Duration, is_deadline: bool) -> Sleep {
        let mut state = self.state();
        let id = state.next_id;
        state.next_id = id.wrapping_add(1);
        let now = state.time(is_deadline);
        Box::pin(ManualSleep {
            shared: Arc::clone(&self.shared),
            key: (now.saturating_add(duration), id),
            is_deadline,
            unrecorded: (!is_deadline).then_some(duration),
            has_yielded: false,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic in one test must not fail others.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        self.state().now
    }

    fn wall(&self) -> SystemTime {
        let state = self.state();
        state.epoch.checked_add(state.now).unwrap_or(state.epoch)
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(duration, false)
    }

    fn deadline(&self, duration: Duration) -> Sleep {
        self.sleep_until(duration, true)
    }

    fn random(&self) -> f64 {
        self.state().random
    }
}

struct ManualSleep {
    shared: Arc<Mutex<State>>,
    /// End time and id.
    key: (Duration, u64),
    is_deadline: bool,
    /// Recorded and cleared at the first poll: a sleep that is never polled does not count.
    unrecorded: Option<Duration>,
    /// Whether it has let other tasks run, if the clock advances by itself.
    has_yielded: bool,
}

impl Future for ManualSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let mut state = this.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(duration) = this.unrecorded.take() {
            state.sleeps.push(duration);
        }
        let advances = state.auto_advance && !this.is_deadline;
        let may_end = !advances || std::mem::replace(&mut this.has_yielded, true);
        let mut wakers = Vec::new();
        if advances && may_end && this.key.0 > state.now {
            wakers = state.advance_to_next();
        }
        let has_ended = may_end && this.key.0 <= state.time(this.is_deadline);
        let pending = state.pending(this.is_deadline);
        if has_ended {
            pending.remove(&this.key);
        } else {
            pending.insert(this.key, cx.waker().clone());
            // Each poll advances the clock to the next end, until it is this one.
            wakers.extend(advances.then(|| cx.waker().clone()));
        }
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        match has_ended {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for ManualSleep {
    fn drop(&mut self) {
        let mut state = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        state.pending(self.is_deadline).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(sleep: &mut Sleep) -> bool {
        sleep
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    }

    #[test]
    fn sleep_ends_exactly_after_its_duration() {
        let clock = ManualClock::new();
        let mut sleep = clock.sleep(Duration::from_secs(10));
        assert!(!poll(&mut sleep));
        clock.advance(Duration::from_millis(9_999));
        assert!(!poll(&mut sleep));
        clock.advance(Duration::from_millis(1));
        assert!(poll(&mut sleep));
        assert_eq!(clock.sleeps(), [Duration::from_secs(10)]);
    }

    #[test]
    fn advance_to_next_wakes_the_earliest_sleep() {
        let clock = ManualClock::new();
        let mut long = clock.sleep(Duration::from_secs(9));
        let mut short = clock.sleep(Duration::from_secs(4));
        assert!(!poll(&mut long) && !poll(&mut short));
        assert!(clock.advance_to_next());
        assert_eq!(clock.now(), Duration::from_secs(4));
        assert!(!poll(&mut long) && poll(&mut short));
        assert!(clock.advance_to_next() && !clock.advance_to_next());
    }

    #[test]
    fn dropped_sleep_is_not_pending() {
        let clock = ManualClock::new();
        let mut sleep = clock.sleep(Duration::from_secs(1));
        assert!(!poll(&mut sleep));
        assert_eq!(clock.pending_sleeps(), 1);
        drop(sleep);
        assert_eq!(clock.pending_sleeps(), 0);
        drop(clock.sleep(Duration::from_secs(2)));
        assert_eq!(
            clock.sleeps(),
            [Duration::from_secs(1)],
            "a sleep that is never polled is not recorded"
        );
    }

    #[tokio::test]
    async fn only_explicit_advances_reach_a_deadline() {
        let clock = ManualClock::auto_advancing();
        let mut deadline = clock.deadline(Duration::from_secs(1));
        assert!(!poll(&mut deadline));
        clock.sleep(Duration::from_secs(5)).await;
        assert!(!poll(&mut deadline), "real I/O takes no virtual time");
        clock.advance(Duration::from_millis(999));
        assert!(!poll(&mut deadline));
        clock.advance(Duration::from_millis(1));
        assert!(poll(&mut deadline));
        assert_eq!(clock.sleeps(), [Duration::from_secs(5)]);
    }

    #[tokio::test]
    async fn skipped_sleeps_end_in_the_order_of_their_ends() {
        let clock = ManualClock::auto_advancing();
        let never_polled_again = &mut clock.sleep(Duration::from_secs(2));
        assert!(!poll(never_polled_again));
        let sleep = async |seconds| {
            clock.sleep(Duration::from_secs(seconds)).await;
            assert_eq!(clock.now(), Duration::from_secs(seconds));
        };
        futures_util::future::join_all([sleep(9), sleep(1), sleep(4)]).await;
        assert!(poll(never_polled_again));
    }

    #[tokio::test]
    async fn a_loop_of_skipped_sleeps_lets_other_tasks_run() {
        for duration in [Duration::ZERO, Duration::from_secs(60)] {
            let clock = ManualClock::auto_advancing();
            let other = tokio::spawn(async {});
            for _ in 0..1_000 {
                clock.sleep(duration).await;
            }
            assert!(other.is_finished());
        }
    }

    #[test]
    fn advance_wakes_the_task() {
        struct Flag(std::sync::atomic::AtomicBool);
        impl std::task::Wake for Flag {
            fn wake(self: Arc<Self>) {
                self.0.store(true, std::sync::atomic::Ordering::SeqCst);
            }
        }
        let flag = Arc::new(Flag(false.into()));
        let clock = ManualClock::new();
        let mut sleep = clock.sleep(Duration::from_secs(1));
        let waker = Waker::from(Arc::clone(&flag));
        assert!(
            sleep
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        clock.advance(Duration::from_secs(1));
        assert!(flag.0.load(std::sync::atomic::Ordering::SeqCst));
    }

    #[tokio::test]
    async fn wall_follows_now_unless_set() {
        let clock = ManualClock::auto_advancing();
        let start = clock.wall();
        clock.sleep(Duration::from_secs(7)).await;
        assert_eq!(clock.wall(), start + Duration::from_secs(7));
        clock.set_wall(SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000));
        assert_eq!(clock.now(), Duration::from_secs(7));
        assert_eq!(
            clock.wall(),
            SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000)
        );
        clock.set_random(0.25);
        assert_eq!(clock.random(), 0.25);
    }
}
