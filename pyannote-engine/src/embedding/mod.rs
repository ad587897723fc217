//! Whose voice it is: the model CAM++ of 3D-Speaker, by Hui Wang and others, trained on Chinese and English speakers.
//!
//! Samples become [`Features`], a spectrum every 10 ms. The head of the model sees 21 of them at a time, so it can run
//! once over a long stretch; the body makes an embedding of any part of what the head has made.

mod body;
mod cam;
mod fbank;
mod head;
mod stats;

pub(crate) use fbank::{BANDS, Fbank, Features};
pub(crate) use head::HeadFrames;

use body::Body;
use head::Head;

use super::{Weights, WeightsError};

/// How many values an embedding has.
pub(crate) const EMBEDDING: usize = 192;

/// The model.
#[derive(Debug)]
pub(crate) struct Embedder {
    head: Head,
    body: Body,
}

impl Embedder {
    /// The model with these weights.
    ///
    /// # Errors
    ///
    /// Where a tensor is missing or has another shape.
    pub(crate) fn load(weights: &Weights<'_>) -> Result<Self, WeightsError> {
        Ok(Self {
            head: Head::load(weights, "head", head::CHANNELS)?,
            body: Body::load(weights)?,
        })
    }

    /// What the head makes of a stretch, whose mean was subtracted: one frame for each of the features'.
    ///
    /// Beyond the ends of the stretch it sees zeros, which is the mean: parts of a stretch have no such ends. A second of
    /// it takes 128 kB.
    pub(crate) fn head(&self, stretch: &Features) -> HeadFrames {
        self.head.run(stretch)
    }

    /// The embeddings of parts of what the head has made, such as [`HeadFrames::part`] gives; zeros for a part without
    /// frames. It works on one thread, fastest for parts of equal length that follow on each other.
    pub(crate) fn body(&self, parts: &[&[f32]]) -> Vec<[f32; EMBEDDING]> {
        self.body.run(parts)
    }
}
