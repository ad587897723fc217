//! `pyannote webhook`: deliveries of webhooks, on this machine.

mod forward;
mod listen;
mod output;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use pyannote::secrecy::SecretString;

use crate::cli::Global;
use crate::error::{Failure, Result};
use crate::input::read_text;
use crate::service::variable;
use crate::ui::Ui;
pub(crate) use output::WebhookOutput;

/// Environment variable of the webhook secret.
const SECRET_VAR: &str = "PYANNOTEAI_WEBHOOK_SECRET";

/// Receive webhooks of the service, and verify their signatures.
#[derive(Args)]
pub(crate) struct Webhook {
    #[command(subcommand)]
    command: WebhookCommand,
}

#[derive(Subcommand)]
enum WebhookCommand {
    Listen(Listen),
}

/// Receive webhooks on this machine, print them, and pass them on to another program.
///
/// Listens on the loopback address only: let a tunnel, which has the public https URL that the service needs, pass
/// requests on to it. Any path will do. The secret of the team is read from PYANNOTEAI_WEBHOOK_SECRET or from
/// --secret-file. Deliveries that are not authentic are answered with 401, and not passed on.
///
/// With --json, prints one object per line: first `{"event":"listening"}` with the URL, then one for each delivery, for
/// each rejected request, and for each delivery that was passed on.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pyannote webhook listen
  pyannote webhook listen --port 9000 --forward http://127.0.0.1:3000/hooks/pyannote
  pyannote webhook listen --secret-file secret.txt --json | jq -r 'select(.event == \"delivery\").jobId'")]
struct Listen {
    /// Port of the loopback address to listen on; 0 selects a free one.
    #[arg(long, value_name = "PORT", default_value_t = 8001)]
    port: u16,
    /// URL to send each authentic delivery to, with its headers and its body as they were received.
    #[arg(long, value_name = "URL")]
    forward: Option<String>,
    /// File with the webhook secret.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Print the bodies of authentic deliveries, too. They may contain voiceprints and transcripts.
    #[arg(long)]
    print_bodies: bool,
}

impl Webhook {
    pub(crate) fn run(self, ui: Ui, _global: &Global) -> Result<()> {
        match self.command {
            WebhookCommand::Listen(command) => listen::run(command, ui),
        }
    }
}

/// The webhook secret: never an argument, which other users of the machine could see.
fn secret(file: Option<&Path>) -> Result<SecretString> {
    let text = match file {
        Some(path) => read_text(path)?,
        None => variable(SECRET_VAR).ok_or_else(|| {
            Failure::usage("the webhook secret is missing").with_hint(format!(
                "copy it from the dashboard of pyannoteAI, and set {SECRET_VAR}, or pass --secret-file FILE"
            ))
        })?,
    };
    Ok(text.trim().to_owned().into())
}
