//! A proxy between a client and a server of the API that damages the exchange: bytes, timing and connections.
//!
//! [`FAULTS`] is the table of what it can do. Which fault a request gets is the choice of who starts the proxy; what
//! happened to each request is logged as an [`Exchange`].
#![expect(
    clippy::unwrap_used,
    reason = "a test cannot continue without its proxy"
)]

mod faults;
mod reply;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::http::{Bodies, Request, read};
pub use faults::{FAULTS, Fault, Injection, seeded};
use reply::{Framing, Reply};

/// What a request asks for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Operation {
    /// A POST, which creates a job.
    Submit,
    /// Reads one job.
    ReadJob,
    /// Reads a page of the listing.
    ListJobs,
    /// Anything that was sent to the place to which the redirects point: no client should follow them.
    OtherOrigin,
}

impl Operation {
    fn of(request: &Request) -> Self {
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", _) => Self::Submit,
            (_, "/v2/jobs") => Self::ListJobs,
            _ => Self::ReadJob,
        }
    }
}

/// A request and what happened to it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Exchange {
    /// When the request had been received, in milliseconds since 1970.
    pub at_ms: u64,
    /// What the request asked for.
    pub operation: Operation,
    /// The recording's URL in the submission, also for reads of the job that it created. Empty for the listing.
    pub audio: String,
    /// The name of the fault that was injected.
    pub fault: Option<String>,
    /// Whether the server received the request.
    pub forwarded: bool,
    /// How long the exchange took, in milliseconds.
    pub took_ms: u64,
    /// Why the server did not answer, which is never a fault of the table.
    pub server_error: Option<String>,
}

/// Chooses the fault of a request: of the `n`th request (from 0) for this operation and recording.
pub type Choose = Box<dyn Fn(Operation, &str, u64) -> Option<Injection> + Send + Sync>;

/// Receives each exchange when it has ended.
pub type Log = Box<dyn Fn(Exchange) + Send + Sync>;

/// A running proxy on a free port of 127.0.0.1. It runs until the runtime ends.
pub struct FaultProxy {
    url: String,
    shared: Arc<Shared>,
}

struct Shared {
    server: SocketAddr,
    /// URL of the listener to which the redirects point.
    other_origin: String,
    choose: Choose,
    log: Log,
    state: Mutex<State>,
}

struct State {
    /// Number of requests by operation and recording.
    counts: HashMap<(Operation, String), u64>,
    /// The recording of each job.
    audio_of_job: HashMap<String, String>,
    /// Submissions in progress, and when the last one ended.
    open_submissions: usize,
    last_submission: Instant,
}

impl FaultProxy {
    /// Starts a proxy to the server at this address.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub async fn start(server: SocketAddr, choose: Choose, log: Log) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let other_listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            server,
            other_origin: format!("http://{}", other_listener.local_addr()?),
            choose,
            log,
            state: Mutex::new(State {
                counts: HashMap::new(),
                audio_of_job: HashMap::new(),
                open_submissions: 0,
                last_submission: Instant::now(),
            }),
        });
        let accepting = Arc::clone(&shared);
        tokio::spawn(async move {
            loop {
                // Only a process without free file descriptors fails to accept; some may be closed soon.
                match listener.accept().await {
                    Ok((stream, _)) => drop(tokio::spawn(serve(stream, Arc::clone(&accepting)))),
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        });
        let trapping = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = other_listener.accept().await {
                drop(stream);
                (trapping.log)(Exchange {
                    at_ms: now_ms(),
                    operation: Operation::OtherOrigin,
                    audio: String::new(),
                    fault: None,
                    forwarded: false,
                    took_ms: 0,
                    server_error: None,
                });
            }
        });
        Ok(Self { url, shared })
    }

    /// The base URL for clients, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// For how long no submission has been in progress.
    #[must_use]
    pub fn quiet_time(&self) -> Duration {
        let state = self.shared.state.lock().unwrap();
        match state.open_submissions {
            0 => state.last_submission.elapsed(),
            _ => Duration::ZERO,
        }
    }
}

/// The time, in milliseconds since 1970.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

/// Serves one connection.
async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Otherwise a dripped body would be delayed further.
    let _ = stream.set_nodelay(true);
    let mut stream = BufReader::with_capacity(16 * 1024, stream);
    while let Some(request) = read(&mut stream, Bodies::Keep).await {
        if !request.complete || !shared.exchange(&mut stream, &request).await {
            return;
        }
    }
}

impl Shared {
    /// Handles a request. Returns whether the connection remains open.
    async fn exchange(&self, stream: &mut BufReader<TcpStream>, request: &Request) -> bool {
        let (at_ms, start) = (now_ms(), Instant::now());
        let operation = Operation::of(request);
        let (audio, n) = self.begin(operation, request);
        let injection = (self.choose)(operation, &audio, n);
        let forwarded = injection.is_none_or(|injection| injection.forwarded);
        let mut server_error = None;
        let mut reply = Reply::new(&self.other_origin, request);
        if forwarded {
            match self.forward(request, &mut reply).await {
                Ok(()) => self.remember(operation, &reply, &audio),
                Err(error) => {
                    server_error = Some(error.to_string());
                    reply.status(502);
                }
            }
        }
        if let Some(injection) = injection {
            (injection.fault.change)(&mut reply);
        }
        let stays_open = reply.send(stream).await;
        self.end(operation);
        (self.log)(Exchange {
            at_ms,
            operation,
            audio,
            fault: injection.map(|injection| injection.fault.name.to_owned()),
            forwarded,
            took_ms: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
            server_error,
        });
        stays_open
    }

    /// Counts a request. Returns its recording, and how many requests like it came before.
    fn begin(&self, operation: Operation, request: &Request) -> (String, u64) {
        let mut state = self.state.lock().unwrap();
        let audio = match operation {
            Operation::Submit => {
                state.open_submissions += 1;
                let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
                body["url"].as_str().unwrap_or_default().to_owned()
            }
            Operation::ReadJob => {
                let id = request.path.rsplit('/').next().unwrap_or_default();
                state.audio_of_job.get(id).cloned().unwrap_or_default()
            }
            Operation::ListJobs | Operation::OtherOrigin => String::new(),
        };
        let count = state.counts.entry((operation, audio.clone())).or_default();
        *count += 1;
        (audio, *count - 1)
    }

    fn end(&self, operation: Operation) {
        if operation == Operation::Submit {
            let mut state = self.state.lock().unwrap();
            state.open_submissions -= 1;
            state.last_submission = Instant::now();
        }
    }

    /// Remembers the recording of a job that the server created.
    fn remember(&self, operation: Operation, reply: &Reply, audio: &str) {
        if operation == Operation::Submit {
            let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            if let Some(id) = body["jobId"].as_str() {
                let mut state = self.state.lock().unwrap();
                state.audio_of_job.insert(id.to_owned(), audio.to_owned());
            }
        }
    }

    /// Sends the request to the server, and reads its response.
    ///
    /// As HTTP/1.0, so that the response is neither chunked nor followed by another.
    async fn forward(&self, request: &Request, reply: &mut Reply) -> io::Result<()> {
        let mut head = format!("{} HTTP/1.0\r\n", request.line()).into_bytes();
        for (name, value) in &request.headers {
            if name != http::header::CONNECTION {
                head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
            }
        }
        head.extend(b"connection: close\r\n\r\n");
        let mut stream = TcpStream::connect(self.server).await?;
        stream
            .write_all(&[&head, &request.body[..]].concat())
            .await?;
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await?;
        reply.read_from(&response)
    }
}
