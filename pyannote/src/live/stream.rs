//! Streams: created, and their status.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Live;
use super::driver::Driver;
use super::session::LiveSession;
use super::websocket::{self, SocketUrl};
use crate::error::{Error, ErrorKind};
use crate::job::id::path_segment;
use crate::open_enum::open_enum;
use crate::transport::{ApiResponse, Endpoint, Executor};

/// The id of a live stream.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(transparent)]
pub struct StreamId(String);

impl StreamId {
    /// Returns the id as the service spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for StreamId {
    fn from(id: &str) -> Self {
        // An id that was read from a file often ends with a line break.
        Self(id.trim().to_owned())
    }
}

open_enum! {
    /// The status of a live stream.
    StreamStatus {
        /// No audio has arrived.
        Created = "created",
        /// Audio is being processed.
        Running = "running",
        /// All audio was processed.
        Done = "done",
        /// Ended with an error.
        Error = "error",
        ..
        /// A status that this version does not know.
        Other,
    }
}

/// What the service knows about a live stream.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct StreamInfo {
    /// The id.
    pub id: StreamId,
    /// The status, if the service says it.
    #[serde(default)]
    pub status: Option<StreamStatus>,
    /// When the first audio arrived.
    #[serde(default)]
    pub started_at: Option<DateTime<Utc>>,
    /// When the stream ended.
    #[serde(default)]
    pub completed_at: Option<DateTime<Utc>>,
}

/// A stream that exists, but to which nothing is connected.
#[derive(Debug)]
pub struct LiveStream {
    id: StreamId,
    url: SocketUrl,
    live: Live,
}

#[derive(Deserialize)]
struct CreatedStream {
    id: StreamId,
    url: String,
}

impl LiveStream {
    pub(super) async fn create(live: &Live) -> Result<Self, Error> {
        let (id, url) = create(&live.executor).await?;
        let live = live.clone();
        Ok(Self { id, url, live })
    }

    /// Returns the id of the stream.
    #[must_use]
    pub fn id(&self) -> &StreamId {
        &self.id
    }

    /// Connects. Returns when the service is ready for audio, which may take seconds: up to the client's
    /// [attempt timeout](crate::ClientBuilder::attempt_timeout).
    ///
    /// # Errors
    ///
    /// Those of a request. A token is valid once, so that a stream cannot be connected to again after an error.
    pub async fn connect(self) -> Result<LiveSession, Error> {
        let Self { id, url, live } = self;
        let socket = websocket::open(&live.executor, &url).await?;
        let (driver, session) = Driver::new(id, url, live.executor, live.settings);
        tokio::spawn(driver.run(socket));
        Ok(session)
    }
}

/// Creates a stream.
pub(super) async fn create(executor: &Arc<Executor>) -> Result<(StreamId, SocketUrl), Error> {
    let response = executor
        .call(Endpoint::CreateStream, "", &[], Some(b"{}".to_vec()))
        .await?;
    let created: CreatedStream = response.decode()?;
    let url = SocketUrl::parse(&created.url, executor.settings.allow_insecure_http)?;
    Ok((created.id, url))
}

/// Reads the status of a stream.
pub(super) async fn status(executor: &Arc<Executor>, id: &StreamId) -> Result<StreamInfo, Error> {
    let Some(segment) = path_segment(&id.0) else {
        return Err(Error::new(
            ErrorKind::NotFound,
            "the id of the stream is empty",
        ));
    };
    let decode = |response: &ApiResponse| response.decode();
    executor
        .read(Endpoint::GetStream, &segment, &[], decode)
        .await
}
