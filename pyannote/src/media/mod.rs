//! Recordings: where they are, how they get into the team's storage and out of it.
//!
//! The service hands out pre-signed URLs, and the bytes go to and come from the storage behind them. A pre-signed URL
//! is a secret, known to [`presigned`] alone; the API key never goes there.

mod allowance;
mod content_type;
mod download;
mod key;
mod presigned;
mod probe;
mod progress;
mod sending;
mod source;
mod storage;
mod target;
mod upload;
mod url;

pub use download::Download;
pub use source::UploadSource;
pub use upload::Upload;
pub use url::{AudioUrl, MediaUrl};

/// How much is read and sent at once, in bytes. What a transfer takes of memory is a few of these.
const CHUNK: usize = 128 * 1024;
