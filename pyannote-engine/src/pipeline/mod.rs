//! The diarization pipeline: from samples to speaker turns.
//!
//! 1. **Segmentation** ([`windows`]). The segmentation model classifies each frame (16.875 ms) of 10 s sliding windows,
//!    with a hop of 2.5 s (0.6 s in accurate runs), into powerset classes: which of up to three local speakers are
//!    active. Powerset posteriors are converted to per-speaker activity. The instantaneous speaker count of each frame
//!    (none, one, or overlapped speech) is aggregated over the windows that cover it.
//! 2. **Embedding extraction** ([`embeddings`]). The embedding model computes a speaker embedding for sub-segments of
//!    1.5 s, with a hop of 0.75 s, wherever a local speaker speaks alone.
//! 3. **Local speakers** ([`local_speakers`]). Each local speaker of a window gets the mean of the embeddings of its
//!    sub-segments, weighted by the proportion of non-overlapped speech.
//! 4. **Affinity** ([`affinity`]). Each pair of local speakers gets a log-likelihood ratio of being the same speaker:
//!    from the cosine similarity of their embeddings, and from whether they are active in the same frames where their
//!    windows overlap. Local speakers of the same window have a cannot-link constraint.
//! 5. **Clustering** ([`clustering`]). Agglomerative clustering with average linkage on these ratios.
//! 6. **Reassignment** ([`reassignment`], a resegmentation with fixed clusters). Window by window, the local speakers
//!    are reassigned to clusters: the permutation with the best total score, given all other windows.
//! 7. **Cluster split** ([`cluster_split`]). Clusters whose sub-segments form two distinct groups are split, and steps
//!    5 and 6 are repeated. If more speakers are requested than that finds, the most distinct groups are split.
//! 8. **Reconstruction** ([`reconstruction`]). The activity of each cluster is averaged over the windows; the speaker
//!    count says how many of the most active clusters speak in each frame.
//!
//! Steps 4 to 7 are quadratic or worse in the number of local speakers, so they run on blocks of ten minutes, whose
//! clusters are then clustered ([`block_clustering`]). The work of all runs shares one thread pool fairly
//! ([`fair_pool`]).
//!
//! Of a recording of a day, the samples take 5.5 GB and the posteriors 0.6 GB. Samples are therefore read from the
//! [`Recording`] for each batch of windows, and only the activity of local speakers is kept of the posteriors. Whatever
//! a step no longer needs is dropped before the next one allocates.
//!
//! # Why not the standard clustering
//!
//! Steps 4 to 7 have some 37 constants. The shape of pyannote 3.1 with the same models (one embedding per local
//! speaker, average linkage of cosine distances, small clusters dissolved) and one split needs about 12. Both were
//! compared on the sets of `measured.md`: pooled DER in %, means of three starts.
//!
//! | clustering | `trn` | `dev` | `tst` | sample |
//! | --- | ---: | ---: | ---: | ---: |
//! | this one, hop of 2.5 s | 24.7 | 23.4 | 48.8 | 6.8 |
//! | standard, hop of 2.5 s | 27.6 | 22.1 | 49.1 | 6.5 |
//! | this one, hop of 0.6 s | 27.0 | 21.1 | 46.1 | 5.9 |
//! | standard, hop of 0.6 s | 26.1 | 22.5 | 42.1 | 5.6 |
//! | standard, hop of 0.6 s, without the split | 26.1 | 37.9 | 42.1 | 5.6 |
//!
//! At the default hop, the standard one is worse on `trn` and `tst` and costs 1.3 to 1.5 times as much; at the shorter
//! one, it is worse on `dev`. The difference is within the noise: -0.5 points with a 95 % interval from -2.5 to 1.4.
//! Its threshold has a plateau from 0.4 to 0.6 and a cliff at 0.65. So it would exchange constants without a gain that
//! can be measured. Most of the errors are those of the segmentation, which no clustering can correct.
//!
//! Unless stated otherwise, thresholds and weights were tuned on the ten `trn` AMI excerpts and the sample recording of
//! `measured.md`.
//!
//! # References
//!
//! - Segmentation: Plaquet and Bredin, "Powerset multi-class cross entropy loss for neural speaker diarization",
//!   Interspeech 2023; the model `pyannote/segmentation-3.0`.
//! - Embeddings: Wang, Zheng, Chen, Cheng and Chen, "CAM++: A fast and efficient network for speaker verification using
//!   context-aware masking", Interspeech 2023; the model of 3D-Speaker.
//! - Pipeline: Bredin, "pyannote.audio 2.1 speaker diarization pipeline: principle, benchmark, and recipe", Interspeech
//!   2023, which has the same structure of segmentation, embeddings, clustering and reconstruction.

pub(crate) mod affinity;
mod block_clustering;
mod cluster_split;
mod clustering;
pub(crate) mod embeddings;
pub(crate) mod fair_pool;
pub(crate) mod frames;
pub(crate) mod local_speakers;
pub(crate) mod reassignment;
pub(crate) mod reconstruction;
pub(crate) mod waveform;
pub(crate) mod windows;

use rayon::ThreadPool;

use crate::models::Networks;
use crate::{Diarization, DiarizeError, Options, Recording};
use local_speakers::LocalSpeakers;
use waveform::Waveform;

/// The models, and the threads that run them.
#[derive(Clone, Copy)]
pub(super) struct Models<'a> {
    pub(super) networks: &'a Networks,
    /// Shared by all runs. See [`fair_pool`].
    pub(super) pool: &'a ThreadPool,
}

/// Fractions of the run time at which segmentation ends, by default and in accurate runs, and at which embedding
/// extraction ends, for progress reports.
const SEGMENTATION_END: f64 = 0.4;
const ACCURATE_SEGMENTATION_END: f64 = 0.7;
const EMBEDDING_END: f64 = 0.98;

/// Diarizes a recording.
pub(super) fn diarize(
    models: Models<'_>,
    recording: &Recording,
    options: &mut Options<'_>,
) -> Result<Diarization, DiarizeError> {
    let (bounds, sensitivity) = (options.speaker_bounds(), options.speech_sensitivity());
    let hop_frames = windows::hop_frames(options.is_accurate());
    let segmentation_end = match options.is_accurate() {
        true => ACCURATE_SEGMENTATION_END,
        false => SEGMENTATION_END,
    };
    let cancel = &options.token().clone();
    let waveform = Waveform::new(recording, cancel)?;
    let mut speakers = LocalSpeakers::new(windows::frame_count(waveform.len()));
    let mut progress = |done| options.report(segmentation_end * done);
    let take = |window| speakers.push(&window);
    let segmentation =
        windows::segment(models, &waveform, hop_frames, cancel, &mut progress, take)?;
    let mut speakers = speakers.finish();
    let sub_segments = local_speakers::sub_segments(&speakers);
    let embeddings = embeddings::extract(models, &waveform, &sub_segments, cancel, &mut |done| {
        options.report(segmentation_end + (EMBEDDING_END - segmentation_end) * done);
    })?;
    drop(sub_segments);
    local_speakers::assign_embeddings(&mut speakers, &embeddings);
    let clustering = block_clustering::cluster(speakers, &embeddings, bounds, cancel)?;
    drop(embeddings);
    let duration_s = waveform.duration_s();
    let diarization =
        reconstruction::reconstruct(duration_s, segmentation, clustering, bounds, sensitivity);
    options.report(1.0);
    Ok(diarization)
}
