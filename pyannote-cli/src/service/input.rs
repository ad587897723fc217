//! Recordings for the service: uploads those on this machine.

use std::path::Path;

use pyannote::{AudioUrl, Client};

use crate::error::{Failure, Result};
use crate::input::Input;
use crate::progress;
use crate::ui::Ui;

/// Returns the URL of a recording. Uploads a file first, unless the service has it already.
pub(crate) async fn provide(client: &Client, input: &Input, ui: Ui) -> Result<AudioUrl> {
    match input {
        Input::Url(url) => Ok(AudioUrl::from(url.as_str())),
        Input::File(path) => upload(client, path, ui).await,
        Input::Stdin => {
            let file = crate::input::buffer_stdin()?;
            upload(client, file.path(), ui).await
        }
    }
}

async fn upload(client: &Client, path: &Path, ui: Ui) -> Result<AudioUrl> {
    let length = fs_err::metadata(path)?;
    if length.is_file() && length.len() == 0 {
        return Err(Failure::failed(format!("{} is empty", path.display())));
    }
    let bar = progress::bytes(ui, "uploading");
    let shown = bar.clone();
    let uploaded = client
        .upload(path)
        .skip_existing(true)
        .on_progress(move |sent, total| {
            shown.set_length(total);
            shown.set_position(sent);
        });
    let result = tokio::select! {
        result = uploaded => result.map_err(Failure::from),
        () = super::follow::interrupted() => Err(Failure::new(
            crate::error::ErrorType::Interrupted,
            "interrupted during the upload; nothing was submitted",
        )),
    };
    bar.finish_and_clear();
    Ok(AudioUrl::from(&result?))
}
