//! The interface to the models: a recording in; turns, scores and embeddings out.

use std::sync::Arc;

use crate::{
    Diarization, LiveDiarization, LiveOptions, Options, Recording, SpoolError, VoiceprintError,
};

/// Computes who speaks when. All calls block the thread.
///
/// An [`Engine`](crate::Engine) adds everything that does not depend on the models: consistent speaker names,
/// confidence, identification and voiceprints.
pub trait Diarizer: Send + Sync + 'static {
    /// The names of the models, for human-readable messages.
    fn models(&self) -> &str;

    /// The identifier of the embedding model, 1 to 64 printable ASCII characters without spaces.
    ///
    /// Embeddings are comparable only if they come from the same model.
    fn embedding_model(&self) -> &str;

    /// Diarizes a recording: mono samples at [`SAMPLE_RATE`](crate::SAMPLE_RATE), -1 to 1. Samples that are not finite
    /// count as 0.
    ///
    /// A long recording is not in memory: implementations should read it in parts, with [`Recording::read`] or
    /// [`Recording::blocks`].
    ///
    /// Speakers may have any labels, as long as turns, speakers and scores agree on them. Implementations should check
    /// [`Options::token`] regularly and call [`Options::report`] to report progress.
    ///
    /// # Errors
    ///
    /// Fails if the run is cancelled, if the models fail, or if the recording cannot be read. Silence is not an error.
    fn diarize(
        &self,
        recording: &Recording,
        options: &mut Options<'_>,
    ) -> Result<Diarization, DiarizeError>;

    /// Starts a live diarization. Speakers may have any labels. The returned value owns what it needs of the models.
    ///
    /// # Errors
    ///
    /// [`DiarizeError::LiveUnsupported`] unless implemented.
    fn live(&self, options: &LiveOptions) -> Result<Box<dyn LiveDiarization>, DiarizeError> {
        let _ = options;
        Err(DiarizeError::LiveUnsupported)
    }

    /// Converts the cosine similarity of two embeddings to the probability that they are of the same speaker, 0..1.
    ///
    /// The probability is calibrated for equal priors: the same speaker and different speakers are equally likely a
    /// priori.
    fn same_speaker_probability(&self, cosine: f32) -> f32;

    /// Whether [`same_speaker_probability`](Self::same_speaker_probability) was measured with these embeddings.
    /// Otherwise, identifications have a warning. The default is `true`.
    fn is_calibrated(&self) -> bool {
        true
    }
}

/// Several engines can share one diarizer, so that its models are loaded once.
impl<D: Diarizer + ?Sized> Diarizer for Arc<D> {
    fn models(&self) -> &str {
        (**self).models()
    }

    fn embedding_model(&self) -> &str {
        (**self).embedding_model()
    }

    fn diarize(
        &self,
        recording: &Recording,
        options: &mut Options<'_>,
    ) -> Result<Diarization, DiarizeError> {
        (**self).diarize(recording, options)
    }

    fn live(&self, options: &LiveOptions) -> Result<Box<dyn LiveDiarization>, DiarizeError> {
        (**self).live(options)
    }

    fn same_speaker_probability(&self, cosine: f32) -> f32 {
        (**self).same_speaker_probability(cosine)
    }

    fn is_calibrated(&self) -> bool {
        (**self).is_calibrated()
    }
}

/// The reason why a diarization, an identification or a voiceprint failed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DiarizeError {
    /// The run was cancelled through its [`CancelToken`](crate::CancelToken).
    #[error("the run was cancelled")]
    Cancelled,
    /// An option is invalid.
    #[error("`{option}` {reason}")]
    InvalidOptions {
        /// The name of the option: that of its method in [`Options`], [`LiveOptions`] or
        /// [`Matching`](crate::Matching).
        option: &'static str,
        /// Which values are valid.
        reason: String,
    },
    /// The [`Diarizer`] has no live mode.
    #[error("these models do not support live diarization")]
    LiveUnsupported,
    /// There is no speech to create a voiceprint from.
    #[error("the recording contains no speech")]
    NoSpeech,
    /// There is too little speech to create a voiceprint from.
    #[error(
        "the recording contains too little speech without overlap for a voiceprint: use a longer recording of one speaker"
    )]
    TooLittleSpeech,
    /// A voiceprint cannot be used.
    #[error("cannot identify {label:?}")]
    Voiceprint {
        /// The label of the voiceprint.
        label: String,
        /// The reason.
        #[source]
        error: VoiceprintError,
    },
    /// The recording cannot be read.
    #[error(transparent)]
    Recording(#[from] SpoolError),
    /// The models failed, with the reason.
    #[error("{0}")]
    Failed(String),
}
