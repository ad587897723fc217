//! `pyannote identify`: who spoke when, by voiceprint.

use std::path::Path;

use clap::Args;
use pyannote_engine::Matching;

use super::channels::ChannelArgs;
use super::turns::TurnArgs;
use crate::cli::Global;
use crate::error::{ErrorType, Failure, Result};
use crate::export::OutputArgs;
use crate::input::Input;
use crate::local::{self, AudioArgs, EngineArgs};
use crate::models::ModelArgs;
use crate::result::Document;
use crate::ui::Ui;
use crate::voiceprints::{StoredVoiceprint, VoiceprintStore};

/// Find out who spoke when, and identify speakers by their voiceprints.
///
/// The voiceprints are those of `pyannote voiceprint`. A file is uploaded to the service, which deletes it after 24 to
/// 48 h. The job is billed. With --local, nothing leaves this machine.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pyannote identify meeting.wav --voiceprint Ada --voiceprint Grace --threshold 50
  pyannote identify --local meeting.wav --all")]
pub(crate) struct Identify {
    /// Recording: a file, an http(s) or media URL, or `-` for the standard input.
    #[arg(value_name = "FILE|URL|-", value_parser = Input::parser())]
    recording: Input,
    /// Stored voiceprint of a speaker; repeatable, at most 50.
    #[arg(
        long = "voiceprint",
        short,
        value_name = "NAME",
        required_unless_present = "all"
    )]
    voiceprints: Vec<String>,
    /// Use every stored voiceprint that fits.
    #[arg(long, conflicts_with = "voiceprints")]
    all: bool,
    /// Minimum score of a match, 0..100. With the default, every speaker is matched, also one who has no voiceprint.
    #[arg(long, value_name = "SCORE", default_value_t = 0.0)]
    threshold: f64,
    /// Let a voiceprint match several speakers.
    #[arg(long)]
    no_exclusive_matching: bool,
    /// Use open models on this machine: no key, no network, no costs.
    #[arg(long)]
    local: bool,
    #[command(flatten)]
    turns: TurnArgs,
    #[cfg(feature = "api")]
    #[command(flatten)]
    service: crate::service::ServiceArgs,
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    channels: ChannelArgs,
    #[command(flatten)]
    audio: AudioArgs,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl Identify {
    pub(crate) fn run(self, ui: Ui, global: &Global) -> Result<()> {
        self.output.check_for(&self.recording, ui)?;
        if !(0.0..=100.0).contains(&self.threshold) {
            return Err(Failure::usage("--threshold must be from 0 to 100"));
        }
        #[cfg(feature = "api")]
        if global.show_code {
            return ui.print(&self.code(global)?);
        }
        let document = match self.local {
            true => Some(self.run_local(ui)?),
            false => self.run_service(ui, global)?,
        };
        match document {
            Some(document) => self.output.write(&document, &self.recording.stem(), ui),
            None => Ok(()),
        }
    }

    /// Loads the voiceprints, and converts them for the backend. With `--all`, those that do not fit are left out.
    fn voiceprints<T>(
        &self,
        ui: Ui,
        convert: impl Fn(&StoredVoiceprint) -> Result<T>,
    ) -> Result<Vec<(String, T)>> {
        let store = VoiceprintStore::open()?;
        let names = match self.all {
            true => store.names()?,
            false => self.voiceprints.clone(),
        };
        let mut voiceprints = Vec::new();
        let mut hint = None;
        for name in names {
            let stored = store.get(&name);
            let is_damaged = stored.is_err();
            match stored.and_then(|stored| convert(&stored)) {
                Ok(voiceprint) => voiceprints.push((name, voiceprint)),
                Err(failure) if self.all => {
                    match failure.error_type {
                        // It was made by another model.
                        ErrorType::Usage => ui.note(&failure.message),
                        // Without it, a speaker is not identified.
                        _ => ui.warn(&failure.message),
                    }
                    if !is_damaged {
                        hint = hint.or(failure.hint);
                    }
                }
                Err(failure) => return Err(failure),
            }
        }
        if voiceprints.is_empty() {
            let create = || "create one with `pyannote voiceprint create NAME FILE`".to_owned();
            return Err(
                Failure::usage("no stored voiceprint fits").with_hint(hint.unwrap_or_else(create))
            );
        }
        Ok(voiceprints)
    }

    fn run_local(&self, ui: Ui) -> Result<Document> {
        #[cfg(feature = "api")]
        local::reject(self.service.used())?;
        let models = self.models.choose(self.model(), &self.engine)?;
        models.check_accurate(self.turns.accurate)?;
        let warning = models.warning();
        let voiceprints = self.voiceprints(ui, |stored| models.voiceprint(stored))?;
        let matching = Matching::new()
            .threshold(self.threshold)
            .exclusive(!self.no_exclusive_matching);
        let matching = voiceprints
            .into_iter()
            .fold(matching, |matching, (name, voiceprint)| {
                matching.voiceprint(name, voiceprint)
            });
        let decode = |path: &Path| self.channels.decode(ui, path, self.audio);
        let audio = self.recording.with_path(decode)?;
        let engine = models.engine(ui, &self.engine)?;
        let found = local::with_progress(ui, "identifying", |report| {
            let options = self.turns.options().on_progress(report);
            audio.identify(&engine, &matching, options)
        })?;
        let found = match self.turns.turn_confidence {
            true => found.with_turn_confidence(),
            false => found,
        };
        let identification = found.turns();
        let (duration_s, audio) = (audio.duration(), self.recording.name());
        let mut document = self
            .turns
            .document(&engine, duration_s, found.diarization, audio);
        document.warnings.splice(0..0, warning);
        document.identify(identification, found.matches);
        Ok(document)
    }

    /// The model that was asked for.
    fn model(&self) -> Option<&str> {
        #[cfg(feature = "api")]
        return self.service.request.model.as_deref();
        #[cfg(not(feature = "api"))]
        return self.models.model.as_deref();
    }

    /// Returns `None` if the result was not waited for.
    #[cfg(feature = "api")]
    fn run_service(&self, ui: Ui, global: &Global) -> Result<Option<Document>> {
        use crate::service;

        self.audio.check_service()?;
        self.channels.check_service()?;
        self.models.check_service()?;
        self.turns.check_service()?;
        let client = service::connect(global)?;
        let is_pyannoteai = service::is_pyannoteai(global)?;
        let model = self.service.request.model.as_deref();
        let voiceprints =
            self.voiceprints(ui, |stored| stored.for_service(model, is_pyannoteai))?;
        let result = service::process(&client, &self.recording, &self.service, ui, |url| {
            let request = client
                .identify(url)
                .voiceprints(
                    voiceprints
                        .iter()
                        .map(|(name, voiceprint)| (name, voiceprint)),
                )
                .threshold(self.threshold)
                .exclusive_matching(!self.no_exclusive_matching);
            self.turns.apply(request)
        })?;
        let Some((id, found)) = result else {
            return Ok(None);
        };
        let document = Document::of_result(&id, &found, found.raw(), found.decode_warnings())?;
        let model = self.service.request.model.as_deref();
        Ok(Some(document.with_request(&self.recording, model)))
    }

    #[cfg(feature = "api")]
    fn code(&self, global: &Global) -> Result<String> {
        local::reject(self.local.then_some("--show-code"))?;
        self.audio.check_service()?;
        self.channels.check_service()?;
        self.models.check_service()?;
        self.turns.check_service()?;
        let names = match self.all {
            true => VoiceprintStore::open()?.names()?,
            false => self.voiceprints.clone(),
        };
        let mut program = crate::service::Program::new(global)?;
        program.import("pyannote::Voiceprint");
        let url = program.provide(&self.recording);
        let mut calls = vec![format!(".identify({url})")];
        for (index, name) in names.iter().enumerate() {
            let file = format!("{}.voiceprint", crate::excerpt::file_word(name));
            let word = crate::voiceprints::shell_word(name);
            program.line(&format!(
                "// pyannote voiceprint export {word} -o {}",
                crate::voiceprints::shell_word(&file)
            ));
            let read = format!("Voiceprint::from_base64(std::fs::read_to_string({file:?})?)?;");
            program.line(&format!("let voiceprint_{index} = {read}"));
            calls.push(format!(".voiceprint({name:?}, &voiceprint_{index})"));
        }
        calls.push(format!(".threshold({:?})", self.threshold));
        if self.no_exclusive_matching {
            calls.push(".exclusive_matching(false)".to_owned());
        }
        calls.extend(self.turns.setters());
        program.process("", calls, &self.service);
        if !self.service.no_wait {
            program.write(&self.output, &self.recording.stem(), "result.turns()");
        }
        Ok(program.finish())
    }

    #[cfg(not(feature = "api"))]
    fn run_service(&self, _: Ui, _: &Global) -> Result<Option<Document>> {
        Err(local::only())
    }
}
