//! From any number of frames to one: the mean of each channel, and how far it strays.

/// What stands for the deviation where there is only one frame.
const LONE: f32 = 1e-2;

/// The mean of each channel, then the unbiased standard deviation of each.
pub(super) fn pool(signal: &[f32], channels: usize) -> Vec<f32> {
    let frames = signal.len() / channels.max(1);
    let (means, variances) = crate::nn::moments(signal, channels);
    let unbiased = frames as f64 / (frames as f64 - 1.0);
    let deviation = |variance: f64| match frames {
        0 | 1 => LONE,
        _ => (variance * unbiased).sqrt() as f32,
    };
    let means = means.iter().map(|mean| *mean as f32);
    means.chain(variances.into_iter().map(deviation)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{assert_close, layers, signal};

    #[test]
    fn it_is_that_of_the_original_even_of_one_frame() {
        let expected = |name| layers().tensor(name, &[10]).unwrap();
        assert_close(&pool(&signal(35), 5), &expected("stats.out"));
        assert_close(&pool(&signal(5), 5), &expected("stats.one"));
    }
}
