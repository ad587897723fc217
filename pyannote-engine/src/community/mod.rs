//! The pipeline of community-1: pyannote.audio 4's speaker diarization, with the models of a folder that the user has.
//!
//! 1. **Segmentation** ([`segmentation`]). The network classifies each frame of 10 s windows, one every second, as a set
//!    of up to two of three local speakers. The number of simultaneous speakers is the rounded mean over the windows.
//! 2. **Embeddings** ([`embeddings`]). One per window and local speaker, of the frames in which the speaker is alone, from
//!    WeSpeaker's ResNet34.
//! 3. **Clustering** ([`clustering`]). Embeddings with enough speech become [`plda`] features. Agglomerative clustering
//!    ([`ahc`]) is the start of [`vbx`], which finds the speakers. If their number is given and differs, [`k_means`]
//!    replaces them.
//! 4. **Assignment** ([`assignment`]). All local speakers are assigned to the centroids, those of a window to different
//!    ones.
//! 5. **Reconstruction** ([`turns`]). In each frame, as many speakers as were counted are active: those that are active in
//!    the most windows.
//!
//! Every step is the reference's, in its order, and `tests` compares each with it. Known differences:
//!
//! - [`embeddings`] by default shares convolutions between windows, which the reference does not;
//! - [`clustering`] clusters a bounded number of embeddings;
//! - sensitivities, which the reference does not have, weight the classes of the segmentation.
//!
//! # References
//!
//! Bredin, "pyannote.audio 2.1 speaker diarization pipeline: principle, benchmark, and recipe", Interspeech 2023; the
//! version described here is that of pyannote.audio 4.0.7 with `pyannote/speaker-diarization-community-1`.

mod ahc;
mod assignment;
mod clustering;
mod config;
mod content;
mod embeddings;
mod folder;
mod k_means;
mod npz;
mod onnx;
mod pickle;
mod plda;
mod segmentation;
mod tensors;
#[cfg(test)]
mod tests;
mod turns;
mod vbx;
mod weights_file;

pub(crate) use config::Parameters;
pub(crate) use embeddings::FrameFeatures;
pub(crate) use folder::{files, load, root};
pub(crate) use plda::Plda;

use rayon::ThreadPool;

use crate::models::{Fbank, ResNet34, SegmentationModel};
use crate::pipeline::fair_pool;
use crate::{CancelToken, Diarization, DiarizeError, Options, Recording};

/// What a folder of community-1 contains.
pub(crate) struct Loaded {
    pub(crate) segmentation: SegmentationModel,
    pub(crate) fbank: Fbank,
    pub(crate) embedding: ResNet34,
    pub(crate) plda: Plda,
    pub(crate) parameters: Parameters,
}

/// The models, and the threads that run them.
#[derive(Clone, Copy)]
pub(crate) struct Models<'a> {
    pub(crate) loaded: &'a Loaded,
    /// Shared by all runs.
    pub(crate) pool: &'a ThreadPool,
}

impl Models<'_> {
    /// Processes items in parallel on the shared threads, and takes their results in order. See [`fair_pool::run`].
    fn run<T: Sync, R: Send>(
        &self,
        items: &[T],
        cancel: &CancelToken,
        progress: &mut dyn FnMut(f64),
        work: impl Fn(&T) -> Result<R, DiarizeError> + Sync,
        take: impl FnMut(R),
    ) -> Result<(), DiarizeError> {
        fair_pool::run(self.pool, items, cancel, progress, work, take)
    }

    /// The size, at most `max`, of equal batches of `count` items whose number is a multiple of the number of threads.
    fn batch_size(&self, count: usize, max: usize) -> usize {
        fair_pool::batch_size(self.pool, count, max)
    }
}

/// Fractions of the run time that segmentation and embeddings take, for progress reports.
const SEGMENTATION_SHARE: f64 = 0.4;
const EMBEDDING_SHARE: f64 = 0.58;

/// Diarizes a recording.
pub(crate) fn diarize(
    models: Models<'_>,
    recording: &Recording,
    frame_features: FrameFeatures,
    options: &mut Options<'_>,
) -> Result<Diarization, DiarizeError> {
    let bounds = options.speaker_bounds();
    let sensitivity = options.speech_sensitivity();
    let cancel = &options.token().clone();
    let mut progress = |done| options.report(SEGMENTATION_SHARE * done);
    let segmentation =
        segmentation::segment(models, recording, sensitivity, cancel, &mut progress)?;
    let mut progress = |done| options.report(SEGMENTATION_SHARE + EMBEDDING_SHARE * done);
    let speakers = embeddings::extract(
        models,
        recording,
        &segmentation,
        frame_features,
        cancel,
        &mut progress,
    )?;
    let clusters = clustering::cluster(models, &speakers, bounds, cancel)?;
    let min_pause_s = models.loaded.parameters.min_pause_s;
    let duration_s = recording.duration();
    let diarization = turns::reconstruct(
        &segmentation,
        &speakers,
        &clusters,
        bounds,
        min_pause_s,
        duration_s,
    );
    options.report(1.0);
    Ok(diarization)
}
