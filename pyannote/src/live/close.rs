//! Why streams end, as errors.

use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::error::{Error, ErrorKind};
use crate::redact::Excerpt;

/// Why a connection ended before the service has processed all audio.
#[derive(Debug)]
pub(super) enum Failure {
    /// The service closed it with this code and reason, after this message of type `error`.
    Closed {
        frame: Option<CloseFrame>,
        message: Option<String>,
    },
    /// It was lost.
    Lost(tokio_tungstenite::tungstenite::Error),
    /// The service sent nothing, or accepted nothing, for the stall timeout.
    Stalled,
    /// The service got all audio, and for the stall timeout it sent nothing but responses to pings.
    Unfinished,
    /// The next stream could not be created or connected to.
    Other(Error),
}

impl Failure {
    /// Whether a new stream may have more luck: the client did nothing wrong.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Closed { .. } => self.kind() != ErrorKind::StreamRejected,
            Self::Lost(_) | Self::Stalled | Self::Unfinished => true,
            Self::Other(error) => error.is_transient(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Closed { frame, .. } => match frame.as_ref().map(|frame| frame.code) {
                Some(CloseCode::Policy) => ErrorKind::StreamRejected,
                Some(_) => ErrorKind::StreamFailed,
                // The end of the connection without a reason.
                None => ErrorKind::Network,
            },
            Self::Lost(_) => ErrorKind::Network,
            Self::Stalled | Self::Unfinished => ErrorKind::Timeout,
            Self::Other(error) => error.kind(),
        }
    }

    pub(super) fn into_error(self) -> Error {
        let kind = self.kind();
        match self {
            Self::Closed { frame, message } => {
                let mut text = match kind {
                    ErrorKind::StreamRejected => {
                        "the service closed the live stream because of what it was sent; it accepts at most 5 s of audio \
                         ahead of real time, and a pause of at most 5 s unless `.keep_alive()` is set"
                    }
                    ErrorKind::StreamFailed => "the service closed the live stream before its end",
                    _ => "the connection of the live stream ended",
                }
                .to_owned();
                let reason = frame.as_ref().map(|frame| frame.reason.as_str());
                let reason = reason.filter(|reason| message.as_deref() != Some(reason));
                for said in [message.as_deref(), reason].into_iter().flatten() {
                    if !said.trim().is_empty() {
                        text.push_str(&format!("; it says: {}", Excerpt::new(said)));
                    }
                }
                let code = frame.map(|frame| u16::from(frame.code));
                if let Some(code) = code {
                    text.push_str(&format!(" (close code {code})"));
                }
                Error::new(kind, text).with_close_code(code)
            }
            Self::Lost(error) => {
                Error::new(kind, "the connection of the live stream was lost").with_source(error)
            }
            Self::Stalled => Error::new(
                kind,
                "the service stopped responding on the live stream, also to pings",
            ),
            Self::Unfinished => Error::new(
                kind,
                "the service responds to pings, but it neither closed the live stream after the end of the audio nor sent \
                 further events",
            ),
            Self::Other(error) => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_codes_become_kinds() {
        let closed = |code: Option<u16>, reason: &str, message: Option<&str>| Failure::Closed {
            frame: code.map(|code| CloseFrame {
                code: code.into(),
                reason: reason.into(),
            }),
            message: message.map(str::to_owned),
        };
        let mut lines = Vec::new();
        for (code, reason, message) in [
            (Some(1000), "", None),
            (Some(1001), "going away", None),
            (Some(1008), "no audio", None),
            (Some(1008), "", Some("Invalid chunk size")),
            (Some(1011), "internal", Some("out of memory")),
            (Some(4000), "token=abcdefghijkl", None),
            (None, "", None),
        ] {
            let failure = closed(code, reason, message);
            let is_transient = failure.is_transient();
            let error = failure.into_error();
            assert_eq!(error.close_code(), code);
            lines.push(format!("{:?} {is_transient}: {error}", error.kind()));
        }
        insta::assert_snapshot!(lines.join("\n"));
    }
}
