//! Uploaded media, and the pre-signed URLs to upload and download them.

#[cfg(feature = "s3")]
mod bucket;
mod folder;
mod key;
mod limits;
mod presigned_url;
mod quota;
mod store;

pub use key::{MediaKey, MediaKeyError};
pub use limits::StorageLimits;
pub(crate) use presigned_url::{SignedQuery, UrlSigner};
pub use store::{BucketError, MediaFile, MediaStore, UploadOutcome};
