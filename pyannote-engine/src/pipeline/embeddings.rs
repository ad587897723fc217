//! Embedding extraction for sub-segments of 1.5 s, with a hop of 0.75 s.
//!
//! The FCM, the costliest part of the model, runs once over each run of consecutive sub-segments, which overlap.

use std::ops::Range;

use super::waveform::Waveform;
use super::{Models, fair_pool, frames};
use crate::models::{EMBEDDING_DIM, FBANK_HOP_SAMPLES, FBANK_WINDOW_SAMPLES};
use crate::{CancelToken, DiarizeError, SAMPLE_RATE};

/// Length of a sub-segment, in feature frames of 10 ms.
const SUB_SEGMENT_FBANK_FRAMES: usize = 150;
/// Hop between sub-segments, in feature frames of 10 ms.
const SUB_SEGMENT_HOP_FBANK_FRAMES: usize = 75;
/// Hop between sub-segments: 0.75 s.
const SUB_SEGMENT_HOP_S: f64 =
    (SUB_SEGMENT_HOP_FBANK_FRAMES * FBANK_HOP_SAMPLES) as f64 / SAMPLE_RATE as f64;
/// Maximum number of sub-segments per run of the FCM. Limits the memory for features and FCM output.
const MAX_RUN_SUB_SEGMENTS: usize = 12;

/// An embedding, or a weighted sum of embeddings.
pub(crate) type EmbeddingVector = [f32; EMBEDDING_DIM];

/// Unit embeddings by the index of their sub-segment, in ascending order.
pub(super) struct SubSegmentEmbeddings(Vec<(usize, EmbeddingVector)>);

impl SubSegmentEmbeddings {
    /// The embedding of a sub-segment.
    pub(super) fn get(&self, sub_segment: usize) -> Option<&EmbeddingVector> {
        let position = self
            .0
            .binary_search_by_key(&sub_segment, |(index, _)| *index);
        Some(&self.0[position.ok()?].1)
    }

    /// Embeddings, whose indices are in ascending order.
    #[cfg(test)]
    pub(super) fn from_sorted(
        embeddings: impl IntoIterator<Item = (usize, EmbeddingVector)>,
    ) -> Self {
        Self(embeddings.into_iter().collect())
    }
}

/// Number of sub-segments of a recording with this number of segmentation frames. The last one may be shorter, but
/// has at least half the length.
pub(super) fn sub_segment_count(frames: usize) -> usize {
    let hops = frames as f64 * frames::STEP_S / SUB_SEGMENT_HOP_S;
    ((hops - 1.0).ceil() as usize).max(usize::from(frames > 0))
}

/// The segmentation frames of a sub-segment.
pub(super) fn sub_segment_frames(index: usize) -> Range<usize> {
    let start_s = index as f64 * SUB_SEGMENT_HOP_S;
    let samples = (SUB_SEGMENT_FBANK_FRAMES - 1) * FBANK_HOP_SAMPLES + FBANK_WINDOW_SAMPLES;
    frames::in_span(start_s, start_s + samples as f64 / f64::from(SAMPLE_RATE))
}

/// A range that includes all sub-segments that overlap with these segmentation frames, and few others.
pub(super) fn sub_segments_around(frames: Range<usize>) -> Range<usize> {
    let start = frames::start_s(frames.start) / SUB_SEGMENT_HOP_S;
    let end = frames::start_s(frames.end) / SUB_SEGMENT_HOP_S;
    let max_hops = SUB_SEGMENT_FBANK_FRAMES.div_ceil(SUB_SEGMENT_HOP_FBANK_FRAMES);
    (start as usize).saturating_sub(max_hops)..end as usize + 1
}

/// Extracts the embeddings of sub-segments, whose indices are in ascending order.
///
/// Sub-segments without a valid embedding are missing in the result.
pub(super) fn extract(
    models: Models<'_>,
    waveform: &Waveform<'_>,
    sub_segments: &[usize],
    cancel: &CancelToken,
    progress: &mut dyn FnMut(f64),
) -> Result<SubSegmentEmbeddings, DiarizeError> {
    let runs: Vec<&[usize]> = sub_segments
        .chunk_by(|a, b| a + 1 == *b)
        .flat_map(|run| {
            run.chunks(fair_pool::batch_size(
                models.pool,
                run.len(),
                MAX_RUN_SUB_SEGMENTS,
            ))
        })
        .collect();
    let mut embeddings = Vec::with_capacity(sub_segments.len());
    let extract = |run: &&[usize]| extract_run(models, waveform, run);
    fair_pool::run(models.pool, &runs, cancel, progress, extract, |run| {
        embeddings.extend(run);
    })?;
    Ok(SubSegmentEmbeddings(embeddings))
}

/// Extracts the embeddings of a run of consecutive sub-segments, which must not be empty.
fn extract_run(
    models: Models<'_>,
    waveform: &Waveform<'_>,
    run: &[usize],
) -> Result<Vec<(usize, EmbeddingVector)>, DiarizeError> {
    let start = run[0] * SUB_SEGMENT_HOP_FBANK_FRAMES * FBANK_HOP_SAMPLES;
    let fbank_frames = (run.len() - 1) * SUB_SEGMENT_HOP_FBANK_FRAMES + SUB_SEGMENT_FBANK_FRAMES;
    let samples = (fbank_frames - 1) * FBANK_HOP_SAMPLES + FBANK_WINDOW_SAMPLES;
    // The end of a recording is not padded, except to the length of a single feature frame.
    let samples = samples
        .min(waveform.len().saturating_sub(start))
        .max(FBANK_WINDOW_SAMPLES);
    let mut features = models
        .networks
        .fbank
        .compute(&waveform.crop(start, samples)?);
    features.subtract_mean();
    let fcm = models.networks.embedding.fcm(&features);
    let segments: Vec<&[f32]> = (0..run.len())
        .map(|n| fcm.segment(n * SUB_SEGMENT_HOP_FBANK_FRAMES, SUB_SEGMENT_FBANK_FRAMES))
        .collect();
    let embeddings = models.networks.embedding.embed(&segments);
    let embeddings = run.iter().zip(embeddings);
    Ok(embeddings
        .filter_map(|(index, embedding)| Some((*index, normalized(embedding)?)))
        .collect())
}

/// Scales an embedding to unit length. `None` if its length is zero or not finite.
pub(crate) fn normalized(mut embedding: EmbeddingVector) -> Option<EmbeddingVector> {
    let length = dot(&embedding, &embedding).sqrt();
    (length.is_finite() && length > 0.0).then(|| {
        embedding.iter_mut().for_each(|value| *value /= length);
        embedding
    })
}

/// Adds `factor * embedding` to `sum`.
pub(crate) fn add_scaled(sum: &mut EmbeddingVector, embedding: &EmbeddingVector, factor: f32) {
    for (sum, value) in sum.iter_mut().zip(embedding) {
        *sum += value * factor;
    }
}

/// Cosine similarity of two unit embeddings.
pub(super) fn cosine(a: &EmbeddingVector, b: &EmbeddingVector) -> f32 {
    dot(a, b)
}

/// Dot product.
pub(super) fn dot(a: &EmbeddingVector, b: &EmbeddingVector) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sub_segments_cover_the_recording() {
        assert_eq!(sub_segment_count(0), 0);
        assert_eq!(sub_segment_count(1), 1);
        let frames = frames::count(480_000);
        let last = sub_segment_frames(sub_segment_count(frames) - 1);
        assert!(
            last.start < frames && last.end + 50 > frames,
            "{last:?} of {frames}"
        );
    }

    #[test]
    fn sub_segments_around_includes_all_that_overlap() {
        for frames in [0..1, 0..589, 1_000..1_589, 7_777..7_778] {
            let around = sub_segments_around(frames.clone());
            let overlaps = |index: &usize| {
                let own = sub_segment_frames(*index);
                own.start < frames.end && frames.start < own.end
            };
            let overlapping: Vec<usize> = (0..500).filter(overlaps).collect();
            assert!(
                overlapping.iter().all(|index| around.contains(index)),
                "{frames:?}"
            );
            assert!(
                around.len() <= overlapping.len() + 3,
                "{around:?} for {overlapping:?}"
            );
        }
    }

    #[test]
    fn normalized_has_unit_length_or_fails() {
        let mut embedding = [0.0; EMBEDDING_DIM];
        assert_eq!(normalized(embedding), None);
        (embedding[0], embedding[1]) = (3.0, 4.0);
        assert_eq!(normalized(embedding).unwrap()[..2], [0.6, 0.8]);
        embedding[2] = f32::NAN;
        assert_eq!(normalized(embedding), None);
    }
}
