//! What is uploaded: a file, bytes, or a reader, each to be opened anew for every attempt.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};

use super::{CHUNK, content_type, key};
use crate::error::{Error, ErrorKind, FieldError};

/// The largest recording that the service takes, in bytes.
pub(super) const LARGEST: u64 = 1 << 30;
/// How many of the first bytes say what kind of recording it is. The longest a format needs is Matroska's.
const HEAD: usize = 4096;

pub(super) type Reader = Pin<Box<dyn AsyncRead + Send>>;
type Opening = Pin<Box<dyn Future<Output = io::Result<Reader>> + Send>>;
type Slot = Arc<Mutex<Option<Reader>>>;

/// What to upload: a path, bytes, or a reader.
///
/// Paths and bytes become one by themselves, so [`Client::upload`](crate::Client::upload) takes them as they are. At
/// most 1 GiB (1,073,741,824 bytes).
///
/// ```no_run
/// # async fn run(client: pyannote::Client) -> Result<(), pyannote::Error> {
/// use pyannote::UploadSource;
///
/// client.upload("meeting.wav").await?;
/// client.upload(vec![0; 44]).await?;
/// // Whatever can be opened again, here a file, with its length in bytes.
/// let source = UploadSource::reader(1_204_268, || tokio::fs::File::open("meeting.wav"));
/// client.upload(source).key("calls/1.wav").await?;
/// # Ok(())
/// # }
/// ```
pub struct UploadSource(Kind);

enum Kind {
    File(PathBuf),
    Bytes(Bytes),
    Reader {
        len: u64,
        open: Box<dyn Fn() -> Opening + Send + Sync>,
    },
    Once {
        len: u64,
        slot: Slot,
    },
}

/// What is known of a source before it is sent.
#[derive(Debug)]
pub(super) struct Content {
    /// In bytes.
    pub(super) len: u64,
    pub(super) extension: Option<String>,
}

impl UploadSource {
    /// A source of `len` bytes that `open` opens anew for each attempt, each time from its start.
    ///
    /// The reader has to end after `len` bytes; more or fewer are an error, and nothing is stored. It has no name and
    /// is not read twice, so it needs a [`key`](crate::Upload::key).
    pub fn reader<F, O, R>(len: u64, open: F) -> Self
    where
        F: Fn() -> O + Send + Sync + 'static,
        O: Future<Output = io::Result<R>> + Send + 'static,
        R: AsyncRead + Send + 'static,
    {
        let open = move || -> Opening {
            let opening = open();
            Box::pin(async move { Ok(Box::pin(opening.await?) as Reader) })
        };
        Self(Kind::Reader {
            len,
            open: Box::new(open),
        })
    }

    /// A source of `len` bytes that can be read only once, such as another process's output.
    ///
    /// An upload of it is tried again only while nothing of it was read. Otherwise as [`reader`](Self::reader), which
    /// is better wherever the source can be opened again.
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

    /// Whether its content can be read before it is sent, for a key.
    pub(super) fn has_digest(&self) -> bool {
        matches!(self.0, Kind::File(_) | Kind::Bytes(_))
    }

    /// Whether it can be opened no more.
    pub(super) fn is_spent(&self) -> bool {
        match &self.0 {
            Kind::Once { slot, .. } => lock(slot).is_none(),
            _ => false,
        }
    }

    /// Looks at the source, and refuses what the service would not take.
    pub(super) async fn inspect(&self) -> Result<Content, Error> {
        let content = match &self.0 {
            Kind::File(path) => {
                let path = path.clone();
                blocking(move || inspect_file(&path))
                    .await
                    .map_err(|error| self.unreadable(error))?
            }
            Kind::Bytes(bytes) => Content {
                len: bytes.len() as u64,
                extension: content_type::sniffed(bytes.get(..HEAD).unwrap_or(bytes)),
            },
            Kind::Reader { len, .. } | Kind::Once { len, .. } => Content {
                len: *len,
                extension: None,
            },
        };
        match content.len {
            0 => Err(Error::validation(
                format!("{self} cannot be uploaded"),
                vec![FieldError::new(
                    "source",
                    "is empty; check that the recording was written",
                )],
            )),
            len if len > LARGEST => Err(Error::new(
                ErrorKind::TooLarge,
                format!(
                    "{self} has {len} bytes, and the service takes at most {LARGEST} (1 GiB): compress the recording, \
                     to FLAC or Opus for example, or cut it into parts. Nothing was sent"
                ),
            )),
            _ => Ok(content),
        }
    }

    /// The key that the content has by itself.
    pub(super) async fn digest_key(&self, content: &Content) -> Result<String, Error> {
        // Dropped with this future: the digest then stops, since it runs on a thread that cannot be dropped.
        let waiting = Arc::new(());
        let watch = Arc::downgrade(&waiting);
        let alive = move || watch.strong_count() > 0;
        let (digest, len) = match &self.0 {
            Kind::File(path) => {
                let path = path.clone();
                blocking(move || key::of_file(&path, alive)).await
            }
            Kind::Bytes(bytes) => {
                let bytes = bytes.clone();
                blocking(move || key::of_bytes(bytes, alive)).await
            }
            Kind::Reader { .. } | Kind::Once { .. } => {
                Err(io::Error::other("a reader is not read before it is sent"))
            }
        }
        .map_err(|error| self.unreadable(error))?;
        if len != content.len {
            return Err(self.changed(content.len));
        }
        Ok(key::key(&digest, content.extension.as_deref()))
    }

    /// Opens the source at its start, for one attempt to send its `len` bytes.
    pub(super) async fn open(&self, len: u64) -> Result<Reader, Error> {
        match &self.0 {
            Kind::File(path) => {
                let opened = async {
                    let mut file = tokio::fs::File::open(path).await?;
                    file.set_max_buf_size(CHUNK);
                    let now = file.metadata().await?.len();
                    io::Result::Ok((file, now))
                };
                let (file, now) = opened.await.map_err(|error| self.unreadable(error))?;
                // What was measured is what is announced. A change from here on is found while it is sent.
                if now != len {
                    return Err(self.changed(len));
                }
                Ok(Box::pin(file))
            }
            Kind::Bytes(bytes) => Ok(Box::pin(io::Cursor::new(bytes.clone()))),
            Kind::Reader { open, .. } => open().await.map_err(|error| self.unreadable(error)),
            Kind::Once { slot, .. } => Ok(Box::pin(Taken {
                slot: Arc::clone(slot),
                reader: None,
            })),
        }
    }

    pub(super) fn unreadable(&self, error: io::Error) -> Error {
        Error::io(format!("{self} cannot be read: {error}"), error)
    }

    /// The error of a source that is longer or shorter than it was.
    pub(super) fn changed(&self, len: u64) -> Error {
        let what = match self.0 {
            Kind::File(_) => "changed while it was uploaded: it no longer has",
            _ => "does not have",
        };
        Error::new(
            ErrorKind::Io,
            format!(
                "{self} {what} the {len} bytes that were announced; nothing was stored. Upload it when it is complete"
            ),
        )
    }
}

/// What the source is called in errors.
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
            // Not the bytes themselves: audio is nobody else's business.
            Kind::Bytes(bytes) => f.debug_tuple("Bytes").field(&bytes.len()).finish(),
            Kind::Reader { len, .. } => f.debug_tuple("Reader").field(len).finish(),
            Kind::Once { len, .. } => f.debug_tuple("Once").field(len).finish(),
        }
    }
}

fn inspect_file(path: &Path) -> io::Result<Content> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it is a directory; name a file in it",
        ));
    }
    // Opening a pipe would wait for a writer.
    if !metadata.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is no regular file; use UploadSource::stream_once for a pipe",
        ));
    }
    let mut extension = content_type::extension(path);
    let file = fs::File::open(path)?;
    if extension.is_none() {
        let mut head = Vec::with_capacity(HEAD);
        (&file).take(HEAD as u64).read_to_end(&mut head)?;
        extension = content_type::sniffed(&head);
    }
    Ok(Content {
        len: file.metadata()?.len(),
        extension,
    })
}

/// Runs what waits for the disk, or computes for long, where it holds up nobody.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn lock(slot: &Slot) -> std::sync::MutexGuard<'_, Option<Reader>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A reader that is taken from its place when it is first read, and not when the attempt begins: an attempt that found
/// no connection has not used it up.
struct Taken {
    slot: Slot,
    reader: Option<Reader>,
}

impl AsyncRead for Taken {
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
            None => Poll::Ready(Err(io::Error::other("it was read already"))),
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
