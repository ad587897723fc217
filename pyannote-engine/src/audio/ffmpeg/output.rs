//! What a program writes, with a limit on the time.

use std::io::{self, Cursor, ErrorKind, Read};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use crate::CancelToken;

/// Size of a chunk, in bytes.
const CHUNK_BYTES: usize = 64 << 10;
/// Number of chunks that wait to be read: the program waits if there are more.
const CHUNKS: usize = 4;
/// Maximum length of a line, in bytes.
const MAX_LINE_BYTES: u64 = 1_000;
/// How often it is checked whether reading was cancelled.
const CANCEL_INTERVAL: Duration = Duration::from_millis(100);

/// Reads the output of a program. Only the time spent waiting for the program counts.
pub(super) struct Output {
    /// In a mutex since demuxers require `Sync`.
    chunks: Mutex<Receiver<io::Result<Vec<u8>>>>,
    chunk: Cursor<Vec<u8>>,
    /// Maximum time without output.
    timeout: Duration,
    /// What remains of the maximum time in total.
    remaining: Duration,
    cancel: CancelToken,
}

impl Output {
    /// Starts to read. The thread ends when the program closes its output, or soon after this is dropped.
    pub(super) fn new(
        mut source: impl Read + Send + 'static,
        timeout: Duration,
        total: Duration,
    ) -> Self {
        let (sender, receiver) = sync_channel(CHUNKS);
        std::thread::spawn(move || {
            loop {
                let mut chunk = vec![0; CHUNK_BYTES];
                let read = match source.read(&mut chunk) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Ok(0) => return,
                    read => read,
                };
                let ended = read.is_err();
                let chunk = read.map(|length| {
                    chunk.truncate(length);
                    chunk
                });
                if sender.send(chunk).is_err() || ended {
                    return;
                }
            }
        });
        Self {
            chunks: Mutex::new(receiver),
            chunk: Cursor::default(),
            timeout,
            remaining: total,
            cancel: CancelToken::default(),
        }
    }

    /// Lets a token end the output as if the program took too long.
    pub(super) fn cancel_token(mut self, token: &CancelToken) -> Self {
        self.cancel = token.clone();
        self
    }

    /// The first line, without its end.
    pub(super) fn first_line(self) -> Option<String> {
        let mut line = String::new();
        let mut reader = io::BufReader::new(self.take(MAX_LINE_BYTES));
        io::BufRead::read_line(&mut reader, &mut line).ok()?;
        Some(line.trim_end().to_owned())
    }

    /// Waits for the next chunk. It is empty at the end.
    fn receive(&mut self) -> io::Result<Vec<u8>> {
        let chunks = self.chunks.get_mut();
        let chunks = chunks.unwrap_or_else(std::sync::PoisonError::into_inner);
        let start = Instant::now();
        let limit = self.timeout.min(self.remaining);
        let received = loop {
            let left = limit.saturating_sub(start.elapsed());
            match chunks.recv_timeout(left.min(CANCEL_INTERVAL)) {
                Ok(chunk) => break chunk,
                Err(RecvTimeoutError::Disconnected) => break Ok(Vec::new()),
                Err(RecvTimeoutError::Timeout) => {
                    if start.elapsed() >= limit || self.cancel.is_cancelled() {
                        break Err(ErrorKind::TimedOut.into());
                    }
                }
            }
        };
        self.remaining = self.remaining.saturating_sub(start.elapsed());
        received
    }
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.position() == self.chunk.get_ref().len() as u64 {
            self.chunk = Cursor::new(self.receive()?);
        }
        self.chunk.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes three bytes, and then nothing, but does not end.
    struct Hanging(Option<Receiver<()>>, u8);

    impl Read for Hanging {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.1 == 3 {
                let _ = self.0.take().map(|wait| wait.recv());
                return Ok(0);
            }
            self.1 += 1;
            buffer[0] = self.1;
            Ok(1)
        }
    }

    #[test]
    fn output_is_read_to_the_end_or_until_the_timeout() {
        let minute = Duration::from_secs(60);
        let bytes: Vec<u8> = (0..300_000_u32).map(|n| n as u8).collect();
        let mut output = Output::new(Cursor::new(bytes.clone()), minute, minute);
        let mut read = Vec::new();
        output.read_to_end(&mut read).unwrap();
        assert_eq!(read, bytes);

        for (timeout, total) in [
            (Duration::from_millis(50), minute),
            (minute, Duration::from_millis(50)),
        ] {
            let (hold, wait) = std::sync::mpsc::channel();
            let mut output = Output::new(Hanging(Some(wait), 0), timeout, total);
            let mut read = Vec::new();
            let error = output.read_to_end(&mut read).unwrap_err();
            assert_eq!(
                (error.kind(), &read[..]),
                (ErrorKind::TimedOut, &[1, 2, 3][..])
            );
            drop(hold);
        }
    }

    #[test]
    fn a_token_ends_the_output() {
        let hour = Duration::from_secs(60 * 60);
        let (hold, wait) = std::sync::mpsc::channel();
        let token = CancelToken::new();
        let output = Output::new(Hanging(Some(wait), 0), hour, hour);
        let mut output = output.cancel_token(&token);
        token.cancel();
        let error = output.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        drop(hold);
    }
}
