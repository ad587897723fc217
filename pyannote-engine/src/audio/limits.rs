//! How much of a recording is taken.

/// How much of a recording is taken. The defaults are the API's: 24 h of audio, 1 GiB of file.
///
/// ```
/// use pyannote_engine::audio::Limits;
///
/// let limits = Limits::default();
/// assert_eq!(limits.seconds, 86_400.0);
/// assert_eq!(limits.bytes, 1 << 30);
/// assert_eq!(limits.within(30.0).seconds, 30.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The longest recording, in seconds.
    pub seconds: f64,
    /// The largest file, in bytes.
    pub bytes: u64,
}

impl Limits {
    /// The same, but with recordings of at most these seconds.
    #[must_use]
    pub fn within(self, seconds: f64) -> Self {
        Self {
            seconds: self.seconds.min(seconds),
            ..self
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            seconds: 24.0 * 3600.0,
            bytes: 1 << 30,
        }
    }
}
