//! `pyannote serve`: the API of the service, on this machine.

use clap::Args;
use pyannote_server::cli::{self, Started, Stopped};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{ErrorType, Failure, Result, chain};
use crate::service::block_on;
use crate::ui::Ui;

/// Run a server with the API of pyannoteAI on this machine, until it is interrupted with Ctrl-C.
///
/// It diarizes with open models, and nothing leaves the machine. A second Ctrl-C does not wait for running jobs. The
/// program `pyannote-server` is the same server without the other commands.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pyannote serve --key test-key
  pyannote serve --key test-key --engine scripted --listen 127.0.0.1:0 --json
  pyannote serve --data-dir /var/lib/pyannote  # with the variable PYANNOTEAI_API_KEY")]
pub(crate) struct Serve {
    #[command(flatten)]
    options: cli::Serve,
}

/// A server that is ready.
#[derive(JsonSchema, Serialize)]
#[schemars(title = "Server")]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServeOutput<'a> {
    /// The base URL for clients.
    url: &'a str,
    /// The engine that processes jobs, in words.
    engine: &'a str,
}

impl Serve {
    pub(crate) fn run(self, ui: Ui) -> Result<()> {
        cli::init_logging();
        // A server goes on if nobody reads where it listens.
        let on_start = |started: Started<'_>| {
            let _ = match ui.is_json() {
                true => ui.print_json(&ServeOutput {
                    url: started.url,
                    engine: started.engine,
                }),
                false => ui.print(&format!("{started}\n")),
            };
        };
        let stopped = block_on(async {
            cli::serve(self.options, "pyannote demo", on_start)
                .await
                .map_err(|error| Failure::failed(chain(&*error)))
        })?;
        match stopped {
            Stopped::Gracefully => Ok(()),
            Stopped::AtOnce => Err(Failure::new(
                ErrorType::Interrupted,
                "interrupted; jobs that were running are processed again after the next start",
            )),
        }
    }
}
