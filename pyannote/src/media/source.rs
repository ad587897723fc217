//! The source of an upload: a file, bytes, or a reader, opened again for each attempt.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};

use super::chunks::{Chunks, Reader, SourceError, run_blocking};
use super::content_key::BackgroundDigest;
use super::{CHUNK_BYTES, content_type};
use crate::error::{Error, ErrorKind, FieldError};

/// The largest recording that the service accepts.
pub(super) const MAX_RECORDING_BYTES: u64 = 1 << 30;
/// How many bytes are read to detect the format. Matroska needs the most.
const SNIFF_BYTES: usize = 4096;
/// Size of the chunks for the digest. Larger than those that are sent, because only the digest of all of them is needed.
const DIGEST_CHUNK_BYTES: usize = 1024 * 1024;

type OpenFuture = Pin<Box<dyn Future<Output = io::Result<Reader>> + Send>>;
type ReaderSlot = Arc<Mutex<Option<Reader>>>;

/// The source of an upload: a path, bytes, or a reader, of at most 1 GiB (1,073,741,824 bytes).
///
/// Paths and bytes convert into it, so [`Client::upload`](crate::Client::upload) accepts them directly.
///
/// ```no_run
/// # async fn run(client: pyannote::Client) -> Result<(), pyannote::Error> {
/// use pyannote::UploadSource;
///
/// client.upload("meeting.wav").await?;
/// client.upload(vec![0; 44]).await?;
/// // Anything that can be opened again, here a file, with its length in bytes.
/// let source = UploadSource::reader(1_204_268, || tokio::fs::File::open("meeting.wav"));
/// client.upload(source).key("calls/1.wav").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct UploadSource(Kind);

#[derive(Clone)]
enum Kind {
    File(PathBuf),
    Bytes(Bytes),
    Reader {
        len: u64,
        open: Arc<dyn Fn() -> OpenFuture + Send + Sync>,
    },
    Once {
        len: u64,
        slot: ReaderSlot,
    },
}

/// Properties of a source that are known before it is sent.
#[derive(Debug)]
pub(super) struct SourceInfo {
    /// Length in bytes.
    pub(super) len: u64,
    pub(super) extension: Option<String>,
    /// The time of a file's last modification.
    modified: Option<SystemTime>,
}

impl UploadSource {
    /// Creates a source of `len` bytes that `open` opens from the start for each attempt.
    ///
    /// If a reader does not end after exactly `len` bytes, the upload fails and nothing is stored. Each reader must return
    /// the same bytes, which is not checked. To [skip an existing upload](crate::Upload::skip_existing), a reader needs a
    /// [`key`](crate::Upload::key).
    pub fn reader<F, O, R>(len: u64, open: F) -> Self
    where
        F: Fn() -> O + Send + Sync + 'static,
        O: Future<Output = io::Result<R>> + Send + 'static,
        R: AsyncRead + Send + 'static,
    {
        let open = move || -> OpenFuture {
            let reader = open();
            Box::pin(async move { Ok(Box::pin(reader.await?) as Reader) })
        };
        Self(Kind::Reader {
            len,
            open: Arc::new(open),
        })
    }

    /// Creates a source of `len` bytes that can be read only once, such as the output of another process.
    ///
    /// Like [`reader`](Self::reader), but the upload is retried only if nothing was read yet. Clones share the reader,
    /// so only one of them can be uploaded, and the others fail with [`ErrorKind::Io`]. Prefer `reader` if the source
    /// can be opened again.
    ///
    /// ```
    /// use pyannote::UploadSource;
    ///
    /// let source = UploadSource::stream_once(5, std::io::Cursor::new(b"audio"));
    /// ```
    pub fn stream_once(len: u64, reader: impl AsyncRead + Send + 'static) -> Self {
        let reader: Reader = Box::pin(reader);
        Self(Kind::Once {
            len,
            slot: Arc::new(Mutex::new(Some(reader))),
        })
    }

    /// Whether the content can be read in advance to derive a key from it.
    pub(super) fn has_content_key(&self) -> bool {
        matches!(self.0, Kind::File(_) | Kind::Bytes(_))
    }

    pub(super) fn is_file(&self) -> bool {
        matches!(self.0, Kind::File(_))
    }

    /// Whether the source cannot be opened again.
    pub(super) fn is_consumed(&self) -> bool {
        match &self.0 {
            Kind::Once { slot, .. } => lock(slot).is_none(),
            _ => false,
        }
    }

    /// Determines length and format, and fails if the source is empty or too large.
    pub(super) async fn inspect(&self) -> Result<SourceInfo, Error> {
        let info = match &self.0 {
            Kind::File(path) => {
                self.check_file_type(path).await?;
                let path = path.clone();
                run_blocking(move || inspect_file(&path))
                    .await
                    .map_err(|error| self.read_error(error))?
            }
            Kind::Bytes(bytes) => SourceInfo {
                len: bytes.len() as u64,
                extension: content_type::sniff_extension(&bytes[..bytes.len().min(SNIFF_BYTES)]),
                modified: None,
            },
            Kind::Reader { len, .. } | Kind::Once { len, .. } => SourceInfo {
                len: *len,
                extension: None,
                modified: None,
            },
        };
        match info.len {
            0 => Err(Error::validation(
                format!("cannot upload {self}"),
                vec![FieldError::new(
                    "source",
                    "is empty; check that the recording was written",
                )],
            )),
            len if len > MAX_RECORDING_BYTES => Err(Error::new(
                ErrorKind::TooLarge,
                format!(
                    "{self} has {len} bytes, more than the service accepts ({MAX_RECORDING_BYTES} bytes, 1 GiB), so \
                     nothing was sent; compress the recording, for example to FLAC or Opus, or split it"
                ),
            )),
            _ => Ok(info),
        }
    }

    /// Fails if `path` is not a regular file. Opening a named pipe would block until it has a writer.
    async fn check_file_type(&self, path: &Path) -> Result<(), Error> {
        let metadata = tokio::fs::metadata(path).await;
        let metadata = metadata.map_err(|error| self.read_error(error))?;
        let problem = match (metadata.is_dir(), metadata.is_file()) {
            (true, _) => "is a directory; name a file in it",
            (_, false) => "is not a regular file; use UploadSource::stream_once for a pipe",
            (_, true) => return Ok(()),
        };
        Err(Error::new(ErrorKind::Io, format!("{self} {problem}")))
    }

    /// The SHA-256 of the content in hex.
    ///
    /// Dropping the future ends the computation.
    pub(super) async fn digest(&self, info: &SourceInfo) -> Result<String, SourceError> {
        let mut chunks = match &self.0 {
            Kind::File(path) => {
                Chunks::open_file(path.clone(), info.len, None, DIGEST_CHUNK_BYTES).await?
            }
            Kind::Bytes(bytes) => Chunks::of_bytes(bytes.clone(), DIGEST_CHUNK_BYTES),
            Kind::Reader { .. } | Kind::Once { .. } => {
                return Err(io::Error::other("a reader has no default key").into());
            }
        };
        let mut digest = BackgroundDigest::default();
        let mut len = 0;
        loop {
            let chunk = chunks.next().await?;
            if chunk.is_empty() {
                break;
            }
            len += chunk.len() as u64;
            digest.update(chunk).await?;
        }
        match len == info.len {
            true => Ok(digest.finish().await?),
            false => Err(SourceError::Length),
        }
    }

    /// Opens the source at its start, for one attempt to send it.
    ///
    /// The modification time of a file is checked unless the caller checks the digest, which is more precise.
    pub(super) async fn open(
        &self,
        info: &SourceInfo,
        digest: Option<&str>,
    ) -> Result<Chunks, SourceError> {
        Ok(match &self.0 {
            Kind::File(path) => {
                let modified = info.modified.filter(|_| digest.is_none());
                Chunks::open_file(path.clone(), info.len, modified, CHUNK_BYTES).await?
            }
            Kind::Bytes(bytes) => Chunks::of_bytes(bytes.clone(), CHUNK_BYTES),
            Kind::Reader { open, .. } => Chunks::of_reader(open().await?, CHUNK_BYTES),
            Kind::Once { .. } if self.is_consumed() => return Err(SourceError::Consumed),
            Kind::Once { slot, .. } => {
                let reader = TakeOnRead {
                    slot: Arc::clone(slot),
                    reader: None,
                };
                Chunks::of_reader(Box::pin(reader), CHUNK_BYTES)
            }
        })
    }

    /// The error of an upload of `len` bytes whose source cannot be sent.
    pub(super) fn error(&self, error: SourceError, len: u64) -> Error {
        let problem = match (error, &self.0) {
            (SourceError::Read(error), _) => return self.read_error(error),
            (SourceError::Length, Kind::File(_)) => format!(
                "changed during the upload: its length is no longer {len} bytes, so nothing was stored; upload it when \
                 it is complete"
            ),
            (SourceError::Length, _) => format!(
                "does not have the announced length of {len} bytes, so nothing was stored; upload it when it is \
                 complete"
            ),
            (SourceError::Content, _) => "changed during the upload: its content is no longer what it was at the \
                                          start, so this attempt stored nothing; upload it again when it is complete"
                .to_owned(),
            (SourceError::Consumed, _) => "was already read, and can be read only once; use UploadSource::reader if it \
                                           can be opened again"
                .to_owned(),
        };
        Error::new(ErrorKind::Io, format!("{self} {problem}"))
    }

    /// The error of an attempt that waited for the source for the duration of the stall timeout.
    pub(super) fn stalled_error(&self, stall_timeout: Duration) -> Error {
        let message = format!(
            "{self} returned no data for {} s; check what it waits for, or set a longer time with \
             `.stall_timeout(duration)`",
            stall_timeout.as_secs_f64()
        );
        Error::new(ErrorKind::Timeout, message)
    }

    fn read_error(&self, error: io::Error) -> Error {
        Error::io(format!("cannot read {self}"), error)
    }
}

/// The name of the source in error messages.
impl fmt::Display for UploadSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::File(path) => write!(f, "the file {}", path.display()),
            Kind::Bytes(_) => f.write_str("the recording"),
            Kind::Reader { .. } | Kind::Once { .. } => f.write_str("the reader"),
        }
    }
}

impl fmt::Debug for UploadSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::File(path) => f.debug_tuple("File").field(path).finish(),
            // Without the bytes: recordings are private.
            Kind::Bytes(bytes) => f.debug_tuple("Bytes").field(&bytes.len()).finish(),
            Kind::Reader { len, .. } => f.debug_tuple("Reader").field(len).finish(),
            Kind::Once { len, .. } => f.debug_tuple("Once").field(len).finish(),
        }
    }
}

fn inspect_file(path: &Path) -> io::Result<SourceInfo> {
    let mut extension = content_type::extension(path);
    let file = fs::File::open(path)?;
    if extension.is_none() {
        let mut start = Vec::with_capacity(SNIFF_BYTES);
        (&file).take(SNIFF_BYTES as u64).read_to_end(&mut start)?;
        extension = content_type::sniff_extension(&start);
    }
    let metadata = file.metadata()?;
    Ok(SourceInfo {
        len: metadata.len(),
        extension,
        modified: metadata.modified().ok(),
    })
}

fn lock(slot: &ReaderSlot) -> std::sync::MutexGuard<'_, Option<Reader>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a reader out of its slot on the first read and not when the attempt starts, so that an attempt that could not
/// connect does not consume it.
struct TakeOnRead {
    slot: ReaderSlot,
    reader: Option<Reader>,
}

impl AsyncRead for TakeOnRead {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.reader.is_none() {
            let taken = lock(&self.slot).take();
            self.reader = taken;
        }
        match &mut self.reader {
            Some(reader) => reader.as_mut().poll_read(cx, buf),
            None => Poll::Ready(Err(io::Error::other("a clone of the source has read it"))),
        }
    }
}

impl From<&str> for UploadSource {
    fn from(path: &str) -> Self {
        Self(Kind::File(path.into()))
    }
}

impl From<String> for UploadSource {
    fn from(path: String) -> Self {
        Self(Kind::File(path.into()))
    }
}

impl From<&String> for UploadSource {
    fn from(path: &String) -> Self {
        Self(Kind::File(path.into()))
    }
}

impl From<PathBuf> for UploadSource {
    fn from(path: PathBuf) -> Self {
        Self(Kind::File(path))
    }
}

impl From<&PathBuf> for UploadSource {
    fn from(path: &PathBuf) -> Self {
        Self(Kind::File(path.clone()))
    }
}

impl From<&Path> for UploadSource {
    fn from(path: &Path) -> Self {
        Self(Kind::File(path.to_owned()))
    }
}

impl From<Vec<u8>> for UploadSource {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Kind::Bytes(bytes.into()))
    }
}

impl From<Bytes> for UploadSource {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Bytes(bytes))
    }
}
