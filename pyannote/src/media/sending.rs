//! The bytes of one attempt on their way out: exactly as many as were announced, or an error instead of the last ones.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_stream::stream;
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::CHUNK;
use super::progress::Progress;

/// What was wrong with the source.
#[derive(Debug)]
pub(super) enum Fault {
    Unreadable(io::Error),
    /// It ended early, or went on.
    Length,
}

/// One attempt to send `len` bytes. When it is dropped, its stream ends and reports nothing more: the connection may
/// hold on to the stream for longer, and the next attempt reports on the same callback.
#[derive(Debug)]
pub(super) struct Sending {
    len: u64,
    progress: Option<Progress>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    sent: u64,
    fault: Option<Fault>,
    over: bool,
}

impl Sending {
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

    /// What was wrong with the source, if that is why the attempt ended.
    pub(super) fn fault(&self) -> Option<Fault> {
        lock(&self.state).fault.take()
    }

    /// The bytes, in chunks.
    ///
    /// The connection cuts what is longer than announced without a word. So the last chunk is held back until the
    /// source has ended: where it goes on, the storage never has all the bytes, and stores nothing.
    pub(super) fn stream(
        &self,
        mut reader: impl AsyncRead + Send + Unpin + 'static,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let (len, progress) = (self.len, self.progress.clone());
        let state = Arc::clone(&self.state);
        stream! {
            let mut left = len;
            while left > 0 {
                let chunk = match next_chunk(&mut reader, left).await {
                    Ok(chunk) => chunk,
                    Err(fault) => {
                        lock(&state).fault = Some(fault);
                        yield Err(io::Error::other("the source could not be sent"));
                        return;
                    }
                };
                left = left.saturating_sub(chunk.len() as u64);
                {
                    // Held while reporting, so that no report comes after the attempt is over.
                    let mut state = lock(&state);
                    if state.over {
                        return;
                    }
                    state.sent = len.saturating_sub(left);
                    if let Some(progress) = &progress {
                        progress.report(state.sent, len);
                    }
                }
                yield Ok(chunk);
            }
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        lock(&self.state).over = true;
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next bytes of a source that has to end after `left` more.
async fn next_chunk(reader: &mut (impl AsyncRead + Unpin), left: u64) -> Result<Bytes, Fault> {
    let size = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
    let mut chunk = BytesMut::with_capacity(size);
    while chunk.len() < size {
        let room = (size - chunk.len()) as u64;
        let read = reader.take(room).read_buf(&mut chunk).await;
        if read.map_err(Fault::Unreadable)? == 0 {
            return Err(Fault::Length);
        }
    }
    if size as u64 == left {
        let mut beyond = [0; 1];
        if reader.read(&mut beyond).await.map_err(Fault::Unreadable)? > 0 {
            return Err(Fault::Length);
        }
    }
    Ok(chunk.freeze())
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    /// Sends `content` as `len` bytes: what came out, whether the stream failed, and what was reported.
    async fn send(content: Vec<u8>, len: u64) -> (usize, bool, Option<Fault>, Vec<(u64, u64)>) {
        let reports = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&reports);
        let progress = Progress::new(move |sent, total| log.lock().unwrap().push((sent, total)));
        let sending = Sending::new(len, Some(progress));
        let (mut out, mut failed) = (0, false);
        let mut stream = std::pin::pin!(sending.stream(io::Cursor::new(content)));
        while let Some(chunk) = stream.next().await {
            match chunk {
                Ok(chunk) => out += chunk.len(),
                Err(_) => failed = true,
            }
        }
        assert_eq!(sending.is_complete(), !failed);
        let reports = reports.lock().unwrap().clone();
        (out, failed, sending.fault(), reports)
    }

    #[tokio::test]
    async fn all_bytes_and_each_report() {
        let (chunk, len) = (CHUNK as u64, 2 * CHUNK as u64 + 5);
        let (out, failed, fault, reports) = send(vec![7; 2 * CHUNK + 5], len).await;
        assert_eq!((out as u64, failed), (len, false));
        assert!(fault.is_none());
        assert_eq!(
            reports,
            [(0, len), (chunk, len), (2 * chunk, len), (len, len)]
        );
    }

    #[tokio::test]
    async fn another_length_never_sends_the_last_chunk() {
        for (has, announced) in [(9, 10), (11, 10), (CHUNK, CHUNK + 1), (CHUNK + 1, CHUNK)] {
            let (out, failed, fault, reports) = send(vec![7; has], announced as u64).await;
            assert!(failed && out < announced, "{has} for {announced}");
            assert!(matches!(fault, Some(Fault::Length)));
            assert!(reports.iter().all(|(sent, total)| sent < total));
        }
    }

    #[tokio::test]
    async fn nothing_is_reported_once_the_attempt_is_over() {
        let sending = Sending::new(3, Some(Progress::new(|sent, _| assert_eq!(sent, 0))));
        let mut stream = std::pin::pin!(sending.stream(io::Cursor::new(vec![1, 2, 3])));
        drop(sending);
        assert!(stream.next().await.is_none());
    }
}
