//! A live service for tests: it creates streams, and each connection follows a script.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test cannot continue without its service"
)]

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_async};

/// The token in the URL of each stream.
pub const TOKEN: &str = "single-use-token-0123456789";

/// What a connection does next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Reads until this many frames have arrived.
    Frames(usize),
    /// Reads until the end of the stream.
    End,
    /// Sends a text.
    Send(String),
    /// Closes with a code and a reason.
    Close(u16, &'static str),
    /// Ends the connection without closing it.
    Drop,
    /// Does nothing more but respond to pings.
    Idle,
    /// Does nothing more, not even respond to pings, but keeps the connection.
    Hang,
}

/// How a connection begins.
#[derive(Clone, Debug)]
pub enum Script {
    /// Opens the WebSocket, and follows the steps.
    Open(Vec<Step>),
    /// Sends this response instead.
    Refuse(String),
}

/// What arrived on a connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Received {
    /// The samples of all frames.
    pub samples: Vec<f32>,
    /// The sizes of frames, in bytes.
    pub frame_bytes: Vec<usize>,
    /// Texts.
    pub texts: Vec<String>,
    /// The headers of the handshake.
    pub head: String,
}

/// The service. It stops when the runtime ends.
#[derive(Clone, Debug)]
pub struct LiveService {
    url: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    scripts: Mutex<VecDeque<Script>>,
    received: Mutex<Vec<Received>>,
    /// The start of the URL of a stream, such as `ws://127.0.0.1:80`.
    socket_url: Mutex<String>,
    created: Mutex<Vec<String>>,
}

impl LiveService {
    /// Starts a service whose connections follow these scripts, one after another.
    ///
    /// # Panics
    ///
    /// If it cannot listen.
    pub async fn start(scripts: impl IntoIterator<Item = Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            scripts: Mutex::new(scripts.into_iter().collect()),
            received: Mutex::default(),
            socket_url: Mutex::new(format!("ws://{address}")),
            created: Mutex::default(),
        });
        let service = Self {
            url: format!("http://{address}"),
            shared: Arc::clone(&shared),
        };
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(connection(stream, Arc::clone(&shared)));
            }
        });
        service
    }

    /// The base URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sets the start of the URLs of streams, if the service is behind another address.
    ///
    /// # Panics
    ///
    /// If a connection panicked.
    pub fn set_socket_url(&self, url: impl Into<String>) {
        *self.shared.socket_url.lock().unwrap() = url.into();
    }

    /// What arrived so far, by connection.
    ///
    /// # Panics
    ///
    /// If a connection panicked.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// The requests for new streams: their headers and body.
    ///
    /// # Panics
    ///
    /// If a connection panicked.
    #[must_use]
    pub fn created(&self) -> Vec<String> {
        self.shared.created.lock().unwrap().clone()
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let mut start = [0; 4];
    while stream.peek(&mut start).await.unwrap() < start.len() {}
    match &start {
        b"POST" => respond(stream, &shared).await,
        b"GET " => web_socket(stream, &shared).await,
        other => panic!("unexpected request: {other:?}"),
    }
}

/// Responds to requests for new streams.
async fn respond(stream: TcpStream, shared: &Shared) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse().unwrap())
        });
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body).await.unwrap();
        let number = {
            let mut created = shared.created.lock().unwrap();
            created.push(head + &String::from_utf8(body).unwrap());
            created.len()
        };
        let url = shared.socket_url.lock().unwrap().clone();
        let body = format!(r#"{{"id":"stream-{number}","url":"{url}/live?token={TOKEN}"}}"#);
        let length = body.len();
        let response = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(response.as_bytes()).await.unwrap();
    }
}

/// Follows the next script.
async fn web_socket(mut stream: TcpStream, shared: &Shared) {
    let script = shared.scripts.lock().unwrap().pop_front();
    let index = {
        let mut received = shared.received.lock().unwrap();
        received.push(Received::default());
        received.len() - 1
    };
    let mut head = vec![0; 4096];
    let length = stream.peek(&mut head).await.unwrap();
    let record = |change: &dyn Fn(&mut Received)| {
        change(shared.received.lock().unwrap().get_mut(index).unwrap());
    };
    let head = String::from_utf8_lossy(&head[..length]).into_owned();
    record(&|received| received.head.clone_from(&head));
    let steps = match script.expect("a script for each connection") {
        Script::Open(steps) => steps,
        Script::Refuse(response) => {
            let mut head = vec![0; length];
            stream.read_exact(&mut head).await.unwrap();
            stream.write_all(response.as_bytes()).await.unwrap();
            return;
        }
    };
    let mut socket = accept_async(stream).await.unwrap();
    let mut frames = 0;
    for step in steps {
        let until = match step {
            Step::Frames(count) => Some(count),
            Step::End => None,
            Step::Idle => {
                while let Some(Ok(_)) = socket.next().await {}
                return;
            }
            Step::Send(text) => {
                socket.send(Message::text(text)).await.unwrap();
                continue;
            }
            Step::Close(code, reason) => {
                close(socket, code, reason).await;
                return;
            }
            Step::Drop => return,
            Step::Hang => pending().await,
        };
        while until.is_none_or(|count| frames < count) {
            match socket.next().await {
                Some(Ok(Message::Binary(bytes))) => {
                    frames += 1;
                    record(&|received| {
                        received.frame_bytes.push(bytes.len());
                        let samples = bytes.chunks_exact(4);
                        let samples =
                            samples.map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
                        received.samples.extend(samples);
                    });
                }
                Some(Ok(Message::Text(text))) => {
                    record(&|received| received.texts.push(text.as_str().to_owned()));
                    if until.is_none() {
                        break;
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            }
        }
    }
    close(socket, 1000, "").await;
}

/// Closes, and waits for the client's response.
async fn close(mut socket: WebSocketStream<TcpStream>, code: u16, reason: &'static str) {
    let frame = CloseFrame {
        code: code.into(),
        reason: reason.into(),
    };
    if socket.close(Some(frame)).await.is_ok() {
        while let Some(Ok(_)) = socket.next().await {}
    }
}

/// The message that a speaker starts.
#[must_use]
pub fn speaker_start(time: f64, speaker: &str) -> Step {
    message("diarization_speaker_start", time, speaker)
}

/// The message that a speaker stops.
#[must_use]
pub fn speaker_end(time: f64, speaker: &str) -> Step {
    message("diarization_speaker_end", time, speaker)
}

fn message(kind: &str, time: f64, speaker: &str) -> Step {
    Step::Send(format!(
        r#"{{"type":"{kind}","data":{{"timestamp":{time},"speaker":"{speaker}"}}}}"#
    ))
}
