//! Recordings for the workers: fetched from a URL or read from the uploaded media, then decoded.

mod content_encoding;
mod error;
mod failure;
mod fetch;
mod loader;
mod url_policy;

pub use crate::ssrf_guard::is_private_ip;
pub use error::RecordingError;
pub use fetch::{FetchConfig, FetchedFile, Fetcher};
pub use loader::{Loader, MediaFileFuture, MediaFiles};
