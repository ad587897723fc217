//! From a file to a whole recording.

use std::path::Path;

use super::{AudioError, Blocks, Limits};
use crate::{Recording, SAMPLE_RATE};

/// By how many samples memory grows where the container does not say how long the recording is: one minute.
const GROWTH: usize = 60 * SAMPLE_RATE as usize;

/// Decodes a file, with the default [`Limits`]. It blocks: see [`Loader`](super::Loader) for what does not.
///
/// # Errors
///
/// An [`AudioError`] that says why it cannot be heard. A recording that ends early is refused where a tenth of it is
/// missing, and warned of otherwise; so are packets that cannot be decoded, which are silent.
///
/// ```no_run
/// let recording = pyannote_engine::audio::decode("meeting.m4a")?;
/// println!("{:.1} s", recording.seconds());
/// # Ok::<(), pyannote_engine::audio::AudioError>(())
/// ```
pub fn decode(path: impl AsRef<Path>) -> Result<Recording, AudioError> {
    decode_within(path, Limits::default())
}

/// Decodes a file, within limits.
///
/// # Errors
///
/// As [`decode`].
///
/// ```no_run
/// use pyannote_engine::audio::{Limits, decode_within};
///
/// let voice = decode_within("ada.flac", Limits::default().within(30.0))?;
/// # Ok::<(), pyannote_engine::audio::AudioError>(())
/// ```
pub fn decode_within(path: impl AsRef<Path>, limits: Limits) -> Result<Recording, AudioError> {
    let mut blocks = Blocks::open(path, limits)?;
    let mut samples = Vec::new();
    reserve(&mut samples, blocks.expected_samples())?;
    for block in &mut blocks {
        let block = block?;
        if samples.capacity() - samples.len() < block.len() {
            // Doubling, as a vector does by itself, would take twice the memory of a long recording.
            let growth = block.len().max(GROWTH).max(samples.len() / 8);
            reserve(&mut samples, growth)?;
        }
        samples.extend_from_slice(&block);
    }
    Ok(Recording {
        samples,
        warnings: blocks.into_warnings(),
    })
}

/// Makes room, or says that there is none: a day of audio takes 5.5 GB.
fn reserve(samples: &mut Vec<f32>, more: usize) -> Result<(), AudioError> {
    samples
        .try_reserve_exact(more)
        .map_err(|_| AudioError::OutOfMemory)
}
