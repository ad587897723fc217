//! Recordings as arguments.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{IsTerminal as _, Read};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use crate::error::{Failure, Result};
use crate::export::stem_of;

/// The name of files with results of the standard input, without extension.
pub(crate) const STDIN_STEM: &str = "recording";

/// A recording: a file, a URL, or the standard input.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Input {
    /// `http://`, `https://` or `media://`.
    Url(String),
    File(PathBuf),
    Stdin,
}

impl From<&OsStr> for Input {
    fn from(text: &OsStr) -> Self {
        let url = text.to_str().filter(|text| {
            let scheme = text
                .split_once("://")
                .map(|(scheme, _)| scheme.to_ascii_lowercase());
            matches!(scheme.as_deref(), Some("http" | "https" | "media"))
        });
        match url {
            Some(url) => Self::Url(url.to_owned()),
            None if text == "-" => Self::Stdin,
            None => Self::File(text.into()),
        }
    }
}

impl Input {
    /// The value parser of an argument.
    pub(crate) fn parser() -> impl clap::builder::TypedValueParser<Value = Self> {
        use clap::builder::{OsStringValueParser, TypedValueParser as _};
        OsStringValueParser::new().map(|text| Self::from(text.as_os_str()))
    }

    /// What to call the recording in results. The query of a URL may be a credential, and is left out.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Url(url) => url.split(['?', '#']).next().unwrap_or_default().to_owned(),
            Self::File(path) => path.display().to_string(),
            Self::Stdin => "-".to_owned(),
        }
    }

    /// The name of files with results, without extension.
    pub(crate) fn stem(&self) -> String {
        match self {
            Self::Stdin => STDIN_STEM.to_owned(),
            Self::Url(_) | Self::File(_) => stem_of(&self.name()).to_owned(),
        }
    }

    /// Calls `run` with the path of the recording on this machine.
    pub(crate) fn with_path<T>(&self, run: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
        match self {
            Self::File(path) if is_pipe(path) => Buffered::of_pipe(path)?.with_path(run),
            Self::File(path) => run(path),
            Self::Stdin => Buffered::of_stdin()?.with_path(run),
            Self::Url(url) if url.starts_with("media://") => Err(Failure::usage(format!(
                "{url} is stored by the service, and --local cannot read it"
            ))),
            Self::Url(_) => Err(Failure::usage(
                "--local reads files, not URLs; download the recording first",
            )),
        }
    }
}

/// Reads a text file, or the standard input if `path` is `-`.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(read_bytes(path)?)
        .map_err(|_| Failure::failed(format!("{} is not text", display(path))))
}

/// Reads a file, or the standard input if `path` is `-`.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    if path != Path::new("-") {
        return std::fs::read(path).map_err(|error| Failure::reading(path, &error));
    }
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut bytes);
    read.map_err(|error| Failure::of(&error).context("cannot read the standard input"))?;
    Ok(bytes)
}

/// What to call a file in messages, or the standard input if `path` is `-`.
pub(crate) fn display(path: &Path) -> String {
    match path == Path::new("-") {
        true => "the standard input".to_owned(),
        false => path.display().to_string(),
    }
}

/// Fails if a file cannot be a recording, before anything is loaded or sent.
pub(crate) fn check_file(path: &Path) -> Result<()> {
    let name = path.display();
    let unreadable = |error: std::io::Error| Failure::reading(path, &error);
    let file = std::fs::metadata(path).map_err(unreadable)?;
    if file.is_dir() {
        std::fs::read_dir(path).map_err(unreadable)?;
        return Err(
            Failure::failed(format!("{name} is a folder, not a recording"))
                .with_hint("name a file in it, or use `pyannote batch` for all of them"),
        );
    }
    if !file.is_file() {
        return Err(Failure::failed(format!(
            "{name} is a device or a pipe, not a file"
        )));
    }
    if file.len() == 0 {
        return Err(Failure::failed(format!("{name} is empty")));
    }
    File::open(path).map(drop).map_err(unreadable)
}

/// Whether a file is a named pipe, as of `<(command)` in a shell.
pub(crate) fn is_pipe(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        std::fs::metadata(path).is_ok_and(|file| file.file_type().is_fifo())
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// A copy of a recording that can be read only once: the standard input, or a named pipe. Nobody else can read it.
///
/// On Linux, the file has no name, so that nothing remains of it however the process ends.
pub(crate) struct Buffered {
    /// What is copied, for messages.
    source: String,
    path: PathBuf,
    _file: File,
    /// Deletes the file, if it has a name.
    _name: Option<TempPath>,
}

impl Buffered {
    pub(crate) fn of_stdin() -> Result<Self> {
        let stdin = std::io::stdin().lock();
        if stdin.is_terminal() {
            return Err(Failure::usage(
                "the standard input is a terminal; pass a file, or pipe a recording to the command",
            ));
        }
        Self::of(stdin, "the standard input")
    }

    pub(crate) fn of_pipe(path: &Path) -> Result<Self> {
        let pipe = File::open(path).map_err(|error| Failure::reading(path, &error))?;
        Self::of(pipe, &path.display().to_string())
    }

    fn of(mut recording: impl Read, source: &str) -> Result<Self> {
        let fail =
            |error: std::io::Error| Failure::of(&error).context(format!("cannot copy {source}"));
        let (mut file, path, name) = temporary_file().map_err(fail)?;
        match std::io::copy(&mut recording, &mut file).map_err(fail)? {
            0 => Err(Failure::failed(format!("{source} is empty"))),
            _ => Ok(Self {
                source: source.to_owned(),
                path,
                _file: file,
                _name: name,
            }),
        }
    }

    #[cfg(feature = "api")]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Calls `run` with the path of the copy. Messages have the name of the source.
    pub(crate) fn with_path<T>(&self, run: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
        run(&self.path).map_err(|failure| self.named(failure))
    }

    /// Replaces the path of the copy in a message by the name of the source.
    pub(crate) fn named(&self, mut failure: Failure) -> Failure {
        let path = self.path.display().to_string();
        failure.message = failure.message.replace(&path, &self.source);
        failure
    }
}

/// Creates a temporary file, and returns a path by which this process and those that it starts can read it.
fn temporary_file() -> std::io::Result<(File, PathBuf, Option<TempPath>)> {
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd as _;
        let file = tempfile::tempfile()?;
        // Not `/proc/self`: a program that is started to decode the recording is another process.
        let (process, file_descriptor) = (std::process::id(), file.as_raw_fd());
        let path = PathBuf::from(format!("/proc/{process}/fd/{file_descriptor}"));
        if path.exists() {
            return Ok((file, path, None));
        }
    }
    let (file, name) = NamedTempFile::new()?.into_parts();
    Ok((file, name.to_path_buf(), Some(name)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Such as ffmpeg.
    #[cfg(unix)]
    #[test]
    fn other_programs_can_read_a_recording_without_a_name() {
        let recording = Buffered::of(&b"audio"[..], "a pipe").unwrap();
        let mut cat = std::process::Command::new("cat");
        let output = cat.arg(&recording.path).output().unwrap();
        assert_eq!(output.stdout, b"audio", "{output:?}");
        let failure = recording
            .with_path(|path| Err::<(), _>(Failure::reading(path, &std::io::Error::other("no"))))
            .unwrap_err();
        assert_eq!(failure.message, "cannot read a pipe: no");
    }

    #[test]
    fn kinds_of_inputs() {
        for (text, input, name, stem) in [
            (
                "https://host/a.wav?signature=1",
                Input::Url("https://host/a.wav?signature=1".to_owned()),
                "https://host/a.wav",
                "a",
            ),
            (
                "media://calls/1",
                Input::Url("media://calls/1".to_owned()),
                "media://calls/1",
                "1",
            ),
            ("-", Input::Stdin, "-", "recording"),
            ("./-", Input::File("./-".into()), "./-", "-"),
            ("c:/a.wav", Input::File("c:/a.wav".into()), "c:/a.wav", "a"),
        ] {
            let parsed = Input::from(OsStr::new(text));
            assert_eq!(parsed, input);
            assert_eq!(
                (parsed.name().as_str(), parsed.stem().as_str()),
                (name, stem)
            );
        }
    }
}
