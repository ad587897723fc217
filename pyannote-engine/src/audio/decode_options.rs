//! Options of decoding.

use std::fmt;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Ffmpeg, Limits};
use crate::recording::CheckSpace;
use crate::{CancelToken, RecordingWriter};

/// Options of decoding: the limits, the audio track, ffmpeg, and the folder of temporary files.
///
/// ```
/// use std::num::NonZero;
/// use pyannote_engine::audio::{DecodeOptions, Limits};
///
/// let second = NonZero::new(2).ok_or("no track 0")?;
/// let options = DecodeOptions::new()
///     .limits(Limits::default().max_seconds(30.0))
///     .track(second);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct DecodeOptions {
    pub(super) limits: Limits,
    pub(super) track: Option<NonZero<usize>>,
    /// Whether channels are kept apart instead of being downmixed.
    pub(super) separate: bool,
    pub(super) ffmpeg: Ffmpeg,
    pub(super) on_ffmpeg: Option<OnFfmpeg>,
    pub(super) temporary_folder: Option<PathBuf>,
    pub(super) check_space: Option<CheckSpace>,
    pub(super) cancel: CancelToken,
}

/// What is called if ffmpeg decodes a file.
#[derive(Clone)]
pub(super) struct OnFfmpeg(pub(super) Arc<dyn Fn(&str) + Send + Sync>);

impl fmt::Debug for OnFfmpeg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnFfmpeg")
    }
}

impl DecodeOptions {
    /// Returns the defaults: the default [`Limits`], the enabled or default audio track, and the default
    /// [`Ffmpeg`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the limits on the duration and the size.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Selects an audio track by its number among the audio tracks, from 1.
    ///
    /// The warning about tracks that are not decoded has the numbers. If there is no such track, decoding fails with
    /// [`AudioError::NoSuchTrack`](super::AudioError::NoSuchTrack).
    pub fn track(mut self, number: NonZero<usize>) -> Self {
        self.track = Some(number);
        self
    }

    /// Sets whether, and which, `ffmpeg` decodes what the decoders of this crate refuse. Default:
    /// [`Ffmpeg::default`].
    pub fn ffmpeg(mut self, ffmpeg: Ffmpeg) -> Self {
        self.ffmpeg = ffmpeg;
        self
    }

    /// Sets a function that is called with the reason if ffmpeg decodes a file, for a log: why the decoders of this crate
    /// refuse it.
    ///
    /// ```
    /// use pyannote_engine::audio::DecodeOptions;
    ///
    /// let options = DecodeOptions::new().on_ffmpeg(|reason| eprintln!("decoding with ffmpeg: {reason}"));
    /// ```
    pub fn on_ffmpeg(mut self, call: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.on_ffmpeg = Some(OnFfmpeg(Arc::new(call)));
        self
    }

    /// Sets the folder of the temporary files of recordings of more than 15 minutes: 230 MB per hour.
    ///
    /// The default is that of [`RecordingWriter::temporary_folder`].
    pub fn temporary_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.temporary_folder = Some(folder.into());
        self
    }

    /// Sets a function that decides whether there is space for more of these temporary files, as
    /// [`RecordingWriter::check_space`].
    pub fn check_space(mut self, call: impl Fn(u64) -> bool + Send + Sync + 'static) -> Self {
        self.check_space = Some(CheckSpace::new(call));
        self
    }

    /// Lets `token` cancel decoding, which then fails with [`AudioError::Cancelled`](super::AudioError::Cancelled).
    ///
    /// ```
    /// use pyannote_engine::CancelToken;
    /// use pyannote_engine::audio::DecodeOptions;
    ///
    /// let token = CancelToken::new();
    /// let options = DecodeOptions::new().cancel_token(&token);
    /// ```
    pub fn cancel_token(mut self, token: &CancelToken) -> Self {
        self.cancel = token.clone();
        self
    }

    /// Starts a recording whose samples go to the temporary folder if there are many.
    pub(super) fn writer(&self) -> RecordingWriter {
        let writer = RecordingWriter::new().shared_check_space(self.check_space.clone());
        match &self.temporary_folder {
            Some(folder) => writer.temporary_folder(folder),
            None => writer,
        }
    }
}
