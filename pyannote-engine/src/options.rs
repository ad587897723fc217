//! Options of one run: the number of speakers, cancellation and progress.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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

    /// Asks the run to end. It returns [`DiarizeError::Cancelled`](crate::DiarizeError::Cancelled) shortly afterwards.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
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

    /// Sets the exact number of speakers.
    #[must_use]
    pub fn num_speakers(self, number: usize) -> Self {
        self.bounds(SpeakerBounds::exactly(number))
    }

    /// Sets the minimum number of speakers.
    #[must_use]
    pub fn min_speakers(mut self, number: usize) -> Self {
        self.bounds.min = Some(number);
        self
    }

    /// Sets the maximum number of speakers. A maximum below the minimum is raised to it.
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

    /// The bounds on the number of speakers: the maximum is never below the minimum.
    #[must_use]
    pub fn speaker_bounds(&self) -> SpeakerBounds {
        let SpeakerBounds { min, max } = self.bounds;
        SpeakerBounds {
            min,
            max: max.map(|max| max.max(min.unwrap_or(max))),
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
            .field("cancel", &self.cancel)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maximum_is_never_below_minimum() {
        let bounds = |options: Options<'_>| {
            let SpeakerBounds { min, max } = options.speaker_bounds();
            (min, max)
        };
        assert_eq!(bounds(Options::new()), (None, None));
        assert_eq!(bounds(Options::new().num_speakers(2)), (Some(2), Some(2)));
        assert_eq!(bounds(Options::new().max_speakers(2)), (None, Some(2)));
        let contradictory = Options::new().min_speakers(4).max_speakers(2);
        assert_eq!(bounds(contradictory), (Some(4), Some(4)));
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
