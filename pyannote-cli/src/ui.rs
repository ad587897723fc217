//! What the command prints: the result to standard output, everything else to standard error.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::ColorChoice;
use serde::Serialize;

use crate::cli::Global;
use crate::error::{Failure, Result};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// Prints in the way that the global options ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ui {
    is_json: bool,
    is_quiet: bool,
}

/// The JSON form of a warning, on standard error.
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(title = "Warning")]
pub(crate) struct WarningOutput<'a> {
    warning: &'a str,
}

impl Ui {
    pub(crate) fn new(options: &Global) -> Self {
        match options.color {
            ColorChoice::Auto => anstream::ColorChoice::Auto,
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
        }
        .write_global();
        Self {
            is_json: options.json,
            is_quiet: options.quiet,
        }
    }

    /// Prints JSON, whatever the options are: for errors in the options themselves.
    pub(crate) fn json() -> Self {
        Self {
            is_json: true,
            is_quiet: false,
        }
    }

    /// Prints neither notes nor progress: for work inside of something that shows its own.
    #[cfg(feature = "api")]
    pub(crate) fn silent() -> Self {
        Self {
            is_json: false,
            is_quiet: true,
        }
    }

    pub(crate) fn is_json(self) -> bool {
        self.is_json
    }

    /// Whether progress may be shown: to a person at a terminal.
    pub(crate) fn shows_progress(self) -> bool {
        !self.is_json && !self.is_quiet && io::stderr().is_terminal()
    }

    /// Prints a result as it is.
    pub(crate) fn print(self, text: &str) -> Result<()> {
        let mut stdout = anstream::stdout().lock();
        let written = stdout.write_all(text.as_bytes());
        written
            .and_then(|()| stdout.flush())
            .map_err(|error| Failure::stdout(&error))
    }

    /// Prints a result as one line of JSON.
    pub(crate) fn print_json(self, value: &impl Serialize) -> Result<()> {
        self.print(&format!("{}\n", serde_json::to_string(value)?))
    }

    /// Prints a note, which is not part of the result and not shown with `--quiet` or `--json`.
    pub(crate) fn note(self, text: &str) {
        if !self.is_json && !self.is_quiet {
            stderr(text);
        }
    }

    /// Prints an event as one line of JSON on standard error.
    #[cfg(feature = "api")]
    pub(crate) fn event(self, event: &impl Serialize) {
        stderr_json(event);
    }

    /// Prints a warning.
    pub(crate) fn warn(self, text: &str) {
        if self.is_json {
            stderr_json(&WarningOutput { warning: text });
        } else {
            stderr(&format!("{WARNING}warning{WARNING:#}: {text}"));
        }
    }

    /// Prints an error, and returns its exit code.
    pub(crate) fn fail(self, failure: &Failure) -> ExitCode {
        if failure.is_closed_pipe() {
            return ExitCode::SUCCESS;
        }
        if self.is_json {
            stderr_json(&failure.to_json());
        } else {
            stderr(&format!("{ERROR}error{ERROR:#}: {}", failure.message));
            if let Some(hint) = &failure.hint {
                stderr(&format!("{HINT}hint{HINT:#}: {hint}"));
            }
        }
        ExitCode::from(failure.error_type.exit_code())
    }
}

/// Writes a line to standard error. There is nothing to do if that fails.
fn stderr(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

fn stderr_json(value: &impl Serialize) {
    if let Ok(json) = serde_json::to_string(value) {
        stderr(&json);
    }
}
