//! Decodes whole files.

use std::path::Path;

use super::{AudioError, DecodeOptions, Decoder};
use crate::recording::MAX_IN_MEMORY;
use crate::{Recording, RecordingWriter, SAMPLE_RATE, SpoolError};

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

/// Decodes each channel of a file alone, in one pass. Returns the channels in the order of the file, all with the same
/// duration.
///
/// For recordings with one party per channel, such as calls: see
/// [`Engine::diarize_channels`](crate::Engine::diarize_channels). Silent channels take no memory. The others together take
/// as much as one recording, and beyond that temporary files, as in [`decode`]. All have the same warnings.
///
/// # Errors
///
/// As [`decode_with`].
///
/// ```no_run
/// use pyannote_engine::audio::{DecodeOptions, decode_channels};
///
/// let channels = decode_channels("call.wav", &DecodeOptions::new())?;
/// println!("{} channels", channels.len());
/// # Ok::<(), pyannote_engine::audio::AudioError>(())
/// ```
pub fn decode_channels(
    path: impl AsRef<Path>,
    options: &DecodeOptions,
) -> Result<Vec<Recording>, AudioError> {
    let options = DecodeOptions {
        separate: true,
        ..options.clone()
    };
    let mut decoder = Decoder::open(path, &options)?;
    let mut channels = Vec::new();
    let mut decoded = 0;
    while let Some(blocks) = decoder.next_blocks() {
        let blocks = blocks?;
        let count = u32::try_from(blocks.len()).unwrap_or(u32::MAX).max(1);
        channels.resize_with(blocks.len(), || Channel {
            silence: decoded,
            writer: None,
        });
        for (channel, block) in channels.iter_mut().zip(&blocks) {
            channel.push(block, || {
                options.writer().max_in_memory(MAX_IN_MEMORY / count)
            })?;
        }
        decoded += blocks.first().map_or(0, Vec::len);
    }
    let warnings = decoder.into_warnings();
    let recordings = channels.into_iter().map(|channel| {
        let recording = channel.finish()?;
        Ok(recording.with_warnings(warnings.iter().cloned()))
    });
    recordings.collect()
}

/// A channel that is being decoded.
struct Channel {
    /// Number of silent samples before the first block with sound.
    silence: usize,
    /// Set from the first block with sound on.
    writer: Option<RecordingWriter>,
}

impl Channel {
    fn push(
        &mut self,
        block: &[f32],
        start: impl FnOnce() -> RecordingWriter,
    ) -> Result<(), SpoolError> {
        if self.writer.is_none() {
            if block.iter().all(|sample| *sample == 0.0) {
                self.silence += block.len();
                return Ok(());
            }
            let mut writer = start();
            let zeros = [0.0; SAMPLE_RATE as usize];
            let mut silence = self.silence;
            while silence > 0 {
                let samples = silence.min(zeros.len());
                writer.push(&zeros[..samples])?;
                silence -= samples;
            }
            self.writer = Some(writer);
        }
        match &mut self.writer {
            Some(writer) => writer.push(block),
            None => Ok(()),
        }
    }

    fn finish(self) -> Result<Recording, SpoolError> {
        match self.writer {
            Some(writer) => writer.finish(),
            None => Ok(Recording::silent(self.silence)),
        }
    }
}
