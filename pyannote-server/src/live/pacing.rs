//! Audio received, against real time.

use std::time::Duration;

use tokio::time::Instant;

use super::CHUNK;

/// Audio of a stream, against the time since its first chunk.
///
/// Only the total counts: a client that was interrupted, or delayed by the network or by this server, may catch up.
#[derive(Debug)]
pub(super) struct Pacing {
    max_ahead: Duration,
    start: Option<Instant>,
    audio: Duration,
}

impl Pacing {
    pub(super) fn new(max_ahead: Duration) -> Self {
        Self {
            max_ahead,
            start: None,
            audio: Duration::ZERO,
        }
    }

    /// Counts a chunk. Returns whether the audio is still close enough to real time.
    pub(super) fn receive(&mut self, now: Instant) -> bool {
        let start = *self.start.get_or_insert(now);
        self.audio += CHUNK;
        self.audio <= now.saturating_duration_since(start) + self.max_ahead
    }

    pub(super) fn has_audio(&self) -> bool {
        self.start.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends chunks at these times, in milliseconds. Returns how many are accepted before one is not.
    fn accepted(times: impl IntoIterator<Item = u64>) -> Option<usize> {
        let start = Instant::now();
        let mut pacing = Pacing::new(Duration::from_secs(5));
        let mut times = times.into_iter();
        times.position(|time| !pacing.receive(start + Duration::from_millis(time)))
    }

    #[test]
    fn audio_may_be_five_seconds_ahead() {
        assert_eq!(accepted([0; 50]), None);
        assert_eq!(accepted([0; 51]), Some(50));
        // The time starts with the first chunk, not with the connection.
        assert_eq!(accepted([60_000; 51]), Some(50));
        // In real time, and 5 s ahead from the start.
        assert_eq!(accepted((0..180_000).map(|chunk| chunk * 100)), None);
        let ahead = (0..180_000u64).map(|chunk| (chunk * 100).saturating_sub(4_900));
        assert_eq!(accepted(ahead), None);
        // Half a percent too fast reaches the limit after 1,000 s.
        let fast = (0..180_000u64).map(|chunk| chunk * 199 / 2);
        assert_eq!(accepted(fast), Some(9_801));
        // After an interruption, the client catches up.
        let interrupted = (0..1_000).map(|chunk| if chunk < 300 { chunk * 100 } else { 100_000 });
        assert_eq!(accepted(interrupted), None);
    }
}
