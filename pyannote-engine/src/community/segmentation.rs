//! Segmentation of overlapping windows: who of up to three local speakers is active.

use super::Models;
use crate::models::{
    BATCH_WINDOWS, FRAME_STEP_SAMPLES, POWERSET, POWERSET_CLASSES, WINDOW_FRAMES, WINDOW_SAMPLES,
};
use crate::pipeline::fair_pool;
use crate::pipeline::waveform::sanitized;
use crate::pipeline::windows::{MAX_LOCAL_SPEAKERS, SpeakerCount};
use crate::{CancelToken, DiarizeError, Recording, Sensitivity, SpoolError};

/// Samples between the starts of consecutive windows: 1 s.
pub(super) const WINDOW_STEP_SAMPLES: usize = 16_000;

/// The segmentation of a recording.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Segmentation {
    /// The powerset class of each frame of each window.
    classes: Vec<u8>,
    /// Per frame of the recording, averaged over the windows that cover it.
    pub(super) probabilities: Vec<SpeakerCountProbability>,
}

/// Probabilities of a frame of the recording.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct SpeakerCountProbability {
    /// Probability of speech.
    pub(super) speech: f32,
    /// Probability of overlapping speech.
    pub(super) overlap: f32,
}

impl Segmentation {
    /// A segmentation with these classes, and without probabilities.
    #[cfg(test)]
    pub(super) fn from_classes(classes: Vec<u8>) -> Self {
        let frames = frame_count(classes.len() / WINDOW_FRAMES);
        Self {
            classes,
            probabilities: vec![SpeakerCountProbability::default(); frames],
        }
    }

    /// The classes of the frames of each window.
    pub(super) fn windows(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.classes.chunks_exact(WINDOW_FRAMES)
    }

    /// The classes of the frames of a window.
    pub(super) fn window(&self, index: usize) -> &[u8] {
        &self.classes[index * WINDOW_FRAMES..(index + 1) * WINDOW_FRAMES]
    }

    /// The number of simultaneous speakers in each frame of the recording: the mean over the windows that cover it,
    /// rounded.
    pub(super) fn speaker_count(&self) -> Vec<usize> {
        let frames = frame_count(self.windows().len());
        let mut sums = vec![0_u16; frames];
        for (window, classes) in self.windows().enumerate() {
            let sums = sums.iter_mut().skip(first_frame(window));
            for (sum, class) in sums.zip(classes) {
                *sum += speakers(*class).len() as u16;
            }
        }
        let mean = |(sum, coverage): (u16, u16)| f32::from(sum) / f32::from(coverage.max(1));
        let counts = sums
            .into_iter()
            .zip(coverage(self.windows().len()))
            .map(mean);
        counts.map(|mean| mean.round_ties_even() as usize).collect()
    }
}

/// The active local speakers of a powerset class.
pub(super) fn speakers(class: u8) -> &'static [usize] {
    POWERSET[usize::from(class)]
}

/// Number of windows of a recording. The last one may be padded with zeros.
pub(super) fn window_count(samples: usize) -> usize {
    match samples {
        0 => 0,
        _ => {
            samples
                .saturating_sub(WINDOW_SAMPLES)
                .div_ceil(WINDOW_STEP_SAMPLES)
                + 1
        }
    }
}

/// The frame of the recording that is nearest to a time.
fn nearest_frame(sample: usize) -> usize {
    (sample + FRAME_STEP_SAMPLES / 2) / FRAME_STEP_SAMPLES
}

/// The frame of the recording that the first frame of a window corresponds to.
pub(super) fn first_frame(window: usize) -> usize {
    nearest_frame(window * WINDOW_STEP_SAMPLES)
}

/// Number of frames of a recording with this number of windows.
fn frame_count(windows: usize) -> usize {
    match windows.checked_sub(1) {
        Some(last) => nearest_frame(last * WINDOW_STEP_SAMPLES + WINDOW_SAMPLES) + 1,
        None => 0,
    }
}

/// Number of windows that cover each frame of a recording.
pub(super) fn coverage(windows: usize) -> Vec<u16> {
    let mut coverage = vec![0; frame_count(windows)];
    for window in 0..windows {
        let covered = coverage.iter_mut().skip(first_frame(window));
        covered.take(WINDOW_FRAMES).for_each(|count| *count += 1);
    }
    coverage
}

/// Copies `length` samples, from `start` on. Samples beyond the end of the recording are zero.
pub(super) fn crop(
    recording: &Recording,
    start: usize,
    length: usize,
) -> Result<Vec<f32>, SpoolError> {
    let mut samples = vec![0.0; length];
    recording.read(start, &mut samples)?;
    for sample in &mut samples {
        *sample = sanitized(*sample);
    }
    Ok(samples)
}

/// Runs the segmentation model on all windows of a recording.
pub(super) fn segment(
    models: Models<'_>,
    recording: &Recording,
    sensitivity: Sensitivity,
    cancel: &CancelToken,
    progress: &mut dyn FnMut(f64),
) -> Result<Segmentation, DiarizeError> {
    let windows: Vec<usize> = (0..window_count(recording.len())).collect();
    let batches: Vec<&[usize]> = windows
        .chunks(fair_pool::batch_size(
            models.pool,
            windows.len(),
            BATCH_WINDOWS,
        ))
        .collect();
    let posteriors = |batch: &&[usize]| {
        let length = (batch.len() - 1) * WINDOW_STEP_SAMPLES + WINDOW_SAMPLES;
        let samples = crop(recording, batch[0] * WINDOW_STEP_SAMPLES, length)?;
        let windows = (0..batch.len()).map(|index| {
            let start = index * WINDOW_STEP_SAMPLES;
            &samples[start..start + WINDOW_SAMPLES]
        });
        Ok(models
            .loaded
            .segmentation
            .posteriors(&windows.collect::<Vec<_>>()))
    };
    let mut aggregation = Aggregation::new(windows.len(), sensitivity);
    fair_pool::run(
        models.pool,
        &batches,
        cancel,
        progress,
        posteriors,
        |batch| {
            batch
                .iter()
                .for_each(|posteriors| aggregation.push(posteriors));
        },
    )?;
    Ok(aggregation.finish())
}

/// Converts the posteriors of windows to classes, and averages probabilities over the windows.
struct Aggregation {
    classes: Vec<u8>,
    counts: Vec<SpeakerCount>,
    /// Factors of the posteriors of classes with no, one and two speakers.
    factors: [f32; 3],
}

impl Aggregation {
    fn new(windows: usize, sensitivity: Sensitivity) -> Self {
        let (speech, overlap) = (sensitivity.vad.exp(), sensitivity.crosstalk.exp());
        Self {
            classes: Vec::with_capacity(windows * WINDOW_FRAMES),
            counts: vec![SpeakerCount::default(); frame_count(windows)],
            factors: [1.0, speech as f32, (speech * overlap) as f32],
        }
    }

    /// Adds the next window.
    fn push(&mut self, posteriors: &[f32]) {
        let first = first_frame(self.classes.len() / WINDOW_FRAMES);
        let rows = posteriors.chunks_exact(POWERSET_CLASSES);
        let factors = self.factors;
        self.classes
            .extend(rows.clone().map(|row| class(row, factors)));
        for (count, row) in self.counts.iter_mut().skip(first).zip(rows) {
            count.add(row);
        }
    }

    fn finish(self) -> Segmentation {
        let coverage = coverage(self.classes.len() / WINDOW_FRAMES);
        let counts = self.counts.iter().zip(coverage);
        let probabilities = counts.map(|(count, coverage)| match coverage {
            0 => SpeakerCountProbability::default(),
            windows => SpeakerCountProbability {
                speech: (1.0 - count.silence / f32::from(windows)).clamp(0.0, 1.0),
                overlap: (count.overlap / f32::from(windows)).clamp(0.0, 1.0),
            },
        });
        Segmentation {
            probabilities: probabilities.collect(),
            classes: self.classes,
        }
    }
}

/// The most likely class of a frame, given the factors of classes with no, one and two speakers.
fn class(posteriors: &[f32], factors: [f32; 3]) -> u8 {
    let weighted = |class: usize| posteriors[class] * factors[POWERSET[class].len()];
    let better = |best, class| {
        if weighted(class) > weighted(best) {
            class
        } else {
            best
        }
    };
    (1..POWERSET_CLASSES).fold(0, better) as u8
}

/// The frames of a window in which a local speaker is active, and those in which nobody else is.
pub(super) fn activity(classes: &[u8], speaker: usize) -> [Vec<bool>; 2] {
    debug_assert!(speaker < MAX_LOCAL_SPEAKERS);
    let active = |class: &u8| speakers(*class).contains(&speaker);
    let alone = |class: &u8| speakers(*class) == [speaker];
    [
        classes.iter().map(active).collect(),
        classes.iter().map(alone).collect(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_start_every_second_and_cover_the_recording() {
        for (samples, windows) in [
            (0, 0),
            (1, 1),
            (160_000, 1),
            (160_001, 2),
            (176_000, 2),
            (480_000, 21),
        ] {
            assert_eq!(window_count(samples), windows, "{samples}");
        }
        // Frames are 16.875 ms apart.
        assert_eq!([0, 1, 27].map(first_frame), [0, 59, 1600]);
        assert_eq!([0, 1, 21].map(frame_count), [0, 594, 1779]);
    }

    #[test]
    fn the_speaker_count_is_the_rounded_mean_of_the_windows() {
        // Two speakers in the first window, none in the second: 1 where both cover. One in the third: 1 of 3 is 1.
        let mut classes = vec![4; WINDOW_FRAMES];
        classes.extend([0; WINDOW_FRAMES]);
        classes.extend([2; WINDOW_FRAMES]);
        let count = Segmentation::from_classes(classes).speaker_count();
        assert_eq!([count[0], count[100], count[200]], [2, 1, 1]);
        // 1 of 2 is a tie, which is rounded to the even number.
        assert_eq!(count[600], 0);
        assert_eq!(*count.last().unwrap(), 0);
    }

    #[test]
    fn the_class_is_the_most_likely_one_and_sensitivities_shift_it() {
        let class = |vad, crosstalk, posteriors: [f32; 7]| {
            let sensitivity = Sensitivity { vad, crosstalk };
            class(&posteriors, Aggregation::new(1, sensitivity).factors)
        };
        let row = [0.4, 0.35, 0.0, 0.0, 0.25, 0.0, 0.0];
        assert_eq!(class(0.0, 0.0, row), 0);
        assert_eq!(class(0.5, 0.0, row), 1);
        assert_eq!(class(0.5, 0.5, row), 4);
        assert_eq!(class(0.0, 0.0, [0.1, 0.3, 0.3, 0.3, 0.0, 0.0, 0.0]), 1);
    }

    #[test]
    fn a_speaker_may_be_active_but_not_alone() {
        let [active, alone] = activity(&[0, 1, 2, 4, 5, 6], 0);
        assert_eq!(active, [false, true, false, true, true, false]);
        assert_eq!(alone, [false, true, false, false, false, false]);
    }
}
