//! Default media keys: identical content gets the same key if uploads may be skipped, and a new one otherwise.

use std::io;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::task::{JoinHandle, spawn_blocking};
use uuid::Uuid;

/// The media key for content with this SHA-256 in hex.
pub(super) fn content_key(digest: &str, extension: Option<&str>) -> String {
    match extension {
        Some(extension) => format!("sha256/{digest}.{extension}"),
        None => format!("sha256/{digest}"),
    }
}

/// A media key that no other upload has.
pub(super) fn unique_key(extension: Option<&str>) -> String {
    let id = Uuid::new_v4().simple();
    match extension {
        Some(extension) => format!("uploads/{id}.{extension}"),
        None => format!("uploads/{id}"),
    }
}

/// A SHA-256 that is computed on tokio's thread pool for blocking work, while the next chunk is read and this one sent.
#[derive(Default)]
pub(super) struct BackgroundDigest(Option<JoinHandle<Sha256>>);

impl BackgroundDigest {
    /// Adds a chunk, after waiting for the one before.
    pub(super) async fn update(&mut self, chunk: Bytes) -> io::Result<()> {
        let mut hasher = self.hasher().await?;
        self.0 = Some(spawn_blocking(move || {
            hasher.update(&chunk);
            hasher
        }));
        Ok(())
    }

    /// The digest in hex.
    pub(super) async fn finish(&mut self) -> io::Result<String> {
        Ok(hex::encode(self.hasher().await?.finalize()))
    }

    async fn hasher(&mut self) -> io::Result<Sha256> {
        match self.0.take() {
            Some(task) => task.await.map_err(io::Error::other),
            None => Ok(Sha256::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[tokio::test]
    async fn chunks_have_the_digest_of_the_whole() {
        for chunks in [&["abc"][..], &["a", "", "bc"]] {
            let mut digest = BackgroundDigest::default();
            for chunk in chunks {
                digest
                    .update(Bytes::from_static(chunk.as_bytes()))
                    .await
                    .unwrap();
            }
            assert_eq!(digest.finish().await.unwrap(), ABC);
        }
    }

    #[test]
    fn default_keys_are_valid_media_keys() {
        let key = unique_key(Some("wav"));
        assert!(
            key.starts_with("uploads/") && key.ends_with(".wav"),
            "{key}"
        );
        assert_ne!(key, unique_key(Some("wav")));
        crate::MediaUrl::from_key(&key).unwrap();
        assert_eq!(content_key(ABC, Some("wav")), format!("sha256/{ABC}.wav"));
        assert_eq!(content_key(ABC, None), format!("sha256/{ABC}"));
        crate::MediaUrl::from_key(&content_key(ABC, Some("wav"))).unwrap();
    }
}
