//! Downmixing to one channel.

/// Appends the mean of the channels of each frame of `interleaved` to `mono`. All channels have the same weight.
///
/// Samples beyond full scale are clipped, and NaN becomes silence: the resampler would spread it to many samples.
pub(super) fn downmix(interleaved: &[f32], channels: usize, mono: &mut Vec<f32>) {
    let sanitize = |sample: &f32| match sample.is_nan() {
        true => 0.0,
        false => sample.clamp(-1.0, 1.0),
    };
    match channels {
        0 => {}
        1 => mono.extend(interleaved.iter().map(sanitize)),
        _ => mono.extend(
            interleaved
                .chunks_exact(channels)
                .map(|frame| frame.iter().map(sanitize).sum::<f32>() / channels as f32),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn downmixed(interleaved: &[f32], channels: usize) -> Vec<f32> {
        let mut mono = Vec::new();
        downmix(interleaved, channels, &mut mono);
        mono
    }

    #[test]
    fn channels_have_equal_weight() {
        assert_eq!(downmixed(&[0.5, 0.0, -0.5, -0.25], 2), [0.25, -0.375]);
        assert_eq!(downmixed(&[0.3, 0.0, 0.0, 0.0, 0.0, 0.3], 6), [0.1]);
        assert!(downmixed(&[0.5], 0).is_empty());
    }

    #[test]
    fn invalid_samples_are_sanitized() {
        let invalid = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30];
        assert_eq!(downmixed(&invalid, 1), [0.0, 1.0, -1.0, 1.0]);
    }
}
