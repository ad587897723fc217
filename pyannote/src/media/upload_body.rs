//! The request body of one upload attempt: sends exactly the announced number of bytes, or fails before the last chunk.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::stream::unfold;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::CHUNK_BYTES;
use super::progress::Progress;

/// Why the source could not be sent.
#[derive(Debug)]
pub(super) enum SourceError {
    Read(io::Error),
    /// It is shorter or longer than announced.
    Length,
}

/// One attempt to send `len` bytes.
///
/// Dropping it ends its stream and its progress reports. The connection may keep the stream for longer, while the next
/// attempt reports to the same callback.
#[derive(Debug)]
pub(super) struct UploadBody {
    len: u64,
    progress: Option<Progress>,
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
    pub(super) fn new(len: u64, progress: Option<Progress>) -> Self {
        if let Some(progress) = &progress {
            progress.report(0, len);
        }
        Self {
            len,
            progress,
            state: Arc::default(),
        }
    }

    /// Whether every byte was handed to the connection.
    pub(super) fn is_complete(&self) -> bool {
        lock(&self.state).sent == self.len
    }

    /// Takes the error of the source, if it ended the attempt.
    pub(super) fn take_error(&self) -> Option<SourceError> {
        lock(&self.state).error.take()
    }

    /// The bytes, in chunks.
    ///
    /// hyper silently truncates a body that is longer than its `Content-Length`. So the last chunk is held back until
    /// the source has ended: if it has not, the storage receives too few bytes and stores nothing.
    pub(super) fn stream(
        &self,
        reader: impl AsyncRead + Send + Unpin + 'static,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let (len, progress) = (self.len, self.progress.clone());
        let state = Arc::clone(&self.state);
        unfold((len, reader), move |(remaining, mut reader)| {
            let (progress, state) = (progress.clone(), Arc::clone(&state));
            async move {
                if remaining == 0 {
                    return None;
                }
                let chunk = match next_chunk(&mut reader, remaining).await {
                    Ok(chunk) => chunk,
                    Err(error) => {
                        lock(&state).error = Some(error);
                        let error = io::Error::other("the source could not be sent");
                        return Some((Err(error), (0, reader)));
                    }
                };
                let remaining = remaining - chunk.len() as u64;
                // The lock is held during the report, so that there is none after the attempt is over.
                let mut state = lock(&state);
                if state.closed {
                    return None;
                }
                state.sent = len - remaining;
                if let Some(progress) = &progress {
                    progress.report(state.sent, len);
                }
                Some((Ok(chunk), (remaining, reader)))
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

/// Reads the next chunk of a source that must end after `remaining` bytes.
async fn next_chunk(
    reader: &mut (impl AsyncRead + Unpin),
    remaining: u64,
) -> Result<Bytes, SourceError> {
    let size =
        usize::try_from(remaining).map_or(CHUNK_BYTES, |remaining| remaining.min(CHUNK_BYTES));
    let mut chunk = BytesMut::with_capacity(size);
    while chunk.len() < size {
        let missing = (size - chunk.len()) as u64;
        let read = reader.take(missing).read_buf(&mut chunk).await;
        if read.map_err(SourceError::Read)? == 0 {
            return Err(SourceError::Length);
        }
    }
    if size as u64 == remaining {
        let mut excess = [0; 1];
        let read = reader.read(&mut excess).await;
        if read.map_err(SourceError::Read)? > 0 {
            return Err(SourceError::Length);
        }
    }
    Ok(chunk.freeze())
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    /// Sends `content` as `len` bytes. Returns the number of bytes sent, whether the stream failed, the error of the
    /// source, and the progress reports.
    async fn send(
        content: Vec<u8>,
        len: u64,
    ) -> (usize, bool, Option<SourceError>, Vec<(u64, u64)>) {
        let reports = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&reports);
        let progress = Progress::new(move |sent, total| log.lock().unwrap().push((sent, total)));
        let body = UploadBody::new(len, Some(progress));
        let (mut sent, mut failed) = (0, false);
        let mut stream = std::pin::pin!(body.stream(io::Cursor::new(content)));
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
        let (sent, failed, error, reports) = send(vec![7; 2 * CHUNK_BYTES + 5], len).await;
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
            let (sent, failed, error, reports) = send(vec![7; actual], announced as u64).await;
            assert!(failed && sent < announced, "{actual} of {announced}");
            assert!(matches!(error, Some(SourceError::Length)));
            assert!(reports.iter().all(|(sent, total)| sent < total));
        }
    }

    #[tokio::test]
    async fn dropped_body_reports_nothing() {
        let body = UploadBody::new(3, Some(Progress::new(|sent, _| assert_eq!(sent, 0))));
        let mut stream = std::pin::pin!(body.stream(io::Cursor::new(vec![1, 2, 3])));
        drop(body);
        assert!(stream.next().await.is_none());
    }
}
