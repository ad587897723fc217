//! `pyannote media`: the recordings in the storage of the service.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pyannote::MediaUrl;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::Global;
use crate::error::{Failure, Result};
use crate::progress;
use crate::service;
use crate::ui::Ui;

/// Upload recordings to the service, and download them.
///
/// Recordings are private to the team, and deleted after 24 to 48 h.
#[derive(Args)]
pub(crate) struct Media {
    #[command(subcommand)]
    command: MediaCommand,
}

#[derive(Subcommand)]
enum MediaCommand {
    /// Upload a file, and print the media URL for use with other commands.
    Upload {
        /// File to upload.
        file: PathBuf,
        /// Key in the storage, such as calls/1.wav [default: derived from the content].
        #[arg(long)]
        key: Option<String>,
    },
    /// Download a recording.
    Download {
        /// Media URL, such as media://calls/1.wav.
        url: String,
        /// File to write [default: the last part of the key, in this directory].
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// A recording in the storage.
#[derive(JsonSchema, Serialize)]
#[schemars(title = "Media")]
#[serde(rename_all = "camelCase")]
pub(crate) struct MediaOutput {
    /// The media URL.
    url: String,
}

impl Media {
    pub(crate) fn run(self, ui: Ui, global: &Global) -> Result<()> {
        let client = service::connect(global)?;
        match self.command {
            MediaCommand::Upload { file, key } => {
                let upload = service::upload(&client, &file, key.as_deref(), ui);
                let url = service::block_on(upload)?.to_string();
                match ui.is_json() {
                    true => ui.print_json(&MediaOutput { url }),
                    false => ui.print(&format!("{url}\n")),
                }
            }
            MediaCommand::Download { url, output } => {
                let url: MediaUrl = url.parse()?;
                let name = url.key().rsplit('/').next().unwrap_or_default();
                let path = output.unwrap_or_else(|| name.into());
                if path.as_os_str().is_empty() {
                    return Err(Failure::usage("the key has no name; pass --output FILE"));
                }
                let bar = progress::bytes(ui, "downloading");
                let shown = bar.clone();
                let download = client
                    .download(&url, &path)
                    .on_progress(move |received, total| {
                        shown.set_length(total);
                        shown.set_position(received);
                    });
                let result = service::block_on(async { Ok(download.await?) });
                bar.finish_and_clear();
                let bytes = result?;
                ui.note(&format!("wrote {} ({bytes} bytes)", path.display()));
                Ok(())
            }
        }
    }
}
