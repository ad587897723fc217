//! `pyannote render`: a result in another format.

use std::path::PathBuf;

use clap::Args;

use crate::error::Result;
use crate::export::{OutputArgs, stem_of};
use crate::result;
use crate::ui::Ui;

/// Convert a result to another format.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pyannote render meeting.json
  pyannote render meeting.json -f rttm
  pyannote render meeting.json -f srt -f svg -o out/")]
pub(crate) struct Render {
    /// Result: JSON of this command, a job of the API, or RTTM; `-` is the standard input.
    result: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

impl Render {
    pub(crate) fn run(self, ui: Ui) -> Result<()> {
        self.output.check(ui)?;
        let document = result::read(&self.result)?;
        let path = self.result.to_string_lossy();
        let stem = document.stem().unwrap_or_else(|| stem_of(&path));
        self.output.write(&document, stem, ui)
    }
}
