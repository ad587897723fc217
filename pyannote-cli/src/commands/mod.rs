//! The commands, one per file.

mod clip;
mod completions;
mod demo;
mod diarize;
mod identify;
mod label;
mod render;
mod score;
mod turns;
mod voiceprint;

use clap::Subcommand;

use crate::cli::Global;
use crate::error::Result;
use crate::ui::Ui;

#[derive(Subcommand)]
pub(crate) enum Command {
    Demo(demo::Demo),
    Diarize(diarize::Diarize),
    Identify(identify::Identify),
    Voiceprint(voiceprint::Voiceprint),
    Label(label::Label),
    Clip(clip::Clip),
    Render(render::Render),
    Score(score::Score),
    Completions(completions::Completions),
}

impl Command {
    pub(crate) fn run(self, ui: &Ui, global: &Global) -> Result<()> {
        match self {
            Self::Demo(command) => command.run(*ui),
            Self::Diarize(command) => command.run(*ui, global),
            Self::Identify(command) => command.run(*ui, global),
            Self::Voiceprint(command) => command.run(*ui, global),
            Self::Label(command) => command.run(*ui),
            Self::Clip(command) => command.run(*ui),
            Self::Render(command) => command.run(*ui),
            Self::Score(command) => command.run(*ui),
            Self::Completions(command) => command.run(*ui),
        }
    }
}
