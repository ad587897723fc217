//! `pyannote completions`: completions for a shell.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::error::Result;
use crate::ui::Ui;

/// Print completions for a shell.
///
/// For bash: pyannote completions bash > ~/.local/share/bash-completion/completions/pyannote
#[derive(Args)]
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
