//! Uploaded media, and the pre-signed URLs to upload and download them.

mod folder;
mod key;
mod presigned_url;

pub use folder::{MediaFolder, UploadOutcome};
pub use key::{MediaKey, MediaKeyError};
pub(crate) use presigned_url::{SignedQuery, UrlSigner};
