//! Options of one transcription: the language, cancellation and progress.

use crate::{CancelToken, Options};

/// Options of one transcription.
///
/// ```
/// use pyannote_engine::CancelToken;
/// use pyannote_engine::transcription::TranscriptionOptions;
///
/// let token = CancelToken::new();
/// let options = TranscriptionOptions::new()
///     .language("en")
///     .cancel_token(&token)
///     .on_progress(|fraction| eprintln!("{:.0} %", 100.0 * fraction));
/// ```
#[derive(Debug, Default)]
pub struct TranscriptionOptions<'a> {
    pub(super) language: Option<String>,
    /// Cancellation and progress.
    pub(super) run: Options<'a>,
}

impl<'a> TranscriptionOptions<'a> {
    /// The defaults: the language is detected, nothing cancels the run, and progress is not reported.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the language that is spoken, as a code that the model has, such as `en` or `de`.
    #[must_use]
    pub fn language(mut self, code: impl Into<String>) -> Self {
        self.language = Some(code.into());
        self
    }

    /// Lets `token` cancel the run.
    #[must_use]
    pub fn cancel_token(mut self, token: &CancelToken) -> Self {
        self.run = self.run.cancel_token(token);
        self
    }

    /// Calls `callback` with the completed fraction of the work, 0 to 1.
    ///
    /// The fraction never decreases, and is 1 at the end of a successful run. The callback runs on the calling thread,
    /// after each half minute of speech.
    #[must_use]
    pub fn on_progress(mut self, callback: impl FnMut(f64) + 'a) -> Self {
        self.run = self.run.on_progress(callback);
        self
    }

    /// The code of the language that is spoken, or `None` if it is to be detected.
    #[must_use]
    pub fn language_code(&self) -> Option<&str> {
        self.language.as_deref()
    }

    /// The token that cancels the run. Long computations check it regularly.
    #[must_use]
    pub fn token(&self) -> &CancelToken {
        self.run.token()
    }

    /// Reports that this fraction of the work, 0 to 1, is complete. A fraction that is not above the last one is
    /// ignored.
    pub fn report(&mut self, fraction: f64) {
        self.run.report(fraction);
    }
}
