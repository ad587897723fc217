//! The command `assets`, and downloads of models.

use std::io::Write as _;
use std::path::Path;

use pyannote_engine::assets::{AssetFile, Assets, AssetsError, Progress};

use super::ServeError;

/// The models cannot be downloaded.
#[derive(Debug, thiserror::Error)]
#[error("cannot download the models (to try again, run `{download_command}`)")]
pub(super) struct DownloadFailed {
    pub(super) download_command: String,
    pub(super) source: AssetsError,
}

/// Downloads the models and the sample recording unless they are there, and prints their folder and checksums to
/// standard output; with `transcription`, also the transcription model. `download_command` is as for [`serve`](super::serve).
///
/// # Errors
///
/// If they cannot be downloaded.
pub async fn assets(transcription: bool, download_command: &str) -> Result<(), ServeError> {
    let download = move || {
        let assets = Assets::locate()?;
        assets.ensure(&mut show_progress)?;
        let mut text = listing(assets.folder(), assets.files());
        if transcription {
            let whisper = assets.whisper();
            whisper.ensure(&mut show_progress)?;
            text += &listing(whisper.folder(), whisper.files());
        }
        Ok::<_, AssetsError>(text)
    };
    let text = tokio::task::spawn_blocking(download)
        .await?
        .map_err(|source| DownloadFailed {
            download_command: download_command.to_owned(),
            source,
        })?;
    let _ = write!(std::io::stdout(), "{text}");
    Ok(())
}

/// A folder, and the checksums of its files.
fn listing(folder: &Path, files: Option<Vec<AssetFile>>) -> String {
    let mut text = format!("{}\n", folder.display());
    for file in files.into_iter().flatten() {
        text += &format!("{}  {}\n", file.sha256, file.name);
    }
    text
}

/// Shows the progress of a download on standard error.
pub(super) fn show_progress(progress: Progress) {
    let _ = writeln!(std::io::stderr(), "{progress}");
}
