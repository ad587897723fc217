//! The source of an upload: a file, bytes, or a reader, opened again for each attempt.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};

use super::{CHUNK_BYTES, content_key, content_type};
use crate::error::{Error, ErrorKind, FieldError};

/// The largest recording that the service accepts.
pub(super) const MAX_RECORDING_BYTES: u64 = 1 << 30;
/// How many bytes are read to detect the format. Matroska needs the most.
const SNIFF_BYTES: usize = 4096;

pub(super) type Reader = Pin<Box<dyn AsyncRead + Send>>;
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
}

impl UploadSource {
    /// Creates a source of `len` bytes that `open` opens from the start for each attempt.
    ///
    /// If a reader does not end after exactly `len` bytes, the upload fails and nothing is stored. A reader has no
    /// default key, so the upload needs a [`key`](crate::Upload::key).
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
            },
            Kind::Reader { len, .. } | Kind::Once { len, .. } => SourceInfo {
                len: *len,
                extension: None,
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

    /// The default key, derived from the content.
    pub(super) async fn content_key(&self, info: &SourceInfo) -> Result<String, Error> {
        // Dropping this future drops `token`, which stops the digest: its blocking thread cannot be canceled otherwise.
        let token = Arc::new(());
        let weak = Arc::downgrade(&token);
        let is_awaited = move || weak.strong_count() > 0;
        let (digest, len) = match &self.0 {
            Kind::File(path) => {
                let path = path.clone();
                run_blocking(move || content_key::digest_file(&path, is_awaited)).await
            }
            Kind::Bytes(bytes) => {
                let bytes = bytes.clone();
                run_blocking(move || content_key::digest_bytes(bytes, is_awaited)).await
            }
            Kind::Reader { .. } | Kind::Once { .. } => {
                Err(io::Error::other("a reader has no default key"))
            }
        }
        .map_err(|error| self.read_error(error))?;
        if len != info.len {
            return Err(self.length_error(info.len));
        }
        Ok(content_key::content_key(&digest, info.extension.as_deref()))
    }

    /// Opens the source at its start, for one attempt to send `len` bytes.
    pub(super) async fn open(&self, len: u64) -> Result<Reader, Error> {
        match &self.0 {
            Kind::File(path) => {
                let open = async {
                    let mut file = tokio::fs::File::open(path).await?;
                    file.set_max_buf_size(CHUNK_BYTES);
                    let current_len = file.metadata().await?.len();
                    io::Result::Ok((file, current_len))
                };
                let (file, current_len) = open.await.map_err(|error| self.read_error(error))?;
                // A later change is detected while sending.
                if current_len != len {
                    return Err(self.length_error(len));
                }
                Ok(Box::pin(file))
            }
            Kind::Bytes(bytes) => Ok(Box::pin(io::Cursor::new(bytes.clone()))),
            Kind::Reader { open, .. } => open().await.map_err(|error| self.read_error(error)),
            Kind::Once { .. } if self.is_consumed() => Err(Error::new(
                ErrorKind::Io,
                format!(
                    "{self} was already read, and can be read only once; use UploadSource::reader if it can be opened \
                     again"
                ),
            )),
            Kind::Once { slot, .. } => Ok(Box::pin(TakeOnRead {
                slot: Arc::clone(slot),
                reader: None,
            })),
        }
    }

    pub(super) fn read_error(&self, error: io::Error) -> Error {
        Error::io(format!("cannot read {self}"), error)
    }

    /// The error of a source that is longer or shorter than announced.
    pub(super) fn length_error(&self, len: u64) -> Error {
        let problem = match self.0 {
            Kind::File(_) => "changed during the upload: its length is no longer",
            _ => "does not have the announced length of",
        };
        Error::new(
            ErrorKind::Io,
            format!(
                "{self} {problem} {len} bytes, so nothing was stored; upload it when it is complete"
            ),
        )
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
    Ok(SourceInfo {
        len: file.metadata()?.len(),
        extension,
    })
}

/// Runs blocking I/O or a long computation on tokio's thread pool for blocking work.
pub(super) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
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
