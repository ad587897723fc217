//! Whether an upload has stalled.
//!
//! The HTTP client does not report how many bytes the network accepted. But it asks for the next chunk only once it has
//! written most of the last one to the socket, so an upload makes progress with each chunk that is asked for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::transfer_timeout::transfer_time;
use crate::transport::{Clock, Failure, with_deadline};

/// Bytes that the HTTP client and the operating system may hold after the last chunk was handed over.
const BUFFERED_BYTES: u64 = 1024 * 1024;

/// What an attempt to upload waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// A connection to the storage that accepts the request.
    Connect,
    /// The next bytes of the source.
    Source,
    /// The connection, which has not accepted the last chunk yet.
    Send,
    /// The response to the whole recording.
    Response {
        /// The time that buffered bytes may take to reach the storage.
        drain: Duration,
    },
}

/// The longest time without progress.
#[derive(Clone, Copy, Debug)]
pub(super) struct StallLimits {
    pub(super) connect: Duration,
    pub(super) stall: Duration,
}

impl StallLimits {
    fn of(self, phase: Phase) -> Duration {
        match phase {
            Phase::Connect => self.connect,
            Phase::Source | Phase::Send => self.stall,
            Phase::Response { drain } => self.stall.saturating_add(drain),
        }
    }
}

/// The phase of an attempt, and when it changed.
#[derive(Debug)]
pub(super) struct Activity {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// When the connection asked for the first chunk.
    started: Option<Duration>,
}

impl Activity {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            state: Mutex::new(State {
                phase: Phase::Connect,
                started: None,
            }),
            changed: Notify::new(),
        }
    }

    /// Records that the connection asked for a chunk.
    pub(super) fn asked(&self) {
        let now = self.clock.now();
        self.update(|state| {
            state.started.get_or_insert(now);
            state.phase = Phase::Source;
        });
    }

    /// Records that the connection was given a chunk, after which `sent` of `len` bytes were handed over.
    pub(super) fn sent(&self, sent: u64, len: u64) {
        let now = self.clock.now();
        self.update(|state| {
            state.phase = if sent < len {
                Phase::Send
            } else {
                let elapsed = now.saturating_sub(state.started.unwrap_or(now));
                let drain = drain_time(len, elapsed);
                Phase::Response { drain }
            };
        });
    }

    /// What the attempt waits for.
    pub(super) fn phase(&self) -> Phase {
        self.lock().phase
    }

    /// Waits until nothing has happened for the time limit of the current phase, and returns how the attempt failed.
    pub(super) async fn stalled(&self, limits: StallLimits) -> Failure {
        loop {
            let phase = self.phase();
            let deadline = self.clock.deadline(limits.of(phase));
            if with_deadline(self.changed.notified(), deadline)
                .await
                .is_none()
            {
                return match phase {
                    Phase::Connect => Failure::Timeout,
                    Phase::Source | Phase::Send | Phase::Response { .. } => Failure::Stalled,
                };
            }
        }
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_one();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long the buffered end of a recording of `len` bytes may take to reach the storage, if it took `elapsed` to hand
/// it over: as long as at the pace so far, but no longer than on the slowest connection.
fn drain_time(len: u64, elapsed: Duration) -> Duration {
    let buffered = len.min(BUFFERED_BYTES);
    let longest = transfer_time(buffered);
    let transferred = len - buffered;
    if transferred == 0 {
        return longest;
    }
    let pace = elapsed.as_secs_f64() / transferred as f64;
    Duration::try_from_secs_f64(pace * buffered as f64).map_or(longest, |time| time.min(longest))
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::transport::manual_clock::ManualClock;

    const LIMITS: StallLimits = StallLimits {
        connect: Duration::from_secs(60),
        stall: Duration::from_secs(30),
    };
    const MIB: u64 = 1024 * 1024;

    #[test]
    fn each_phase_has_its_own_limit_since_the_last_progress() {
        let clock = ManualClock::new();
        let activity = Activity::new(Arc::new(clock.clone()));
        let mut stalled = pin!(activity.stalled(LIMITS));
        let mut after = |seconds: f64| {
            clock.advance(Duration::from_secs_f64(seconds));
            let mut context = Context::from_waker(Waker::noop());
            stalled.as_mut().poll(&mut context)
        };
        assert_eq!(after(0.0), Poll::Pending);
        assert_eq!(after(59.9), Poll::Pending, "connecting");
        activity.asked();
        assert_eq!(after(0.0), Poll::Pending);
        assert_eq!(after(29.9), Poll::Pending, "reading");
        activity.sent(1, 11 * MIB);
        assert_eq!(after(0.0), Poll::Pending);
        assert_eq!(after(29.9), Poll::Pending, "sending");
        activity.asked();
        activity.sent(11 * MIB, 11 * MIB);
        assert_eq!(after(0.0), Poll::Pending);
        // The first 10 of 11 MiB took 59.8 s.
        assert_eq!(after(35.9), Poll::Pending, "waiting for the response");
        assert_eq!(after(0.1), Poll::Ready(Failure::Stalled));

        let activity = Activity::new(Arc::new(clock.clone()));
        let mut stalled = pin!(activity.stalled(LIMITS));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(stalled.as_mut().poll(&mut context), Poll::Pending);
        clock.advance(LIMITS.connect);
        let failure = stalled.as_mut().poll(&mut context);
        assert_eq!(failure, Poll::Ready(Failure::Timeout));
    }

    #[test]
    fn drain_time_follows_the_pace_up_to_the_slowest_connection() {
        for (len, elapsed_s, expected_s) in [
            (5, 0.0, 0.000_05),
            (5, 100.0, 0.000_05),
            (MIB, 0.0, 10.485),
            (101 * MIB, 0.0, 0.0),
            (101 * MIB, 10.0, 0.1),
            (2 * MIB, 5.0, 5.0),
            (2 * MIB, 50.0, 10.485),
            (u64::MAX, 1e9, 0.0),
        ] {
            let elapsed = Duration::from_secs_f64(elapsed_s);
            let time = drain_time(len, elapsed).as_secs_f64();
            assert!(
                (time - expected_s).abs() < 1e-3,
                "{len} {elapsed_s}: {time}"
            );
        }
    }
}
