//! `pyannote media`: the recordings in the storage of the service.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use pyannote::MediaUrl;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::Global;
use crate::error::{ErrorType, Failure, Result};
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
    #[command(after_help = "\
Examples:
  pyannote media upload meeting.mp3
  pyannote media upload meeting.mp3 --key calls/1.mp3")]
    Upload {
        /// File to upload.
        file: PathBuf,
        /// Key in the storage, such as calls/1.wav [default: derived from the content].
        #[arg(long)]
        key: Option<String>,
    },
    /// Download a recording.
    #[command(after_help = "\
Examples:
  pyannote media download media://calls/1.mp3
  pyannote media download media://calls/1.mp3 -o meeting.mp3")]
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

/// A recording that was downloaded.
#[derive(JsonSchema, Serialize)]
#[schemars(title = "Download")]
#[serde(rename_all = "camelCase")]
pub(crate) struct DownloadOutput {
    /// The file.
    path: String,
    bytes: u64,
}

impl Media {
    pub(crate) fn run(self, ui: Ui, global: &Global) -> Result<()> {
        if global.show_code {
            return ui.print(&self.command.code(global)?);
        }
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
                let path = download_path(&url, output.as_deref())?;
                let bar = progress::bytes(ui, "downloading");
                let shown = bar.clone();
                let download = client
                    .download(&url, &path)
                    .on_progress(move |received, total| {
                        shown.set_length(total);
                        shown.set_position(received);
                    });
                let result = service::block_on(async {
                    tokio::select! {
                        bytes = download => Ok(bytes?),
                        () = service::interrupted() => Err(Failure::new(
                            ErrorType::Interrupted,
                            "interrupted during the download; no file was written",
                        )),
                    }
                });
                bar.finish_and_clear();
                let bytes = result?;
                if ui.is_json() {
                    return ui.print_json(&DownloadOutput {
                        path: path.display().to_string(),
                        bytes,
                    });
                }
                ui.note(&format!("wrote {} ({bytes} bytes)", path.display()));
                Ok(())
            }
        }
    }
}

impl MediaCommand {
    fn code(&self, global: &Global) -> Result<String> {
        let mut program = service::Program::new(global)?;
        match self {
            Self::Upload { file, key } => {
                let file = file.display().to_string();
                let calls = [
                    format!(".upload({file:?})"),
                    match key {
                        Some(key) => format!(".key({key:?})"),
                        None => ".skip_existing(true)".to_owned(),
                    },
                    ".await?;".to_owned(),
                ];
                program.chain("let media = client", &calls);
                program.line(r#"println!("{media}");"#);
            }
            Self::Download { url, output } => {
                let url: MediaUrl = url.parse()?;
                let path = download_path(&url, output.as_deref())?
                    .display()
                    .to_string();
                program.import("pyannote::MediaUrl");
                program.line(&format!(
                    "let media: MediaUrl = {:?}.parse()?;",
                    url.as_str()
                ));
                program.line(&format!("client.download(&media, {path:?}).await?;"));
            }
        }
        Ok(program.finish())
    }
}

/// The file of a download.
fn download_path(url: &MediaUrl, output: Option<&Path>) -> Result<PathBuf> {
    let name = url.key().rsplit('/').next().unwrap_or_default();
    match output {
        Some(path) => Ok(path.to_owned()),
        None if name.is_empty() => Err(Failure::usage("the key has no name; pass --output FILE")),
        None => Ok(name.into()),
    }
}
