//! Errors of the command and its exit codes.

use std::fmt::{self, Write as _};
use std::io;
use std::path::Path;

use serde::Serialize;

/// The type of an error. Each has its exit code.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    not(feature = "api"),
    allow(
        dead_code,
        reason = "only commands that call the service fail in every way"
    )
)]
pub(crate) enum ErrorType {
    /// The command failed.
    Failed,
    /// The arguments are invalid.
    Usage,
    /// The API key is missing or not accepted, or the team has no credit.
    Access,
    /// A job may have been submitted and billed, but its id is unknown.
    OutcomeUnknown,
    /// Some recordings of a batch failed.
    Partial,
    /// The command was interrupted.
    Interrupted,
}

impl ErrorType {
    /// Returns the exit code.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Access => 3,
            Self::OutcomeUnknown => 4,
            Self::Partial => 5,
            Self::Interrupted => 130,
        }
    }
}

pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Why the command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error_type: ErrorType,
    /// What is wrong, with all causes, on one line.
    pub(crate) message: String,
    /// How to fix the problem, or how to go on.
    pub(crate) hint: Option<String>,
    /// The job that the error is about.
    pub(crate) job_id: Option<String>,
    /// The reader of standard output has closed it, so the error is not printed.
    is_closed_pipe: bool,
}

/// The JSON form of a [`Failure`], on standard error.
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(title = "Error")]
pub(crate) struct ErrorOutput<'a> {
    error: ErrorBody<'a>,
}

/// What went wrong.
#[derive(Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ErrorBody<'a> {
    /// The type of the error, which determines the exit code.
    #[serde(rename = "type")]
    error_type: ErrorType,
    exit_code: u8,
    message: &'a str,
    /// How to fix the problem, or how to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    /// The job that the error is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<&'a str>,
}

impl Failure {
    pub(crate) fn new(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self {
            error_type,
            message: message.into(),
            hint: None,
            job_id: None,
            is_closed_pipe: false,
        }
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorType::Failed, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorType::Usage, message)
    }

    /// The failure for `error`, with its causes.
    pub(crate) fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::failed(chain(error))
    }

    /// The error of writing to standard output.
    pub(crate) fn stdout(error: &io::Error) -> Self {
        Self {
            is_closed_pipe: error.kind() == io::ErrorKind::BrokenPipe,
            ..Self::failed(format!("cannot write to the standard output: {error}"))
        }
    }

    /// The error of reading a file or a folder.
    pub(crate) fn reading(path: &Path, error: &io::Error) -> Self {
        Self::failed(format!("cannot read {}: {error}", path.display()))
    }

    /// Adds what was being done: `context: message`.
    pub(crate) fn context(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// Adds how to fix the problem. An empty text adds nothing.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        if !hint.is_empty() {
            self.hint = Some(hint);
        }
        self
    }

    pub(crate) fn with_job(mut self, id: impl Into<String>) -> Self {
        self.job_id = Some(id.into());
        self
    }

    pub(crate) fn is_closed_pipe(&self) -> bool {
        self.is_closed_pipe
    }

    pub(crate) fn to_json(&self) -> ErrorOutput<'_> {
        ErrorOutput {
            error: ErrorBody {
                error_type: self.error_type,
                exit_code: self.error_type.exit_code(),
                message: &self.message,
                hint: self.hint.as_deref(),
                job_id: self.job_id.as_deref(),
            },
        }
    }
}

/// An error and its causes, on one line. Skips a cause that the message before it ends with.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.ends_with(&message) {
            let _ = write!(text, ": {message}");
        }
        cause = error.source();
    }
    text
}

macro_rules! failed_from {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::of(&error)
            }
        }
    )+};
}

failed_from!(
    io::Error,
    serde_json::Error,
    pyannote_core::rttm::WriteRttmError,
    pyannote_engine::DiarizeError,
    pyannote_engine::LoadError,
    pyannote_engine::SpoolError,
    pyannote_engine::VoiceprintError,
    pyannote_engine::assets::AssetsError,
    pyannote_engine::audio::AudioError,
);

#[cfg(feature = "api")]
impl From<pyannote::Error> for Failure {
    fn from(error: pyannote::Error) -> Self {
        use pyannote::ErrorKind;
        let error_type = match error.kind() {
            ErrorKind::Validation => ErrorType::Usage,
            ErrorKind::Unauthorized | ErrorKind::PaymentRequired | ErrorKind::Forbidden => {
                ErrorType::Access
            }
            ErrorKind::OutcomeUnknown => ErrorType::OutcomeUnknown,
            _ => ErrorType::Failed,
        };
        let mut failure = Self::new(error_type, in_words_of_the_command(format!("{error:#}")));
        failure.job_id = error.job_id().map(ToString::to_string);
        failure.hint = hint(&error);
        failure
    }
}

/// Replaces what the messages of the SDK say to programmers with words for users of the command.
#[cfg(feature = "api")]
pub(crate) fn in_words_of_the_command(message: String) -> String {
    [
        ("look in client.jobs() for a job", "look for a job"),
        (", and client.job(id) can wait for it again", ""),
        ("set it with its own method", "it has an option of its own"),
        ("; use https, or call .allow_insecure_http()", "; use https"),
        ("; set it with .api_key(key)", ""),
        ("; set a larger limit with .max_bytes()", ""),
        (
            "; check the certificates of `.root_certificate(pem_or_der)`",
            "",
        ),
        ("in `.proxy(url)`", "in the variable HTTPS_PROXY"),
        (
            "update the crate, or use check() and decode the body yourself",
            "update this command",
        ),
        (
            " unless `.keep_alive()` is set",
            " unless --keep-alive is set",
        ),
        (
            "; increase `.attempt_timeout(duration)` if it needs longer to start",
            "",
        ),
        (", or set a larger tolerance", ""),
        (
            "the body is passed as received, byte for byte, before any parsing",
            "the tunnel passes the body on as it received it, byte for byte",
        ),
        (
            " of the route; if outputs can be this large, set a larger DefaultBodyLimit",
            "",
        ),
    ]
    .iter()
    .fold(message, |message, (method, words)| {
        message.replace(method, words)
    })
}

/// The command that helps after an error of the service.
#[cfg(feature = "api")]
fn hint(error: &pyannote::Error) -> Option<String> {
    use pyannote::ErrorKind;
    match (error.kind(), error.job_id()) {
        (ErrorKind::Unauthorized, _) => Some("store another key with `pyannote login`".to_owned()),
        (ErrorKind::OutcomeUnknown, _) => {
            Some("look for the job with `pyannote jobs list` before you submit it again".to_owned())
        }
        (kind, Some(id)) if error.is_transient() || kind == ErrorKind::WaitTimeout => {
            Some(format!("to go on: pyannote jobs wait {id}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_its_own_exit_code() {
        let codes = [
            ErrorType::Failed,
            ErrorType::Usage,
            ErrorType::Access,
            ErrorType::OutcomeUnknown,
            ErrorType::Partial,
            ErrorType::Interrupted,
        ]
        .map(ErrorType::exit_code);
        assert_eq!(codes, [1, 2, 3, 4, 5, 130]);
    }

    /// Users of the command do not write Rust.
    #[cfg(feature = "api")]
    #[test]
    fn messages_have_no_words_for_programmers() {
        use pyannote::webhook::{EventRejection, VerifyError};

        let reason = "it has no status";
        for message in [
            pyannote::Client::builder().build().unwrap_err().to_string(),
            VerifyError::BadSignature.to_string(),
            VerifyError::TooOld {
                age: std::time::Duration::from_secs(600),
                tolerance: std::time::Duration::from_secs(300),
            }
            .to_string(),
            VerifyError::NotJson { line: 1, column: 2 }.to_string(),
            VerifyError::NotAnEvent { reason }.to_string(),
            EventRejection::TooLarge.to_string(),
        ] {
            let message = in_words_of_the_command(message);
            for word in [
                "()", "::", "crate", "Limit", "route", "(key)", "parsing", "set a",
            ] {
                assert!(!message.contains(word), "{word}: {message}");
            }
        }
    }

    #[test]
    fn a_cause_is_not_printed_twice() {
        let io = io::Error::other("disk on fire");
        assert_eq!(chain(&io), "disk on fire");
    }
}
