//! Media in a bucket of S3, or of another storage with the same interface.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt, TryStreamExt};
use http::Method;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{
    ClientConfigKey, GetResult, ObjectStore, ObjectStoreExt, RetryConfig, WriteMultipart,
};

use super::store::RETENTION;
use super::{BucketError, MediaFile, MediaKey, StorageLimits, UploadOutcome};
use crate::error::Chain;
use crate::recording_file::TempFiles;

/// Timeout of a request, which includes the transfer of a recording.
const REQUEST_TIMEOUT: &str = "30min";
/// Timeout of waiting for more data.
const READ_TIMEOUT: &str = "60s";
/// Retries of a failed request, and how long after the request they begin at the latest.
const RETRIES: usize = 4;
const RETRY_TIMEOUT: Duration = Duration::from_secs(60);
/// Range of the lifetime of pre-signed URLs.
const MIN_LIFETIME: Duration = Duration::from_secs(1);
const MAX_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How many parts of an upload are sent at the same time.
const CONCURRENT_PARTS: usize = 4;
/// How many objects are deleted at the same time.
const CONCURRENT_DELETIONS: usize = 8;

/// Bucket with the media of all teams, below a prefix. Clones share it.
#[derive(Clone)]
pub(super) struct Bucket {
    storage: Arc<AmazonS3>,
    name: String,
    prefix: Path,
    /// Maximum size of media, in bytes. Clients upload to the bucket, which does not check it.
    pub(super) max_bytes: u64,
    /// Where the copies that are decoded are written.
    pub(super) temp_files: TempFiles,
}

impl Bucket {
    /// Connects to the bucket of a URL `s3://bucket/prefix`. Credentials, region and endpoint come from the environment.
    pub(super) async fn connect(url: &str) -> Result<Self, BucketError> {
        let bucket = Self::new(url, AmazonS3Builder::from_env())?;
        let mut objects = bucket.storage.list(Some(&bucket.prefix));
        // Shows whether the bucket exists and may be read.
        objects.next().await.transpose().map_err(unreachable)?;
        Ok(bucket)
    }

    fn new(url: &str, builder: AmazonS3Builder) -> Result<Self, BucketError> {
        let (name, prefix) = url
            .strip_prefix("s3://")
            .and_then(|rest| rest.split_once('/'))
            .ok_or(BucketError::InvalidUrl)?;
        let prefix = Path::parse(prefix).map_err(|_| BucketError::InvalidUrl)?;
        if name.is_empty() || prefix.parts().next().is_none() {
            return Err(BucketError::InvalidUrl);
        }
        let storage = builder
            .with_bucket_name(name)
            .with_config(
                AmazonS3ConfigKey::Client(ClientConfigKey::Timeout),
                REQUEST_TIMEOUT,
            )
            .with_config(
                AmazonS3ConfigKey::Client(ClientConfigKey::ReadTimeout),
                READ_TIMEOUT,
            )
            .with_retry(RetryConfig {
                max_retries: RETRIES,
                retry_timeout: RETRY_TIMEOUT,
                ..RetryConfig::default()
            })
            .build()
            .map_err(unreachable)?;
        Ok(Self {
            storage: Arc::new(storage),
            name: name.to_owned(),
            prefix,
            max_bytes: u64::MAX,
            temp_files: TempFiles {
                folder: None,
                min_free: StorageLimits::default().min_free_of_recordings(),
            },
        })
    }

    /// Copies media to a temporary file, if they exist.
    pub(super) async fn find(&self, team: &str, key: &MediaKey) -> io::Result<Option<MediaFile>> {
        match self.storage.get(&self.path(team, key)).await {
            Ok(object) => Ok(Some(self.save(object).await?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(storage_error(error)),
        }
    }

    async fn save(&self, object: GetResult) -> io::Result<MediaFile> {
        if object.meta.size > self.max_bytes {
            let message = format!("larger than the limit of {} bytes", self.max_bytes);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        let mut file = self.temp_files.create(object.meta.size)?;
        let mut chunks = object.into_stream();
        while let Some(chunk) = chunks.try_next().await.map_err(storage_error)? {
            file = file.append(chunk).await?;
        }
        Ok(file.into_path().into())
    }

    pub(super) async fn contains(&self, team: &str, key: &MediaKey) -> io::Result<bool> {
        match self.storage.head(&self.path(team, key)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(storage_error(error)),
        }
    }

    /// Stores media of at most `max_bytes`, atomically.
    pub(super) async fn store<E>(
        &self,
        team: &str,
        key: &MediaKey,
        max_bytes: u64,
        mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> io::Result<UploadOutcome>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let path = self.path(team, key);
        let upload = self.storage.put_multipart(&path).await;
        let mut upload = WriteMultipart::new(upload.map_err(storage_error)?);
        let mut bytes: u64 = 0;
        let outcome = loop {
            match body.next().await {
                None => break Ok(UploadOutcome::Stored(bytes)),
                Some(Err(error)) => break Err(io::Error::other(error)),
                Some(Ok(chunk)) => {
                    bytes += chunk.len() as u64;
                    if bytes > max_bytes {
                        break Ok(UploadOutcome::TooLarge);
                    }
                    if let Err(error) = upload.wait_for_capacity(CONCURRENT_PARTS).await {
                        break Err(storage_error(error));
                    }
                    upload.put(chunk);
                }
            }
        };
        match outcome {
            Ok(UploadOutcome::Stored(_)) => {
                upload.finish().await.map_err(storage_error)?;
            }
            // What cannot be aborted is not visible, and expires by a rule of the bucket.
            _ => drop(upload.abort().await),
        }
        outcome
    }

    /// Deletes media that are older than 48 h at the time `now`. Returns how many.
    pub(super) async fn delete_expired(&self, now: SystemTime) -> io::Result<usize> {
        let limit = DateTime::<Utc>::from(now) - RETENTION;
        let objects = self.storage.list(Some(&self.prefix));
        let deleted = objects
            .try_filter(|object| std::future::ready(object.last_modified < limit))
            .map_ok(|object| async move {
                match self.storage.delete(&object.location).await {
                    Ok(()) => Ok(1),
                    Err(error) => {
                        let error = storage_error(error);
                        tracing::warn!(%error, "failed to delete expired media");
                        Ok(0)
                    }
                }
            })
            .try_buffer_unordered(CONCURRENT_DELETIONS)
            .try_fold(0, |sum, count| std::future::ready(Ok(sum + count)));
        deleted.await.map_err(storage_error)
    }

    /// Returns a URL of the bucket that allows `method` on the media for `lifetime`.
    pub(super) async fn presigned_url(
        &self,
        method: &Method,
        team: &str,
        key: &MediaKey,
        lifetime: Duration,
    ) -> io::Result<String> {
        let lifetime = lifetime.clamp(MIN_LIFETIME, MAX_LIFETIME);
        let path = self.path(team, key);
        let url = self
            .storage
            .signed_url(method.clone(), &path, lifetime)
            .await;
        Ok(url.map_err(storage_error)?.into())
    }

    /// Teams and keys consist of characters that are not escaped, and neither is `.` or `..`.
    fn path(&self, team: &str, key: &MediaKey) -> Path {
        let parts = [team].into_iter().chain(key.as_str().split('/'));
        Path::from_iter(self.prefix.parts().chain(parts.map(Into::into)))
    }
}

fn unreachable(error: object_store::Error) -> BucketError {
    BucketError::Unreachable(storage_error(error))
}

/// Converts an error of the storage, and removes what its response contained: that may repeat credentials.
fn storage_error(error: object_store::Error) -> io::Error {
    io::Error::other(without_body(&Chain(&error).to_string()))
}

/// Replaces the body of a response in a message by its error code.
fn without_body(message: &str) -> String {
    let Some((before, response)) = message.split_once("Server returned") else {
        return message.to_owned();
    };
    let status = response
        .split_once("status code: ")
        .and_then(|(_, rest)| rest.get(..3))
        .filter(|status| status.bytes().all(|byte| byte.is_ascii_digit()));
    let code = response
        .split_once("<Code>")
        .and_then(|(_, rest)| Some(rest.split_once("</Code>")?.0))
        .filter(|code| code.len() < 50 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let mut text = format!("{before}the server returned");
    text += &status.map_or_else(
        || " an error".to_owned(),
        |status| format!(" status {status}"),
    );
    text += &code.map(|code| format!(" ({code})")).unwrap_or_default();
    text
}

impl fmt::Debug for Bucket {
    /// Does not show the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket")
            .field("name", &self.name)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(url: &str) -> Result<Bucket, BucketError> {
        let builder = AmazonS3Builder::new()
            .with_region("eu-west-1")
            .with_access_key_id("access-key")
            .with_secret_access_key("secret-key");
        Bucket::new(url, builder)
    }

    #[test]
    fn a_url_needs_a_bucket_and_a_prefix() {
        for url in [
            "s3://b",
            "s3://b/",
            "s3:///p",
            "s3://b//",
            "s3://b/a//c",
            "s3://b/../c",
            "b/p",
            "https://b/p",
        ] {
            let error = bucket(url).unwrap_err();
            assert!(matches!(error, BucketError::InvalidUrl), "{url}");
        }
        for (url, name, prefix) in [
            ("s3://b/p", "b", "p"),
            ("s3://b/p/", "b", "p"),
            ("s3://b.c/p/q", "b.c", "p/q"),
        ] {
            let bucket = bucket(url).unwrap();
            assert_eq!((&*bucket.name, bucket.prefix.as_ref()), (name, prefix));
        }
    }

    /// The signature itself is checked by the storage, in the tests with a real one.
    #[tokio::test]
    async fn presigned_urls_are_those_of_the_bucket() {
        let bucket = bucket("s3://b/p").unwrap();
        let key = MediaKey::new("calls/1_a-b...wav").unwrap();
        for (lifetime_s, expires_s) in [(0, 1), (3600, 3600), (10_000_000, 604_800)] {
            let lifetime = Duration::from_secs(lifetime_s);
            let url = bucket.presigned_url(&Method::PUT, "ada", &key, lifetime);
            let url = url.await.unwrap();
            let path = "https://s3.eu-west-1.amazonaws.com/b/p/ada/calls/1_a-b...wav?";
            assert!(url.starts_with(path), "{url}");
            assert!(
                url.contains(&format!("X-Amz-Expires={expires_s}&")),
                "{url}"
            );
        }
    }

    #[test]
    fn messages_have_the_code_of_an_error_but_not_its_response() {
        let failed = "Error performing GET http://localhost/b in 2ms - Server returned";
        let body = "<Error><Code>ExpiredToken</Code><Token-0>secret</Token-0></Error>";
        for (message, expected) in [
            (
                format!("{failed} non-2xx status code: 400 Bad Request: {body}"),
                "status 400 (ExpiredToken)",
            ),
            (
                format!("{failed} non-2xx status code: 403 Forbidden: secret"),
                "status 403",
            ),
            (
                format!("{failed} error response: {body}"),
                "an error (ExpiredToken)",
            ),
            (
                format!("{failed} error response: <Code>se cret</Code>"),
                "an error",
            ),
        ] {
            let expected = format!(
                "Error performing GET http://localhost/b in 2ms - the server returned {expected}"
            );
            assert_eq!(without_body(&message), expected);
        }
        assert_eq!(without_body("connection refused"), "connection refused");
    }

    #[test]
    fn debug_output_has_no_credentials() {
        let text = format!("{:?}", bucket("s3://b/p").unwrap());
        assert!(!text.contains("-key"), "{text}");
    }
}
