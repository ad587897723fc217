//! Segmentation frames of the whole recording, and their times.
//!
//! Frame `n` of the recording corresponds to the receptive field that starts at sample `n * FRAME_STEP_SAMPLES`. It
//! stands for a time span of one step in the middle of that receptive field.

use std::ops::Range;

use crate::SAMPLE_RATE;
use crate::models::{FRAME_STEP_SAMPLES, RECEPTIVE_FIELD_SAMPLES};

/// Duration of a frame, and distance between frames: 16.875 ms.
pub(crate) const STEP_S: f64 = FRAME_STEP_SAMPLES as f64 / SAMPLE_RATE as f64;
/// Start of the first frame: its receptive field is longer than a step, and the frame is centered in it.
const FIRST_START_S: f64 =
    (RECEPTIVE_FIELD_SAMPLES - FRAME_STEP_SAMPLES) as f64 / 2.0 / SAMPLE_RATE as f64;

/// Number of frames of a recording: those whose center is within the recording.
pub(crate) fn count(samples: usize) -> usize {
    samples
        .saturating_sub(RECEPTIVE_FIELD_SAMPLES / 2)
        .div_ceil(FRAME_STEP_SAMPLES)
}

/// Start time of a frame.
pub(crate) fn start_s(frame: usize) -> f64 {
    FIRST_START_S + frame as f64 * STEP_S
}

/// The frames of a time span: from the one that contains its start up to, excluding, the one that contains its end.
pub(super) fn in_span(start_s: f64, end_s: f64) -> Range<usize> {
    // The cast saturates: negative values become 0.
    let frame = |time_s: f64| ((time_s - FIRST_START_S) / STEP_S) as usize;
    frame(start_s)..frame(end_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{WINDOW_FRAMES, WINDOW_SAMPLES};

    #[test]
    fn frame_count_of_a_window_agrees_with_the_model() {
        // The model has no frames whose receptive field exceeds the window; here only their centers must be inside.
        assert!((WINDOW_FRAMES..WINDOW_FRAMES + 3).contains(&count(WINDOW_SAMPLES)));
        assert_eq!(count(0), 0);
        assert_eq!(count(RECEPTIVE_FIELD_SAMPLES), 2);
    }

    #[test]
    fn in_span_inverts_start() {
        let span = in_span(start_s(10) + 1e-6, start_s(20) + 1e-6);
        assert_eq!(span, 10..20);
        assert_eq!(in_span(0.0, 0.01), 0..0);
    }
}
