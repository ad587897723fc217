//! `pyannote diarize`: who spoke when.

use std::path::Path;

use clap::Args;

use super::channels::ChannelArgs;
use super::transcribe::TranscribeArgs;
use super::turns::TurnArgs;
use crate::cli::Global;
use crate::error::{Failure, Result};
use crate::export::OutputArgs;
use crate::input::Input;
use crate::local::{self, AudioArgs, EngineArgs};
use crate::models::ModelArgs;
use crate::result::Document;
use crate::ui::Ui;

/// Find out who spoke when, and what they said.
///
/// A file is uploaded to the service, which deletes it after 24 to 48 h. The job is billed. With --local, the recording
/// does not leave this machine.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pyannote diarize meeting.wav
  pyannote diarize meeting.wav --num-speakers 2 -f rttm
  pyannote diarize meeting.wav --transcribe -f srt -f json -o out/
  pyannote diarize --local meeting.mp3
  pyannote diarize --local --transcribe meeting.mp3 -o meeting.srt
  pyannote diarize --local --channels call.wav
  pyannote diarize --local --model community-1 --models community-1/ meeting.mp3
  pyannote diarize --local video.avi")]
pub(crate) struct Diarize {
    /// Recording: a file, an http(s) or media URL, or `-` for the standard input.
    #[arg(value_name = "FILE|URL|-", value_parser = Input::parser())]
    recording: Input,
    /// Use open models on this machine: no key, no network, no costs.
    #[arg(long)]
    local: bool,
    #[command(flatten)]
    turns: TurnArgs,
    #[command(flatten)]
    transcribe: TranscribeArgs,
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

impl Diarize {
    pub(crate) fn run(self, ui: Ui, global: &Global) -> Result<()> {
        self.output.check_for(&self.recording, ui)?;
        #[cfg(feature = "api")]
        if global.show_code {
            return ui.print(&self.code(global)?);
        }
        if !self.transcribe.is_set() && self.output.wants_subtitles() {
            return Err(Failure::usage(
                "subtitles need a transcript; pass --transcribe",
            ));
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

    fn run_local(&self, ui: Ui) -> Result<Document> {
        #[cfg(feature = "api")]
        local::reject(self.service.used())?;
        let models = self.models.choose(self.model(), &self.engine)?;
        models.check_accurate(self.turns.accurate)?;
        let warning = models.warning();
        let decode = |path: &Path| self.channels.decode(ui, path, self.audio);
        let audio = self.recording.with_path(decode)?;
        let engine = models.engine(ui, &self.engine)?;
        let transcription = self.transcribe.load(ui, &self.engine)?;
        let diarization = local::with_progress(ui, "diarizing", |report| {
            audio.diarize(&engine, self.turns.options().on_progress(report))
        })?;
        let transcript = match &transcription {
            Some(transcription) => Some(local::with_progress(ui, "transcribing", |report| {
                transcription.run(&audio, &diarization, report)
            })?),
            None => None,
        };
        let mut document = self.turns.document(
            &engine,
            audio.duration(),
            diarization,
            self.recording.name(),
        );
        document.warnings.splice(0..0, warning);
        if let Some((transcription, transcript)) = transcription.zip(transcript) {
            transcription.add(&mut document, transcript);
        }
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

        self.check_service()?;
        let client = service::connect(global)?;
        let result = service::process(&client, &self.recording, &self.service, ui, |url| {
            self.transcribe.apply(self.turns.apply(client.diarize(url)))
        })?;
        let Some((id, diarization)) = result else {
            return Ok(None);
        };
        let document = Document::of_result(
            &id,
            &diarization,
            diarization.raw(),
            diarization.decode_warnings(),
        )?;
        let model = self.service.request.model.as_deref();
        Ok(Some(document.with_request(&self.recording, model)))
    }

    /// Fails if an option of this machine was used.
    #[cfg(feature = "api")]
    fn check_service(&self) -> Result<()> {
        self.audio.check_service()?;
        self.channels.check_service()?;
        self.models.check_service()?;
        self.turns.check_service()?;
        self.transcribe.check_service()
    }

    #[cfg(feature = "api")]
    fn code(&self, global: &Global) -> Result<String> {
        local::reject(self.local.then_some("--show-code"))?;
        self.check_service()?;
        let mut program = crate::service::Program::new(global)?;
        let url = program.provide(&self.recording);
        let mut calls = vec![format!(".diarize({url})")];
        calls.extend(self.turns.setters());
        calls.extend(self.transcribe.setters());
        program.process("", calls, &self.service);
        if !self.service.no_wait {
            let segments = match self.transcribe.is_set() {
                true => r#"result.transcript().ok_or("no transcript")?"#,
                false => "result.turns()",
            };
            program.write(&self.output, &self.recording.stem(), segments);
        }
        Ok(program.finish())
    }

    #[cfg(not(feature = "api"))]
    fn run_service(&self, _: Ui, _: &Global) -> Result<Option<Document>> {
        Err(local::only())
    }
}
