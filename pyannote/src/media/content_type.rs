//! Content types and file extensions of recordings, from the file name or else from the first bytes.

use std::path::Path;

use infer::MatcherType;

/// The content type of an unknown format.
pub(super) const DEFAULT_CONTENT_TYPE: &str = "application/octet-stream";
/// The longest extension that becomes part of a media key. Longer ones are likely the end of a name that contains a
/// dot.
const MAX_EXTENSION_CHARS: usize = 10;

/// Content types by extension.
const CONTENT_TYPES: [(&str, &str); 20] = [
    ("3gp", "video/3gpp"),
    ("aac", "audio/aac"),
    ("aif", "audio/aiff"),
    ("aiff", "audio/aiff"),
    ("amr", "audio/amr"),
    ("avi", "video/x-msvideo"),
    ("caf", "audio/x-caf"),
    ("flac", "audio/flac"),
    ("m4a", "audio/mp4"),
    ("mka", "audio/x-matroska"),
    ("mkv", "video/x-matroska"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    // Opus files are Ogg files; audio/opus is for RTP streams.
    ("opus", "audio/ogg"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("wma", "audio/x-ms-wma"),
];

/// The extension of a file name in lower case, if it can be part of a media key.
pub(super) fn extension(path: &Path) -> Option<String> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    let is_alphanumeric = extension.chars().all(|c| c.is_ascii_alphanumeric());
    (is_alphanumeric && (1..=MAX_EXTENSION_CHARS).contains(&extension.len())).then_some(extension)
}

/// The extension for a recording that starts with these bytes, if the format is known.
pub(super) fn sniff_extension(start: &[u8]) -> Option<String> {
    let format = infer::get(start)?;
    matches!(
        format.matcher_type(),
        MatcherType::Audio | MatcherType::Video
    )
    .then(|| format.extension().to_owned())
}

/// The content type for an extension.
pub(super) fn content_type(extension: Option<&str>) -> &'static str {
    CONTENT_TYPES
        .iter()
        .find(|(known, _)| Some(*known) == extension)
        .map_or(DEFAULT_CONTENT_TYPE, |(_, content_type)| content_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extension_and_content_type_of_file_names() {
        for (name, expected_extension, expected_type) in [
            ("meeting.wav", Some("wav"), "audio/wav"),
            ("Meeting.WAV", Some("wav"), "audio/wav"),
            ("a/b.tar.mp3", Some("mp3"), "audio/mpeg"),
            ("a.m4a", Some("m4a"), "audio/mp4"),
            ("a.mp4", Some("mp4"), "video/mp4"),
            ("a.flac", Some("flac"), "audio/flac"),
            ("a.ogg", Some("ogg"), "audio/ogg"),
            ("a.opus", Some("opus"), "audio/ogg"),
            ("a.webm", Some("webm"), "video/webm"),
            ("a.mkv", Some("mkv"), "video/x-matroska"),
            ("a.aac", Some("aac"), "audio/aac"),
            ("a.aiff", Some("aiff"), "audio/aiff"),
            ("a.xyz", Some("xyz"), DEFAULT_CONTENT_TYPE),
            ("wav", None, DEFAULT_CONTENT_TYPE),
            (".wav", None, DEFAULT_CONTENT_TYPE),
            ("a.", None, DEFAULT_CONTENT_TYPE),
            ("a.w v", None, DEFAULT_CONTENT_TYPE),
            ("a.wäv", None, DEFAULT_CONTENT_TYPE),
            ("Talk no. 12 of the afternoon", None, DEFAULT_CONTENT_TYPE),
        ] {
            let extension = extension(Path::new(name));
            assert_eq!(extension.as_deref(), expected_extension, "{name}");
            assert_eq!(content_type(extension.as_deref()), expected_type, "{name}");
        }
    }

    #[test]
    fn extension_of_first_bytes() {
        let opus = [b"OggS".as_slice(), &[0; 24], b"OpusHead"].concat();
        for (start, extension) in [
            (b"RIFF\x24\0\0\0WAVEfmt ".as_slice(), Some("wav")),
            (b"fLaC\0\0\0\x22", Some("flac")),
            (b"OggS\0\x02\0\0", Some("ogg")),
            (&opus, Some("opus")),
            (b"ID3\x04\0\0", Some("mp3")),
            (b"\0\0\0\x20ftypM4A \0\0\0\0", Some("m4a")),
            (b"\0\0\0\x20ftypisom\0\0\0\0", Some("mp4")),
            (b"FORM\0\0\0\0AIFF", Some("aiff")),
            (b"<!DOCTYPE html>", None),
            (b"hello", None),
            (b"", None),
        ] {
            assert_eq!(sniff_extension(start).as_deref(), extension, "{start:?}");
        }
    }
}
