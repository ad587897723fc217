//! Options of one run: the number of speakers, sensitivities, cancellation and progress.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::DiarizeError;

/// Maximum value of the bounds on the number of speakers.
const MAX_SPEAKERS: usize = 10_000;
/// The range of a sensitivity.
const SENSITIVITY: RangeInclusive<f64> = -5.0..=5.0;

/// Bounds on the number of speakers. The default has none: the number is estimated.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SpeakerBounds {
    /// The minimum number of speakers.
    pub min: Option<usize>,
    /// The maximum number of speakers.
    pub max: Option<usize>,
}

impl SpeakerBounds {
    /// Exactly `number` speakers.
    #[must_use]
    pub fn exactly(number: usize) -> Self {
        Self {
            min: Some(number),
            max: Some(number),
        }
    }
}

/// How readily speech and overlapping speech are found, -5..5. The default, 0, is the balance that the models were
/// tuned for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sensitivity {
    /// Of speech detection: the higher, the more speech is found.
    pub vad: f64,
    /// Of the detection of overlapping speech: the higher, the more overlap is found.
    pub crosstalk: f64,
}

/// Cancels a run from another thread. Clones share the state.
///
/// ```
/// use pyannote_engine::CancelToken;
///
/// let token = CancelToken::new();
/// let clone = token.clone();
/// std::thread::spawn(move || clone.cancel()).join().unwrap();
/// assert!(token.is_cancelled());
/// ```
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token that is not cancelled yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the run to end. It returns [`DiarizeError::Cancelled`] shortly afterwards.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Fails if [`cancel`](Self::cancel) was called.
    #[cfg(feature = "models")]
    pub(crate) fn check(&self) -> Result<(), DiarizeError> {
        match self.is_cancelled() {
            true => Err(DiarizeError::Cancelled),
            false => Ok(()),
        }
    }

    /// Returns a guard that cancels the run when it is dropped, for example with the future that waits for the run.
    ///
    /// ```
    /// use pyannote_engine::CancelToken;
    ///
    /// let token = CancelToken::new();
    /// drop(token.cancel_on_drop());
    /// assert!(token.is_cancelled());
    /// ```
    #[must_use = "dropping the guard cancels the run"]
    pub fn cancel_on_drop(&self) -> CancelGuard {
        CancelGuard(self.clone())
    }
}

/// Cancels a run when it is dropped. See [`CancelToken::cancel_on_drop`].
#[derive(Debug)]
pub struct CancelGuard(CancelToken);

impl Drop for CancelGuard {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Options of one run of an [`Engine`](crate::Engine) or a [`Diarizer`](crate::Diarizer).
///
/// ```
/// use pyannote_engine::{CancelToken, Options};
///
/// let token = CancelToken::new();
/// let options = Options::new()
///     .min_speakers(2)
///     .max_speakers(5)
///     .cancel_token(&token)
///     .on_progress(|fraction| eprintln!("{:.0} %", 100.0 * fraction));
/// assert_eq!(options.speaker_bounds().max, Some(5));
/// ```
#[derive(Default)]
pub struct Options<'a> {
    bounds: SpeakerBounds,
    sensitivity: Sensitivity,
    is_accurate: bool,
    cancel: CancelToken,
    on_progress: Option<Box<dyn FnMut(f64) + 'a>>,
    /// The last fraction reported.
    reported: f64,
}

impl<'a> Options<'a> {
    /// The defaults: the number of speakers is estimated, nothing cancels the run, and progress is not reported.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the exact number of speakers: both bounds, 1 to 10,000. There are fewer, and a warning, if the recording
    /// has too little speech for so many, or if they are more than the models look for: 250 with community-1.
    #[must_use]
    pub fn num_speakers(self, number: usize) -> Self {
        self.bounds(SpeakerBounds::exactly(number))
    }

    /// Sets the minimum number of speakers, 1 to 10,000.
    #[must_use]
    pub fn min_speakers(mut self, number: usize) -> Self {
        self.bounds.min = Some(number);
        self
    }

    /// Sets the maximum number of speakers, 1 to 10,000 and not below the minimum.
    #[must_use]
    pub fn max_speakers(mut self, number: usize) -> Self {
        self.bounds.max = Some(number);
        self
    }

    /// Sets both bounds on the number of speakers.
    #[must_use]
    pub fn bounds(mut self, bounds: SpeakerBounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Sets the sensitivity of speech detection, -5..5. The higher it is, the more speech is found; the default is 0.
    ///
    /// It is added to the log-odds of speech in each frame: with 1, speech is found from a probability of 27 % instead
    /// of 50 %; with 5, from 0.7 %; with -5, from 99.3 %.
    #[must_use]
    pub fn vad_sensitivity(mut self, sensitivity: f64) -> Self {
        self.sensitivity.vad = sensitivity;
        self
    }

    /// Sets the sensitivity of the detection of overlapping speech, -5..5. The higher it is, the more overlap is found;
    /// the default is 0.
    ///
    /// It is added to the log-odds of overlap in each frame. See [`vad_sensitivity`](Self::vad_sensitivity).
    #[must_use]
    pub fn crosstalk_sensitivity(mut self, sensitivity: f64) -> Self {
        self.sensitivity.crosstalk = sensitivity;
        self
    }

    /// Sets both sensitivities.
    #[must_use]
    pub fn sensitivity(mut self, sensitivity: Sensitivity) -> Self {
        self.sensitivity = sensitivity;
        self
    }

    /// Sets whether segmentation windows follow each other every 0.6 s instead of 2.5 s. The default is `false`.
    ///
    /// With the open models, it takes 2.2 times the processor time. On two pairs of excerpts that no parameter was tuned
    /// on, the error rate was 2.3 and 2.7 percentage points lower (21.1 instead of 23.4 %, 46.1 instead of 48.8 %). On
    /// those that the parameters were tuned on, with the longer hop, it was 2.3 points higher (27.0 instead of 24.7 %).
    /// Longer recordings gain or lose as much. Try it on recordings of your own: `pyannote score` compares results with
    /// references.
    ///
    /// ```
    /// use pyannote_engine::Options;
    ///
    /// assert!(Options::new().accurate(true).is_accurate());
    /// ```
    #[must_use]
    pub fn accurate(mut self, is_accurate: bool) -> Self {
        self.is_accurate = is_accurate;
        self
    }

    /// Lets `token` cancel the run.
    #[must_use]
    pub fn cancel_token(mut self, token: &CancelToken) -> Self {
        self.cancel = token.clone();
        self
    }

    /// Calls `callback` with the completed fraction of the work, 0 to 1.
    ///
    /// The fraction never decreases, and is 1 at the end of a successful run. The callback runs on the calling thread,
    /// between units of work of about a second, and should return quickly.
    #[must_use]
    pub fn on_progress(mut self, callback: impl FnMut(f64) + 'a) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }

    /// The bounds on the number of speakers.
    #[must_use]
    pub fn speaker_bounds(&self) -> SpeakerBounds {
        self.bounds
    }

    /// How readily speech and overlapping speech are found.
    #[must_use]
    pub fn speech_sensitivity(&self) -> Sensitivity {
        self.sensitivity
    }

    /// Whether to take more time to be more accurate. A [`Diarizer`](crate::Diarizer) without this choice ignores it.
    #[must_use]
    pub fn is_accurate(&self) -> bool {
        self.is_accurate
    }

    /// Checks the bounds on the number of speakers and the sensitivities. An [`Engine`](crate::Engine) does so before
    /// it calls its [`Diarizer`](crate::Diarizer).
    ///
    /// ```
    /// use pyannote_engine::Options;
    ///
    /// assert!(Options::new().min_speakers(2).max_speakers(5).check().is_ok());
    /// let error = Options::new().min_speakers(5).max_speakers(2).check().unwrap_err();
    /// assert_eq!(error.to_string(), "`max_speakers` must be at least `min_speakers`: got 2 and 5");
    /// ```
    ///
    /// # Errors
    ///
    /// [`DiarizeError::InvalidOptions`] if a bound is 0 or above 10,000, if the maximum is below the minimum, or if a
    /// sensitivity is not from -5 to 5.
    pub fn check(&self) -> Result<(), DiarizeError> {
        let SpeakerBounds { min, max } = self.bounds;
        let names = match min == max {
            true => ["num_speakers"; 2],
            false => ["min_speakers", "max_speakers"],
        };
        for (name, bound) in names.into_iter().zip([min, max]) {
            if bound.is_some_and(|bound| !(1..=MAX_SPEAKERS).contains(&bound)) {
                return Err(DiarizeError::InvalidOptions {
                    option: name,
                    reason: "must be 1 to 10,000".to_owned(),
                });
            }
        }
        let Sensitivity { vad, crosstalk } = self.sensitivity;
        for (option, sensitivity) in [
            ("vad_sensitivity", vad),
            ("crosstalk_sensitivity", crosstalk),
        ] {
            if !SENSITIVITY.contains(&sensitivity) {
                return Err(DiarizeError::InvalidOptions {
                    option,
                    reason: "must be -5 to 5".to_owned(),
                });
            }
        }
        match (min, max) {
            (Some(min), Some(max)) if max < min => Err(DiarizeError::InvalidOptions {
                option: "max_speakers",
                reason: format!("must be at least `min_speakers`: got {max} and {min}"),
            }),
            _ => Ok(()),
        }
    }

    /// The token that cancels the run. Long computations check it regularly.
    #[must_use]
    pub fn token(&self) -> &CancelToken {
        &self.cancel
    }

    /// Reports that this fraction of the work, 0 to 1, is complete. A fraction that is not above the last one is
    /// ignored.
    pub fn report(&mut self, fraction: f64) {
        let fraction = if fraction > 1.0 { 1.0 } else { fraction };
        if fraction > self.reported {
            self.reported = fraction;
            if let Some(callback) = &mut self.on_progress {
                callback(fraction);
            }
        }
    }
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("bounds", &self.bounds)
            .field("sensitivity", &self.sensitivity)
            .field("is_accurate", &self.is_accurate)
            .field("cancel", &self.cancel)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_bounds_have_errors_that_name_the_option() {
        let bounds = |options: Options<'_>| {
            let SpeakerBounds { min, max } = options.speaker_bounds();
            (min, max)
        };
        assert_eq!(bounds(Options::new()), (None, None));
        assert_eq!(bounds(Options::new().num_speakers(2)), (Some(2), Some(2)));
        assert_eq!(bounds(Options::new().max_speakers(2)), (None, Some(2)));
        let error = |options: Options<'_>| options.check().unwrap_err().to_string();
        for number in [0, 10_001, usize::MAX] {
            for (name, options) in [
                ("num_speakers", Options::new().num_speakers(number)),
                ("min_speakers", Options::new().min_speakers(number)),
                ("max_speakers", Options::new().max_speakers(number)),
            ] {
                assert_eq!(error(options), format!("`{name}` must be 1 to 10,000"));
            }
        }
        for contradictory in [
            Options::new().min_speakers(4).max_speakers(2),
            Options::new().num_speakers(2).min_speakers(4),
        ] {
            assert_eq!(
                error(contradictory),
                "`max_speakers` must be at least `min_speakers`: got 2 and 4"
            );
        }
        for valid in [
            Options::new(),
            Options::new().num_speakers(1),
            Options::new().min_speakers(10_000),
            Options::new().min_speakers(2).max_speakers(2),
        ] {
            assert_eq!(valid.check(), Ok(()));
        }
    }

    #[test]
    fn sensitivities_are_from_minus_five_to_five() {
        for value in [-5.0, -0.1, 0.0, 5.0] {
            let options = Options::new()
                .vad_sensitivity(value)
                .crosstalk_sensitivity(value);
            assert_eq!(options.check(), Ok(()), "{value}");
        }
        for value in [-5.1, 5.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for (name, options) in [
                ("vad_sensitivity", Options::new().vad_sensitivity(value)),
                (
                    "crosstalk_sensitivity",
                    Options::new().crosstalk_sensitivity(value),
                ),
            ] {
                let error = options.check().unwrap_err().to_string();
                assert_eq!(error, format!("`{name}` must be -5 to 5"), "{value}");
            }
        }
    }

    #[test]
    fn reported_progress_never_decreases() {
        let mut reported = Vec::new();
        let mut options = Options::new().on_progress(|fraction| reported.push(fraction));
        for fraction in [0.0, 0.25, 0.125, f64::NAN, -1.0, 0.5, 0.5, 7.0, 8.0] {
            options.report(fraction);
        }
        drop(options);
        assert_eq!(reported, [0.25, 0.5, 1.0]);
    }
}
