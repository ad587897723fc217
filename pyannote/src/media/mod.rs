//! Media: URLs of recordings, uploads to the team's private storage, and downloads from it.
//!
//! The service returns pre-signed URLs, and the bytes are sent to and read from the object storage behind them. A
//! pre-signed URL is a secret and stays inside [`presigned`]; the API key is never sent to it.

mod atomic_file;
mod chunks;
mod content_key;
mod content_type;
mod download;
mod exists;
mod presigned;
mod progress;
mod source;
mod stall;
mod storage_error;
mod transfer_timeout;
mod upload;
mod upload_body;
mod url;

pub use download::Download;
#[cfg(feature = "test-util")]
pub(crate) use presigned::PresignedUrl;
pub use source::UploadSource;
pub use upload::Upload;
pub(crate) use url::validate_audio_url;
pub use url::{AudioUrl, MediaUrl};

/// Size of the chunks in which recordings are read and sent. A transfer buffers a few of them in memory.
const CHUNK_BYTES: usize = 256 * 1024;
