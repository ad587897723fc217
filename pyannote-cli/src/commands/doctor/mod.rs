//! `pyannote doctor`: whether the command can do its work on this machine.

#[cfg(feature = "api")]
mod clock;
mod machine;
#[cfg(feature = "api")]
mod proxy;
mod recording;
mod report;
#[cfg(feature = "api")]
mod service;

use clap::Args;

use crate::cli::Global;
use crate::error::{Failure, Result};
use crate::input::Input;
use crate::local::AudioArgs;
use crate::ui::Ui;
pub(crate) use report::DoctorOutput;
use report::Report;

/// Check the API key, the connection, this machine, and a recording, and say how to fix what is wrong.
///
/// Costs nothing: no job is submitted. The exit code is 1 if a check failed; warnings do not count.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pyannote doctor
  pyannote doctor meeting.mp3
  pyannote doctor --local --json")]
pub(crate) struct Doctor {
    /// Recording to check: a file.
    #[arg(value_parser = Input::parser())]
    recording: Option<Input>,
    /// Check only what is on this machine: no key, no network.
    #[arg(long)]
    local: bool,
    #[command(flatten)]
    decoding: AudioArgs,
}

impl Doctor {
    #[cfg_attr(
        not(feature = "api"),
        allow(unused_variables, reason = "profiles belong to the service")
    )]
    pub(crate) fn run(self, ui: Ui, global: &Global) -> Result<()> {
        let recording = match &self.recording {
            None => None,
            Some(Input::File(path)) => Some(path),
            Some(Input::Url(_) | Input::Stdin) => {
                return Err(Failure::usage(
                    "only a recording in a file can be checked; download it first",
                ));
            }
        };
        let is_local = self.local || cfg!(not(feature = "api"));
        let mut report = Report::new(ui);
        machine::check(&mut report)?;
        #[cfg(feature = "api")]
        if !is_local {
            service::check(&mut report, global)?;
        }
        if let Some(path) = recording {
            recording::check(&mut report, path, self.decoding, is_local)?;
        }
        report.finish()
    }
}
