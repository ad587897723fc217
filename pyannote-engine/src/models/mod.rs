//! The neural networks, implemented from scratch: segmentation-3.0 and CAM++, with the layers that both are built from.

mod embedding;
mod nn;
#[cfg(test)]
mod reference;
mod segmentation;
#[cfg(test)]
mod tests;
mod weights;

pub(crate) use embedding::{
    EMBEDDING_DIM, EmbeddingModel, FBANK_HOP_SAMPLES, FBANK_WINDOW_SAMPLES, Fbank, Features,
};
pub(crate) use segmentation::{
    BATCH_WINDOWS, FRAME_STEP_SAMPLES, POWERSET, POWERSET_CLASSES, RECEPTIVE_FIELD_SAMPLES,
    SegmentationModel, WINDOW_FRAMES, WINDOW_SAMPLES,
};
pub(crate) use weights::{Weights, WeightsError};

/// The loaded networks.
pub(crate) struct Networks {
    pub(crate) segmentation: SegmentationModel,
    pub(crate) fbank: Fbank,
    pub(crate) embedding: EmbeddingModel,
}
