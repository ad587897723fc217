//! Speaker embeddings: CAM++ of 3D-Speaker, trained on Chinese and English speech.
//!
//! Wang, Zheng, Chen, Cheng and Chen, "CAM++: A fast and efficient network for speaker verification using context-aware
//! masking", Interspeech 2023. [`Fbank`] features are processed by the front-end convolution module ([`fcm`]), the
//! densely connected TDNN backbone ([`dtdnn`]) with context-aware masking ([`cam`]), and statistics pooling
//! ([`stats_pool`]).
//!
//! An FCM output frame depends on 21 feature frames only, so the FCM, the costliest part, runs once over a run of
//! overlapping sub-segments; the D-TDNN then computes an embedding for each sub-segment of its output.

mod cam;
mod dtdnn;
mod fbank;
mod fcm;
mod stats_pool;

pub(super) use fbank::MEL_BANDS;
pub(crate) use fbank::{FBANK_HOP_SAMPLES, FBANK_WINDOW_SAMPLES, Fbank, Features};
pub(crate) use fcm::FcmFrames;

use dtdnn::Dtdnn;
use fcm::Fcm;

use super::{Weights, WeightsError};

/// Dimension of an embedding.
pub(crate) const EMBEDDING_DIM: usize = 192;

/// The embedding model.
#[derive(Debug)]
pub(crate) struct EmbeddingModel {
    fcm: Fcm,
    dtdnn: Dtdnn,
}

impl EmbeddingModel {
    /// Loads the model.
    ///
    /// # Errors
    ///
    /// If a tensor is missing or has an unexpected shape.
    pub(crate) fn load(weights: &Weights<'_>) -> Result<Self, WeightsError> {
        Ok(Self {
            fcm: Fcm::load(weights, "head", fcm::FCM_CHANNELS)?,
            dtdnn: Dtdnn::load(weights)?,
        })
    }

    /// Runs the FCM: one output frame per feature frame, about 128 kB per second of audio.
    ///
    /// `features` must be mean-normalized. They are padded with zeros (the mean) at both ends.
    pub(crate) fn fcm(&self, features: &Features) -> FcmFrames {
        self.fcm.run(features)
    }

    /// Embeddings of segments of the FCM's output, as returned by [`FcmFrames::segment`]; zeros for an empty segment.
    ///
    /// Runs on the calling thread, most efficiently if consecutive segments have the same length.
    pub(crate) fn embed(&self, segments: &[&[f32]]) -> Vec<[f32; EMBEDDING_DIM]> {
        self.dtdnn.run(segments)
    }
}
