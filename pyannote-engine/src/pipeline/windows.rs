//! What the segmentation model hears: windows of 10 s, one about every 2.5 s.

use super::Models;
use super::frames;
use super::signal::Signal;
use crate::{CLASS_SPEAKERS, CLASSES, FRAME_STEP, FRAMES, WINDOW};
use crate::{CancelToken, DiarizeError};

/// How many frames a window starts after the one before: just under 2.5 s.
const HOP: usize = 148;
/// How many windows a thread hears at once at most. A window alone would take twice as long.
const BATCH: usize = 8;
/// How many speakers are told apart in a window.
pub(super) const LOCAL: usize = 3;

/// A window, and what was heard in it.
pub(super) struct Window {
    /// Its first frame.
    pub(super) first: usize,
    /// How likely each local speaker speaks in each frame.
    pub(super) activity: Vec<[f32; LOCAL]>,
}

/// How many speak at once in a frame, as probabilities. What is left is for one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Crowd {
    /// Nobody.
    pub(super) none: f32,
    /// Two.
    pub(super) two: f32,
}

/// What was heard in a recording.
pub(super) struct Heard {
    /// The windows, by their starts.
    pub(super) windows: Vec<Window>,
    /// The frames of the recording, as an average of the windows.
    pub(super) crowd: Vec<Crowd>,
}

/// Hears a recording.
pub(super) fn hear(
    models: Models<'_>,
    signal: &Signal<'_>,
    cancel: &CancelToken,
    progress: &mut dyn FnMut(f64),
) -> Result<Heard, DiarizeError> {
    let starts = starts(signal.len());
    let batches: Vec<&[usize]> = starts.chunks(models.portion(starts.len(), BATCH)).collect();
    let classes = models.all(&batches, cancel, progress, |starts| {
        let samples = starts
            .iter()
            .map(|first| signal.part(first * FRAME_STEP, WINDOW));
        let samples: Vec<Vec<f32>> = samples.collect();
        let samples: Vec<&[f32]> = samples.iter().map(Vec::as_slice).collect();
        models.segmentation.windows(&samples)
    })?;
    Ok(heard(signal.len(), &starts, classes.into_iter().flatten()))
}

/// The first frames of the windows. The last window ends with the recording.
fn starts(samples: usize) -> Vec<usize> {
    if frames::count(samples) == 0 {
        return Vec::new();
    }
    let last = samples.saturating_sub(WINDOW).div_ceil(FRAME_STEP);
    let mut starts: Vec<usize> = (0..last).step_by(HOP).collect();
    starts.push(last);
    starts
}

/// Puts the windows together.
fn heard(samples: usize, starts: &[usize], classes: impl Iterator<Item = Vec<f32>>) -> Heard {
    // The model gives no frame that hears beyond its window: the last ones of a recording may be heard by none.
    let end = starts.last().map_or(0, |last| last + FRAMES);
    let mut crowd = vec![Crowd::default(); frames::count(samples).min(end)];
    let mut windows = Vec::with_capacity(starts.len());
    for (&first, classes) in starts.iter().zip(classes) {
        // What is beyond the end of the recording was not heard, but made up.
        let frames = crowd.len().saturating_sub(first).min(FRAMES);
        let rows = || classes.chunks_exact(CLASSES).take(frames);
        for (crowd, row) in crowd.iter_mut().skip(first).zip(rows()) {
            for (probability, speakers) in row.iter().zip(CLASS_SPEAKERS) {
                match speakers.len() {
                    0 => crowd.none += probability,
                    2 => crowd.two += probability,
                    _ => {}
                }
            }
        }
        let activity = rows().map(activity).collect();
        windows.push(Window { first, activity });
    }
    let counts = covered(&windows, 0..crowd.len());
    for (crowd, count) in crowd.iter_mut().zip(counts) {
        crowd.none /= count.max(1.0);
        crowd.two /= count.max(1.0);
    }
    Heard { windows, crowd }
}

/// How likely each local speaker speaks, from the probabilities of who speaks together.
fn activity(classes: &[f32]) -> [f32; LOCAL] {
    let mut activity = [0.0; LOCAL];
    for (probability, speakers) in classes.iter().zip(CLASS_SPEAKERS) {
        for &speaker in speakers {
            if let Some(activity) = activity.get_mut(speaker) {
                *activity += probability;
            }
        }
    }
    activity
}

/// How many of the windows hear each of the frames.
pub(super) fn covered<'a>(
    windows: impl IntoIterator<Item = &'a Window>,
    frames: std::ops::Range<usize>,
) -> Vec<f32> {
    let mut counts = vec![0.0; frames.len()];
    for window in windows {
        let end = (window.first + window.activity.len()).saturating_sub(frames.start);
        let start = window.first.saturating_sub(frames.start);
        for count in counts.iter_mut().take(end).skip(start) {
            *count += 1.0;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_all_of_a_recording() {
        assert!(starts(0).is_empty());
        assert_eq!(starts(16_000), [0]);
        assert_eq!(starts(WINDOW), [0]);
        assert_eq!(starts(WINDOW + 1), [0, 1]);
        for samples in [200_000, 480_001, 960_000] {
            let starts = starts(samples);
            let last = starts.last().unwrap() * FRAME_STEP + WINDOW;
            assert!((samples..samples + FRAME_STEP).contains(&last), "{samples}");
            assert!(
                starts
                    .windows(2)
                    .all(|pair| pair[1] - pair[0] <= HOP && pair[0] < pair[1])
            );
        }
    }

    #[test]
    fn classes_become_speakers_and_crowds() {
        let class = |index: usize| -> Vec<f32> {
            let mut row = [0.0; CLASSES];
            row[index] = 1.0;
            row.repeat(FRAMES)
        };
        // Nobody in the first window; the first and the third speaker at once in the second.
        let starts = starts(WINDOW + 2_700);
        let heard = heard(WINDOW + 2_700, &starts, [class(0), class(5)].into_iter());
        assert_eq!(heard.windows[1].activity[0], [1.0, 0.0, 1.0]);
        assert_eq!(heard.windows[0].activity[0], [0.0; 3]);
        assert_eq!((heard.crowd[0].none, heard.crowd[0].two), (1.0, 0.0));
        assert_eq!((heard.crowd[100].none, heard.crowd[100].two), (0.5, 0.5));
    }

    #[test]
    fn every_frame_was_heard() {
        let nobody = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0].repeat(FRAMES);
        for samples in [1_000, 80_000, WINDOW, WINDOW + 1, 3 * WINDOW] {
            let starts = starts(samples);
            let heard = heard(samples, &starts, starts.iter().map(|_| nobody.clone()));
            assert!(
                heard.crowd.iter().all(|crowd| crowd.none == 1.0),
                "{samples}"
            );
        }
    }
}
