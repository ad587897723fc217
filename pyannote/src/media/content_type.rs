//! What kind of recording it is: by the name of the file, else by its first bytes.

use std::path::Path;

use infer::MatcherType;

/// What any bytes are.
pub(super) const UNKNOWN: &str = "application/octet-stream";
/// The longest extension that is taken into a key, in characters. A longer one is the end of a name with a dot in it.
const LONGEST: usize = 10;

/// Extensions of recordings and their media types.
const KNOWN: [(&str, &str); 20] = [
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
    // Opus in a file is Opus in Ogg; audio/opus is for streams without a container.
    ("opus", "audio/ogg"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("wma", "audio/x-ms-wma"),
];

/// The extension of a file's name, in lower case, if a key may end in it.
pub(super) fn extension(path: &Path) -> Option<String> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    let is_plain = extension.chars().all(|c| c.is_ascii_alphanumeric());
    (is_plain && (1..=LONGEST).contains(&extension.len())).then_some(extension)
}

/// The extension that a recording with these first bytes would have.
pub(super) fn sniffed(head: &[u8]) -> Option<String> {
    let kind = infer::get(head)?;
    matches!(kind.matcher_type(), MatcherType::Audio | MatcherType::Video)
        .then(|| kind.extension().to_owned())
}

/// The media type of an extension.
pub(super) fn content_type(extension: Option<&str>) -> &'static str {
    KNOWN
        .iter()
        .find(|(known, _)| Some(*known) == extension)
        .map_or(UNKNOWN, |(_, content_type)| content_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_name() {
        for (name, kept, shown) in [
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
            ("a.xyz", Some("xyz"), UNKNOWN),
            ("wav", None, UNKNOWN),
            (".wav", None, UNKNOWN),
            ("a.", None, UNKNOWN),
            ("a.w v", None, UNKNOWN),
            ("a.wäv", None, UNKNOWN),
            ("Talk no. 12 of the afternoon", None, UNKNOWN),
        ] {
            let extension = extension(Path::new(name));
            assert_eq!(extension.as_deref(), kept, "{name}");
            assert_eq!(content_type(extension.as_deref()), shown, "{name}");
        }
    }

    #[test]
    fn by_first_bytes() {
        let opus = [b"OggS".as_slice(), &[0; 24], b"OpusHead"].concat();
        for (head, extension) in [
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
            assert_eq!(sniffed(head).as_deref(), extension, "{head:?}");
        }
    }
}
