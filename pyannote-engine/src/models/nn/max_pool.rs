//! Max pooling over time.

use super::vectorized;

/// Frames per pooled frame, which is also the stride.
pub(crate) const POOL_FRAMES: usize = 3;

/// Maximum of `map(value)` over each [`POOL_FRAMES`] frames, per channel. Incomplete pools at the end are dropped.
#[inline(always)]
pub(crate) fn max_pool(signal: &[f32], channels: usize, out: &mut [f32], map: impl Fn(f32) -> f32) {
    let channels = channels.max(1);
    vectorized(|| {
        for (frames, out) in signal
            .chunks_exact(POOL_FRAMES * channels)
            .zip(out.chunks_exact_mut(channels))
        {
            let (first, rest) = frames.split_at(channels);
            let (second, third) = rest.split_at(channels);
            for (((out, a), b), c) in out.iter_mut().zip(first).zip(second).zip(third) {
                *out = map(*a).max(map(*b)).max(map(*c));
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_three_frames() {
        let signal = [1.0, -9.0, 5.0, 2.0, -6.0, 3.0, 8.0, 8.0];
        let mut out = [0.0; 2];
        max_pool(&signal, 2, &mut out, |x| x);
        assert_eq!(out, [5.0, 3.0]);
        max_pool(&signal, 2, &mut out, f32::abs);
        assert_eq!(out, [6.0, 9.0]);
    }
}
