//! `pyannote completions`: completions for a shell.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::error::Result;
use crate::ui::Ui;

/// Print completions for a shell.
#[derive(Args)]
#[command(after_help = "\
Examples:
  source <(pyannote completions bash)   # in ~/.bashrc
  source <(pyannote completions zsh)    # in ~/.zshrc, after compinit
  pyannote completions fish | source    # in ~/.config/fish/config.fish")]
pub(crate) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, ui: Ui) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "pyannote", &mut script);
        ui.print(&String::from_utf8_lossy(&script))
    }
}
