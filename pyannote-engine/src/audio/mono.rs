//! Many channels become one.

/// Appends the mean of the channels of each frame of `interleaved` to `mono`. Every channel counts alike.
///
/// A file of floats may hold anything. A value beyond full scale is clipped, and one that is no number is silence: a
/// single one would otherwise spoil every sample that the resampler makes of it.
pub(super) fn mix(interleaved: &[f32], channels: usize, mono: &mut Vec<f32>) {
    let sane = |sample: &f32| match sample.is_nan() {
        true => 0.0,
        false => sample.clamp(-1.0, 1.0),
    };
    match channels {
        0 => {}
        1 => mono.extend(interleaved.iter().map(sane)),
        _ => mono.extend(
            interleaved
                .chunks_exact(channels)
                .map(|frame| frame.iter().map(sane).sum::<f32>() / channels as f32),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed(interleaved: &[f32], channels: usize) -> Vec<f32> {
        let mut mono = Vec::new();
        mix(interleaved, channels, &mut mono);
        mono
    }

    #[test]
    fn the_channels_count_alike() {
        assert_eq!(mixed(&[0.5, 0.0, -0.5, -0.25], 2), [0.25, -0.375]);
        assert_eq!(mixed(&[0.3, 0.0, 0.0, 0.0, 0.0, 0.3], 6), [0.1]);
        assert!(mixed(&[0.5], 0).is_empty());
    }

    #[test]
    fn what_is_no_sample_does_no_harm() {
        let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30];
        assert_eq!(mixed(&odd, 1), [0.0, 1.0, -1.0, 1.0]);
    }
}
