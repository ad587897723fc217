//! Reads the bodies of responses: at most a number of bytes, and never silently for longer than the stall timeout.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;

use super::clock::Clock;
use super::executor::{Executor, with_deadline};
use super::metrics::Counters;
use super::retry::Failure;

/// Memory reserved for a body of known length before its bytes arrive, since any length can be announced.
const MAX_RESERVED_BYTES: u64 = 1 << 20;

/// The body of a response.
#[derive(Debug)]
pub(crate) struct ResponseBody {
    response: Response,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
    stall_timeout: Duration,
    max_bytes: u64,
    received: u64,
}

/// Why a body could not be read.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// No byte arrived for the duration of the stall timeout.
    Stalled,
    /// It has more bytes than allowed, according to its announced length or to what arrived.
    TooLarge {
        /// The limit.
        max_bytes: u64,
    },
    /// The attempt timed out, or the connection was lost. The error does not contain the URL.
    Client(reqwest::Error),
}

impl BodyError {
    /// The failure of an attempt whose response cannot be read.
    pub(crate) fn failure(&self) -> Failure {
        match self {
            Self::Stalled => Failure::Stalled,
            Self::TooLarge { max_bytes } => Failure::TooLarge {
                max_bytes: *max_bytes,
            },
            Self::Client(error) if error.is_timeout() => Failure::Timeout,
            Self::Client(_) => Failure::IncompleteBody,
        }
    }
}

impl Executor {
    /// The body of a response of which at most `max_bytes` are read.
    pub(crate) fn body(&self, response: Response, max_bytes: u64) -> ResponseBody {
        ResponseBody {
            response,
            clock: Arc::clone(&self.settings.clock),
            counters: Arc::clone(&self.counters),
            stall_timeout: self.settings.stall_timeout,
            max_bytes,
            received: 0,
        }
    }
}

impl ResponseBody {
    /// The next bytes, or `None` at the end. After an error, the body cannot be read further.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        let too_large = BodyError::TooLarge {
            max_bytes: self.max_bytes,
        };
        // Checked before the first byte is read.
        if self.received == 0 && self.response.content_length() > Some(self.max_bytes) {
            return Err(too_large);
        }
        let deadline = self.clock.deadline(self.stall_timeout);
        let chunk = match with_deadline(self.response.chunk(), deadline).await {
            None => return Err(BodyError::Stalled),
            Some(Err(error)) => return Err(BodyError::Client(error.without_url())),
            Some(Ok(chunk)) => chunk,
        };
        if let Some(chunk) = &chunk {
            self.counters.received(chunk.len() as u64);
            self.received = self.received.saturating_add(chunk.len() as u64);
            if self.received > self.max_bytes {
                return Err(too_large);
            }
        }
        Ok(chunk)
    }

    /// The whole body, or what arrived of it before an error.
    pub(crate) async fn read(mut self) -> (Bytes, Option<BodyError>) {
        let announced = self.response.content_length().unwrap_or(0);
        let first = match self.chunk().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return (Bytes::new(), None),
            Err(error) => return (Bytes::new(), Some(error)),
        };
        let second = match self.chunk().await {
            Ok(Some(chunk)) => chunk,
            // The usual case: nothing is copied.
            Ok(None) => return (first, None),
            Err(error) => return (first, Some(error)),
        };
        let reserved = announced.min(MAX_RESERVED_BYTES) as usize;
        let mut body = BytesMut::with_capacity(reserved.max(first.len() + second.len()));
        body.extend_from_slice(&first);
        body.extend_from_slice(&second);
        drop((first, second));
        loop {
            match self.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return (body.freeze(), None),
                Err(error) => return (body.freeze(), Some(error)),
            }
        }
    }

    /// The start of the body, which ends at the limit or at the first failure: for explanations in errors.
    pub(crate) async fn start(mut self) -> Bytes {
        // An announced length beyond the limit does not matter here.
        let max_bytes = std::mem::replace(&mut self.max_bytes, u64::MAX);
        let mut body = BytesMut::new();
        while let Ok(Some(chunk)) = self.chunk().await {
            let missing = max_bytes.saturating_sub(body.len() as u64);
            let missing = usize::try_from(missing).unwrap_or(usize::MAX);
            body.extend_from_slice(&chunk[..chunk.len().min(missing)]);
            if body.len() as u64 >= max_bytes {
                break;
            }
        }
        body.freeze()
    }
}
