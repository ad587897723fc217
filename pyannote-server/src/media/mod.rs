//! Uploaded media, and the pre-signed URLs to upload and download them.

mod folder;
mod key;
mod presigned_url;
mod store;

pub use key::{MediaKey, MediaKeyError};
pub(crate) use presigned_url::{SignedQuery, UrlSigner};
pub use store::{MediaFile, MediaStore, UploadOutcome};
