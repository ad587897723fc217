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
//! - [`embeddings`] can share convolutions between windows, which the reference does not;
//! - [`clustering`] clusters a bounded number of embeddings, and looks for at most 250 requested speakers;
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
mod published;
mod segmentation;
mod tensors;
#[cfg(test)]
mod tests;
mod turns;
mod vbx;
mod weights_file;

pub(crate) use config::Parameters;
pub(crate) use embeddings::FrameFeatures;
pub(crate) use folder::{files, is_published, load, root};
pub(crate) use plda::Plda;

use std::time::Instant;

use clustering::Clustering;
use rayon::ThreadPool;

use crate::community_1::CommunityStages;
use crate::models::{Fbank, ResNet34, SegmentationModel};
use crate::{Diarization, DiarizeError, Options, Recording};

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
    /// Shared by all runs. See `pipeline::fair_pool`.
    pub(crate) pool: &'a ThreadPool,
}

/// Fraction of the run time that the segmentation takes, for progress reports.
fn segmentation_share(frame_features: FrameFeatures) -> f64 {
    match frame_features {
        FrameFeatures::PerWindow => 0.07,
        FrameFeatures::Shared => 0.3,
    }
}

/// Fraction of the run time after which only the clustering remains.
const BEFORE_CLUSTERING: f64 = 0.98;

/// Diarizes a recording. Returns how long the stages took, too.
pub(crate) fn diarize(
    models: Models<'_>,
    recording: &Recording,
    frame_features: FrameFeatures,
    options: &mut Options<'_>,
) -> Result<(Diarization, CommunityStages), DiarizeError> {
    let mut stages = CommunityStages::default();
    let bounds = options.speaker_bounds();
    let sensitivity = options.speech_sensitivity();
    let cancel = &options.token().clone();

    let started = Instant::now();
    let share = segmentation_share(frame_features);
    let mut progress = |done| options.report(share * done);
    let segmentation =
        segmentation::segment(models, recording, sensitivity, cancel, &mut progress)?;
    stages.segmentation = started.elapsed();

    let started = Instant::now();
    let mut progress = |done| options.report(share + (BEFORE_CLUSTERING - share) * done);
    let speakers = embeddings::extract(
        models,
        recording,
        &segmentation,
        frame_features,
        cancel,
        &mut progress,
    )?;
    stages.embeddings = started.elapsed();

    let started = Instant::now();
    let clusters = Clustering::new(models.loaded).run(&speakers, bounds, cancel)?;
    stages.clustering = started.elapsed();

    let started = Instant::now();
    let diarization = turns::reconstruct(
        &segmentation,
        &speakers,
        &clusters,
        bounds,
        models.loaded.parameters.min_pause_s,
        recording.duration(),
    );
    stages.reconstruction = started.elapsed();
    options.report(1.0);
    Ok((diarization, stages))
}
