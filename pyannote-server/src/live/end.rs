//! Why a stream ends: its final status, close code and message.

use std::borrow::Cow;
use std::time::Duration;

use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{CHUNK_SAMPLES, LiveLimits};
use crate::store::StreamStatus;

/// Why a stream ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// The client ended the audio, and all events were sent.
    Completed,
    /// A binary message with another size than that of a chunk.
    InvalidChunk { bytes: usize },
    /// Another message that is not part of the protocol, with the reason.
    InvalidMessage(&'static str),
    /// A message over the size limit, which is not read to its end.
    MessageTooLarge,
    /// A text message that is not UTF-8.
    NotUtf8,
    /// A violation of the WebSocket protocol itself.
    InvalidFrame,
    /// Too much audio ahead of real time.
    TooFast,
    /// No audio for too long.
    Idle,
    /// The maximum duration was reached.
    TooLong,
    /// The client does not accept messages, or sends nothing while it waits.
    Unresponsive,
    /// The client closed the connection before it ended the audio.
    ClosedByClient,
    /// The connection was lost.
    Disconnected,
    /// The engine failed.
    EngineFailed,
    /// The engine takes too long.
    EngineStalled,
    /// The server is stopping.
    ShuttingDown,
}

impl End {
    /// Returns the status of the stream.
    pub(super) fn status(&self) -> StreamStatus {
        match self {
            Self::Completed => StreamStatus::Done,
            _ => StreamStatus::Error,
        }
    }

    /// Returns the code to close the connection with; `None` if there is nobody to send it to.
    pub(super) fn close_code(&self) -> Option<CloseCode> {
        match self {
            Self::Completed | Self::ClosedByClient => Some(CloseCode::Normal),
            Self::InvalidChunk { .. }
            | Self::InvalidMessage(_)
            | Self::TooFast
            | Self::Idle
            | Self::TooLong => Some(CloseCode::Policy),
            Self::MessageTooLarge => Some(CloseCode::Size),
            Self::NotUtf8 => Some(CloseCode::Invalid),
            Self::InvalidFrame => Some(CloseCode::Protocol),
            Self::EngineFailed | Self::EngineStalled => Some(CloseCode::Error),
            Self::ShuttingDown => Some(CloseCode::Away),
            Self::Unresponsive | Self::Disconnected => None,
        }
    }

    /// Returns the text of the `error` message. It is also the reason of the close frame, which has at most 123 bytes.
    pub(super) fn message(&self, limits: &LiveLimits) -> Option<Cow<'static, str>> {
        let seconds = |duration: Duration| duration.as_secs_f64();
        Some(match self {
            Self::Completed | Self::ClosedByClient | Self::Unresponsive | Self::Disconnected => {
                return None;
            }
            Self::InvalidChunk { bytes } => format!(
                "Invalid chunk size: {bytes} bytes, expected {} (1600 f32 samples)",
                CHUNK_SAMPLES * 4
            )
            .into(),
            Self::InvalidMessage(reason) => format!("Invalid message: {reason}").into(),
            Self::MessageTooLarge => "Invalid chunk size: the message is too large".into(),
            Self::NotUtf8 => "Invalid message: not UTF-8".into(),
            Self::InvalidFrame => "Invalid WebSocket frame".into(),
            Self::TooFast => format!(
                "The audio is more than {} s ahead of real time",
                seconds(limits.max_ahead)
            )
            .into(),
            Self::Idle => format!("No audio for {} s", seconds(limits.idle_timeout)).into(),
            Self::TooLong => format!(
                "The stream has reached its maximum duration of {} s",
                seconds(limits.duration)
            )
            .into(),
            Self::EngineFailed => "Internal error".into(),
            Self::EngineStalled => "Internal error: the server is overloaded".into(),
            Self::ShuttingDown => "The server is stopping".into(),
        })
    }

    /// Returns the name of the reason in metrics and logs.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::InvalidChunk { .. } => "invalid_chunk",
            Self::InvalidMessage(_) => "invalid_message",
            Self::MessageTooLarge => "message_too_large",
            Self::NotUtf8 => "not_utf8",
            Self::InvalidFrame => "invalid_frame",
            Self::TooFast => "too_fast",
            Self::Idle => "idle",
            Self::TooLong => "too_long",
            Self::Unresponsive => "unresponsive",
            Self::ClosedByClient => "closed_by_client",
            Self::Disconnected => "disconnected",
            Self::EngineFailed => "engine_failed",
            Self::EngineStalled => "engine_stalled",
            Self::ShuttingDown => "shutting_down",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [End; 15] = [
        End::Completed,
        End::InvalidChunk { bytes: usize::MAX },
        End::InvalidMessage("missing or invalid type"),
        End::MessageTooLarge,
        End::NotUtf8,
        End::InvalidFrame,
        End::TooFast,
        End::Idle,
        End::TooLong,
        End::Unresponsive,
        End::ClosedByClient,
        End::Disconnected,
        End::EngineFailed,
        End::EngineStalled,
        End::ShuttingDown,
    ];

    #[test]
    fn ends_as_clients_see_them() {
        let limits = LiveLimits::default();
        let table: Vec<String> = ALL
            .iter()
            .map(|end| {
                let code = end
                    .close_code()
                    .map_or("-".to_owned(), |code| code.to_string());
                let message = end.message(&limits);
                assert!(message.as_deref().unwrap_or("").len() <= 123);
                let message = message
                    .as_deref()
                    .unwrap_or("-")
                    .replace(&usize::MAX.to_string(), "N");
                format!("{}: {} {code} {message}", end.name(), end.status().as_str())
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"));
    }
}
