//! Decodes whole files.

use std::path::Path;

use super::{AudioError, DecodeOptions, Decoder};
use crate::Recording;

/// Decodes a file, with the default [`DecodeOptions`]. Blocks the thread.
///
/// If the end of the recording is missing, or up to a tenth cannot be decoded, the recording has a warning. More than 15
/// minutes are written to a temporary file, 230 MB per hour: see [`Recording`] and [`DecodeOptions::temporary_folder`].
///
/// # Errors
///
/// Fails if the file cannot be read, exceeds the limits, is not in a supported format, if more than a tenth of it is
/// damaged, or if there is no space for the temporary file.
///
/// ```no_run
/// let recording = pyannote_engine::audio::decode("meeting.m4a")?;
/// println!("{:.1} s", recording.duration());
/// # Ok::<(), pyannote_engine::audio::AudioError>(())
/// ```
pub fn decode(path: impl AsRef<Path>) -> Result<Recording, AudioError> {
    decode_with(path, &DecodeOptions::new())
}

/// Decodes a file, with the given options.
///
/// # Errors
///
/// As [`decode`], or if the selected audio track does not exist.
///
/// ```no_run
/// use pyannote_engine::audio::{DecodeOptions, Limits, decode_with};
///
/// let options = DecodeOptions::new().limits(Limits::default().max_seconds(30.0));
/// let recording = decode_with("ada.flac", &options)?;
/// # Ok::<(), pyannote_engine::audio::AudioError>(())
/// ```
pub fn decode_with(
    path: impl AsRef<Path>,
    options: &DecodeOptions,
) -> Result<Recording, AudioError> {
    let mut decoder = Decoder::open(path, options)?;
    let mut writer = options.writer().expected_len(decoder.expected_samples())?;
    for block in &mut decoder {
        writer.push(&block?)?;
    }
    Ok(writer.finish()?.with_warnings(decoder.into_warnings()))
}
