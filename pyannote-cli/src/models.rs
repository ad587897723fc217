//! Which models diarize on this machine.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use pyannote_engine::assets::Assets;
use pyannote_engine::{Community1, Diarizer, Engine, OpenModels, Voiceprint};

use crate::error::{Failure, Result};
use crate::local::{self, EngineArgs};
use crate::ui::Ui;
use crate::voiceprints::StoredVoiceprint;

/// The engine with the models of a run.
pub(crate) type LocalEngine = Engine<Arc<dyn Diarizer>>;

/// Options of the models on this machine.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "On this machine")]
pub(crate) struct ModelArgs {
    /// Model: community-1, for which --models has the folder [default: other open models].
    #[cfg(not(feature = "api"))]
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Folder of community-1, for --model community-1 [default: that of the variable PYANNOTE_COMMUNITY_1, or else the
    /// copy of `pyannote models add`].
    #[arg(long, value_name = "DIR", requires = "model")]
    models: Option<PathBuf>,
}

impl ModelArgs {
    /// The models of a run for which `model` was requested. Loads community-1.
    pub(crate) fn choose(&self, model: Option<&str>, engine: &EngineArgs) -> Result<Models> {
        check(model)?;
        if model.is_none() {
            return Ok(Models::Open);
        }
        let Some((folder, source)) = self.folder() else {
            return Ok(Models::OpenInstead);
        };
        let models = match engine.threads {
            Some(threads) => Community1::load_with(folder, threads),
            None => Community1::load(folder),
        };
        let models = models.map_err(|error| Failure::from(error).context(source))?;
        Ok(Models::Community(Box::new(models)))
    }

    /// The folder of community-1, if there is one, and what names it.
    fn folder(&self) -> Option<(PathBuf, &'static str)> {
        match &self.models {
            Some(folder) => Some((folder.clone(), "--models")),
            None => Community1::locate_with_source(),
        }
    }
}

/// Fails if the model that was asked for is one of the service.
pub(crate) fn check(model: Option<&str>) -> Result<()> {
    match model {
        None | Some(Community1::NAME) => Ok(()),
        Some(_) => Err(
            Failure::usage("--model needs the service; remove it, or --local")
                .with_hint("on this machine, there is --model community-1"),
        ),
    }
}

#[cfg(feature = "api")]
impl ModelArgs {
    /// Fails if an option was used: the service has its own models.
    pub(crate) fn check_service(&self) -> Result<()> {
        match self.models {
            None => Ok(()),
            Some(_) => Err(Failure::usage(
                "--models needs --local: the service has its own models",
            )
            .with_hint("a server of your own has it: `pyannote serve --models DIR`")),
        }
    }

    /// The models of a run as a text. It is empty for the default ones.
    pub(crate) fn digest(&self, model: Option<&str>) -> &'static str {
        match model == Some(Community1::NAME) && self.folder().is_some() {
            true => " community-1",
            false => "",
        }
    }
}

/// The models of a run.
pub(crate) enum Models {
    /// The default ones, which are downloaded.
    Open,
    /// The default ones, instead of community-1, whose folder is missing.
    OpenInstead,
    Community(Box<Community1>),
}

impl Models {
    /// A stored voiceprint for these models.
    pub(crate) fn voiceprint(&self, stored: &StoredVoiceprint) -> Result<Voiceprint> {
        match self {
            // It would fit the model that was requested.
            Self::OpenInstead if stored.is_of(Community1::EMBEDDING_MODEL) => {
                let needed_by = format!("the voiceprint of {} cannot be used", stored.name);
                Err(missing().context(needed_by))
            }
            _ => stored.for_engine(self.embedding_model()),
        }
    }

    /// What the voiceprints of these models name.
    fn embedding_model(&self) -> &'static str {
        match self {
            Self::Open | Self::OpenInstead => OpenModels::EMBEDDING_MODEL,
            Self::Community(_) => Community1::EMBEDDING_MODEL,
        }
    }

    /// Fails if an option was used that has no effect on community-1.
    pub(crate) fn check_accurate(&self, accurate: bool) -> Result<()> {
        match self {
            Self::Community(_) if accurate => Err(Failure::usage(
                "--accurate has no effect on community-1; remove it",
            )),
            _ => Ok(()),
        }
    }

    /// The warning that the requested model is missing.
    pub(crate) fn warning(&self) -> Option<String> {
        match self {
            Self::OpenInstead => Some(format!(
                "community-1 is not on this machine, which uses other open models instead; to use it, {}; {}",
                Community1::ACCESS,
                Community1::ADD
            )),
            Self::Open | Self::Community(_) => None,
        }
    }

    /// Fails if the requested model is missing.
    pub(crate) fn require(self) -> Result<Self> {
        match self {
            Self::OpenInstead => Err(missing()),
            models => Ok(models),
        }
    }

    /// The engine with these models. Downloads them first if they are missing.
    pub(crate) fn engine(self, ui: Ui, options: &EngineArgs) -> Result<LocalEngine> {
        let diarizer: Arc<dyn Diarizer> = match self {
            Self::Community(models) => Arc::from(models as Box<dyn Diarizer>),
            Self::Open | Self::OpenInstead => {
                Arc::new(local::load(ui, Assets::locate()?, options)?.into_diarizer())
            }
        };
        Ok(Engine::new(diarizer))
    }
}

/// There is no folder of community-1.
fn missing() -> Failure {
    Failure::failed("community-1 is not on this machine").with_hint(format!(
        "{}; {}",
        Community1::ACCESS,
        Community1::ADD
    ))
}
