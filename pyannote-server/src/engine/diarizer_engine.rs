//! The adapter from diarizers to [`Engine`].

use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;

use pyannote_engine::transcription::Transcriber;
use pyannote_engine::{CancelToken, DiarizeError, Diarizer, LiveDiarization, LiveOptions, Options};
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;

use super::output::{self, channels, transcription};
use super::{Engine, EngineError, EngineFuture, EngineJob, JobKind};
use crate::violation::Violation;

/// Adapts any [`Diarizer`] to [`Engine`].
///
/// Jobs run on Tokio's threads for blocking work. Dropping the future of a job cancels the diarizer.
///
/// - Transcription needs a [`transcriber`](Self::transcriber): without one, requests for it are rejected. It is used
///   whatever transcription model is requested, and `warning` names it. `transcriptionConfig.language`, a field that is
///   not part of the API, is the language that is spoken, such as `en`; without it, the language is detected.
/// - The diarizer's own models are used whatever model is requested, and `warning` names them.
/// - `confidence` is [`Diarization::frame_confidence`](pyannote_engine::Diarization::frame_confidence), and
///   `turnLevelConfidence` is [`Diarization::with_turn_confidence`](pyannote_engine::Diarization::with_turn_confidence).
/// - `speechProbability`, `crosstalkProbability` and `speakerProbability` are the methods of
///   [`Diarization`](pyannote_engine::Diarization) with these names. The labels of speakers are those of the
///   diarization.
/// - `vadSensitivity` and `crosstalkSensitivity` are [`Options::sensitivity`](pyannote_engine::Options::sensitivity).
/// - Identification follows [`pyannote_engine::Matching`].
/// - `channels: true`, a field that is not part of the API, diarizes each channel alone, for calls with one party per
///   channel: see [`diarize_channels`](pyannote_engine::Engine::diarize_channels). `speakersPerChannel` is the number of
///   speakers of each channel (default: 1), and `speakerChannels` in the output has the channel of each speaker.
/// - Voiceprints of other models, and those of pyannoteAI's own service, are rejected on submission.
/// - Live streams use [`Diarizer::live`] with [`live_options`](Self::live_options), if the diarizer implements it.
///
/// ```
/// use pyannote_engine::{Diarization, DiarizeError, Diarizer, Options, Recording};
/// use pyannote_server::engine::DiarizerEngine;
///
/// /// Finds no speech.
/// struct Silent;
///
/// impl Diarizer for Silent {
///     fn models(&self) -> &str {
///         "no models"
///     }
///
///     fn embedding_model(&self) -> &str {
///         "none"
///     }
///
///     fn diarize(&self, _: &Recording, _: &mut Options<'_>) -> Result<Diarization, DiarizeError> {
///         Ok(Diarization::default())
///     }
///
///     fn same_speaker_probability(&self, _: f32) -> f32 {
///         0.5
///     }
/// }
///
/// let builder = pyannote_server::Server::builder().engine(DiarizerEngine::new(Silent));
/// ```
pub struct DiarizerEngine<D> {
    engine: Arc<pyannote_engine::Engine<D>>,
    transcriber: Option<Arc<dyn Transcriber>>,
    is_accurate: bool,
    live_options: LiveOptions,
}

impl<D: Diarizer> DiarizerEngine<D> {
    /// Creates an engine from a diarizer.
    #[must_use]
    pub fn new(diarizer: D) -> Self {
        Self::from(pyannote_engine::Engine::new(diarizer))
    }

    /// Sets what transcribes, such as [`Whisper`](pyannote_engine::transcription::Whisper).
    #[must_use]
    pub fn transcriber(mut self, transcriber: impl Transcriber) -> Self {
        self.transcriber = Some(Arc::new(transcriber));
        self
    }

    /// Sets [`Options::accurate`](pyannote_engine::Options::accurate) for all jobs. It has no effect on live streams.
    /// The default is `false`.
    #[must_use]
    pub fn accurate(mut self, is_accurate: bool) -> Self {
        self.is_accurate = is_accurate;
        self
    }

    /// Sets the options of live streams. Streams fail if they are [invalid](LiveOptions::check).
    #[must_use]
    pub fn live_options(mut self, options: LiveOptions) -> Self {
        self.live_options = options;
        self
    }
}

impl<D: fmt::Debug> fmt::Debug for DiarizerEngine<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transcriber = self.transcriber.as_deref().map(Transcriber::model);
        f.debug_struct("DiarizerEngine")
            .field("engine", &self.engine)
            .field("transcriber", &transcriber)
            .field("is_accurate", &self.is_accurate)
            .field("live_options", &self.live_options)
            .finish()
    }
}

impl<D> From<pyannote_engine::Engine<D>> for DiarizerEngine<D> {
    fn from(engine: pyannote_engine::Engine<D>) -> Self {
        Self {
            engine: Arc::new(engine),
            transcriber: None,
            is_accurate: false,
            live_options: LiveOptions::default(),
        }
    }
}

impl<D: Diarizer> Engine for DiarizerEngine<D> {
    fn needs_audio(&self) -> bool {
        true
    }

    fn check(&self, kind: JobKind, request: &Map<String, Value>) -> Vec<Violation> {
        let mut violations = match kind {
            JobKind::Diarize => transcription::check(request, self.transcriber.as_deref()),
            JobKind::Identify => output::check_voiceprints(request, &self.engine),
            JobKind::Voiceprint => Vec::new(),
        };
        if kind != JobKind::Voiceprint {
            violations.extend(channels::check(request));
        }
        violations
    }

    fn needs_channels(&self, kind: JobKind, request: &Map<String, Value>) -> bool {
        kind != JobKind::Voiceprint && channels::is_requested(request)
    }

    fn warning(&self, kind: JobKind, request: &Map<String, Value>) -> Option<String> {
        let is_used = kind == JobKind::Diarize && transcription::is_requested(request);
        let transcriber = self.transcriber.as_deref().filter(|_| is_used);
        let models = self.engine.diarizer().models();
        Some(output::model_warning(models, transcriber, request))
    }

    fn process(&self, job: EngineJob) -> EngineFuture<'_> {
        let engine = Arc::clone(&self.engine);
        let transcriber = self.transcriber.clone();
        let is_accurate = self.is_accurate;
        Box::pin(async move {
            let cancel = CancelToken::new();
            let _guard = cancel.cancel_on_drop();
            let work = spawn_blocking(move || {
                let options = Options::new().accurate(is_accurate).cancel_token(&cancel);
                output::compute(&engine, transcriber.as_deref(), job, options)
            });
            match work.await {
                Ok(output) => output,
                Err(error) => match error.try_into_panic() {
                    // The worker reports panics.
                    Ok(panic) => resume_unwind(panic),
                    Err(error) => Err(EngineError(format!("the job was aborted: {error}"))),
                },
            }
        })
    }

    fn live(&self) -> Result<Box<dyn LiveDiarization>, DiarizeError> {
        self.engine.live(&self.live_options)
    }
}
