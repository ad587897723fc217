//! The commands, one per file.

mod completions;
mod demo;
mod diarize;
mod identify;
mod render;
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
    Render(render::Render),
    Completions(completions::Completions),
}

impl Command {
    pub(crate) fn run(self, ui: &Ui, global: &Global) -> Result<()> {
        match self {
            Self::Demo(command) => command.run(*ui),
            Self::Diarize(command) => command.run(*ui, global),
            Self::Identify(command) => command.run(*ui, global),
            Self::Voiceprint(command) => command.run(*ui, global),
            Self::Render(command) => command.run(*ui),
            Self::Completions(command) => command.run(*ui),
        }
    }
}
