//! What the command prints: the result to standard output, everything else to standard error.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use anstyle::{AnsiColor, Style};
use clap::ColorChoice;
use serde::Serialize;

use crate::cli::Global;
use crate::error::{Failure, Result};
use crate::progress;
use crate::table::printable;

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

    /// The same for files, whose formats do not depend on `--json`.
    #[cfg(feature = "api")]
    pub(crate) fn without_json(self) -> Self {
        Self {
            is_json: false,
            ..self
        }
    }

    pub(crate) fn is_json(self) -> bool {
        self.is_json
    }

    /// Whether progress may be shown: to a person at a terminal.
    pub(crate) fn shows_progress(self) -> bool {
        !self.is_json && !self.is_quiet && io::stderr().is_terminal()
    }

    /// Prints a result: as it is, or, to a terminal, without control characters that the terminal would obey.
    pub(crate) fn print(self, text: &str) -> Result<()> {
        let mut stdout = io::stdout().lock();
        match stdout.is_terminal() {
            true => write(&mut stdout, &lines_for_terminal(text)),
            false => write(&mut stdout, text),
        }
    }

    /// Prints text that has styles, and no control characters of others.
    pub(crate) fn print_styled(self, text: &str) -> Result<()> {
        write(&mut anstream::stdout().lock(), text)
    }

    /// Prints a result as one line of JSON.
    pub(crate) fn print_json(self, value: &impl Serialize) -> Result<()> {
        self.print(&format!("{}\n", serde_json::to_string(value)?))
    }

    /// Prints a note, which is not part of the result and not shown with `--quiet` or `--json`.
    pub(crate) fn note(self, text: &str) {
        if !self.is_json && !self.is_quiet {
            stderr(&printable(text));
        }
    }

    /// Prints an event as one line of JSON on standard error.
    #[cfg(feature = "api")]
    pub(crate) fn event(self, event: &impl Serialize) {
        stderr_json(event);
    }

    /// Prints a warning, once: the service repeats that of the acceptance of a job in its result.
    pub(crate) fn warn(self, text: &str) {
        static PRINTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
        let mut printed = PRINTED.lock().unwrap_or_else(PoisonError::into_inner);
        if !printed.insert(text.to_owned()) {
            return;
        }
        if self.is_json {
            stderr_json(&WarningOutput { warning: text });
        } else {
            let text = printable(text);
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
            let message = printable(&failure.message);
            stderr(&format!("{ERROR}error{ERROR:#}: {message}"));
            if let Some(hint) = failure.hint.as_deref().map(printable) {
                stderr(&format!("{HINT}hint{HINT:#}: {hint}"));
            }
        }
        ExitCode::from(failure.error_type.exit_code())
    }
}

fn write(stdout: &mut impl Write, text: &str) -> Result<()> {
    let written = progress::suspend(|| {
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    });
    written.map_err(|error| Failure::stdout(&error))
}

/// Replaces control characters, except those of lines and columns.
fn lines_for_terminal(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let (content, end) = match line.strip_suffix('\n') {
            Some(content) => (content.trim_end_matches('\r'), "\n"),
            None => (line, ""),
        };
        let columns: Vec<String> = content.split('\t').map(printable).collect();
        columns.join("\t") + end
    });
    lines.collect()
}

/// Writes a line to standard error. There is nothing to do if that fails.
fn stderr(text: &str) {
    let _ = progress::suspend(|| writeln!(anstream::stderr(), "{text}"));
}

fn stderr_json(value: &impl Serialize) {
    if let Ok(json) = serde_json::to_string(value) {
        stderr(&json);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_no_control_characters() {
        for (text, expected) in [
            ("0.5\t2\tAda\n", "0.5\t2\tAda\n"),
            ("a\r\nb", "a\nb"),
            (
                "\x1b[31mAda\x07\rGrace\n\u{9b}31m",
                "\u{fffd}[31mAda\u{fffd}\u{fffd}Grace\n\u{fffd}31m",
            ),
        ] {
            assert_eq!(lines_for_terminal(text), expected);
        }
    }
}
