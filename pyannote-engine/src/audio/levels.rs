//! Levels of samples: beyond full scale, and not a number.

use symphonia::core::codecs::audio::{AudioCodecId, well_known as id};

/// Maximum level of a sample. A greater one is damage: even 64-bit integers as floats do not reach it.
const MAX_LEVEL: f32 = 1.9e19;

/// Whether samples of a codec can exceed full scale by more than the rounding of a lossy codec.
pub(super) fn is_unbounded(codec: AudioCodecId) -> bool {
    [
        id::CODEC_ID_PCM_F32LE,
        id::CODEC_ID_PCM_F32BE,
        id::CODEC_ID_PCM_F64LE,
        id::CODEC_ID_PCM_F64BE,
    ]
    .contains(&codec)
}

/// Replaces NaN, infinities and damaged samples by silence: the resampler would spread them to many samples.
pub(super) fn silence_invalid(samples: &mut [f32]) {
    for sample in samples {
        if sample.is_nan() || sample.abs() > MAX_LEVEL {
            *sample = 0.0;
        }
    }
}

/// The maximum absolute value of samples.
pub(super) fn peak(samples: &[f32]) -> f32 {
    samples
        .iter()
        .fold(0.0, |peak, sample| peak.max(sample.abs()))
}

/// Scales samples by `gain`, and clips them to full scale, which lossy codecs exceed by rounding.
pub(super) fn scale(samples: &mut [f32], gain: f32) {
    for sample in samples {
        *sample = (*sample * gain).clamp(-1.0, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_samples_are_silence() {
        let mut samples = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -7.0, 0.5];
        silence_invalid(&mut samples);
        assert_eq!(samples, [0.0, 0.0, 0.0, 0.0, -7.0, 0.5]);
        assert_eq!(peak(&samples), 7.0);
        scale(&mut samples, 1.0 / 7.0);
        assert_eq!(samples[4], -1.0);
        scale(&mut samples, 100.0);
        assert_eq!(samples[5], 1.0);
    }
}
