//! The command `pyannote`.

mod cli;
mod commands;
mod error;
mod excerpt;
mod export;
mod input;
mod local;
mod models;
mod page;
mod progress;
mod result;
#[cfg(feature = "api")]
mod service;
mod table;
mod timeline;
mod ui;
mod voiceprints;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{ColorChoice, ValueEnum as _};

use cli::{Cli, Global, with_spaces};
use error::Failure;
use ui::Ui;

fn main() -> ExitCode {
    let cli = match Cli::parse_arguments() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let ui = Ui::new(&cli.global);
    match cli.command.run(&ui, &cli.global) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ui.fail(&failure),
    }
}

/// The choice of colors in arguments that are not valid.
fn color_of_arguments() -> ColorChoice {
    let arguments: Vec<_> = std::env::args_os().collect();
    let mut words = arguments.iter().filter_map(|word| word.to_str());
    while let Some(word) = words.next() {
        let value = match word.strip_prefix("--color") {
            Some("") => words.next(),
            Some(value) => value.strip_prefix('='),
            None => continue,
        };
        if let Some(Ok(choice)) = value.map(|value| ColorChoice::from_str(value, true)) {
            return choice;
        }
    }
    ColorChoice::Auto
}

/// Prints what clap found wrong with the arguments, or the help or the version.
fn usage(error: &clap::Error) -> ExitCode {
    let wants_json = std::env::args_os().any(|argument| argument == "--json");
    if !error.use_stderr() || !wants_json {
        Ui::new(&Global {
            color: color_of_arguments(),
            ..Global::default()
        });
        let text = with_spaces(&error.render().ansi().to_string());
        // Not an error if the reader has closed the pipe.
        let _ = match error.use_stderr() {
            true => anstream::stderr().write_all(text.as_bytes()),
            false => anstream::stdout().write_all(text.as_bytes()),
        };
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let (message, hint) = text.split_once("\n\n").unwrap_or((text, ""));
    let hint = hint.split_whitespace().collect::<Vec<_>>().join(" ");
    Ui::json().fail(&Failure::usage(message.trim()).with_hint(hint))
}
