//! A client of live streams that can do everything wrong.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long a test waits for the server at most.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct LiveClient(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What a client received until the connection ended.
#[derive(Debug, PartialEq)]
pub(super) struct Received {
    pub(super) messages: Vec<Value>,
    /// Code and reason of the close frame. `None` if the connection was lost.
    pub(super) close: Option<(u16, String)>,
}

impl LiveClient {
    /// Connects. Returns the status of the response if the server does not upgrade the connection.
    pub(super) async fn connect(url: &str) -> Result<Self, u16> {
        match timeout(connect_async(url)).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    pub(super) async fn send(&mut self, message: Message) {
        timeout(self.0.send(message)).await.unwrap();
    }

    pub(super) async fn text(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    /// Sends so many chunks of 0.1 s, as fast as possible.
    pub(super) async fn audio(&mut self, chunks: usize) {
        for _ in 0..chunks {
            self.bytes(6_400).await;
        }
    }

    pub(super) async fn bytes(&mut self, bytes: usize) {
        self.send(Message::binary(vec![0; bytes])).await;
    }

    pub(super) async fn end(&mut self) {
        self.text(r#"{"type":"end_of_stream"}"#).await;
    }

    /// Receives the next JSON message.
    pub(super) async fn next(&mut self) -> Value {
        loop {
            match timeout(self.0.next()).await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) => {}
                message => panic!("{message:?}"),
            }
        }
    }

    /// Receives everything until the connection ends.
    pub(super) async fn rest(mut self) -> Received {
        let mut messages = Vec::new();
        let mut close = None;
        while let Some(Ok(message)) = timeout(self.0.next()).await {
            match message {
                Message::Text(text) => messages.push(serde_json::from_str(&text).unwrap()),
                Message::Close(frame) => {
                    close = frame.map(|frame| (frame.code.into(), frame.reason.to_string()));
                }
                _ => {}
            }
        }
        Received { messages, close }
    }

    /// The TCP connection, to break it.
    pub(super) fn into_tcp(self) -> TcpStream {
        match self.0.into_inner() {
            MaybeTlsStream::Plain(stream) => stream,
            _ => unreachable!("the test server has no TLS"),
        }
    }
}

async fn timeout<T>(future: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(TIMEOUT, future).await;
    result.expect("the server does not answer")
}
