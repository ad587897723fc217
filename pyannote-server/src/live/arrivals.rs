//! When the audio of a stream arrived, to measure the latency of its events.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::CHUNK;

/// Number of chunks that are remembered: 1 min.
const MAX_CHUNKS: usize = 600;

/// Arrival times of the latest chunks.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    times: VecDeque<Instant>,
    /// Number of chunks before the first one in `times`.
    forgotten: usize,
}

impl Arrivals {
    pub(super) fn push(&mut self, time: Instant) {
        if self.times.len() == MAX_CHUNKS {
            self.times.pop_front();
            self.forgotten += 1;
        }
        self.times.push_back(time);
    }

    /// Returns how long ago the audio at `seconds` arrived. `None` if that is too long ago, or there is no such audio.
    pub(super) fn age(&self, seconds: f64, now: Instant) -> Option<Duration> {
        // A negative time, or one that is not a number, is 0. An event at the end of a chunk belongs to that chunk.
        let chunk = ((seconds / CHUNK.as_secs_f64()).ceil() as usize).saturating_sub(1);
        let time = self.times.get(chunk.checked_sub(self.forgotten)?)?;
        Some(now.saturating_duration_since(*time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_chunk_of_a_time() {
        let start = Instant::now();
        let at = |chunk: u32| start + CHUNK * chunk;
        let mut arrivals = Arrivals::default();
        assert_eq!(arrivals.age(0.0, start), None);
        for chunk in 0..700 {
            arrivals.push(at(chunk));
        }
        // In real time, a chunk has arrived when its audio starts.
        for (seconds, expected) in [
            (69.95, Some(1)),
            (70.0, Some(1)),
            (69.9, Some(2)),
            (69.85, Some(2)),
            (10.05, Some(600)),
            (9.95, None),
            (0.0, None),
            (-1.0, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
            (70.1, None),
        ] {
            let expected = expected.map(|chunks| CHUNK * chunks);
            assert_eq!(arrivals.age(seconds, at(700)), expected, "{seconds}");
        }
    }
}
