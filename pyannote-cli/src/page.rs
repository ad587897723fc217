//! Files of HTML pages: which may be overwritten, and how they refer to the recording.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf, absolute};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::error::{Failure, Result};
use crate::export::AudioLink;

/// Characters of file names that have no meaning in URLs.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// How a page says that it was written by pyannote-core.
const GENERATOR: &str = r#"<meta name="generator" content="pyannote-core"/>"#;

/// The generator is near the start of the file, in bytes.
const MAX_GENERATOR_OFFSET: u64 = 1024;

/// Returns the path of a page whose name the user did not choose. Fails if there is a file that is not such a page.
pub(crate) fn default_path(name: &str) -> Result<PathBuf> {
    let path = PathBuf::from(name);
    match is_page(&path) {
        Ok(true) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path),
        _ => Err(Failure::usage(format!(
            "{name} exists, and was not written by this command"
        ))
        .with_hint("pass another file as --output, or remove it")),
    }
}

/// Whether a file is a page of pyannote-core.
fn is_page(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?
        .take(MAX_GENERATOR_OFFSET)
        .read_to_end(&mut start)?;
    Ok(String::from_utf8_lossy(&start).contains(GENERATOR))
}

/// Returns the URL by which a page plays a recording, or `None` if it cannot: the recording is not a file of this machine
/// or on the web.
pub(crate) fn recording_url(audio: &str, link: AudioLink<'_>) -> Result<Option<String>> {
    if audio.starts_with("https://") || audio.starts_with("http://") {
        return Ok(Some(audio.to_owned()));
    }
    let path = Path::new(audio);
    if !path.is_file() {
        return Ok(None);
    }
    match link {
        AudioLink::From(page) => Ok(Some(audio_url(page, path)?)),
        AudioLink::Embed => {
            let extension = path
                .extension()
                .unwrap_or_default()
                .to_string_lossy()
                .to_lowercase();
            let content = BASE64_STANDARD.encode(fs_err::read(path)?);
            Ok(Some(format!(
                "data:{};base64,{content}",
                content_type(&extension)
            )))
        }
    }
}

/// The content type of a recording, by the extension of its file.
fn content_type(extension: &str) -> &'static str {
    match extension {
        "aac" => "audio/aac",
        "flac" => "audio/flac",
        "m4a" | "m4b" => "audio/mp4",
        "mp3" => "audio/mpeg",
        "mkv" => "video/x-matroska",
        "mov" | "mp4" => "video/mp4",
        "oga" | "ogg" | "opus" => "audio/ogg",
        "weba" | "webm" => "video/webm",
        // Players find out what it is by its content.
        _ => "audio/wav",
    }
}

/// Returns the URL of a recording for a page: relative if the recording is in the folder of the page or below, so that
/// both can be moved together.
pub(crate) fn audio_url(page: &Path, recording: &Path) -> io::Result<String> {
    let (page, recording) = (absolute(page)?, absolute(recording)?);
    let folder = page.parent().unwrap_or(&page);
    Ok(match recording.strip_prefix(folder) {
        // The dot keeps a colon in the name from being read as the end of a scheme.
        Ok(relative) => format!(".{}", url_path(relative)),
        Err(_) => format!("file://{}", url_path(&recording)),
    })
}

/// The components of a path, percent-encoded, with a slash before each.
fn url_path(path: &Path) -> String {
    let mut url = String::new();
    for component in path.components() {
        match component {
            Component::RootDir => {}
            // A drive such as `C:`, which is not encoded.
            Component::Prefix(prefix) => {
                url += "/";
                url += &prefix.as_os_str().to_string_lossy().replace('\\', "/");
            }
            component => {
                url += "/";
                let bytes = component.as_os_str().as_encoded_bytes();
                url.extend(percent_encode(bytes, PLAIN));
            }
        }
    }
    url
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use pyannote_core::Turns;

    #[test]
    fn pages_are_recognized() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.html");
        assert!(is_page(&file).is_err());
        for (text, expected) in [
            (Turns::new().to_html(), true),
            ("<!DOCTYPE html><title>mine</title>".to_owned(), false),
            (String::new(), false),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(is_page(&file).unwrap(), expected);
        }
        assert!(is_page(folder.path()).is_err());
    }

    #[test]
    fn urls_are_relative_below_the_folder_of_the_page() {
        for (page, recording, expected) in [
            ("page.html", "a b.wav", "./a%20b.wav"),
            ("page.html", "calls/1:#%?.wav", "./calls/1%3A%23%25%3F.wav"),
            ("out/page.html", "out/ü.wav", "./%C3%BC.wav"),
        ] {
            let url = audio_url(Path::new(page), Path::new(recording)).unwrap();
            assert_eq!(url, expected, "{page} {recording}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn urls_are_absolute_elsewhere() {
        let url = |page, recording| audio_url(Path::new(page), Path::new(recording)).unwrap();
        assert_eq!(
            url("/out/page.html", "/calls/a b.wav"),
            "file:///calls/a%20b.wav"
        );
        assert!(url("out/page.html", "a.wav").starts_with("file:///"));
    }

    #[cfg(windows)]
    #[test]
    fn urls_have_drives() {
        let url = audio_url(
            Path::new(r"C:\out\page.html"),
            Path::new(r"D:\calls\a b.wav"),
        );
        assert_eq!(url.unwrap(), "file:///D:/calls/a%20b.wav");
    }
}
