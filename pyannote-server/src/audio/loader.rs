//! Default audio source of the workers.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyannote_engine::audio::{
    AudioError, DecodeOptions, Ffmpeg, Limits, decode_channels, decode_with, header_duration,
};
use pyannote_engine::{CancelToken, Recording};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::failure::Failure;
use super::{FetchConfig, Fetcher, RecordingError};
use crate::disk_space::{MinFree, Reservation};
use crate::media::{MediaFile, MediaKey, MediaStore};
use crate::recording_file::TempFiles;
use crate::worker::{AudioSource, ChannelsFuture, DurationFuture, MAX_SHORT, RecordingFuture};

/// Maximum number of long recordings that are decoded at the same time.
const MAX_LONG_DECODES: usize = 2;

/// Future of uploaded media, or `None` if they were not uploaded or have been deleted.
pub type MediaFileFuture<'a> =
    Pin<Box<dyn Future<Output = io::Result<Option<MediaFile>>> + Send + 'a>>;

/// Uploaded media files. Implemented for [`MediaStore`], and for closures that return a path:
///
/// ```
/// use pyannote_server::audio::MediaFiles;
///
/// let files = |team: &str, key: &str| Some(std::path::Path::new("media").join(team).join(key));
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let file = files.file("team", "meeting.wav").await?;
/// assert!(file.is_some_and(|file| file.path().ends_with("team/meeting.wav")));
/// # std::io::Result::Ok(())
/// # })?;
/// # std::io::Result::Ok(())
/// ```
pub trait MediaFiles: Send + Sync + 'static {
    /// Returns a team's media as a file. `key` is the part after `media://`, unchecked: implementations must make sure
    /// that the file is one of the team's media.
    fn file<'a>(&'a self, team: &'a str, key: &'a str) -> MediaFileFuture<'a>;

    /// Whether the files are on this machine, so that [`file`](Self::file) takes no time. `true` unless implemented.
    fn are_local(&self) -> bool {
        true
    }
}

impl<F: Fn(&str, &str) -> Option<PathBuf> + Send + Sync + 'static> MediaFiles for F {
    fn file<'a>(&'a self, team: &'a str, key: &'a str) -> MediaFileFuture<'a> {
        let path = self(team, key);
        Box::pin(async { Ok(path.map(MediaFile::from)) })
    }
}

impl MediaFiles for MediaStore {
    fn file<'a>(&'a self, team: &'a str, key: &'a str) -> MediaFileFuture<'a> {
        Box::pin(async move {
            match MediaKey::new(key) {
                Ok(key) => self.find(team, &key).await,
                // Nothing was uploaded with an invalid key.
                Err(_) => Ok(None),
            }
        })
    }

    fn are_local(&self) -> bool {
        self.is_local()
    }
}

/// Loads recordings from uploaded media and http(s) URLs, and decodes them.
///
/// ```
/// use pyannote_server::audio::{FetchConfig, Loader};
///
/// let loader = Loader::new(|_: &str, _: &str| None, FetchConfig::default())?;
/// # Ok::<(), pyannote_server::audio::RecordingError>(())
/// ```
#[derive(Clone)]
pub struct Loader {
    media: Arc<dyn MediaFiles>,
    fetcher: Fetcher,
    limits: Limits,
    temp_files: TempFiles,
    ffmpeg: Ffmpeg,
    long_decodes: Arc<Semaphore>,
}

impl Loader {
    /// Creates a loader.
    ///
    /// # Errors
    ///
    /// See [`Fetcher::new`].
    pub fn new(media: impl MediaFiles, config: FetchConfig) -> Result<Self, RecordingError> {
        let limits = Limits {
            bytes: config.max_bytes,
            ..Limits::default()
        };
        Ok(Self {
            media: Arc::new(media),
            temp_files: config.temp_files(),
            fetcher: Fetcher::new(config)?,
            limits,
            ffmpeg: Ffmpeg::default(),
            long_decodes: Arc::new(Semaphore::new(MAX_LONG_DECODES)),
        })
    }

    /// Sets whether, and which, `ffmpeg` decodes what the engine cannot. Default: [`Ffmpeg::default`].
    #[must_use]
    pub fn ffmpeg(mut self, ffmpeg: Ffmpeg) -> Self {
        self.ffmpeg = ffmpeg;
        self
    }

    /// Loads the recording at a `media://` or http(s) URL, of at most `max_seconds` (default: 24 h, the limit of the
    /// API). Dropping the future cancels fetching and decoding.
    ///
    /// # Errors
    ///
    /// Returns [`RecordingError`] if the recording cannot be found, fetched or decoded, or is too long.
    ///
    /// ```
    /// use pyannote_server::audio::{FetchConfig, Loader};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), pyannote_server::audio::RecordingError> {
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
    ) -> Result<Recording, RecordingError> {
        let loaded = self.try_load(team, url, max_seconds, decode_with).await;
        loaded.map_err(|failure| failure.error)
    }

    /// Loads each channel of the recording alone, as [`load`](Self::load).
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub async fn load_channels(
        &self,
        team: &str,
        url: &str,
        max_seconds: Option<f64>,
    ) -> Result<Vec<Recording>, RecordingError> {
        let loaded = self.try_load(team, url, max_seconds, decode_channels).await;
        loaded.map_err(|failure| failure.error)
    }

    async fn try_load<T: Send + 'static>(
        &self,
        team: &str,
        url: &str,
        max_seconds: Option<f64>,
        decode: Decode<T>,
    ) -> Result<T, Failure> {
        let limits = match max_seconds {
            Some(seconds) => self.limits.max_seconds(seconds),
            None => self.limits,
        };
        let cancel = CancelToken::new();
        let _guard = cancel.cancel_on_drop();
        let mut options = DecodeOptions::new()
            .limits(limits)
            .cancel_token(&cancel)
            .ffmpeg(self.ffmpeg.clone())
            .on_ffmpeg(|reason| tracing::info!(reason, "decoding a recording with ffmpeg"));
        if let Some(folder) = &self.temp_files.folder {
            options = options.temporary_folder(folder);
        }
        let Some(key) = url.strip_prefix("media://") else {
            let file = self.fetcher.try_fetch(url).await?;
            let _turn = self.turn(file.path()).await;
            let options = self.limited_to_space(options);
            // The closure owns the file, which is deleted after decoding, even if the caller no longer waits.
            let decode = move || Ok(decode(file.path().to_owned(), &options)?);
            return Ok(run_blocking(decode).await?);
        };
        let file = self.media.file(team, key).await;
        let missing = RecordingError::NotUploaded(url.to_owned());
        let Some(file) = file.map_err(RecordingError::Media)? else {
            return Err(missing.into());
        };
        let _turn = self.turn(file.path()).await;
        let options = self.limited_to_space(options);
        Ok(run_blocking(move || decode_media(&file, &options, decode, missing)).await?)
    }

    /// Reserves space for the samples that are written to a temporary file.
    fn limited_to_space(&self, options: DecodeOptions) -> DecodeOptions {
        let Some(folder) = self.temp_files.folder.clone() else {
            return options;
        };
        let min_free = self.temp_files.min_free;
        let space = Mutex::new(None);
        options.check_space(move |bytes| {
            let mut space = space.lock().unwrap_or_else(PoisonError::into_inner);
            match ensure(&mut space, &folder, min_free, bytes) {
                Err(error) if error.kind() == io::ErrorKind::StorageFull => false,
                // Writing reports a folder that cannot be used.
                _ => true,
            }
        })
    }

    /// Waits until a recording may be decoded, unless it is known to be short.
    async fn turn(&self, path: &Path) -> Option<SemaphorePermit<'_>> {
        match duration_of(path.to_owned()).await {
            Some(duration) if duration <= MAX_SHORT => None,
            _ => self.long_decodes.acquire().await.ok(),
        }
    }
}

impl std::fmt::Debug for Loader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loader")
            .field("fetcher", &self.fetcher)
            .field("limits", &self.limits)
            .field("ffmpeg", &self.ffmpeg)
            .finish_non_exhaustive()
    }
}

impl AudioSource for Loader {
    /// Reads the headers of uploaded media, if they are on this machine.
    fn duration<'a>(&'a self, team: &'a str, url: &'a str) -> DurationFuture<'a> {
        Box::pin(async move {
            let key = url
                .strip_prefix("media://")
                .filter(|_| self.media.are_local())?;
            let file = self.media.file(team, key).await.ok()??;
            duration_of(file.path().to_owned()).await
        })
    }

    fn recording<'a>(
        &'a self,
        team: &'a str,
        url: &'a str,
        max_seconds: Option<f64>,
    ) -> RecordingFuture<'a> {
        Box::pin(async move { Ok(self.try_load(team, url, max_seconds, decode_with).await?) })
    }

    fn channels<'a>(
        &'a self,
        team: &'a str,
        url: &'a str,
        max_seconds: Option<f64>,
    ) -> ChannelsFuture<'a> {
        Box::pin(async move {
            Ok(self
                .try_load(team, url, max_seconds, decode_channels)
                .await?)
        })
    }
}

/// Reserves space for `bytes` that are written now.
fn ensure(
    space: &mut Option<Reservation>,
    folder: &Path,
    min_free: MinFree,
    bytes: u64,
) -> io::Result<()> {
    let space = match space {
        Some(space) => space,
        None => space.insert(Reservation::new(folder, min_free, 0)?),
    };
    space.ensure(bytes)?;
    space.written(bytes);
    Ok(())
}

/// A function that decodes a file.
type Decode<T> = fn(PathBuf, &DecodeOptions) -> Result<T, AudioError>;

/// Decodes uploaded media, which may have been deleted since they were found.
fn decode_media<T>(
    file: &MediaFile,
    options: &DecodeOptions,
    decode: Decode<T>,
    missing: RecordingError,
) -> Result<T, RecordingError> {
    match decode(file.path().to_owned(), options) {
        Err(AudioError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Err(missing),
        result => Ok(result?),
    }
}

/// The duration in the header of a file, if there is one.
async fn duration_of(path: PathBuf) -> Option<Duration> {
    let duration = run_blocking(move || Ok(header_duration(&path)?)).await;
    Duration::try_from_secs_f64(duration.ok()??).ok()
}

/// Runs blocking work on another thread. Turns a panic into an error.
async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RecordingError> + Send + 'static,
) -> Result<T, RecordingError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(AudioError::DecoderFailed.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_a_panic_into_an_error() {
        let result = run_blocking::<()>(|| panic!("malformed file")).await;
        assert!(matches!(
            result,
            Err(RecordingError::Audio(AudioError::DecoderFailed))
        ));
    }
}
