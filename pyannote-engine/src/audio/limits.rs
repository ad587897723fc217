//! Limits on recordings.

/// Limits on the duration and the size of recordings. The defaults are those of the pyannoteAI API: 24 hours and 1 GiB.
///
/// ```
/// use pyannote_engine::audio::Limits;
///
/// let limits = Limits::default();
/// assert_eq!(limits.seconds, 86_400.0);
/// assert_eq!(limits.bytes, 1 << 30);
/// assert_eq!(limits.max_seconds(30.0).seconds, 30.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Maximum duration, in seconds.
    pub seconds: f64,
    /// Maximum size of the file, in bytes.
    pub bytes: u64,
}

impl Limits {
    /// Lowers the maximum duration to `seconds`, if that is shorter.
    #[must_use]
    pub fn max_seconds(self, seconds: f64) -> Self {
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
