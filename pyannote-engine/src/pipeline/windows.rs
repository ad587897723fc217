//! Segmentation of sliding windows: powerset posteriors, local speaker activity, and the speaker count.

use std::ops::Range;

use super::waveform::Waveform;
use super::{Models, fair_pool, frames};
use crate::models::{
    BATCH_WINDOWS, FRAME_STEP_SAMPLES, POWERSET, POWERSET_CLASSES, WINDOW_FRAMES, WINDOW_SAMPLES,
};
use crate::{CancelToken, DiarizeError};

/// Hop between windows, in frames: just under 2.5 s.
pub(super) const HOP_FRAMES: usize = 148;
/// The hop of accurate runs: a quarter, just over 0.6 s.
const ACCURATE_HOP_FRAMES: usize = HOP_FRAMES / 4;
/// Maximum number of speakers per window, given by the segmentation model.
pub(crate) const MAX_LOCAL_SPEAKERS: usize = 3;

/// The segmentation of a window.
pub(crate) struct Window {
    /// Index of its first frame in the recording.
    pub(crate) first_frame: usize,
    /// Probability that each local speaker is active, per frame.
    pub(crate) activity: Vec<[f32; MAX_LOCAL_SPEAKERS]>,
}

/// Probabilities of the number of simultaneous speakers in a frame. The rest is the probability of exactly one speaker.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SpeakerCount {
    /// Probability of no speaker. Its complement is the voice activity (VAD) probability.
    pub(crate) silence: f32,
    /// Probability of two speakers (overlapped speech), the maximum of the model.
    pub(crate) overlap: f32,
}

impl SpeakerCount {
    /// Adds the posteriors of a frame.
    pub(crate) fn add(&mut self, posteriors: &[f32]) {
        for (probability, speakers) in posteriors.iter().zip(POWERSET) {
            match speakers.len() {
                0 => self.silence += probability,
                2 => self.overlap += probability,
                _ => {}
            }
        }
    }
}

/// The segmentation of a recording.
pub(super) struct Segmentation {
    /// The frames of the recording that each window covers, in order of time.
    pub(super) windows: Vec<Range<usize>>,
    /// Per frame of the recording, averaged over the windows that cover it.
    pub(super) speaker_count: Vec<SpeakerCount>,
}

/// Hop between the windows of a run, in frames.
pub(super) fn hop_frames(is_accurate: bool) -> usize {
    match is_accurate {
        true => ACCURATE_HOP_FRAMES,
        false => HOP_FRAMES,
    }
}

/// Runs the segmentation model on all windows of a recording. `take` is called with each window, in order of time.
pub(super) fn segment(
    models: Models<'_>,
    waveform: &Waveform<'_>,
    hop_frames: usize,
    cancel: &CancelToken,
    progress: &mut dyn FnMut(f64),
    mut take: impl FnMut(Window),
) -> Result<Segmentation, DiarizeError> {
    let first_frames = first_frames(waveform.len(), hop_frames);
    let batches: Vec<&[usize]> = first_frames
        .chunks(fair_pool::batch_size(
            models.pool,
            first_frames.len(),
            BATCH_WINDOWS,
        ))
        .collect();
    let posteriors = |batch: &&[usize]| {
        let Some((first, last)) = batch.first().zip(batch.last()) else {
            return Ok(Vec::new());
        };
        let length = (last - first) * FRAME_STEP_SAMPLES + WINDOW_SAMPLES;
        let samples = waveform.crop(first * FRAME_STEP_SAMPLES, length)?;
        let windows = batch.iter().map(|first_frame| {
            let start = (first_frame - first) * FRAME_STEP_SAMPLES;
            &samples[start..start + WINDOW_SAMPLES]
        });
        let windows: Vec<&[f32]> = windows.collect();
        Ok(models.networks.segmentation.posteriors(&windows))
    };
    let mut aggregation = Aggregation::new(waveform.len(), &first_frames);
    fair_pool::run(
        models.pool,
        &batches,
        cancel,
        progress,
        posteriors,
        |batch| {
            for posteriors in batch {
                take(aggregation.push(&posteriors));
            }
        },
    )?;
    Ok(aggregation.finish())
}

/// Number of frames of a recording that windows cover.
pub(crate) fn frame_count(samples: usize) -> usize {
    // The model has no frames whose receptive field exceeds the window, so the last frames may not be covered.
    let end = last_first_frame(samples).map_or(0, |last| last + WINDOW_FRAMES);
    frames::count(samples).min(end)
}

/// The first frame of each window. The last window is placed so that it ends with the recording.
fn first_frames(samples: usize, hop_frames: usize) -> Vec<usize> {
    let Some(last) = last_first_frame(samples) else {
        return Vec::new();
    };
    let mut first_frames: Vec<usize> = (0..last).step_by(hop_frames).collect();
    first_frames.push(last);
    first_frames
}

/// The first frame of the last window, if there are windows.
fn last_first_frame(samples: usize) -> Option<usize> {
    let beyond = samples.saturating_sub(WINDOW_SAMPLES);
    (frames::count(samples) > 0).then(|| beyond.div_ceil(FRAME_STEP_SAMPLES))
}

/// Converts the posteriors of windows to local speaker activity, and aggregates the speaker count over the windows.
struct Aggregation {
    segmentation: Segmentation,
    /// Index of the next window.
    next: usize,
}

impl Aggregation {
    fn new(samples: usize, first_frames: &[usize]) -> Self {
        let frames = frame_count(samples);
        // Without the frames of the padding.
        let covered = |first: &usize| *first..(first + WINDOW_FRAMES).min(frames).max(*first);
        Self {
            segmentation: Segmentation {
                windows: first_frames.iter().map(covered).collect(),
                speaker_count: vec![SpeakerCount::default(); frames],
            },
            next: 0,
        }
    }

    /// Adds the next window.
    fn push(&mut self, posteriors: &[f32]) -> Window {
        let covered = self.segmentation.windows[self.next].clone();
        self.next += 1;
        let first_frame = covered.start;
        let rows = || {
            posteriors
                .chunks_exact(POWERSET_CLASSES)
                .take(covered.len())
        };
        let counts = self.segmentation.speaker_count.iter_mut();
        for (count, row) in counts.skip(first_frame).zip(rows()) {
            count.add(row);
        }
        Window {
            first_frame,
            activity: rows().map(powerset_to_multilabel).collect(),
        }
    }

    /// The segmentation, after the last window.
    fn finish(mut self) -> Segmentation {
        let speaker_count = &mut self.segmentation.speaker_count;
        let coverage = coverage(&self.segmentation.windows, speaker_count.len());
        for (count, windows) in speaker_count.iter_mut().zip(coverage) {
            count.silence /= windows.max(1.0);
            count.overlap /= windows.max(1.0);
        }
        self.segmentation
    }
}

/// Activity of each local speaker: the sum of the posteriors of the powerset classes that contain it.
pub(crate) fn powerset_to_multilabel(posteriors: &[f32]) -> [f32; MAX_LOCAL_SPEAKERS] {
    let mut activity = [0.0; MAX_LOCAL_SPEAKERS];
    for (probability, speakers) in posteriors.iter().zip(POWERSET) {
        for &speaker in speakers {
            activity[speaker] += probability;
        }
    }
    activity
}

/// Number of windows that cover each of the first `frames` frames of the recording.
pub(super) fn coverage(windows: &[Range<usize>], frames: usize) -> Vec<f32> {
    let mut coverage = vec![0.0; frames];
    for window in windows {
        for count in &mut coverage[window.clone()] {
            *count += 1.0;
        }
    }
    coverage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_the_whole_recording() {
        for hop_frames in [hop_frames(false), hop_frames(true)] {
            let first_frames = |samples| first_frames(samples, hop_frames);
            assert!(first_frames(0).is_empty());
            assert_eq!(first_frames(16_000), [0]);
            assert_eq!(first_frames(WINDOW_SAMPLES), [0]);
            assert_eq!(first_frames(WINDOW_SAMPLES + 1), [0, 1]);
            for samples in [200_000, 480_001, 960_000] {
                let first_frames = first_frames(samples);
                let end = first_frames.last().unwrap() * FRAME_STEP_SAMPLES + WINDOW_SAMPLES;
                assert!(
                    (samples..samples + FRAME_STEP_SAMPLES).contains(&end),
                    "{samples}"
                );
                assert!(
                    first_frames
                        .windows(2)
                        .all(|pair| pair[1] - pair[0] <= hop_frames && pair[0] < pair[1])
                );
            }
        }
    }

    #[test]
    fn accurate_runs_have_four_times_as_many_windows() {
        let count = |is_accurate| first_frames(16_000 * 3_600, hop_frames(is_accurate)).len();
        assert_eq!((count(false), count(true)), (1_439, 5_751));
    }

    #[test]
    fn posteriors_become_activity_and_speaker_count() {
        let class = |index: usize| -> Vec<f32> {
            let mut row = [0.0; POWERSET_CLASSES];
            row[index] = 1.0;
            row.repeat(WINDOW_FRAMES)
        };
        // The first window is silent; speakers 0 and 2 overlap in the second.
        let samples = WINDOW_SAMPLES + 2_700;
        let mut aggregation = Aggregation::new(samples, &first_frames(samples, HOP_FRAMES));
        assert_eq!(aggregation.push(&class(0)).activity[0], [0.0; 3]);
        assert_eq!(aggregation.push(&class(5)).activity[0], [1.0, 0.0, 1.0]);
        let segmentation = aggregation.finish();
        let count = |frame: usize| {
            let count = segmentation.speaker_count[frame];
            (count.silence, count.overlap)
        };
        assert_eq!(count(0), (1.0, 0.0));
        assert_eq!(count(100), (0.5, 0.5));
    }

    #[test]
    fn every_frame_is_covered_by_a_window() {
        let silence = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0].repeat(WINDOW_FRAMES);
        for samples in [
            1_000,
            80_000,
            WINDOW_SAMPLES,
            WINDOW_SAMPLES + 1,
            3 * WINDOW_SAMPLES,
        ] {
            let first_frames = first_frames(samples, HOP_FRAMES);
            let mut aggregation = Aggregation::new(samples, &first_frames);
            for _ in first_frames {
                aggregation.push(&silence);
            }
            assert!(
                aggregation
                    .finish()
                    .speaker_count
                    .iter()
                    .all(|count| count.silence == 1.0),
                "{samples}"
            );
        }
    }
}
