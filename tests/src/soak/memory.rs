//! Whether memory grows during a soak test.

use serde::{Deserialize, Serialize};

/// Share of the submissions during which memory does not count: caches, connections and buffers are being filled.
const WARM_UP: f64 = 0.1;
/// How much more memory the second half may need, as a share of the first half's maximum.
const MARGIN: f64 = 0.15;
/// How much more memory the second half may need in any case, in bytes: the noise of buffers in use.
const MARGIN_BYTES: usize = 2 << 20;

/// Memory at one moment.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Sample {
    /// Submissions that had ended.
    pub ended: u64,
    /// Allocated bytes.
    pub allocated: usize,
    /// Resident bytes, if the platform reports them.
    pub resident: Option<usize>,
}

/// The maxima while the first half and the second half of the submissions ended, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Halves {
    /// Allocated bytes.
    pub allocated: [usize; 2],
    /// Resident bytes, 0 if unknown.
    pub resident: [usize; 2],
}

impl Halves {
    /// The halves of samples in the order in which they were taken.
    #[must_use]
    pub fn of(samples: &[Sample]) -> Self {
        let all = samples.last().map_or(0, |sample| sample.ended);
        let warm_up = (all as f64 * WARM_UP) as u64;
        let index = |ended| samples.partition_point(|sample| sample.ended < ended);
        let (first, second) = (
            &samples[index(warm_up)..index(all / 2)],
            &samples[index(all / 2)..],
        );
        let max = |half: &[Sample], value: fn(&Sample) -> usize| {
            half.iter().map(value).max().unwrap_or(0)
        };
        let resident = |sample: &Sample| sample.resident.unwrap_or(0);
        Self {
            allocated: [first, second].map(|half| max(half, |sample| sample.allocated)),
            resident: [first, second].map(|half| max(half, resident)),
        }
    }

    /// Whether the second half needs more allocated memory than the first one, with a margin of 15 % and 2 MiB.
    #[must_use]
    pub fn grows(&self) -> bool {
        let [first, second] = self.allocated;
        second > first + (first as f64 * MARGIN) as usize + MARGIN_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halves(allocated: impl Fn(usize) -> usize) -> Halves {
        let samples: Vec<Sample> = (0..1000)
            .map(|index| Sample {
                ended: index as u64,
                allocated: allocated(index),
                resident: None,
            })
            .collect();
        Halves::of(&samples)
    }

    #[test]
    fn steady_memory_and_its_noise_are_flat() {
        assert!(!halves(|_| 10 << 20).grows());
        assert!(!halves(|index| (10 << 20) + index % 7 * 100_000).grows());
        let warm_up = |index: usize| (10 << 20) + index.min(90) * 100_000;
        assert!(!halves(warm_up).grows());
        // Most submissions end early, and the last ones take long.
        let burst: Vec<Sample> = (0..1000_u64)
            .map(|index| Sample {
                ended: (index * 10).min(990 + index / 100),
                allocated: 1 << 20,
                resident: None,
            })
            .collect();
        assert_eq!(Halves::of(&burst).allocated, [1 << 20; 2]);
        assert!(!Halves::of(&[]).grows());
    }

    #[test]
    fn a_leak_grows() {
        assert!(halves(|index| (10 << 20) + index * 10_000).grows());
    }
}
