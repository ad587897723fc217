//! A clock that tests turn by hand.
#![allow(
    unreachable_pub,
    reason = "public only where the feature test-util re-exports it"
)]

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use super::clock::{Clock, Sleep};

/// Virtual time. Clones share it.
///
/// [`new`](Self::new) makes a clock that stands still until [`advance`](Self::advance) is called;
/// [`jumping`](Self::jumping) makes one that every sleep moves to its own end at once.
///
/// ```
/// use std::time::Duration;
/// use pyannote::testing::{Clock, ManualClock};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let clock = ManualClock::jumping();
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
    /// The date at `now == 0`.
    epoch: SystemTime,
    jumping: bool,
    random: f64,
    sleeps: Vec<Duration>,
    /// Who sleeps, by end; the number keeps apart those who end together.
    sleepers: BTreeMap<(Duration, u64), Waker>,
    next_sleeper: u64,
}

impl State {
    /// Moves time forward and takes out whoever is due.
    fn move_to(&mut self, now: Duration) -> Vec<Waker> {
        self.now = self.now.max(now);
        let mut due = Vec::new();
        while let Some(first) = self.sleepers.first_entry() {
            if first.key().0 > self.now {
                break;
            }
            due.push(first.remove());
        }
        due
    }
}

impl ManualClock {
    /// A clock that stands at 0 (and at 2026-01-01T00:00:00Z) until it is advanced.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Mutex::new(State {
                now: Duration::ZERO,
                epoch: SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600),
                jumping: false,
                random: 0.5,
                sleeps: Vec::new(),
                sleepers: BTreeMap::new(),
                next_sleeper: 0,
            })),
        }
    }

    /// A clock that a sleep, once awaited, moves to its own end at once.
    ///
    /// Of several sleeps the one awaited first moves the clock first, even if it is the longest: where the order
    /// matters, use [`advance_to_next`](Self::advance_to_next) on a clock that stands.
    #[must_use]
    pub fn jumping() -> Self {
        let clock = Self::new();
        clock.state().jumping = true;
        clock
    }

    /// Moves time forward and wakes whoever has slept enough.
    pub fn advance(&self, by: Duration) {
        let due = {
            let mut state = self.state();
            let now = state.now.saturating_add(by);
            state.move_to(now)
        };
        // Outside the lock: a waker may poll at once, and that takes the lock again.
        due.into_iter().for_each(Waker::wake);
    }

    /// Moves time to the end of the sleep that ends first. False if nobody sleeps.
    pub fn advance_to_next(&self) -> bool {
        let due = {
            let mut state = self.state();
            let Some(&(end, _)) = state.sleepers.keys().next() else {
                return false;
            };
            state.move_to(end)
        };
        due.into_iter().for_each(Waker::wake);
        true
    }

    /// Every sleep that was awaited, in order of the first poll.
    #[must_use]
    pub fn sleeps(&self) -> Vec<Duration> {
        self.state().sleeps.clone()
    }

    /// How many sleep at present.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.state().sleepers.len()
    }

    /// Sets what [`random`](Clock::random) answers from now on: 0.5 at first.
    pub fn set_random(&self, random: f64) {
        self.state().random = random;
    }

    /// Sets the date, and leaves the monotonic time as it is.
    pub fn set_wall(&self, wall: SystemTime) {
        let mut state = self.state();
        state.epoch = wall
            .checked_sub(state.now)
            .unwrap_or(SystemTime::UNIX_EPOCH);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked with the lock held has failed already; the next one need not fail with it.
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
        let mut state = self.state();
        let id = state.next_sleeper;
        state.next_sleeper = id.wrapping_add(1);
        Box::pin(ManualSleep {
            shared: Arc::clone(&self.shared),
            key: (state.now.saturating_add(duration), id),
            unrecorded: Some(duration),
        })
    }

    fn random(&self) -> f64 {
        self.state().random
    }
}

struct ManualSleep {
    shared: Arc<Mutex<State>>,
    /// The end, and the sleeper's number.
    key: (Duration, u64),
    /// Taken at the first poll: a sleep that nobody awaits did not happen.
    unrecorded: Option<Duration>,
}

impl Future for ManualSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let mut state = this.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(duration) = this.unrecorded.take() {
            state.sleeps.push(duration);
        }
        if state.jumping || this.key.0 <= state.now {
            state.sleepers.remove(&this.key);
            let due = state.move_to(this.key.0);
            drop(state);
            due.into_iter().for_each(Waker::wake);
            return Poll::Ready(());
        }
        state.sleepers.insert(this.key, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for ManualSleep {
    fn drop(&mut self) {
        let mut state = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        state.sleepers.remove(&self.key);
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
    fn a_sleep_ends_when_its_time_has_come_and_not_before() {
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
    fn next_goes_to_the_sleep_that_ends_first() {
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
    fn a_dropped_sleep_leaves_no_sleeper() {
        let clock = ManualClock::new();
        let mut sleep = clock.sleep(Duration::from_secs(1));
        assert!(!poll(&mut sleep));
        assert_eq!(clock.sleepers(), 1);
        drop(sleep);
        assert_eq!(clock.sleepers(), 0);
        drop(clock.sleep(Duration::from_secs(2)));
        assert_eq!(
            clock.sleeps(),
            [Duration::from_secs(1)],
            "never awaited, never recorded"
        );
    }

    #[test]
    fn advancing_wakes_the_task() {
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

    #[test]
    fn wall_follows_now_and_can_be_set() {
        let clock = ManualClock::jumping();
        let start = clock.wall();
        assert!(poll(&mut clock.sleep(Duration::from_secs(7))));
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
