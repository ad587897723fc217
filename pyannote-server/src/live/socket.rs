//! The WebSocket of a stream. Nothing waits for a client longer than the timeout.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::io::{AsyncWriteExt, copy, sink};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::end::End;

/// Maximum size of a message, in bytes: ten chunks, so that the size of most invalid ones can be reported.
const MAX_MESSAGE_BYTES: usize = 64_000;
/// Size of the buffers, in bytes.
const BUFFER_BYTES: usize = 16_000;
/// How long the client may take to close the connection after the close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct Socket {
    inner: WebSocketStream<TokioIo<Upgraded>>,
    timeout: Duration,
}

impl Socket {
    pub(super) async fn new(upgraded: Upgraded, timeout: Duration) -> Self {
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES))
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(4 * MAX_MESSAGE_BYTES);
        let io = TokioIo::new(upgraded);
        let inner = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        Self { inner, timeout }
    }

    /// Reads the next message.
    pub(super) async fn next(&mut self) -> Result<Message, End> {
        match self.inner.next().await {
            Some(Ok(message)) => Ok(message),
            Some(Err(error)) => Err(end_of_read(&error)),
            None => Err(End::Disconnected),
        }
    }

    /// Sends a JSON message.
    pub(super) async fn send(&mut self, message: &impl Serialize) -> Result<(), End> {
        // Serializing an event or a JSON value does not fail.
        let text = serde_json::to_string(message).unwrap_or_default();
        self.write(Message::Text(text.into())).await
    }

    pub(super) async fn ping(&mut self) -> Result<(), End> {
        self.write(Message::Ping(Default::default())).await
    }

    async fn write(&mut self, message: Message) -> Result<(), End> {
        match timeout(self.timeout, self.inner.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Disconnected),
            Err(_) => Err(End::Unresponsive),
        }
    }

    /// Closes the connection. What the client is still sending is read and dropped: closing a TCP connection with unread
    /// data would reset it, and the client might never see the close frame.
    pub(super) async fn close(mut self, code: CloseCode, reason: &str) {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        let closing = async {
            // Fails if the client has closed it first. Then, this sends the answer.
            let _ = self.inner.close(Some(frame)).await;
            while let Some(Ok(_)) = self.inner.next().await {}
            let io = self.inner.get_mut();
            let _ = io.shutdown().await;
            let _ = copy(io, &mut sink()).await;
        };
        let _ = timeout(CLOSE_TIMEOUT.min(self.timeout), closing).await;
    }
}

/// Why a stream ends whose connection cannot be read.
fn end_of_read(error: &Error) -> End {
    match error {
        Error::Capacity(_) => End::MessageTooLarge,
        Error::Utf8(_) => End::NotUtf8,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => End::Disconnected,
        Error::Protocol(_) => End::InvalidFrame,
        _ => End::Disconnected,
    }
}
