//! `pyannote voiceprint`: the voiceprints that are stored on this machine.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pyannote_engine::Options;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::Global;
use crate::error::{Failure, Result};
use crate::export::write_file_with_mode;
use crate::input::Input;
use crate::local::{self, AudioArgs, EngineArgs};
use crate::models::ModelArgs;
use crate::result::Backend;
use crate::table::Columns;
use crate::ui::Ui;
use crate::voiceprints::{StoredVoiceprint, VoiceprintStore};

/// Create and manage voiceprints, by which speakers are identified.
///
/// A voiceprint is biometric data. They are stored on this machine only, in files that nobody else can read, and belong
/// to the model that made them: those of pyannoteAI do not fit the engine on this machine, and vice versa,
/// nor those of community-1 the other open models.
#[derive(Args)]
pub(crate) struct Voiceprint {
    #[command(subcommand)]
    command: VoiceprintCommand,
}

#[derive(Subcommand)]
enum VoiceprintCommand {
    /// Create a voiceprint from a recording of one speaker, of at most 30 s, and store it.
    Create(Create),
    /// List the stored voiceprints.
    List,
    /// Show what is known about a voiceprint, without the voiceprint.
    Show {
        /// The speaker.
        name: String,
    },
    /// Rename a voiceprint.
    #[command(after_help = "\
Examples:
  pyannote voiceprint rename Ada 'Ada Lovelace'")]
    Rename {
        /// The present name.
        from: String,
        /// The new name.
        to: String,
        /// Replace a voiceprint that has the new name.
        #[arg(long)]
        replace: bool,
    },
    /// Delete voiceprints from this machine.
    #[command(after_help = "\
Examples:
  pyannote voiceprint remove Ada Grace")]
    Remove {
        /// The speakers.
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Print a voiceprint as base64, as the API takes it.
    #[command(after_help = "\
Examples:
  pyannote voiceprint export Ada -o ada.voiceprint")]
    Export {
        /// The speaker.
        name: String,
        /// File to write instead of standard output; only its owner can read it.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Store a voiceprint that is base64.
    #[command(after_help = "\
Examples:
  pyannote voiceprint import Ada ada.voiceprint
  pyannote voiceprint import Ada ada.voiceprint --model precision-2")]
    Import {
        /// The speaker.
        name: String,
        /// File with the voiceprint; `-` is the standard input.
        file: PathBuf,
        /// Model of the service that made it.
        #[arg(long)]
        model: Option<String>,
        /// Replace the voiceprint of the same name.
        #[arg(long)]
        replace: bool,
    },
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  pyannote voiceprint create Ada ada.wav
  pyannote voiceprint create Ada ada.wav --local
  pyannote voiceprint create Ada ada.wav --local --model community-1")]
struct Create {
    /// The speaker.
    name: String,
    /// Recording of the speaker alone: a file, an http(s) or media URL, or `-` for the standard input.
    #[arg(value_name = "FILE|URL|-", value_parser = Input::parser())]
    recording: Input,
    /// Use open models on this machine: no key, no network, no costs.
    #[arg(long)]
    local: bool,
    /// Replace the voiceprint of the same name.
    #[arg(long)]
    replace: bool,
    #[cfg(feature = "api")]
    #[command(flatten)]
    service: crate::service::ServiceArgs,
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    audio: AudioArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

/// What is known about a voiceprint.
#[derive(JsonSchema, Serialize)]
#[schemars(title = "Voiceprint")]
#[serde(rename_all = "camelCase")]
pub(crate) struct VoiceprintOutput {
    name: String,
    backend: Backend,
    /// The model that made it, if it is known.
    model: Option<String>,
    /// When it was stored.
    created_at: String,
    /// The file.
    path: String,
}

impl Voiceprint {
    pub(crate) fn run(self, ui: Ui, global: &Global) -> Result<()> {
        let store = VoiceprintStore::open()?;
        #[cfg(feature = "api")]
        if global.show_code && !matches!(self.command, VoiceprintCommand::Create(_)) {
            return Err(Failure::usage(
                "--show-code is for commands that call the service",
            ));
        }
        match self.command {
            VoiceprintCommand::Create(create) => create.run(&store, ui, global),
            VoiceprintCommand::List => list(&store, ui),
            VoiceprintCommand::Show { name } => show(&store, &store.get(&name)?, ui),
            VoiceprintCommand::Rename { from, to, replace } => {
                store.rename(&from, &to, replace)?;
                if ui.is_json() {
                    return show(&store, &store.get(&to)?, ui);
                }
                ui.note(&format!("renamed the voiceprint of {from} to {to}"));
                Ok(())
            }
            VoiceprintCommand::Remove { names } => {
                // All or none: a wrong name is found before anything is deleted.
                for name in &names {
                    store.check_exists(name)?;
                }
                names.iter().try_for_each(|name| {
                    store.remove(name)?;
                    ui.note(&format!("removed the voiceprint of {name}"));
                    Ok(())
                })
            }
            VoiceprintCommand::Export { name, output } => {
                let text = format!("{}\n", store.get(&name)?.voiceprint);
                match output {
                    Some(path) => {
                        write_file_with_mode(&path, text.as_bytes(), 0o600)?;
                        ui.note(&format!("wrote {}", path.display()));
                        Ok(())
                    }
                    None => ui.print(&text),
                }
            }
            VoiceprintCommand::Import {
                name,
                file,
                model,
                replace,
            } => {
                store.check_free(&name, replace)?;
                let text = crate::input::read_text(&file)?;
                let voiceprint = StoredVoiceprint::new(&name, &text, model)
                    .map_err(|failure| failure.context(crate::input::display(&file)))?;
                save(&store, &voiceprint, ui)
            }
        }
    }
}

impl Create {
    fn run(self, store: &VoiceprintStore, ui: Ui, global: &Global) -> Result<()> {
        #[cfg(feature = "api")]
        if global.show_code {
            return ui.print(&self.code(global)?);
        }
        store.check_free(&self.name, self.replace)?;
        let voiceprint = if self.local {
            self.run_local(ui)?
        } else {
            match self.run_service(ui, global)? {
                Some(voiceprint) => voiceprint,
                None => return Ok(()),
            }
        };
        save(store, &voiceprint, ui)
    }

    fn run_local(&self, ui: Ui) -> Result<StoredVoiceprint> {
        #[cfg(feature = "api")]
        local::reject(self.service.used())?;
        // A voiceprint of another model would not fit.
        let models = self.models.choose(self.model(), &self.engine)?.require()?;
        let recording = self
            .recording
            .with_path(|path| local::decode(ui, path, self.audio))?;
        let engine = models.engine(ui, &self.engine)?;
        let enrollment = local::with_progress(ui, "creating the voiceprint", |report| {
            Ok(engine.voiceprint(&recording, Options::new().on_progress(report))?)
        })?;
        for warning in &enrollment.warnings {
            ui.warn(warning);
        }
        StoredVoiceprint::new(&self.name, &enrollment.voiceprint.to_base64(), None)
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
    fn run_service(&self, ui: Ui, global: &Global) -> Result<Option<StoredVoiceprint>> {
        use crate::service;

        self.audio.check_service()?;
        self.models.check_service()?;
        let client = service::connect(global)?;
        let result = service::process(&client, &self.recording, &self.service, ui, |url| {
            client.voiceprint(url)
        })?;
        let Some((_, voiceprint)) = result else {
            return Ok(None);
        };
        if let Some(warning) = voiceprint.warning() {
            ui.warn(warning);
        }
        let model = self.service.request.model.clone();
        StoredVoiceprint::new(&self.name, voiceprint.as_base64(), model).map(Some)
    }

    #[cfg(feature = "api")]
    fn code(&self, global: &Global) -> Result<String> {
        local::reject(self.local.then_some("--show-code"))?;
        self.audio.check_service()?;
        self.models.check_service()?;
        let mut program = crate::service::Program::new(global)?;
        let url = program.provide(&self.recording);
        program.process("", vec![format!(".voiceprint({url})")], &self.service);
        if !self.service.no_wait {
            let file = format!("{}.voiceprint", crate::excerpt::file_word(&self.name));
            program.line("// Biometric data: keep it private, and no longer than necessary.");
            program.line(&format!("std::fs::write({file:?}, result.as_base64())?;"));
        }
        Ok(program.finish())
    }

    #[cfg(not(feature = "api"))]
    fn run_service(&self, _: Ui, _: &Global) -> Result<Option<StoredVoiceprint>> {
        Err(local::only())
    }
}

fn save(store: &VoiceprintStore, voiceprint: &StoredVoiceprint, ui: Ui) -> Result<()> {
    let path = store.put(voiceprint).map_err(|failure| {
        Failure::failed(format!(
            "the voiceprint was made, but not stored: {}",
            failure.message
        ))
    })?;
    if ui.is_json() {
        return show(store, voiceprint, ui);
    }
    ui.note(&format!(
        "stored the voiceprint of {} in {}",
        voiceprint.name,
        path.display()
    ));
    Ok(())
}

fn describe(store: &VoiceprintStore, voiceprint: &StoredVoiceprint) -> VoiceprintOutput {
    VoiceprintOutput {
        name: voiceprint.name.clone(),
        backend: voiceprint.backend,
        model: voiceprint.model.clone(),
        created_at: voiceprint
            .created_at
            .format("%Y-%m-%dT%H:%M:%SZ")
            .to_string(),
        path: store.path(&voiceprint.name).display().to_string(),
    }
}

fn show(store: &VoiceprintStore, voiceprint: &StoredVoiceprint, ui: Ui) -> Result<()> {
    let output = describe(store, voiceprint);
    if ui.is_json() {
        return ui.print_json(&output);
    }
    ui.print(&format!(
        "name:     {}\nbackend:  {}\nmodel:    {}\ncreated:  {}\nfile:     {}\n",
        crate::table::printable(&output.name),
        output.backend.name(),
        output.model.as_deref().unwrap_or("unknown"),
        output.created_at,
        output.path
    ))
}

fn list(store: &VoiceprintStore, ui: Ui) -> Result<()> {
    let mut outputs = Vec::new();
    for name in store.names()? {
        match store.get(&name) {
            Ok(voiceprint) => outputs.push(describe(store, &voiceprint)),
            // One damaged file does not hide the others.
            Err(failure) => ui.warn(&failure.message),
        }
    }
    if ui.is_json() {
        return ui.print_json(&outputs);
    }
    if outputs.is_empty() {
        ui.note(
            "no voiceprints are stored; create one with `pyannote voiceprint create NAME FILE`",
        );
        return Ok(());
    }
    let mut table = Columns::new(&["name", "backend", "model", "created"]);
    for output in outputs {
        let model = output.model.unwrap_or_else(|| "unknown".to_owned());
        let backend = output.backend.name().to_owned();
        table.row([output.name, backend, model, output.created_at]);
    }
    ui.print(&table.to_string())
}
