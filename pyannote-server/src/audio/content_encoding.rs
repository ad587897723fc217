//! The content encoding of a fetched recording. None is asked for, but some servers compress whatever they are asked for.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use pyannote_engine::audio::AudioError;

use super::RecordingError;

/// Maximum length of the name of an encoding in errors.
const MAX_NAME_CHARS: usize = 40;

/// An encoding that can be decoded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ContentEncoding {
    Identity,
    Gzip,
}

impl ContentEncoding {
    /// Reads the encoding of a response.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, RecordingError> {
        let values = headers.get_all(CONTENT_ENCODING).iter();
        let text: Vec<_> = values
            .map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase())
            .collect();
        let names: Vec<&str> = text
            .iter()
            .flat_map(|text| text.split(','))
            .map(str::trim)
            // `aws-chunked` is that of an upload to S3, which some storages send back.
            .filter(|name| !matches!(*name, "" | "identity" | "aws-chunked"))
            .collect();
        match names[..] {
            [] => Ok(Self::Identity),
            ["gzip" | "x-gzip"] => Ok(Self::Gzip),
            _ => {
                let names = names.join(", ");
                let name = names.chars().filter(|char| !char.is_control());
                Err(RecordingError::Encoding(
                    name.take(MAX_NAME_CHARS).collect(),
                ))
            }
        }
    }
}

/// Decompresses a file to an empty one, up to `max_bytes`. Returns its size, in bytes.
pub(super) fn gunzip(
    from: &Path,
    to: &mut impl Write,
    max_bytes: u64,
) -> Result<u64, RecordingError> {
    let compressed = File::open(from).map_err(RecordingError::TempFile)?;
    let mut decoder = MultiGzDecoder::new(compressed).take(max_bytes.saturating_add(1));
    let mut buffer = vec![0; 64 << 10];
    let mut bytes = 0;
    loop {
        let read = decoder.read(&mut buffer).map_err(RecordingError::Gzip)?;
        if read == 0 {
            return Ok(bytes);
        }
        bytes += read as u64;
        if bytes > max_bytes {
            return Err(AudioError::TooLarge { limit: max_bytes }.into());
        }
        to.write_all(&buffer[..read])
            .map_err(RecordingError::TempFile)?;
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn unsupported_encodings_are_named() {
        use ContentEncoding::{Gzip, Identity};
        for (values, expected) in [
            (&[][..], Ok(Identity)),
            (&[""], Ok(Identity)),
            (&["identity"], Ok(Identity)),
            (&["aws-chunked"], Ok(Identity)),
            (&["GZIP"], Ok(Gzip)),
            (&["x-gzip"], Ok(Gzip)),
            (&["aws-chunked, gzip"], Ok(Gzip)),
            (&["br"], Err("br")),
            (&["gzip", "br"], Err("gzip, br")),
            (&["gzip, gzip"], Err("gzip, gzip")),
            (
                &["0123456789012345678901234567890123456789_too_long"],
                Err("0123456789012345678901234567890123456789"),
            ),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_ENCODING, HeaderValue::from_static(value));
            }
            match (ContentEncoding::of(&headers), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{values:?}"),
                (Err(RecordingError::Encoding(name)), Err(expected)) => assert_eq!(name, expected),
                (found, _) => panic!("{values:?}: {found:?}"),
            }
        }
    }
}
