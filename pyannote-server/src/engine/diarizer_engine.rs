//! The adapter from diarizers to [`Engine`].

use std::collections::BTreeMap;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;

use pyannote_engine::transcription::Transcriber;
use pyannote_engine::{CancelToken, DiarizeError, Diarizer, LiveDiarization, LiveOptions, Options};
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;

use super::output::{self, Models, channels, transcription};
use super::{Engine, EngineError, EngineFuture, EngineJob, JobKind};
use crate::violation::Violation;

/// Adapts any [`Diarizer`] to [`Engine`].
///
/// Jobs run on Tokio's threads for blocking work. Dropping the future of a job cancels the diarizer.
///
/// - Transcription needs a [`transcriber`](Self::transcriber): without one, requests for it are rejected. It is used
///   whatever transcription model is requested, and `warning` names it. `transcriptionConfig.language`, a field that is
///   not part of the API, is the language that is spoken, such as `en`; without it, the language is detected.
/// - The diarizer's own models are used whatever model is requested, and `warning` names them, unless there is a diarizer
///   for that [`model`](Self::model).
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
    /// The engines of models that requests may name.
    models: BTreeMap<String, Arc<NamedEngine>>,
    transcriber: Option<Arc<dyn Transcriber>>,
    is_accurate: bool,
    live_options: LiveOptions,
}

/// An engine with the models that a request names.
type NamedEngine = pyannote_engine::Engine<Arc<dyn Diarizer>>;

impl<D: Diarizer> DiarizerEngine<D> {
    /// Creates an engine from a diarizer.
    #[must_use]
    pub fn new(diarizer: D) -> Self {
        Self::from(pyannote_engine::Engine::new(diarizer))
    }

    /// Adds a diarizer for requests with this `model`, such as [`Community1`](pyannote_engine::Community1):
    ///
    #[cfg_attr(feature = "engine", doc = "```no_run")]
    #[cfg_attr(not(feature = "engine"), doc = "```ignore")]
    /// use pyannote_engine::{Community1, OpenModels, assets::Assets};
    /// use pyannote_server::engine::DiarizerEngine;
    ///
    /// let open = OpenModels::load(&Assets::locate()?)?;
    /// let community = Community1::load("community-1")?.share_threads_with(&open);
    /// let engine = DiarizerEngine::new(open).model(Community1::NAME, community);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// The rules of the API apply to its requests: those for `community-1` are diarizations without transcription.
    #[must_use]
    pub fn model(mut self, name: impl Into<String>, diarizer: impl Diarizer) -> Self {
        let diarizer: Arc<dyn Diarizer> = Arc::new(diarizer);
        let engine = Arc::new(pyannote_engine::Engine::new(diarizer));
        self.models.insert(name.into(), engine);
        self
    }

    /// The engine of the model that a request names, if there is one.
    fn named(&self, request: &Map<String, Value>) -> Option<&Arc<NamedEngine>> {
        self.models.get(request.get("model")?.as_str()?)
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
            .field("models", &self.models.keys())
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
            models: BTreeMap::new(),
            transcriber: None,
            is_accurate: false,
            live_options: LiveOptions::default(),
        }
    }
}

impl<D: Diarizer> Engine for DiarizerEngine<D> {
    /// The names of all models.
    fn name(&self) -> String {
        let mut names = vec![self.engine.diarizer().models()];
        names.extend(self.models.keys().map(String::as_str));
        names.extend(self.transcriber.as_deref().map(Transcriber::model));
        names.join(", ")
    }

    fn needs_audio(&self) -> bool {
        true
    }

    fn check(&self, kind: JobKind, request: &Map<String, Value>) -> Vec<Violation> {
        let mut violations = match kind {
            JobKind::Diarize => transcription::check(request, self.transcriber.as_deref()),
            JobKind::Identify => match self.named(request) {
                Some(engine) => output::check_voiceprints(request, engine),
                None => output::check_voiceprints(request, &self.engine),
            },
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
        let models = match self.named(request) {
            Some(_) => Models::Requested,
            None => Models::Default(self.engine.diarizer().models()),
        };
        output::model_warning(models, transcriber, request)
    }

    fn process(&self, job: EngineJob) -> EngineFuture<'_> {
        let engine = Arc::clone(&self.engine);
        let named = self.named(&job.request).cloned();
        let transcriber = self.transcriber.clone();
        let is_accurate = self.is_accurate;
        Box::pin(async move {
            let cancel = CancelToken::new();
            let _guard = cancel.cancel_on_drop();
            let work = spawn_blocking(move || {
                let options = Options::new().accurate(is_accurate).cancel_token(&cancel);
                let transcriber = transcriber.as_deref();
                match named {
                    Some(named) => {
                        output::compute(&named, Models::Requested, transcriber, job, options)
                    }
                    None => {
                        let models = Models::Default(engine.diarizer().models());
                        output::compute(&engine, models, transcriber, job, options)
                    }
                }
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
