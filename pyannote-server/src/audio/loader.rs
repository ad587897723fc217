//! Where the workers get recordings from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyannote_engine::Recording;
use pyannote_engine::audio::{AudioError, Limits, decode_within};

use super::{FetchConfig, Fetcher, LoadError};
use crate::worker::{AudioSource, RecordingFuture};

/// The uploaded media.
///
/// A closure is one:
///
/// ```
/// use pyannote_server::audio::MediaFiles;
///
/// let files = |team: &str, key: &str| Some(std::path::Path::new("media").join(team).join(key));
/// assert!(files.path("team", "meeting.wav").is_some());
/// ```
pub trait MediaFiles: Send + Sync + 'static {
    /// The file of a team's medium: none where it was never uploaded, or is gone. The key is what follows `media://`, as
    /// it was sent; to keep it within the team's folder is up to this.
    fn path(&self, team: &str, key: &str) -> Option<PathBuf>;
}

impl<F: Fn(&str, &str) -> Option<PathBuf> + Send + Sync + 'static> MediaFiles for F {
    fn path(&self, team: &str, key: &str) -> Option<PathBuf> {
        self(team, key)
    }
}

/// Finds recordings among the uploaded media or on the web, and decodes them.
///
/// ```
/// use pyannote_server::audio::{FetchConfig, Loader};
///
/// let loader = Loader::new(|_: &str, _: &str| None, FetchConfig::default())?;
/// # Ok::<(), pyannote_server::audio::LoadError>(())
/// ```
#[derive(Clone)]
pub struct Loader {
    media: Arc<dyn MediaFiles>,
    fetcher: Fetcher,
    limits: Limits,
}

impl Loader {
    /// A loader for these media, and for what is fetched so.
    ///
    /// # Errors
    ///
    /// As [`Fetcher::new`].
    pub fn new(media: impl MediaFiles, config: FetchConfig) -> Result<Self, LoadError> {
        let limits = Limits {
            bytes: config.max_bytes,
            ..Limits::default()
        };
        Ok(Self {
            media: Arc::new(media),
            fetcher: Fetcher::new(config)?,
            limits,
        })
    }

    /// The recording at a `media://` or http(s) URL, of at most `max_seconds`, or of the API's 24 h. The API takes
    /// voiceprints from 30 s at most.
    ///
    /// # Errors
    ///
    /// A [`LoadError`] that says why it cannot be heard.
    ///
    /// ```
    /// use pyannote_server::audio::{FetchConfig, Loader};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), pyannote_server::audio::LoadError> {
    /// let loader = Loader::new(|_: &str, _: &str| None, FetchConfig::default())?;
    /// let error = loader.load("team", "media://ada.wav", Some(30.0)).await.unwrap_err();
    /// assert_eq!(error.to_string(), "no recording was uploaded as media://ada.wav");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn load(
        &self,
        team: &str,
        url: &str,
        max_seconds: Option<f64>,
    ) -> Result<Recording, LoadError> {
        let limits = match max_seconds {
            Some(seconds) => self.limits.within(seconds),
            None => self.limits,
        };
        let Some(key) = url.strip_prefix("media://") else {
            let file = self.fetcher.fetch(url).await?;
            // The file goes along: it is removed when it was read, also where nobody waits for that any more.
            return apart(move || Ok(decode_within(file.path(), limits)?)).await;
        };
        let (media, team, key) = (Arc::clone(&self.media), team.to_owned(), key.to_owned());
        apart(move || {
            let missing = || LoadError::NotUploaded(format!("media://{key}"));
            let path = media.path(&team, &key).ok_or_else(missing)?;
            decode_medium(&path, limits, missing)
        })
        .await
    }
}

impl std::fmt::Debug for Loader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loader")
            .field("fetcher", &self.fetcher)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl AudioSource for Loader {
    fn recording<'a>(
        &'a self,
        team: &'a str,
        url: &'a str,
        max_seconds: Option<f64>,
    ) -> RecordingFuture<'a> {
        Box::pin(async move { Ok(self.load(team, url, max_seconds).await?) })
    }
}

/// Decodes an uploaded medium, which may be gone by now.
fn decode_medium(
    path: &Path,
    limits: Limits,
    missing: impl Fn() -> LoadError,
) -> Result<Recording, LoadError> {
    match decode_within(path, limits) {
        Err(AudioError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(missing())
        }
        result => Ok(result?),
    }
}

/// Does what blocks on a thread of its own. A panic there, which a decoder may be tricked into, stays there.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LoadError> + Send + 'static,
) -> Result<T, LoadError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(AudioError::DecoderFailed.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error() {
        let broken = apart::<()>(|| panic!("a decoder that was tricked")).await;
        assert!(matches!(
            broken,
            Err(LoadError::Audio(AudioError::DecoderFailed))
        ));
    }
}
