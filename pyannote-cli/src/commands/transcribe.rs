//! `--transcribe`: what was said.

use std::path::PathBuf;

use clap::Args;
use pyannote_engine::Diarization;
use pyannote_engine::assets::Assets;
use pyannote_engine::transcription::{SpeakerTranscript, TranscriptionOptions, Whisper};

use super::channels::Audio;
#[cfg(feature = "api")]
use crate::error::Failure;
use crate::error::Result;
use crate::local::EngineArgs;
use crate::result::Document;
use crate::ui::Ui;

/// Options of the transcription.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct TranscribeArgs {
    /// Include a transcription, optionally by the given model of the service. With --local, Whisper transcribes on this
    /// machine: Whisper base, which is downloaded on first use (134 MB), or --transcription-model.
    #[arg(long, value_name = "MODEL", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    transcribe: Option<String>,
    /// Folder of the Whisper model of --transcribe, in the layout of CTranslate2, such as faster-whisper-small.
    #[arg(
        long,
        value_name = "DIR",
        requires = "transcribe",
        help_heading = "On this machine"
    )]
    transcription_model: Option<PathBuf>,
    /// Language that is spoken, for --transcribe, such as en or de [default: detected].
    #[arg(
        long,
        value_name = "CODE",
        requires = "transcribe",
        help_heading = "On this machine"
    )]
    language: Option<String>,
}

/// A loaded transcription model, and how to use it.
pub(crate) struct Transcription<'a> {
    whisper: Whisper,
    options: &'a TranscribeArgs,
}

impl TranscribeArgs {
    pub(crate) fn is_set(&self) -> bool {
        self.transcribe.is_some()
    }

    /// Loads the model that transcribes on this machine, if the option was used. Downloads it first if it is missing.
    pub(crate) fn load(&self, ui: Ui, engine: &EngineArgs) -> Result<Option<Transcription<'_>>> {
        if !self.is_set() {
            return Ok(None);
        }
        let folder = match &self.transcription_model {
            Some(folder) => folder.clone(),
            None => {
                let base = Assets::locate()?.whisper();
                base.ensure(&mut |progress| ui.note(&progress.to_string()))?;
                base.folder().to_owned()
            }
        };
        let whisper = match engine.threads {
            Some(threads) => Whisper::load_with(folder, threads)?,
            None => Whisper::load(folder)?,
        };
        if let Some(code) = &self.language {
            whisper.check_language(code)?;
        }
        Ok(Some(Transcription {
            whisper,
            options: self,
        }))
    }
}

impl Transcription<'_> {
    /// Transcribes a diarization.
    pub(crate) fn run(
        &self,
        audio: &Audio,
        diarization: &Diarization,
        report: &mut dyn FnMut(f64),
    ) -> Result<SpeakerTranscript> {
        let mut options = TranscriptionOptions::new().on_progress(report);
        if let Some(code) = &self.options.language {
            options = options.language(code);
        }
        Ok(match audio {
            Audio::Mixed(recording) => diarization.transcribe(&self.whisper, recording, options)?,
            Audio::Channels(channels, _) => {
                diarization.transcribe_channels(&self.whisper, channels, options)?
            }
        })
    }

    /// Adds a transcript to the result of its diarization.
    pub(crate) fn add(&self, document: &mut Document, transcript: SpeakerTranscript) {
        let used = self.whisper.name();
        if let Some(model) = &mut document.model {
            model.push_str(", transcription with ");
            model.push_str(used);
        }
        let requested = self.options.transcribe.as_deref();
        if let Some(model) = requested.filter(|model| !model.is_empty() && *model != used) {
            document.warnings.push(format!(
                "transcription model {model} is not available with --local, which uses {used} instead"
            ));
        }
        document.output.words = Some(transcript.words);
        document.output.transcript = Some(transcript.turns);
    }
}

#[cfg(feature = "api")]
impl TranscribeArgs {
    /// Fails if an option of this machine was used: the API has none.
    pub(crate) fn check_service(&self) -> Result<()> {
        let own = [
            (self.transcription_model.is_some(), "--transcription-model"),
            (self.language.is_some(), "--language"),
        ];
        match own.into_iter().find(|(is_used, _)| *is_used) {
            None => Ok(()),
            Some((_, option)) => Err(Failure::usage(format!(
                "{option} needs --local: the API has no such option"
            ))),
        }
    }

    /// The options of this machine as a text. It is empty if none was used.
    pub(crate) fn digest(&self) -> String {
        let mut text = String::new();
        if let Some(folder) = &self.transcription_model {
            text += &format!(" transcription model {}", folder.display());
        }
        if let Some(code) = &self.language {
            text += &format!(" language {code}");
        }
        text
    }

    /// Adds the option to a request.
    pub(crate) fn apply(
        &self,
        request: pyannote::Request<pyannote::Diarization>,
    ) -> pyannote::Request<pyannote::Diarization> {
        match self.transcribe.as_deref() {
            None => request,
            Some("") => request.transcription(true),
            Some(model) => request.transcription(true).transcription_model(model),
        }
    }

    /// The calls that add the option to a request.
    pub(crate) fn setters(&self) -> Vec<String> {
        let mut calls = Vec::new();
        if let Some(model) = &self.transcribe {
            calls.push(".transcription(true)".to_owned());
            if !model.is_empty() {
                calls.push(format!(".transcription_model({model:?})"));
            }
        }
        calls
    }
}
