//! What a file is in place of what its name says, and how to get the right one.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Start of the pickle with which PyTorch's format before 1.6 begins: protocol 2 and a magic number.
const LEGACY_TORCH: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
/// Size up to which a file of text may be the message of a server, in bytes.
const MAX_MESSAGE_BYTES: usize = 4 << 10;
/// Characters of a file's content that are part of a message.
const EXCERPT_CHARS: usize = 80;

/// Reads a file of up to `max_bytes`.
///
/// # Errors
///
/// If it cannot be read, or is larger, with the reason.
pub(super) fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(max_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    match bytes.len() as u64 > max_bytes {
        true => Err(format!(
            "the file has more than {max_bytes} bytes: it is not a file of community-1"
        )),
        false => Ok(bytes),
    }
}

/// The first bytes of a file: at most `bytes`.
///
/// # Errors
///
/// If it cannot be read, with the reason.
pub(super) fn start(path: &Path, bytes: u64) -> Result<Vec<u8>, String> {
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(bytes).read_to_end(&mut start))
        .map_err(|error| error.to_string())?;
    Ok(start)
}

/// Refuses content that is there because a download failed or was not finished, of a text or a model.
///
/// # Errors
///
/// With what it is, and the remedy.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    let start = bytes.trim_ascii_start();
    let lower = start[..start.len().min(16)].to_ascii_lowercase();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|p| lower.starts_with(p.as_bytes()));
    let reason = if start.is_empty() {
        "the file is empty: download it again"
    } else if starts(&["version https://"]) {
        "the file is a pointer of Git LFS, not its content: run `git lfs pull` in the folder, or download the file again"
    } else if starts(&["<!doctype", "<html", "<head", "<?xml"]) {
        "the file is a web page: accept the conditions of the repository on Hugging Face, log in with \
         `hf auth login`, and download it again"
    } else {
        return Ok(());
    };
    Err(reason.to_owned())
}

/// Like [`check`], for a file that is not text.
///
/// # Errors
///
/// With what it is, and the remedy.
pub(super) fn check_binary(bytes: &[u8]) -> Result<(), String> {
    check(bytes)?;
    let is_text = || str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0'));
    let reason = if bytes.starts_with(LEGACY_TORCH) {
        "the file has the format of PyTorch before 1.6: load it with `torch.load`, and save it again with `torch.save`"
    } else if bytes.starts_with(b"\x1f\x8b") {
        "the file is compressed with gzip: decompress it"
    } else if bytes.get(257..262) == Some(b"ustar") {
        "the file is a tar archive: extract it"
    } else if bytes.len() <= MAX_MESSAGE_BYTES && is_text() {
        "the file is a text, such as the message of a refused download: accept the conditions of the repository on \
         Hugging Face, log in with `hf auth login`, and download it again"
    } else {
        return Ok(());
    };
    Err(reason.to_owned())
}

/// The start of a text from a file, without control characters, for a message.
pub(super) fn excerpt(text: &str) -> String {
    let mut excerpt: String = text
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .take(EXCERPT_CHARS)
        .collect();
    if text.chars().nth(EXCERPT_CHARS).is_some() {
        excerpt.push('…');
    }
    excerpt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_a_failed_download_left() {
        let lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:7ad2\nsize 5906507\n";
        for (content, expected) in [
            ("", "is empty"),
            ("  \n", "is empty"),
            (lfs, "pointer of Git LFS"),
            ("\n<!DOCTYPE html>\n<html>", "web page"),
            (
                "<?xml version=\"1.0\"?><Error>AccessDenied</Error>",
                "web page",
            ),
            (
                "{\"error\":\"Access to model is restricted\"}",
                "message of a refused",
            ),
            ("Access to model is restricted.", "message of a refused"),
        ] {
            let error = check_binary(content.as_bytes()).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let tar = [vec![0; 257], b"ustar".to_vec()].concat();
        for (content, expected) in [
            (
                &b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."[..],
                "PyTorch before 1.6",
            ),
            (&b"\x1f\x8b\x08"[..], "gzip"),
            (&tar[..], "tar archive"),
        ] {
            let error = check_binary(content).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(check_binary(b"PK\x03\x04\x00"), Ok(()));
        assert_eq!(check(b"a: 1"), Ok(()));
    }

    #[test]
    fn an_excerpt_is_short_and_has_no_control_characters() {
        assert_eq!(excerpt("a\u{1b}[31m"), "a\u{fffd}[31m");
        assert_eq!(excerpt(&"é".repeat(100)).chars().count(), 81);
    }
}
