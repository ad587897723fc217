//! Recordings for the service: uploads those on this machine.

use std::path::Path;

use pyannote::{AudioUrl, Client, MediaUrl};

use super::follow::interrupted;
use crate::error::{ErrorType, Failure, Result};
use crate::input::{Buffered, Input, check_file, is_pipe};
use crate::progress;
use crate::ui::Ui;

/// Returns the URL of a recording. Uploads a file first, unless the service has it already.
pub(crate) async fn provide(client: &Client, input: &Input, ui: Ui) -> Result<AudioUrl> {
    match input {
        Input::Url(url) => Ok(AudioUrl::from(url.as_str())),
        Input::File(path) if is_pipe(path) => {
            upload_buffered(client, &Buffered::of_pipe(path)?, ui).await
        }
        Input::File(path) => Ok(AudioUrl::from(&upload(client, path, None, ui).await?)),
        Input::Stdin => upload_buffered(client, &Buffered::of_stdin()?, ui).await,
    }
}

async fn upload_buffered(client: &Client, recording: &Buffered, ui: Ui) -> Result<AudioUrl> {
    match upload(client, recording.path(), None, ui).await {
        Ok(url) => Ok(AudioUrl::from(&url)),
        Err(failure) => Err(recording.named(failure)),
    }
}

/// Uploads a file, and shows the progress. Without a key, a file that the service has already is not uploaded again.
pub(crate) async fn upload(
    client: &Client,
    path: &Path,
    key: Option<&str>,
    ui: Ui,
) -> Result<MediaUrl> {
    check_file(path)?;
    let bar = progress::bytes(ui, "uploading");
    let shown = bar.clone();
    let upload = client.upload(path).on_progress(move |sent, total| {
        shown.set_length(total);
        shown.set_position(sent);
    });
    let upload = match key {
        Some(key) => upload.key(key),
        None => upload.skip_existing(true),
    };
    let result = tokio::select! {
        result = upload => result.map_err(Failure::from),
        () = interrupted() => Err(Failure::new(
            ErrorType::Interrupted,
            "interrupted during the upload; nothing was submitted",
        )),
    };
    bar.finish_and_clear();
    result
}
