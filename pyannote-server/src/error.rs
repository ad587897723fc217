//! Errors of starting a server, and formatting of error chains.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// Why a server or its workers cannot start. The message says how to fix it; the cause is in
/// [`source`](Error::source).
///
/// ```
/// use pyannote_server::{ScriptedEngine, Server, StartError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let error = Server::builder().engine(ScriptedEngine::new()).start().await.unwrap_err();
/// assert!(matches!(error, StartError::MissingKey));
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No engine was set.
    #[error("no engine is set: add one with `.engine(…)`")]
    MissingEngine,
    /// No API key was set.
    #[error("no API key is set: add one with `.key(…)`")]
    MissingKey,
    /// Workers without a server have no jobs to process.
    #[error(
        "workers need the jobs of a server: set its store with `.store(…)`, or its data directory with `.data_dir(…)`"
    )]
    MissingQueue,
    /// An API key contains characters that cannot be sent in a header, or is empty.
    #[error("an API key must be visible ASCII without spaces, and not empty")]
    InvalidKey,
    /// The operator's key contains characters that cannot be sent in a header, or is empty.
    #[error("the operator's key must be visible ASCII without spaces, and not empty")]
    InvalidOperatorKey,
    /// An API key was added twice, or is also the operator's.
    #[error("an API key was added twice, or is also the operator's key")]
    DuplicateKey,
    /// The team of an API key has an invalid name.
    #[error("invalid team name {0:?}: use 1 to 64 letters, digits, `-` and `_`")]
    InvalidTeam(String),
    /// The number of jobs at the same time is out of range.
    #[error(
        "the number of jobs at the same time must be 1 to {}",
        crate::config::MAX_LANES
    )]
    InvalidConcurrency,
    /// The address is reachable from other machines, which was not allowed.
    #[error(
        "{0} is reachable from other machines over plain http: call `.allow_public_bind()` to allow this"
    )]
    PublicAddress(SocketAddr),
    /// The secret to sign webhooks with is empty.
    #[error("the webhook secret is empty: set one, or none to send no webhooks")]
    EmptyWebhookSecret,
    /// The public URL is not the origin of an http(s) URL.
    #[error("the public URL must be an http(s) URL with nothing but a host and a port")]
    InvalidPublicUrl,
    /// The data directory cannot be created or opened.
    #[error("cannot open the data directory {}", path.display())]
    DataDir {
        /// Path of the directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The server cannot listen on the address, for example because it is in use.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The job store failed.
    #[error("cannot open the job store")]
    Store(#[from] StoreError),
    /// The HTTP client for recordings or webhooks cannot be created.
    #[error("cannot create an HTTP client")]
    HttpClient(#[source] Box<dyn Error + Send + Sync>),
}

impl StartError {
    pub(crate) fn data_dir(path: &Path, source: io::Error) -> Self {
        Self::DataDir {
            path: path.to_owned(),
            source,
        }
    }
}

/// Returns the message of a panic.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown cause")
}

/// Displays an error followed by its causes, separated by colons.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        let mut next = self.0.source();
        while let Some(cause) = next {
            let message = cause.to_string();
            // Some libraries, such as sqlx, repeat the cause in their message.
            if !text.ends_with(&message) {
                text += ": ";
                text += &message;
            }
            next = cause.source();
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chain_shows_each_cause_once() {
        let error = StartError::Listen {
            address: SocketAddr::from(([127, 0, 0, 1], 80)),
            source: io::Error::other("permission denied"),
        };
        let text = "cannot listen on 127.0.0.1:80: permission denied";
        assert_eq!(Chain(&error).to_string(), text);
        let error = StoreError::from(sqlx::Error::Io(io::Error::other("broken pipe")));
        let text = "database error: error communicating with database: broken pipe";
        assert_eq!(Chain(&error).to_string(), text);
    }
}
