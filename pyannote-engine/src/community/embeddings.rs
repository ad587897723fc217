//! Embeddings of the speakers of each window.
//!
//! The reference runs the whole ResNet for each speaker of each window, although nine tenths of two consecutive windows
//! are the same audio. Here, it runs once for the speakers of a window, with the same results.
//!
//! With [`FrameFeatures::Shared`], its convolutions run only once over the recording, and each speaker's statistics are
//! pooled from their output. Three things differ: the reference subtracts the mean of the window from the features, here
//! it is the mean of the ten seconds around each frame; a window of the reference has zeros before and after it, where
//! there is audio here; and as windows start every 12.5 output frames, the frames of every other window are half a frame
//! off. `measured.md` has what each of them does. Nothing but the features themselves could be shared exactly: every
//! layer after the first one depends on the mean of the window.

use super::Models;
use super::segmentation::{self, Segmentation, WINDOW_STEP_SAMPLES};
use crate::models::{
    FBANK_HOP_SAMPLES, FBANK_WINDOW_SAMPLES, RESNET_EMBEDDING_DIM, RESNET_STRIDE, ResNetFrames,
    WINDOW_FRAMES, WINDOW_SAMPLES,
};
use crate::pipeline::fair_pool;
use crate::pipeline::windows::MAX_LOCAL_SPEAKERS;
use crate::{CancelToken, DiarizeError, Recording};

/// Frames in which a speaker must be alone, for the embedding to be computed from only those: more than correspond to a
/// feature frame.
const MIN_ALONE_FRAMES: usize = (WINDOW_FRAMES * FBANK_WINDOW_SAMPLES).div_ceil(WINDOW_SAMPLES);
/// Maximum number of windows per unit of work.
const MAX_RUN_WINDOWS: usize = 40;
/// Feature frames between the starts of consecutive windows.
const WINDOW_STEP_FBANK_FRAMES: usize = WINDOW_STEP_SAMPLES / FBANK_HOP_SAMPLES;
/// Feature frames of a window.
const WINDOW_FBANK_FRAMES: usize = (WINDOW_SAMPLES - FBANK_WINDOW_SAMPLES) / FBANK_HOP_SAMPLES + 1;
/// Frames of the ResNet's output for a window.
const WINDOW_RESNET_FRAMES: usize = WINDOW_FBANK_FRAMES.div_ceil(RESNET_STRIDE);
/// Frames of the ResNet's output that are computed before and after a run of windows, since they contribute to it.
const CONTEXT_RESNET_FRAMES: usize = 14;
/// Feature frames before and after a frame whose mean is subtracted from it: with it, ten seconds.
const MEAN_REACH_FBANK_FRAMES: usize = 499;

/// How the embeddings are computed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum FrameFeatures {
    /// The convolutions run for each window, as in the reference.
    #[default]
    PerWindow,
    /// The convolutions run once over the recording.
    Shared,
}

/// An active speaker of a window.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LocalSpeaker {
    pub(super) window: usize,
    /// Index in the window.
    pub(super) speaker: usize,
    /// Number of frames in which nobody else is active.
    pub(super) alone_frames: usize,
    pub(super) embedding: [f32; RESNET_EMBEDDING_DIM],
}

/// Computes the embeddings of all active speakers, in order of windows.
pub(super) fn extract(
    models: Models<'_>,
    recording: &Recording,
    segmentation: &Segmentation,
    frame_features: FrameFeatures,
    cancel: &CancelToken,
    progress: &mut dyn FnMut(f64),
) -> Result<Vec<LocalSpeaker>, DiarizeError> {
    let active: Vec<usize> = segmentation
        .windows()
        .enumerate()
        .filter(|(_, classes)| classes.iter().any(|class| *class != 0))
        .map(|(window, _)| window)
        .collect();
    let max = match frame_features {
        FrameFeatures::Shared => fair_pool::batch_size(models.pool, active.len(), MAX_RUN_WINDOWS),
        FrameFeatures::PerWindow => 1,
    };
    let runs: Vec<&[usize]> = active
        .chunk_by(|a, b| a + 1 == *b)
        .flat_map(|run| run.chunks(max))
        .collect();
    let mut found = Vec::new();
    let work = |run: &&[usize]| match frame_features {
        FrameFeatures::Shared => shared(models, recording, segmentation, run),
        FrameFeatures::PerWindow => per_window(models, recording, segmentation, run[0]),
    };
    fair_pool::run(models.pool, &runs, cancel, progress, work, |speakers| {
        found.extend(speakers)
    })?;
    Ok(found)
}

/// The speakers of one window, as the reference computes their embeddings. Only the frames from the first to the last that
/// is used are computed.
fn per_window(
    models: Models<'_>,
    recording: &Recording,
    segmentation: &Segmentation,
    window: usize,
) -> Result<Vec<LocalSpeaker>, DiarizeError> {
    let samples = segmentation::crop(recording, window * WINDOW_STEP_SAMPLES, WINDOW_SAMPLES)?;
    let mut features = models.loaded.fbank.compute(&samples);
    features.subtract_mean();
    let masks = masks(models, segmentation, window);
    let is_used = |frame: &usize| masks.iter().any(|mask| mask.frames[*frame]);
    let used: Vec<usize> = frame_indices(0, WINDOW_RESNET_FRAMES)
        .filter(|(_, frame)| is_used(frame))
        .map(|(index, _)| index)
        .collect();
    let range = match used[..] {
        [first, .., last] => first..last + 1,
        [only] => only..only + 1,
        [] => 0..0,
    };
    let frames = models.loaded.embedding.frames_in(&features, range);
    Ok(speakers(models, window, &masks, &frames, 0))
}

/// The speakers of consecutive windows, from one run of the convolutions.
fn shared(
    models: Models<'_>,
    recording: &Recording,
    segmentation: &Segmentation,
    windows: &[usize],
) -> Result<Vec<LocalSpeaker>, DiarizeError> {
    let start = windows[0] * WINDOW_STEP_FBANK_FRAMES;
    let before = CONTEXT_RESNET_FRAMES.min(start / RESNET_STRIDE);
    let first = start - before * RESNET_STRIDE;
    let length = (windows.len() - 1) * WINDOW_STEP_FBANK_FRAMES + WINDOW_FBANK_FRAMES;
    let end = start + length + CONTEXT_RESNET_FRAMES * RESNET_STRIDE;

    // With the frames around them that contribute to the means.
    let from = first.saturating_sub(MEAN_REACH_FBANK_FRAMES);
    let from_sample = from * FBANK_HOP_SAMPLES;
    let to_sample = (end + MEAN_REACH_FBANK_FRAMES) * FBANK_HOP_SAMPLES + FBANK_WINDOW_SAMPLES;
    // The end of the recording is not padded, except to the length of a single feature frame.
    let available = recording.len().saturating_sub(from_sample);
    let samples = (to_sample - from_sample)
        .min(available)
        .max(FBANK_WINDOW_SAMPLES);
    let mut features =
        models
            .loaded
            .fbank
            .compute(&segmentation::crop(recording, from_sample, samples)?);
    features.subtract_running_mean(MEAN_REACH_FBANK_FRAMES);
    let features = features.segment(first - from, end - first);
    let frames = models.loaded.embedding.frames(&features);

    let each = windows.iter().map(|window| {
        let steps = (window - windows[0]) * WINDOW_STEP_FBANK_FRAMES + before * RESNET_STRIDE;
        let masks = masks(models, segmentation, *window);
        speakers(models, *window, &masks, &frames, steps)
    });
    Ok(each.flatten().collect())
}

/// What the embedding of an active speaker of a window is computed from.
struct Mask {
    speaker: usize,
    /// Number of frames in which nobody else is active.
    alone_frames: usize,
    /// Whether each frame of the segmentation is used: those in which the speaker is alone, if they are enough.
    frames: Vec<bool>,
}

/// The masks of the active speakers of a window.
fn masks(models: Models<'_>, segmentation: &Segmentation, window: usize) -> Vec<Mask> {
    let classes = segmentation.window(window);
    let mask = |speaker| {
        let [active, alone] = segmentation::activity(classes, speaker);
        let count = |mask: &[bool]| mask.iter().filter(|active| **active).count();
        let alone_frames = count(&alone);
        let exclude_overlap = models.loaded.parameters.exclude_overlap;
        (count(&active) > 0).then_some(Mask {
            speaker,
            alone_frames,
            frames: match exclude_overlap && alone_frames > MIN_ALONE_FRAMES {
                true => alone,
                false => active,
            },
        })
    };
    (0..MAX_LOCAL_SPEAKERS).filter_map(mask).collect()
}

/// The active speakers of a window that starts this many feature frames after the first of the frames.
fn speakers(
    models: Models<'_>,
    window: usize,
    masks: &[Mask],
    frames: &ResNetFrames,
    start: usize,
) -> Vec<LocalSpeaker> {
    let embed = |mask: &Mask| LocalSpeaker {
        window,
        speaker: mask.speaker,
        alone_frames: mask.alone_frames,
        embedding: models.loaded.embedding.embed(
            frame_indices(start, frames.len())
                .filter(|(_, frame)| mask.frames[*frame])
                .map(|(index, _)| frames.frame(index)),
        ),
    };
    masks.iter().map(embed).collect()
}

/// The frames of the ResNet's output that belong to a window which starts `start` feature frames after the first of
/// them, each with the frame of the segmentation at the same time.
fn frame_indices(start: usize, frames: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    let window = WINDOW_RESNET_FRAMES * RESNET_STRIDE;
    (start.div_ceil(RESNET_STRIDE)..frames)
        .map(move |index| (index, index * RESNET_STRIDE - start))
        .take_while(move |(_, offset)| *offset < window)
        .map(move |(index, offset)| (index, offset * WINDOW_FRAMES / window))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segmentation_frames_are_the_nearest_below() {
        // PyTorch's interpolation of 589 weights to 125 frames.
        let found: Vec<_> = frame_indices(0, 200).collect();
        assert_eq!(found.len(), WINDOW_RESNET_FRAMES);
        for (index, mask) in found {
            assert_eq!(mask, (index as f64 * 589.0 / 125.0) as usize);
        }
    }

    #[test]
    fn windows_that_start_between_frames_have_those_within() {
        // The second window starts 12.5 frames after the first.
        let found: Vec<_> = frame_indices(WINDOW_STEP_FBANK_FRAMES, 1_000).collect();
        assert_eq!(found[0], (13, 2));
        assert_eq!(found.last(), Some(&(137, 586)));
        // The recording ends before the window does.
        assert_eq!(frame_indices(0, 7).count(), 7);
        assert_eq!(frame_indices(80, 7).count(), 0);
    }

    #[test]
    fn constants_are_those_of_the_reference() {
        assert_eq!(MIN_ALONE_FRAMES, 2);
        assert_eq!((WINDOW_FBANK_FRAMES, WINDOW_RESNET_FRAMES), (998, 125));
    }
}
