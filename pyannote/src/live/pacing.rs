//! When the next frame may be sent.

use std::time::Duration;

use super::frames::FRAME_DURATION;

/// Keeps audio from running too far ahead of real time.
///
/// The service has a buffer that drains in real time, and closes the stream when it is full. What is in the buffer is
/// how far the audio is ahead. After a pause the buffer is empty; audio that was not sent meanwhile cannot be sent at
/// once.
#[derive(Debug)]
pub(super) struct Pacing {
    max_ahead: Duration,
    /// How far the audio was ahead when the last frame was sent, with that frame.
    ahead: Duration,
    /// When that was.
    sent_at: Duration,
}

impl Pacing {
    pub(super) fn new(max_ahead: Duration) -> Self {
        Self {
            max_ahead,
            ahead: Duration::ZERO,
            sent_at: Duration::ZERO,
        }
    }

    /// How long to wait at `now` before the next frame.
    pub(super) fn delay(&self, now: Duration) -> Duration {
        (self.ahead_at(now) + FRAME_DURATION).saturating_sub(self.max_ahead)
    }

    /// A frame is sent at `now`.
    pub(super) fn sent(&mut self, now: Duration) {
        self.ahead = self.ahead_at(now) + FRAME_DURATION;
        self.sent_at = now;
    }

    /// How far the audio is ahead of real time at `now`.
    pub(super) fn ahead_at(&self, now: Duration) -> Duration {
        self.ahead.saturating_sub(now.saturating_sub(self.sent_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The times at which frames are sent, in ms, if they are sent as soon as possible from `start_ms` on.
    fn send(pacing: &mut Pacing, start_ms: u64, frames: usize) -> Vec<u64> {
        let mut now = Duration::from_millis(start_ms);
        let send = |_| {
            now += pacing.delay(now);
            pacing.sent(now);
            now.as_millis() as u64
        };
        (0..frames).map(send).collect()
    }

    #[test]
    fn a_file_is_sent_in_real_time_after_the_first_seconds() {
        let mut pacing = Pacing::new(Duration::from_secs(4));
        let times = send(&mut pacing, 0, 60);
        assert!(times[..40].iter().all(|time| *time == 0));
        let expected: Vec<u64> = (1..=20).map(|frame| frame * 100).collect();
        assert_eq!(times[40..], expected);
    }

    #[test]
    fn a_pause_allows_no_more_than_the_start() {
        let mut pacing = Pacing::new(Duration::from_secs(1));
        send(&mut pacing, 0, 10);
        let times = send(&mut pacing, 60_000, 12);
        assert!(times[..10].iter().all(|time| *time == 60_000));
        assert_eq!(times[10..], [60_100, 60_200]);
    }

    #[test]
    fn a_microphone_is_never_delayed() {
        let mut pacing = Pacing::new(FRAME_DURATION);
        for frame in 1..100 {
            let now = frame * FRAME_DURATION;
            assert_eq!(pacing.delay(now), Duration::ZERO);
            pacing.sent(now);
        }
    }
}
