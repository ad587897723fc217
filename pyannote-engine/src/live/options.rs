//! Options of a live diarization.

use std::time::Duration;

use crate::DiarizeError;

/// Options of [`Engine::live`](crate::Engine::live).
///
/// ```
/// use std::time::Duration;
/// use pyannote_engine::LiveOptions;
///
/// let options = LiveOptions::new().latency(Duration::from_secs(2)).max_speakers(2);
/// assert!(options.check().is_ok());
/// let error = options.max_speakers(9).check().unwrap_err();
/// assert_eq!(error.to_string(), "`max_speakers` must be 1 to 8: got 9");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LiveOptions {
    /// The maximum latency: see [`latency`](Self::latency).
    pub latency: Duration,
    /// The maximum number of speakers: see [`max_speakers`](Self::max_speakers).
    pub max_speakers: usize,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            latency: Duration::from_secs(1),
            max_speakers: Self::MAX_SPEAKERS,
        }
    }
}

impl LiveOptions {
    /// The shortest latency.
    pub const MIN_LATENCY: Duration = Duration::from_millis(200);
    /// The longest latency.
    pub const MAX_LATENCY: Duration = Duration::from_secs(5);
    /// The maximum number of speakers of a session.
    pub const MAX_SPEAKERS: usize = 8;

    /// The defaults: a latency of 1 s, and up to 8 speakers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how much audio may follow the time of an event before the event is returned: 0.2 to 5 s, by default 1 s.
    ///
    /// Up to 2 s, a longer latency gives more accurate events. Below 1 s, a shorter one takes more processor time.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Sets the maximum number of speakers: 1 to 8, by default 8.
    #[must_use]
    pub fn max_speakers(mut self, number: usize) -> Self {
        self.max_speakers = number;
        self
    }

    /// Checks the options. An [`Engine`](crate::Engine) does so before it calls its [`Diarizer`](crate::Diarizer).
    ///
    /// # Errors
    ///
    /// [`DiarizeError::InvalidOptions`] if an option is out of range.
    pub fn check(&self) -> Result<(), DiarizeError> {
        let invalid = |option, reason| Err(DiarizeError::InvalidOptions { option, reason });
        if !(Self::MIN_LATENCY..=Self::MAX_LATENCY).contains(&self.latency) {
            return invalid(
                "latency",
                format!("must be 0.2 to 5 s: got {:?}", self.latency),
            );
        }
        if !(1..=Self::MAX_SPEAKERS).contains(&self.max_speakers) {
            return invalid(
                "max_speakers",
                format!("must be 1 to 8: got {}", self.max_speakers),
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_out_of_range_have_errors_that_name_them() {
        let with_latency = |millis| LiveOptions::new().latency(Duration::from_millis(millis));
        let with_speakers = |number| LiveOptions::new().max_speakers(number);
        for valid in [
            LiveOptions::new(),
            with_latency(200),
            with_latency(5_000),
            with_speakers(1),
            with_speakers(8),
        ] {
            assert_eq!(valid.check(), Ok(()));
        }
        for (options, error) in [
            (with_latency(199), "`latency` must be 0.2 to 5 s: got 199ms"),
            (
                with_latency(5_001),
                "`latency` must be 0.2 to 5 s: got 5.001s",
            ),
            (with_speakers(0), "`max_speakers` must be 1 to 8: got 0"),
            (with_speakers(9), "`max_speakers` must be 1 to 8: got 9"),
        ] {
            assert_eq!(options.check().unwrap_err().to_string(), error);
        }
    }
}
