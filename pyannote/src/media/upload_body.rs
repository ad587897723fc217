//! The request body of one upload attempt: sends exactly what was announced, or fails before the last chunk.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::stream::unfold;

use super::CHUNK_BYTES;
use super::chunks::{Chunks, SourceError};
use super::content_key::BackgroundDigest;
use super::progress::Progress;
use super::stall::{Activity, Phase, StallLimits};
use crate::transport::{Clock, Failure};

/// One attempt to send `len` bytes.
///
/// Dropping it ends its stream and its progress reports. The connection may keep the stream for longer, while the next
/// attempt reports to the same callback.
#[derive(Debug)]
pub(super) struct UploadBody {
    len: u64,
    progress: Option<Progress>,
    activity: Arc<Activity>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    sent: u64,
    error: Option<SourceError>,
    /// Whether the attempt is over.
    closed: bool,
}

impl UploadBody {
    pub(super) fn new(len: u64, progress: Option<Progress>, clock: Arc<dyn Clock>) -> Self {
        if let Some(progress) = &progress {
            progress.report(0, len);
        }
        Self {
            len,
            progress,
            activity: Arc::new(Activity::new(clock)),
            state: Arc::default(),
        }
    }

    /// Bytes that were handed to the connection.
    pub(super) fn sent(&self) -> u64 {
        lock(&self.state).sent
    }

    /// Whether every byte was handed to the connection.
    pub(super) fn is_complete(&self) -> bool {
        self.sent() == self.len
    }

    /// Takes the error of the source, if it ended the attempt.
    pub(super) fn take_error(&self) -> Option<SourceError> {
        lock(&self.state).error.take()
    }

    /// What the attempt waits for.
    pub(super) fn phase(&self) -> Phase {
        self.activity.phase()
    }

    /// Waits until the attempt has stalled, and returns how it failed.
    pub(super) async fn stalled(&self, limits: StallLimits) -> Failure {
        self.activity.stalled(limits).await
    }

    /// The bytes, in chunks.
    ///
    /// hyper silently truncates a body that is longer than its `Content-Length`. So the last chunk is held back until
    /// the source has ended, and has the SHA-256 `digest` if there is one: otherwise, the storage receives too few bytes
    /// and stores nothing.
    pub(super) fn stream(
        &self,
        chunks: Chunks,
        digest: Option<String>,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let (len, progress) = (self.len, self.progress.clone());
        let (state, activity) = (Arc::clone(&self.state), Arc::clone(&self.activity));
        let source = Source {
            chunks,
            remaining: len,
            digest: digest.map(|expected| (BackgroundDigest::default(), expected)),
        };
        unfold(Some(source), move |source| {
            let (progress, state) = (progress.clone(), Arc::clone(&state));
            let activity = Arc::clone(&activity);
            async move {
                let mut source = source.filter(|source| source.remaining > 0)?;
                activity.asked();
                let chunk = match source.next().await {
                    Ok(chunk) => chunk,
                    Err(error) => {
                        lock(&state).error = Some(error);
                        let error = io::Error::other("the source could not be sent");
                        return Some((Err(error), None));
                    }
                };
                // The lock is held during the report, so that there is none after the attempt is over.
                let mut state = lock(&state);
                if state.closed {
                    return None;
                }
                state.sent = len - source.remaining;
                activity.sent(state.sent, len);
                if let Some(progress) = &progress {
                    progress.report(state.sent, len);
                }
                Some((Ok(chunk), Some(source)))
            }
        })
    }
}

impl Drop for UploadBody {
    fn drop(&mut self) {
        lock(&self.state).closed = true;
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A source that must end after `remaining` bytes.
struct Source {
    chunks: Chunks,
    remaining: u64,
    /// The digest so far, and that of the whole source.
    digest: Option<(BackgroundDigest, String)>,
}

impl Source {
    /// The next chunk. The last one is returned only if the source is what was announced.
    async fn next(&mut self) -> Result<Bytes, SourceError> {
        let chunk = self.chunks.next().await?;
        if let Some((digest, _)) = &mut self.digest {
            digest.update(chunk.clone()).await?;
        }
        let remaining = self.remaining.checked_sub(chunk.len() as u64);
        let is_last = remaining == Some(0);
        if chunk.is_empty() || (chunk.len() < CHUNK_BYTES && !is_last) {
            return Err(SourceError::Length);
        }
        self.remaining = remaining.ok_or(SourceError::Length)?;
        if is_last {
            if !self.chunks.next().await?.is_empty() {
                return Err(SourceError::Length);
            }
            if let Some((digest, expected)) = &mut self.digest
                && digest.finish().await? != *expected
            {
                return Err(SourceError::Content);
            }
        }
        Ok(chunk)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    const CLOCK: fn() -> Arc<dyn Clock> = || Arc::new(crate::transport::SystemClock::new());

    /// Sends `content` as `len` bytes. Returns the number of bytes sent, whether the stream failed, the error of the
    /// source, and the progress reports.
    async fn send(
        content: Vec<u8>,
        len: u64,
        digest: Option<&str>,
    ) -> (usize, bool, Option<SourceError>, Vec<(u64, u64)>) {
        let reports = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&reports);
        let progress = Progress::new(move |sent, total| log.lock().unwrap().push((sent, total)));
        let body = UploadBody::new(len, Some(progress), CLOCK());
        let chunks = Chunks::of_bytes(content.into(), CHUNK_BYTES);
        let mut stream = std::pin::pin!(body.stream(chunks, digest.map(str::to_owned)));
        let (mut sent, mut failed) = (0, false);
        while let Some(chunk) = stream.next().await {
            match chunk {
                Ok(chunk) => sent += chunk.len(),
                Err(_) => failed = true,
            }
        }
        assert_eq!(body.is_complete(), !failed);
        let reports = reports.lock().unwrap().clone();
        (sent, failed, body.take_error(), reports)
    }

    #[tokio::test]
    async fn sends_all_bytes_and_reports_each_chunk() {
        let (chunk, len) = (CHUNK_BYTES as u64, 2 * CHUNK_BYTES as u64 + 5);
        let (sent, failed, error, reports) = send(vec![7; 2 * CHUNK_BYTES + 5], len, None).await;
        assert_eq!((sent as u64, failed), (len, false));
        assert!(error.is_none());
        assert_eq!(
            reports,
            [(0, len), (chunk, len), (2 * chunk, len), (len, len)]
        );
    }

    #[tokio::test]
    async fn wrong_length_never_sends_the_last_chunk() {
        for (actual, announced) in [
            (9, 10),
            (11, 10),
            (CHUNK_BYTES, CHUNK_BYTES + 1),
            (CHUNK_BYTES + 1, CHUNK_BYTES),
        ] {
            let (sent, failed, error, reports) =
                send(vec![7; actual], announced as u64, None).await;
            assert!(failed && sent < announced, "{actual} of {announced}");
            assert!(matches!(error, Some(SourceError::Length)));
            assert!(reports.iter().all(|(sent, total)| sent < total));
        }
    }

    #[tokio::test]
    async fn a_different_digest_never_sends_the_last_chunk() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let (sent, failed, error, _) = send(b"abc".to_vec(), 3, Some(abc)).await;
        assert_eq!((sent, failed), (3, false));
        assert!(error.is_none());
        let (sent, failed, error, reports) = send(b"abd".to_vec(), 3, Some(abc)).await;
        assert_eq!((sent, failed), (0, true));
        assert!(matches!(error, Some(SourceError::Content)));
        assert_eq!(reports, [(0, 3)]);
    }

    #[tokio::test]
    async fn dropped_body_reports_nothing() {
        let progress = Progress::new(|sent, _| assert_eq!(sent, 0));
        let body = UploadBody::new(3, Some(progress), CLOCK());
        let chunks = Chunks::of_bytes(Bytes::from_static(b"abc"), CHUNK_BYTES);
        let mut stream = std::pin::pin!(body.stream(chunks, None));
        drop(body);
        assert!(stream.next().await.is_none());
    }
}
