//! The content of a source in chunks.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::pin::Pin;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::{JoinHandle, spawn_blocking};

/// A reader of a user.
pub(super) type Reader = Pin<Box<dyn AsyncRead + Send>>;

/// Why a source cannot be sent.
#[derive(Debug)]
pub(super) enum SourceError {
    Read(io::Error),
    /// It is shorter or longer than announced.
    Length,
    /// It is no longer what it was when the upload began.
    Content,
    /// It can be read only once, and was read.
    Consumed,
}

impl From<io::Error> for SourceError {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// Splits a source into chunks of a fixed size, of which only the last one is shorter.
pub(super) struct Chunks {
    source: Source,
    chunk_bytes: usize,
}

enum Source {
    File(ReadAhead),
    Bytes(Bytes),
    Reader(Reader),
    End,
}

impl Chunks {
    /// Opens a file whose length is `len`, and starts to read it.
    ///
    /// With `modified`, the time of the last modification must be that one from here to the end.
    pub(super) async fn open_file(
        path: PathBuf,
        len: u64,
        modified: Option<SystemTime>,
        chunk_bytes: usize,
    ) -> Result<Self, SourceError> {
        let file = run_blocking(move || {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            let found = (metadata.len(), metadata.modified().ok());
            Ok((file, found))
        });
        let (file, (found_len, found_modified)) = file.await?;
        if found_len != len {
            return Err(SourceError::Length);
        }
        if modified.is_some() && found_modified != modified {
            return Err(SourceError::Content);
        }
        let ahead = ReadAhead::start(OpenFile { file, modified }, chunk_bytes);
        Ok(Self {
            source: Source::File(ahead),
            chunk_bytes,
        })
    }

    pub(super) fn of_bytes(bytes: Bytes, chunk_bytes: usize) -> Self {
        let source = Source::Bytes(bytes);
        Self {
            source,
            chunk_bytes,
        }
    }

    pub(super) fn of_reader(reader: Reader, chunk_bytes: usize) -> Self {
        let source = Source::Reader(reader);
        Self {
            source,
            chunk_bytes,
        }
    }

    /// The next chunk, which is empty at the end.
    pub(super) async fn next(&mut self) -> Result<Bytes, SourceError> {
        let chunk = match &mut self.source {
            Source::File(ahead) => ahead.next(self.chunk_bytes).await?,
            Source::Bytes(bytes) => bytes.split_to(bytes.len().min(self.chunk_bytes)),
            Source::Reader(reader) => read_chunk(reader, self.chunk_bytes).await?,
            Source::End => Bytes::new(),
        };
        // A reader is not read again after its end. A file is, since it may have grown.
        if chunk.is_empty()
            || (matches!(self.source, Source::Reader(_)) && chunk.len() < self.chunk_bytes)
        {
            self.source = Source::End;
        }
        Ok(chunk)
    }
}

async fn read_chunk(reader: &mut Reader, chunk_bytes: usize) -> io::Result<Bytes> {
    let mut chunk = BytesMut::with_capacity(chunk_bytes);
    while chunk.len() < chunk_bytes {
        let missing = (chunk_bytes - chunk.len()) as u64;
        if reader.take(missing).read_buf(&mut chunk).await? == 0 {
            break;
        }
    }
    Ok(chunk.freeze())
}

/// A file of which the next chunk is read in the background, while the current one is hashed and sent.
///
/// Each chunk is a task of its own: a thread that read the whole file would be blocked for the duration of the upload,
/// and many uploads would take all threads for blocking work.
struct ReadAhead(Option<JoinHandle<Result<(OpenFile, Bytes), SourceError>>>);

struct OpenFile {
    file: File,
    modified: Option<SystemTime>,
}

impl ReadAhead {
    fn start(file: OpenFile, chunk_bytes: usize) -> Self {
        Self(Some(spawn_blocking(move || file.read_chunk(chunk_bytes))))
    }

    async fn next(&mut self, chunk_bytes: usize) -> Result<Bytes, SourceError> {
        // `None` after an error.
        let Some(task) = self.0.take() else {
            return Ok(Bytes::new());
        };
        let (file, chunk) = task.await.map_err(io::Error::other)??;
        *self = Self::start(file, chunk_bytes);
        Ok(chunk)
    }
}

impl OpenFile {
    fn read_chunk(self, chunk_bytes: usize) -> Result<(Self, Bytes), SourceError> {
        let mut chunk = Vec::with_capacity(chunk_bytes);
        (&self.file)
            .take(chunk_bytes as u64)
            .read_to_end(&mut chunk)?;
        if chunk.is_empty()
            && self.modified.is_some()
            && self.file.metadata()?.modified().ok() != self.modified
        {
            return Err(SourceError::Content);
        }
        Ok((self, chunk.into()))
    }
}

/// Runs blocking I/O or a long computation on tokio's thread pool for blocking work.
pub(super) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The content in chunks of 4 bytes.
    async fn chunks(mut chunks: Chunks) -> Vec<Bytes> {
        let mut all = Vec::new();
        loop {
            let chunk = chunks.next().await.unwrap();
            if chunk.is_empty() {
                assert!(chunks.next().await.unwrap().is_empty());
                return all;
            }
            all.push(chunk);
        }
    }

    #[tokio::test]
    async fn every_source_has_the_same_chunks() {
        for (content, expected) in [
            ("", vec![]),
            ("abc", vec!["abc"]),
            ("abcd", vec!["abcd"]),
            ("abcdefghi", vec!["abcd", "efgh", "i"]),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), content).unwrap();
            let modified = file.as_file().metadata().unwrap().modified().ok();
            let path = file.path().to_owned();
            let file = Chunks::open_file(path, content.len() as u64, modified, 4);
            // A reader that returns less than was asked for.
            let (start, end) = content.split_at(content.len() / 2);
            let reader = AsyncReadExt::chain(io::Cursor::new(start), io::Cursor::new(end));
            let reader = Box::pin(reader);
            for found in [
                chunks(file.await.unwrap()).await,
                chunks(Chunks::of_bytes(Bytes::from_static(content.as_bytes()), 4)).await,
                chunks(Chunks::of_reader(reader, 4)).await,
            ] {
                assert_eq!(found, expected);
            }
        }
    }

    #[tokio::test]
    async fn a_file_must_have_its_length_and_modification_time() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        let modified = file.as_file().metadata().unwrap().modified().ok();
        let open = |len, modified| Chunks::open_file(file.path().to_owned(), len, modified, 4);
        assert!(matches!(open(4, modified).await, Err(SourceError::Length)));
        let other = Some(SystemTime::UNIX_EPOCH);
        assert!(matches!(open(3, other).await, Err(SourceError::Content)));
        assert!(open(3, modified).await.is_ok());
    }

    #[tokio::test]
    async fn a_file_that_changes_while_it_is_read_has_no_end() {
        for check in [true, false] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), "abcdefghi").unwrap();
            let modified = file.as_file().metadata().unwrap().modified().ok();
            let path = file.path().to_owned();
            let chunks = Chunks::open_file(path, 9, modified.filter(|_| check), 4).await;
            let mut chunks = chunks.unwrap();
            assert_eq!(chunks.next().await.unwrap(), "abcd");
            assert_eq!(chunks.next().await.unwrap(), "efgh");
            file.as_file().set_modified(SystemTime::UNIX_EPOCH).unwrap();
            assert_eq!(chunks.next().await.unwrap(), "i");
            match chunks.next().await {
                Err(SourceError::Content) => assert!(check),
                end => assert!(!check && end.unwrap().is_empty()),
            }
        }
    }
}
