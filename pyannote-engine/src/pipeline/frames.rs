//! The frames that everything is counted in: those of the segmentation model, 16.875 ms each, from the start of the
//! recording on.

use std::ops::Range;

use crate::SAMPLE_RATE;
use crate::{FRAME_DURATION, FRAME_STEP};

/// The seconds from one frame to the next.
pub(super) const STEP: f64 = FRAME_STEP as f64 / SAMPLE_RATE as f64;
/// When the first frame begins to stand for what it hears: it hears more than a step, and stands for its middle.
const FIRST: f64 = (FRAME_DURATION - FRAME_STEP) as f64 / 2.0 / SAMPLE_RATE as f64;

/// How many frames a recording of so many samples has: those whose middle is within it.
pub(super) fn count(samples: usize) -> usize {
    samples
        .saturating_sub(FRAME_DURATION / 2)
        .div_ceil(FRAME_STEP)
}

/// When a frame begins, in seconds.
pub(super) fn start(frame: usize) -> f64 {
    FIRST + frame as f64 * STEP
}

/// The frames of a span in seconds.
pub(super) fn within(start: f64, end: f64) -> Range<usize> {
    // Casts of negative numbers end at 0.
    let frame = |seconds: f64| ((seconds - FIRST) / STEP) as usize;
    frame(start)..frame(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FRAMES, WINDOW};

    #[test]
    fn a_window_has_the_frames_of_the_model() {
        // The model gives no frame that hears beyond the end of its window; here their middles count.
        assert!((FRAMES..FRAMES + 3).contains(&count(WINDOW)));
        assert_eq!(count(0), 0);
        assert_eq!(count(FRAME_DURATION), 2);
    }

    #[test]
    fn spans_and_frames_agree() {
        let span = within(start(10) + 1e-6, start(20) + 1e-6);
        assert_eq!(span, 10..20);
        assert_eq!(within(0.0, 0.01), 0..0);
    }
}
