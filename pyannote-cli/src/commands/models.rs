//! `pyannote models`: the models on this machine.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pyannote_engine::assets::{Assets, AssetsError, ModelInfo, ModelState};
use pyannote_engine::{Community1, LoadError};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{Failure, Result};
use crate::table::Columns;
use crate::ui::Ui;

const REMOVE: &str = "delete it with `pyannote models remove community-1`";

/// List the models on this machine, and add community-1.
///
/// Most open models are downloaded when they are first used, from packages with pinned digests. community-1 is not: accept
/// the conditions on its page, https://huggingface.co/pyannote/speaker-diarization-community-1, download its folder, and
/// add it. Nothing is fetched from there.
#[derive(Args)]
#[allow(rustdoc::bare_urls, reason = "the text is also the help on a terminal")]
pub(crate) struct Models {
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Subcommand)]
enum ModelsCommand {
    /// List the models: what they are for, whether their files were verified, their licenses, and where they are from.
    ///
    /// A model is "verified" if its files are the published ones, by SHA-256, and "loadable" if its files are others, but can
    /// be loaded and have not changed since they were added. Missing ones are downloaded when they are first used, but for
    /// community-1.
    #[command(after_help = "\
Examples:
  pyannote models list
  pyannote models list --json")]
    List,
    /// Add community-1: check its folder, and copy what is needed (33 MB), for --model community-1 and for the server.
    ///
    /// The copy is next to the other models, in the directory PYANNOTE_ASSETS_DIR, or else in the user's cache directory.
    /// Only you can read it. The variable PYANNOTE_COMMUNITY_1 names a folder without copying it.
    #[command(after_help = "\
Examples:
  pyannote models add Downloads/speaker-diarization-community-1
  pyannote diarize --local --model community-1 meeting.wav")]
    Add {
        /// The folder, as downloaded: with config.yaml and the folders segmentation, embedding and plda.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Delete the copy that `add` made. The folder that was copied is left alone.
    #[command(after_help = "\
Examples:
  pyannote models remove community-1")]
    Remove {
        /// The model: community-1.
        name: String,
    },
}

/// A model.
#[derive(JsonSchema, Serialize)]
#[schemars(title = "Model")]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModelOutput {
    name: &'static str,
    /// What it is for.
    task: &'static str,
    state: State,
    /// What is wrong with a damaged model, or with the variable that names a missing one.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// How to get a missing model that is not downloaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<String>,
    /// SPDX identifier of the license.
    license: &'static str,
    /// Size of its files, in bytes; 0 if it is missing.
    bytes: u64,
    /// Its file or folder.
    path: String,
    /// The packages that it is downloaded from. Empty for community-1, which is never downloaded.
    packages: Vec<PackageOutput>,
    /// The folder that was copied.
    #[serde(skip_serializing_if = "Option::is_none")]
    copied_from: Option<String>,
}

/// A package.
#[derive(JsonSchema, Serialize)]
#[schemars(title = "Package")]
struct PackageOutput {
    name: &'static str,
    version: &'static str,
    /// SHA-256 digest, in hexadecimal.
    sha256: &'static str,
}

/// Whether a model can be used.
#[derive(Clone, Copy, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Its files are the published ones, by SHA-256.
    Verified,
    /// Its files are others, but can be loaded, and have not changed since they were added.
    Loadable,
    /// Its files cannot be used.
    Damaged,
    /// It is not on this machine.
    Missing,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Loadable => "loadable",
            Self::Damaged => "damaged",
            Self::Missing => "missing",
        }
    }
}

impl From<ModelInfo> for ModelOutput {
    fn from(model: ModelInfo) -> Self {
        let (state, problem) = match model.state {
            ModelState::Verified => (State::Verified, None),
            ModelState::Loadable => (State::Loadable, None),
            ModelState::Damaged(reason) => (State::Damaged, Some(reason)),
            _ => (State::Missing, None),
        };
        let access = match state {
            State::Missing if model.packages.is_empty() => {
                Some(format!("{}; {}", Community1::ACCESS, Community1::ADD))
            }
            _ => None,
        };
        let packages = model.packages.iter().map(|package| PackageOutput {
            name: package.name,
            version: package.version,
            sha256: package.sha256,
        });
        Self {
            name: model.name,
            task: model.task,
            state,
            problem,
            access,
            license: model.license,
            bytes: model.bytes,
            path: model.path.display().to_string(),
            packages: packages.collect(),
            copied_from: model.copied_from.map(|folder| folder.display().to_string()),
        }
    }
}

impl ModelOutput {
    /// Where it is from, one source a line: packages with the start of their digests, or a folder.
    fn sources(&self) -> Vec<String> {
        let packages = self.packages.iter().map(|package| {
            let digest = package.sha256.get(..12).unwrap_or_default();
            format!("{} {} {digest}", package.name, package.version)
        });
        match (self.state, &self.copied_from) {
            _ if !self.packages.is_empty() => packages.collect(),
            (State::Missing, _) if self.problem.is_none() => {
                vec!["a folder that you download".to_owned()]
            }
            (_, Some(folder)) => vec![format!("a copy of {folder}")],
            (_, None) => vec![self.path.clone()],
        }
    }
}

impl Models {
    pub(crate) fn run(self, ui: Ui) -> Result<()> {
        let assets = Assets::locate()?;
        match self.command {
            ModelsCommand::List => list(&assets, ui),
            ModelsCommand::Add { folder } => {
                let added = assets.community_1();
                added.add(&folder).map_err(|error| {
                    let is_taken =
                        matches!(error, LoadError::Assets(AssetsError::AlreadyAdded { .. }));
                    let hint = if is_taken { REMOVE } else { "" };
                    Failure::from(error).with_hint(hint)
                })?;
                if let Some(folder) = Community1::from_variable() {
                    ui.warn(&format!(
                        "PYANNOTE_COMMUNITY_1 names {}, which is used instead of this copy; unset it to use the copy",
                        folder.display()
                    ));
                }
                if ui.is_json() {
                    let mut models = models(&assets).into_iter();
                    let copy = models.find(|model| model.copied_from.is_some());
                    return copy.map_or(Ok(()), |model| ui.print_json(&model));
                }
                ui.note(&format!(
                    "added community-1, in {}; use it with --local --model community-1",
                    added.folder().display()
                ));
                Ok(())
            }
            ModelsCommand::Remove { name } => remove(&assets, &name, ui),
        }
    }
}

/// All models. The folder of the environment variable is listed besides the copy.
fn models(assets: &Assets) -> Vec<ModelOutput> {
    let folder = Community1::locate().filter(|folder| folder != assets.community_1().folder());
    let mut models: Vec<_> = assets
        .models(folder.as_deref())
        .into_iter()
        .map(ModelOutput::from)
        .collect();
    if let Some(folder) = folder.filter(|folder| !folder.exists()) {
        let folder = folder.display().to_string();
        if let Some(model) = models.iter_mut().find(|model| model.path == folder) {
            model.problem = Some(format!(
                "PYANNOTE_COMMUNITY_1 names {folder}, which does not exist"
            ));
        }
    }
    models
}

fn list(assets: &Assets, ui: Ui) -> Result<()> {
    let abandoned = assets.community_1().delete_abandoned();
    if abandoned > 0 {
        ui.note(&format!(
            "deleted {abandoned} incomplete copies of community-1, which interrupted commands have left behind"
        ));
    }
    let models = models(assets);
    if ui.is_json() {
        return ui.print_json(&models);
    }
    let mut table = Columns::new(&["model", "for", "state", ">size", "license", "from"]);
    for model in &models {
        let size = match model.bytes {
            0 => String::new(),
            bytes => format!("{} MB", bytes.div_ceil(1_000_000)),
        };
        let (name, task, state) = (model.name, model.task, model.state.name());
        let mut cells = [name, task, state, &size, model.license].map(str::to_owned);
        for source in model.sources() {
            table.row(cells.into_iter().chain([source]));
            cells = Default::default();
        }
    }
    ui.print(&table.to_string())?;
    for model in &models {
        if let Some(problem) = &model.problem {
            ui.warn(&format!("{}: {problem}", model.name));
        }
        if let Some(access) = &model.access {
            ui.note(&format!("to use {}, {access}", model.name));
        }
    }
    Ok(())
}

fn remove(assets: &Assets, name: &str, ui: Ui) -> Result<()> {
    if name != Community1::NAME {
        let models = models(assets);
        return Err(match models.iter().find(|model| model.name == name) {
            Some(model) => Failure::usage(format!("{name} was not added, but is downloaded"))
                .with_hint(format!("delete {} yourself", model.path)),
            None => Failure::usage(format!("there is no model \"{name}\""))
                .with_hint("only community-1 can be added and removed"),
        });
    }
    if assets.community_1().remove()? {
        ui.note("removed community-1");
        return Ok(());
    }
    Err(
        Failure::failed("community-1 was not added").with_hint(match Community1::locate() {
            Some(folder) => format!(
                "PYANNOTE_COMMUNITY_1 names {}, which is not deleted",
                folder.display()
            ),
            None => String::new(),
        }),
    )
}
