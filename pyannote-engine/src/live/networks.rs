//! What a live diarization needs of the networks.

use std::sync::Arc;

use crate::models::{Features, Networks};
use crate::pipeline::embeddings::{EmbeddingVector, normalized};

/// The networks, or a script in tests.
pub(crate) trait LiveNetworks: Send {
    /// Powerset posteriors of each frame of a window of up to 10 s, which is not padded.
    fn posteriors(&self, window: &[f32]) -> Vec<f32>;

    /// The unit embedding of these parts of a recording, if it is valid.
    fn embedding(&self, parts: &[&[f32]]) -> Option<EmbeddingVector>;
}

impl LiveNetworks for Arc<Networks> {
    fn posteriors(&self, window: &[f32]) -> Vec<f32> {
        self.segmentation.posteriors_unpadded(window)
    }

    fn embedding(&self, parts: &[&[f32]]) -> Option<EmbeddingVector> {
        let mut features = Features::default();
        for part in parts {
            features.append(self.fbank.compute(part));
        }
        features.subtract_mean();
        let fcm = self.embedding.fcm(&features);
        let embeddings = self.embedding.embed(&[fcm.segment(0, fcm.frames())]);
        normalized(*embeddings.first()?)
    }
}
