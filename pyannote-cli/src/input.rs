//! Recordings as arguments.

use std::ffi::OsStr;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Failure, Result};
use crate::export::stem_of;

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
            Self::Stdin => "recording".to_owned(),
            Self::Url(_) | Self::File(_) => stem_of(&self.name()).to_owned(),
        }
    }

    /// Calls `run` with the path of the recording on this machine.
    pub(crate) fn with_path<T>(&self, run: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
        match self {
            Self::File(path) => run(path),
            Self::Stdin => run(buffer_stdin()?.path()),
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
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut bytes);
        read.map_err(|error| Failure::of(&error).context("cannot read the standard input"))?;
        bytes
    } else {
        std::fs::read(path).map_err(|error| Failure::reading(path, &error))?
    };
    String::from_utf8(bytes).map_err(|_| Failure::failed(format!("{} is not text", path.display())))
}

/// Fails if a file cannot be a recording, before anything is loaded or sent.
pub(crate) fn check_file(path: &Path) -> Result<()> {
    let file = std::fs::metadata(path).map_err(|error| Failure::reading(path, &error))?;
    if file.is_dir() {
        return Err(
            Failure::failed(format!("{} is a folder, not a recording", path.display()))
                .with_hint("name a file in it, or use `pyannote batch` for all of them"),
        );
    }
    if file.is_file() && file.len() == 0 {
        return Err(Failure::failed(format!("{} is empty", path.display())));
    }
    Ok(())
}

/// Copies the standard input to a temporary file, which nobody else can read and which is deleted when it is dropped.
pub(crate) fn buffer_stdin() -> Result<NamedTempFile> {
    let mut stdin = std::io::stdin().lock();
    if stdin.is_terminal() {
        return Err(Failure::usage(
            "the standard input is a terminal; pass a file, or pipe a recording to the command",
        ));
    }
    let mut file = NamedTempFile::new()?;
    let length = std::io::copy(&mut stdin, &mut file)?;
    if length == 0 {
        return Err(Failure::failed("the standard input is empty"));
    }
    file.flush()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

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
