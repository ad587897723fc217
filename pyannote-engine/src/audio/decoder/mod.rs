//! Streaming decoder of audio files.

mod duration;
mod finish;
mod packets;
mod place;

use std::collections::VecDeque;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use symphonia::core::codecs::audio::AudioDecoder;
use symphonia::core::formats::FormatReader;
use symphonia::core::units::TimeBase;

use self::duration::{expected_duration, presented_duration};
use self::packets::Step;
use super::decode_options::OnFfmpeg;
use super::ffmpeg::{Conversion, Failure, FfmpegError};
use super::lanes::Lanes;
use super::mpeg::Mpeg;
use super::open::{Opened, is_mpeg, open, wave};
use super::time_axis::{Edit, Placement, TimeAxis};
use super::tracks::{self, audio};
use super::{AudioError, DecodeOptions, levels};
use crate::{CancelToken, SAMPLE_RATE};

/// Minimum number of samples of a block, except the last: one second.
const BLOCK_SAMPLES: usize = SAMPLE_RATE as usize;
/// Tolerance of the duration limit, in seconds: lossy codecs pad.
const LIMIT_TOLERANCE_S: f64 = 0.1;
/// Maximum number of samples per byte (8 kbit/s) when memory is reserved: headers may claim any duration.
const MAX_SAMPLES_PER_BYTE: u64 = 16;
/// Maximum number of packets, in addition to one per byte: a small file can claim billions of empty packets.
const EXTRA_PACKETS: u64 = 1024;

/// Decodes a file as an iterator of blocks of about one second: mono samples at 16 kHz, -1 to 1.
///
/// Memory use does not depend on the duration. Packets that cannot be decoded are replaced by silence, which keeps the
/// timing of the others. Iteration ends after an error; damage of the recording as a whole is reported last.
///
/// ```no_run
/// use pyannote_engine::audio::{DecodeOptions, Decoder};
///
/// let mut peak = 0.0_f32;
/// for block in Decoder::open("meeting.mp3", &DecodeOptions::new())? {
///     peak = block?.iter().fold(peak, |peak, sample| peak.max(sample.abs()));
/// }
/// # Ok::<(), pyannote_engine::audio::AudioError>(())
/// ```
pub struct Decoder {
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    time_base: Option<TimeBase>,
    /// If the format is MP1, MP2 or MP3.
    mpeg: Option<Mpeg>,
    /// Factor of all samples.
    gain: f32,
    /// The decoded signal. It has the samples of the last packet.
    lanes: Lanes,
    /// The edit list of MP4, if there is one.
    edits: Vec<Edit>,
    /// The time axis of the current stream, from its first packet, if the format has true timestamps.
    axis: Option<TimeAxis>,
    /// The end of the chained streams before the current one, in seconds.
    base_s: f64,
    /// Duration of the gaps in the chained streams before the current one, in seconds.
    gaps_s: f64,
    /// The earliest time of any track, in seconds.
    start_s: f64,
    /// The samples of the last packet that are still to be appended.
    placements: VecDeque<Placement>,
    /// Whether the end of the file is missing.
    is_truncated: bool,
    options: DecodeOptions,
    /// Size of the file, in bytes.
    bytes: u64,
    /// Duration in the header, in seconds, if it is plausible.
    expected_s: Option<f64>,
    /// Maximum duration of a packet, in seconds.
    packet_s: f64,
    /// Number of frames of the last packet that was decoded.
    last_frames: usize,
    /// Number of samples returned so far.
    returned: usize,
    packets: u64,
    damaged: u64,
    resets: u32,
    ended: bool,
    /// Buffer that is reused between packets.
    interleaved: Vec<f32>,
    warnings: Vec<String>,
    /// If ffmpeg decodes the file, with the reason.
    conversion: Option<(Conversion, AudioError)>,
    /// The file, unless ffmpeg decodes it.
    path: Option<PathBuf>,
}

impl Decoder {
    /// Opens a file. The format is detected from the content, whatever the name of the file.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read, exceeds the limits, or has no audio track in a supported format, or not the
    /// selected one.
    pub fn open(path: impl AsRef<Path>, options: &DecodeOptions) -> Result<Self, AudioError> {
        let path = path.as_ref();
        let opened = without_panics(|| Self::open_file(path, options.clone()));
        opened.map_err(|error| unless_cancelled(error, &options.cancel))
    }

    fn open_file(path: &Path, options: DecodeOptions) -> Result<Self, AudioError> {
        // Before it is opened: opening a pipe would block, and some platforms cannot open a directory.
        let limits = options.limits;
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            return Err(AudioError::NotAFile);
        }
        let bytes = metadata.len();
        if bytes > limits.bytes {
            return Err(AudioError::TooLarge {
                limit: limits.bytes,
            });
        }
        if bytes == 0 {
            return Err(AudioError::Empty);
        }
        match without_panics(|| Self::new(open(path, bytes)?, Some(path), bytes, options.clone())) {
            Err(refusal) if refusal.is_refusal() => Self::open_with_ffmpeg(path, options, refusal),
            result => result,
        }
    }

    /// Opens a file with ffmpeg, which the decoders of this crate refuse.
    fn open_with_ffmpeg(
        path: &Path,
        options: DecodeOptions,
        refusal: AudioError,
    ) -> Result<Self, AudioError> {
        if options.ffmpeg.is_off() {
            return Err(refusal);
        }
        let (conversion, header, samples) = match Conversion::start(path, &options) {
            Ok(started) => started,
            Err(failure) => return Err(failure.into_error(refusal)),
        };
        if let Some(OnFfmpeg(call)) = &options.on_ffmpeg {
            call(&refusal.to_string());
        }
        let options = DecodeOptions {
            track: None,
            ..options
        };
        // Silence may have more packets than the file has bytes.
        let decoder = wave(samples, &header)
            .and_then(|opened| Self::new(opened, None, u64::MAX, options))
            .map_err(|error| FfmpegError::Failed(error.to_string()));
        match decoder {
            Ok(decoder) => Ok(Self {
                conversion: Some((conversion, refusal)),
                ..decoder
            }),
            Err(error) => Err(Failure::from(error).into_error(refusal)),
        }
    }

    /// Creates a decoder of a file that was opened.
    fn new(
        opened: Opened,
        path: Option<&Path>,
        bytes: u64,
        options: DecodeOptions,
    ) -> Result<Self, AudioError> {
        let (limits, number) = (options.limits, options.track);
        let Opened {
            format,
            preferred,
            mut edits,
            is_truncated,
        } = opened;
        let (track, decoder) = tracks::select(format.as_ref(), number, preferred)?;
        let edits = edits.remove(&track.id).unwrap_or_default();
        let expected_s = expected_duration(format.as_ref(), track)
            .map(|seconds| presented_duration(&edits, seconds));
        let mpeg = is_mpeg(format.as_ref()).then(|| Mpeg::new(track.padding.unwrap_or_default()));
        let is_too_long =
            expected_s.is_some_and(|seconds| seconds > limits.seconds + LIMIT_TOLERANCE_S);
        // The frame count of MPEG streams may be wrong.
        let expected_s = match (is_too_long, &mpeg) {
            (true, None) => {
                return Err(AudioError::TooLong {
                    limit: limits.seconds,
                });
            }
            (true, Some(_)) => None,
            (false, _) => expected_s,
        };
        let is_unbounded = audio(track).is_some_and(|audio| levels::is_unbounded(audio.codec));
        let peak = match path {
            Some(path) if is_unbounded => peak(path, bytes, number, &options.cancel)?,
            _ => 0.0,
        };
        let mut warnings = match number {
            Some(_) => Vec::new(),
            None => Vec::from_iter(tracks::warning(format.as_ref(), track.id)),
        };
        if peak > 1.0 {
            warnings.push(format!(
                "samples exceed full scale up to {peak:.1} times: the recording was scaled down by that factor"
            ));
        }
        let (track, time_base) = (track.id, track.time_base);
        Ok(Self {
            format,
            decoder,
            track,
            time_base,
            mpeg,
            gain: 1.0 / peak.max(1.0),
            lanes: match options.separate {
                true => Lanes::separate(),
                false => Lanes::downmixed(),
            },
            edits,
            axis: None,
            base_s: 0.0,
            gaps_s: 0.0,
            start_s: f64::INFINITY,
            placements: VecDeque::new(),
            is_truncated,
            options,
            bytes,
            expected_s,
            packet_s: 0.0,
            last_frames: 0,
            returned: 0,
            packets: 0,
            damaged: 0,
            resets: 0,
            ended: false,
            interleaved: Vec::new(),
            warnings,
            conversion: None,
            path: path.map(Path::to_owned),
        })
    }

    /// Returns the estimated number of samples, for reserving memory, or 0 if it is unknown.
    #[must_use]
    pub fn expected_samples(&self) -> usize {
        let expected = self.expected_s.unwrap_or_default() * f64::from(SAMPLE_RATE);
        let plausible = self.bytes.saturating_mul(MAX_SAMPLES_PER_BYTE);
        // The cast saturates.
        let samples = (expected.ceil() as u64).min(plausible);
        usize::try_from(samples).unwrap_or_default()
    }

    /// Returns human-readable warnings of minor damage and of audio tracks that are not decoded. They are complete after
    /// the last block.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether ffmpeg decodes the file, because the decoders of this crate refuse it. Known after the first block.
    #[must_use]
    pub fn is_decoded_by_ffmpeg(&self) -> bool {
        self.path.is_none()
    }

    /// Returns the warnings without copying them.
    pub(super) fn into_warnings(self) -> Vec<String> {
        self.warnings
    }

    /// Duration decoded so far, in seconds.
    fn decoded_s(&self) -> f64 {
        (self.returned + self.lanes.block_len()) as f64 / f64::from(SAMPLE_RATE)
    }

    /// Decodes until the block has its minimum length, or the recording ends.
    fn fill_block(&mut self) -> Result<(), AudioError> {
        while !self.ended && self.lanes.block_len() < BLOCK_SAMPLES {
            if self.options.cancel.is_cancelled() {
                return Err(AudioError::Cancelled);
            }
            if let Step::End = self.step()? {
                self.ended = true;
                self.finish()?;
            }
        }
        Ok(())
    }
}

impl Decoder {
    /// Decodes the next block of each channel, or of the downmix alone. Channels that appear later are missing, and are
    /// silent until then.
    pub(super) fn next_blocks(&mut self) -> Option<Result<Vec<Vec<f32>>, AudioError>> {
        if let Err(mut error) = without_panics(|| self.fill_block()) {
            // A codec may prove to be unsupported only when it is decoded.
            if error.is_refusal()
                && self.lanes.rate().is_none()
                && let Some(path) = self.path.clone()
            {
                match Self::open_with_ffmpeg(&path, self.options.clone(), error) {
                    Ok(decoder) => {
                        *self = decoder;
                        return self.next_blocks();
                    }
                    Err(both) => error = both,
                }
            }
            self.ended = true;
            // Stops ffmpeg.
            self.conversion = None;
            self.lanes.take_blocks();
            return Some(Err(unless_cancelled(error, &self.options.cancel)));
        }
        if self.lanes.block_len() == 0 {
            return None;
        }
        self.returned += self.lanes.block_len();
        Some(Ok(self.lanes.take_blocks()))
    }
}

impl Iterator for Decoder {
    type Item = Result<Vec<f32>, AudioError>;

    fn next(&mut self) -> Option<Self::Item> {
        let blocks = self.next_blocks()?;
        Some(blocks.map(|blocks| blocks.into_iter().next().unwrap_or_default()))
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder")
            .field("expected_s", &self.expected_s)
            .field("returned", &self.returned)
            .field("packets", &self.packets)
            .field("damaged", &self.damaged)
            .finish_non_exhaustive()
    }
}

/// Returns the duration in the header of a file, in seconds, if there is a plausible one. Decodes nothing, so that it takes
/// little time.
///
/// ```no_run
/// let seconds = pyannote_engine::audio::header_duration("meeting.m4a")?;
/// println!("about {:.0} s", seconds.unwrap_or_default());
/// # Ok::<(), pyannote_engine::audio::AudioError>(())
/// ```
///
/// # Errors
///
/// Fails if the file cannot be read, or if the decoders of this crate refuse it: ffmpeg is not tried.
pub fn header_duration(path: impl AsRef<Path>) -> Result<Option<f64>, AudioError> {
    let path = path.as_ref();
    without_panics(|| {
        let metadata = std::fs::metadata(path)?;
        // Opening a pipe would block.
        if !metadata.is_file() {
            return Err(AudioError::NotAFile);
        }
        let Opened {
            format,
            preferred,
            edits,
            ..
        } = open(path, metadata.len())?;
        let (track, _) = tracks::select(format.as_ref(), None, preferred)?;
        let edits = edits.get(&track.id).map_or(&[][..], Vec::as_slice);
        let seconds = expected_duration(format.as_ref(), track);
        Ok(seconds.map(|seconds| presented_duration(edits, seconds)))
    })
}

/// Turns a panic into an error: some malformed headers, for example of CAF, make symphonia panic.
fn without_panics<T>(decode: impl FnOnce() -> Result<T, AudioError>) -> Result<T, AudioError> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or(Err(AudioError::DecoderFailed))
}

/// The error, or that decoding was cancelled, which may be its cause.
fn unless_cancelled(error: AudioError, cancel: &CancelToken) -> AudioError {
    match cancel.is_cancelled() {
        true => AudioError::Cancelled,
        false => error,
    }
}

/// The maximum absolute value of the samples of a file that is in full scale up to 1.
fn peak(
    path: &Path,
    bytes: u64,
    number: Option<NonZero<usize>>,
    cancel: &CancelToken,
) -> Result<f32, AudioError> {
    let Opened {
        mut format,
        preferred,
        ..
    } = open(path, bytes)?;
    let (track, mut decoder) = tracks::select(format.as_ref(), number, preferred)?;
    let track = track.id;
    let (mut peak, mut samples, mut packets) = (0.0_f32, Vec::new(), 0);
    // Damage is reported when the samples are used.
    while let Ok(Some(packet)) = format.next_packet()
        && packets < bytes.saturating_add(EXTRA_PACKETS)
    {
        packets += 1;
        if cancel.is_cancelled() {
            return Err(AudioError::Cancelled);
        }
        if packet.track_id == track
            && let Ok(buffer) = decoder.decode(&packet)
        {
            buffer.copy_to_vec_interleaved(&mut samples);
            levels::silence_invalid(&mut samples);
            peak = peak.max(levels::peak(&samples));
        }
    }
    Ok(peak)
}
