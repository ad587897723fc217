//! Statistics pooling: mean and standard deviation of each channel over time.

use crate::models::nn::moments;

/// Standard deviation of a signal with a single frame, as in the reference implementation.
const SINGLE_FRAME_STD: f32 = 1e-2;

/// The mean of each channel, followed by the unbiased standard deviation of each channel.
pub(super) fn stats_pool(signal: &[f32], channels: usize) -> Vec<f32> {
    let frames = signal.len() / channels;
    let (means, variances) = moments(signal, channels);
    let unbiased = frames as f64 / (frames as f64 - 1.0);
    let std = |variance: f64| match frames {
        0 | 1 => SINGLE_FRAME_STD,
        _ => (variance * unbiased).sqrt() as f32,
    };
    let means = means.iter().map(|mean| *mean as f32);
    means.chain(variances.into_iter().map(std)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::reference::{assert_close, layers, signal};

    #[test]
    fn matches_the_original_even_for_a_single_frame() {
        let expected = |name| layers().tensor(name, &[10]).unwrap();
        assert_close(&stats_pool(&signal(35), 5), &expected("stats.out"));
        assert_close(&stats_pool(&signal(5), 5), &expected("stats.one"));
    }
}
