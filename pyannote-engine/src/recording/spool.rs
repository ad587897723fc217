//! Temporary files of samples.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{RecordingWriter, SpoolError};

/// The folder of large temporary files on Unix: `/tmp` is often in memory (`file-hierarchy(7)`).
const LARGE_FILES: &str = "/var/tmp";
/// Bytes that are collected before they are written.
const BUFFER_BYTES: usize = 1 << 16;

/// A file of samples, in the byte order of the machine. It has no name and is deleted by the operating system when it
/// is closed, however the process ends.
#[derive(Debug)]
pub(super) struct Spool {
    file: File,
    folder: PathBuf,
}

impl Spool {
    /// Reads samples, from index `start` on. All of them must exist.
    pub(super) fn read(&self, start: usize, samples: &mut [f32]) -> Result<(), SpoolError> {
        let position = start as u64 * size_of::<f32>() as u64;
        read_exact_at(&self.file, position, bytemuck::cast_slice_mut(samples))
            .map_err(|error| SpoolError::read(&self.folder, &error))
    }
}

/// Writes the samples of a [`Spool`].
#[derive(Debug)]
pub(super) struct SpoolWriter {
    file: BufWriter<File>,
    folder: PathBuf,
}

impl SpoolWriter {
    /// Creates a file in a folder, or in the first of [`default_folders`] that is writable.
    pub(super) fn create(folder: Option<&Path>) -> Result<Self, SpoolError> {
        let folders = match folder {
            Some(folder) => vec![folder.to_owned()],
            None => RecordingWriter::default_folders(),
        };
        let mut first_error = None;
        for folder in folders {
            match private_file(&folder) {
                Ok(file) => return Ok(Self::new(file, folder)),
                Err(error) => {
                    first_error.get_or_insert_with(|| SpoolError::create(&folder, &error));
                }
            }
        }
        #[expect(clippy::expect_used, reason = "there is at least one folder")]
        Err(first_error.expect("there is at least one folder"))
    }

    fn new(file: File, folder: PathBuf) -> Self {
        Self {
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            folder,
        }
    }

    /// Appends samples.
    pub(super) fn push(&mut self, samples: &[f32]) -> Result<(), SpoolError> {
        self.file
            .write_all(bytemuck::cast_slice(samples))
            .map_err(|error| SpoolError::write(&self.folder, &error))
    }

    /// The error of a disk without space.
    pub(super) fn full(&self) -> SpoolError {
        SpoolError::full(&self.folder)
    }

    /// Writes what is still in the buffer.
    pub(super) fn finish(self) -> Result<Spool, SpoolError> {
        let Self { file, folder } = self;
        match file.into_inner() {
            Ok(file) => Ok(Spool { file, folder }),
            Err(error) => Err(SpoolError::write(&folder, error.error())),
        }
    }
}

/// Creates a file without a name that only its owner can read, even through `/proc`.
fn private_file(folder: &Path) -> io::Result<File> {
    let file = tempfile::tempfile_in(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;

        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// The folders to try if none was given: that of `TMPDIR`, or else that of large temporary files and that of all.
pub(super) fn default_folders(tmpdir: Option<OsString>, temp_dir: PathBuf) -> Vec<PathBuf> {
    match tmpdir.filter(|folder| !folder.is_empty()) {
        Some(folder) => vec![folder.into()],
        None if cfg!(unix) => vec![LARGE_FILES.into(), temp_dir],
        None => vec![temp_dir],
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, position: u64, bytes: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, position)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut position: u64, mut bytes: &mut [u8]) -> io::Result<()> {
    use std::os::windows::fs::FileExt;

    while !bytes.is_empty() {
        match file.seek_read(bytes, position) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                position += read as u64;
                bytes = &mut bytes[read..];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(not(any(unix, windows)))]
fn read_exact_at(_: &File, _: u64, _: &mut [u8]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_in_the_folder_of_large_ones_unless_tmpdir_is_set() {
        let folders = |tmpdir: Option<&str>| default_folders(tmpdir.map(Into::into), "/tmp".into());
        let default: &[&str] = if cfg!(unix) {
            &["/var/tmp", "/tmp"]
        } else {
            &["/tmp"]
        };
        for (tmpdir, expected) in [
            (None, default),
            (Some(""), default),
            (Some("/mnt/large"), &["/mnt/large"]),
        ] {
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(folders(tmpdir), expected, "{tmpdir:?}");
        }
    }

    #[test]
    fn the_file_is_not_visible_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = SpoolWriter::create(Some(folder.path())).unwrap();
        writer.push(&[0.5; 100_000]).unwrap();
        let spool = writer.finish().unwrap();
        let metadata = spool.file.metadata().unwrap();
        assert_eq!(metadata.len(), 400_000);
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt, PermissionsExt};

            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
            assert_eq!(metadata.nlink(), 0, "it would remain if the process ended");
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        }
        drop(spool);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_does_not_exist_is_named_with_the_remedy() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("missing");
        let error = SpoolWriter::create(Some(&folder)).unwrap_err();
        assert!(matches!(&error, SpoolError::Create { folder: found, .. } if *found == folder));
        let text = error.to_string();
        let start = format!(
            "cannot create a temporary file for the recording in {}: ",
            folder.display()
        );
        assert!(text.starts_with(&start), "{text}");
        assert!(
            text.ends_with(": set TMPDIR to a folder that is writable"),
            "{text}"
        );
        assert_eq!(text.matches("missing").count(), 1, "{text}");
    }

    /// Every write to `/dev/full` fails as on a full disk.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_during_and_at_the_end() {
        let writer = || {
            let file = File::options().write(true).open("/dev/full").unwrap();
            SpoolWriter::new(file, "/dev".into())
        };
        let full = SpoolError::Full {
            folder: "/dev".into(),
        };
        assert_eq!(writer().push(&[0.0; 100_000]), Err(full.clone()));
        let mut short = writer();
        short.push(&[0.0; 10]).unwrap();
        assert_eq!(short.finish().unwrap_err(), full);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error() {
        let mut writer = SpoolWriter::create(None).unwrap();
        writer.push(&[0.5; 1_000]).unwrap();
        let spool = writer.finish().unwrap();
        spool.file.set_len(2_000).unwrap();
        let mut samples = [0.0; 100];
        assert_eq!(spool.read(400, &mut samples), Ok(()));
        assert_eq!(samples, [0.5; 100]);
        let error = spool.read(401, &mut samples).unwrap_err();
        assert!(matches!(error, SpoolError::Read { .. }), "{error:?}");
    }
}
