//! The neural networks, implemented from scratch: segmentation-3.0, CAM++, ResNet34 and Whisper, with the layers that
//! they are built from.

mod embedding;
mod half;
mod nn;
#[cfg(test)]
mod reference;
mod resnet;
mod segmentation;
#[cfg(test)]
mod tests;
mod weights;
mod whisper;

pub(crate) use embedding::{
    EMBEDDING_DIM, EmbeddingModel, FBANK_HOP_SAMPLES, FBANK_WINDOW_SAMPLES, Fbank, Features,
};
pub(crate) use half::{bf16_to_f32, f16_to_f32};
pub(crate) use resnet::{RESNET_EMBEDDING_DIM, RESNET_STRIDE, ResNet34, ResNetFrames};
pub(crate) use segmentation::{
    BATCH_WINDOWS, FRAME_STEP_SAMPLES, POWERSET, POWERSET_CLASSES, RECEPTIVE_FIELD_SAMPLES,
    SegmentationModel, WINDOW_FRAMES, WINDOW_SAMPLES,
};
pub(crate) use weights::{Weights, WeightsError};
pub(crate) use whisper::{
    Attention, CHUNK_ROWS, CHUNK_SAMPLES, Continue, Hypothesis, Input, Method, Rules, Session,
    Vocabulary, WhisperModel, align, log_softmax, search, split,
};

/// The loaded networks.
pub(crate) struct Networks {
    pub(crate) segmentation: SegmentationModel,
    pub(crate) fbank: Fbank,
    pub(crate) embedding: EmbeddingModel,
}
