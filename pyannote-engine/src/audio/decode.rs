//! Decodes whole files.

use std::path::Path;

use super::{AudioError, DecodeOptions, Decoder};
use crate::{Recording, SAMPLE_RATE};

/// Minimum growth of the buffer, in samples, if the duration is unknown: one minute.
const MIN_GROWTH_SAMPLES: usize = 60 * SAMPLE_RATE as usize;

/// Decodes a file, with the default [`DecodeOptions`]. Blocks the thread.
///
/// If the end of the recording is missing, or up to a tenth cannot be decoded, the recording has a warning.
///
/// # Errors
///
/// Fails if the file cannot be read, exceeds the limits, is not in a supported format, or if more than a tenth of it is
/// damaged.
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
    let mut samples = Vec::new();
    reserve(&mut samples, decoder.expected_samples())?;
    for block in &mut decoder {
        let block = block?;
        if samples.capacity() - samples.len() < block.len() {
            // A vector would double its capacity, up to twice the memory of a long recording.
            let growth = block.len().max(MIN_GROWTH_SAMPLES).max(samples.len() / 8);
            reserve(&mut samples, growth)?;
        }
        samples.extend_from_slice(&block);
    }
    Ok(Recording {
        samples,
        warnings: decoder.into_warnings(),
    })
}

/// Reserves memory for `more` samples, or fails: a day of audio takes 5.5 GB.
fn reserve(samples: &mut Vec<f32>, more: usize) -> Result<(), AudioError> {
    samples
        .try_reserve_exact(more)
        .map_err(|_| AudioError::OutOfMemory)
}
