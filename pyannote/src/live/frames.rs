//! The frames of audio that the service expects.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

/// Samples of a frame.
pub(super) const FRAME_SAMPLES: usize = 1_600;
/// Duration of a frame.
pub(super) const FRAME_DURATION: Duration = Duration::from_millis(100);

/// Cuts samples into frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    pending: Vec<f32>,
}

impl Frames {
    /// Adds samples. Returns the frame that they complete; at most one, so at most [`FRAME_SAMPLES`] may be added.
    pub(super) fn push(&mut self, samples: &[f32]) -> Option<Bytes> {
        self.pending.extend_from_slice(samples);
        let frame = encode(self.pending.get(..FRAME_SAMPLES)?);
        self.pending.drain(..FRAME_SAMPLES);
        Some(frame)
    }

    /// Returns the incomplete frame, if there is one, filled with silence.
    pub(super) fn flush(&mut self) -> Option<Bytes> {
        if self.pending.is_empty() {
            return None;
        }
        self.pending.resize(FRAME_SAMPLES, 0.0);
        let frame = encode(&self.pending);
        self.pending.clear();
        Some(frame)
    }
}

/// A frame of silence.
pub(super) fn silence() -> Bytes {
    Bytes::from_static(&[0; FRAME_SAMPLES * 4])
}

/// Encodes samples as 32-bit floats, little-endian. Samples that are not finite become silence.
fn encode(samples: &[f32]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(samples.len() * 4);
    for sample in samples {
        bytes.put_f32_le(if sample.is_finite() { *sample } else { 0.0 });
    }
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(frames: &[Bytes]) -> Vec<f32> {
        let bytes = frames.concat();
        let samples = bytes.chunks_exact(4);
        samples
            .map(|sample| f32::from_le_bytes(sample.try_into().unwrap()))
            .collect()
    }

    #[test]
    fn samples_of_any_number_are_cut_into_frames() {
        let samples: Vec<f32> = (0..10_000_u16).map(f32::from).collect();
        for piece in [1, 7, 1_599, 1_600] {
            let mut frames = Frames::default();
            let pieces = samples.chunks(piece);
            let mut sent: Vec<Bytes> = pieces.filter_map(|piece| frames.push(piece)).collect();
            assert_eq!(sent.len(), 6, "{piece}");
            sent.extend(frames.flush());
            assert!(sent.iter().all(|frame| frame.len() == 6_400));
            let sent = decoded(&sent);
            assert_eq!(sent[..10_000], samples[..], "{piece}");
            assert!(sent[10_000..].iter().all(|sample| *sample == 0.0));
            assert_eq!(frames.flush(), None);
        }
    }

    #[test]
    fn samples_that_are_not_finite_are_silence() {
        let mut frames = Frames::default();
        frames.push(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.5]);
        assert_eq!(
            decoded(&[frames.flush().unwrap()])[..4],
            [0.0, 0.0, 0.0, -0.5]
        );
        assert_eq!(decoded(&[silence()]), [0.0; FRAME_SAMPLES]);
    }
}
