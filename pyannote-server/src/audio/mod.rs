//! Recordings for the workers: fetched by URL or read from the uploaded media, then decoded.

mod error;
mod fetch;
mod loader;
mod ssrf_guard;

pub use error::LoadError;
pub use fetch::{FetchConfig, Fetched, Fetcher};
pub use loader::{Loader, MediaFiles};
pub use ssrf_guard::is_private;
