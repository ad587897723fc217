//! Streaming decoder of audio files.

use std::collections::VecDeque;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use symphonia::core::codecs::audio::AudioDecoder;
use symphonia::core::codecs::audio::well_known::CODEC_ID_ALAC;
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatId, FormatReader, Track, well_known as formats};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, TimeBase};

use super::demux::CONTINUES;
use super::ffmpeg::{Conversion, Failure, FfmpegError};
use super::lanes::Lanes;
use super::mpeg::Mpeg;
use super::open::{Opened, is_mpeg, open, wave};
use super::time_axis::{Edit, Placement, TimeAxis};
use super::tracks::{self, audio};
use super::{AudioError, DecodeOptions, levels, opus};
use crate::SAMPLE_RATE;

/// Minimum number of samples of a block, except the last: one second.
const BLOCK_SAMPLES: usize = SAMPLE_RATE as usize;
/// Maximum fraction of the packets of a recording that may fail to decode.
const MAX_DAMAGED_FRACTION: f64 = 0.1;
/// Minimum gap at the end, in seconds, that is reported: a shorter one may be padding or rounding.
const MIN_REPORTED_GAP_S: f64 = 0.1;
/// Tolerance of the duration limit, in seconds: lossy codecs pad.
const LIMIT_TOLERANCE_S: f64 = 0.1;
/// Maximum number of samples per byte (8 kbit/s) when memory is reserved: headers may claim any duration.
const MAX_SAMPLES_PER_BYTE: u64 = 16;
/// Maximum number of packets, in addition to one per byte: a small file can claim billions of empty packets.
const EXTRA_PACKETS: u64 = 1024;
/// Maximum duration, in seconds, of the silence that replaces a damaged packet.
const MAX_CONCEALED_S: f64 = 1.0;
/// Formats whose packets have true timestamps.
const TIMED: [FormatId; 4] = [
    formats::FORMAT_ID_FLAC,
    formats::FORMAT_ID_ISOMP4,
    formats::FORMAT_ID_MKV,
    formats::FORMAT_ID_OGG,
];
/// Formats whose demuxers report an unexpected end of the file only if the end is missing.
const ENDS_ARE_KNOWN: [FormatId; 2] = [formats::FORMAT_ID_ISOMP4, formats::FORMAT_ID_MKV];
/// Maximum number of consecutive stream resets without a packet.
const MAX_RESETS: u32 = 16;

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

/// The outcome of reading a packet.
enum Step {
    /// There may be more packets.
    Continue,
    /// The end of the stream, or of a truncated file.
    End,
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
        without_panics(|| Self::open_file(path, options.clone()))
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
        // The frame count of MPEG streams may be wrong.
        if mpeg.is_none()
            && expected_s.is_some_and(|seconds| seconds > limits.seconds + LIMIT_TOLERANCE_S)
        {
            return Err(AudioError::TooLong {
                limit: limits.seconds,
            });
        }
        let is_unbounded = audio(track).is_some_and(|audio| levels::is_unbounded(audio.codec));
        let peak = match path {
            Some(path) if is_unbounded => peak(path, bytes, number)?,
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
            if let Step::End = self.step()? {
                self.ended = true;
                self.finish()?;
            }
        }
        Ok(())
    }

    /// Appends samples of the last packet to the block, or reads the next one.
    fn step(&mut self) -> Result<Step, AudioError> {
        if let Some(placement) = self.placements.pop_front() {
            self.append(placement)?;
            return Ok(Step::Continue);
        }
        let packet = match self.format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(Step::End),
            // The end of a truncated file: `finish` checks how much is missing.
            Err(Error::IoError(error)) if error.raw_os_error().is_none() => {
                self.is_truncated |= ENDS_ARE_KNOWN.contains(&self.format.format_info().format);
                return Ok(Step::End);
            }
            Err(Error::IoError(error)) => return Err(AudioError::Io(error)),
            Err(Error::ResetRequired) => return self.reset(),
            // Nothing more can be read: `finish` checks how much is missing if the duration is known.
            Err(_) if self.expected_s.is_some() => return Ok(Step::End),
            Err(_) => {
                return Err(AudioError::Corrupted {
                    at: self.decoded_s(),
                });
            }
        };
        self.packets += 1;
        self.resets = 0;
        if self.packets > self.bytes.saturating_add(EXTRA_PACKETS) {
            return Err(AudioError::Corrupted {
                at: self.decoded_s(),
            });
        }
        if self.axis.is_none()
            && let Some(time_s) = self.time_s(&packet)
        {
            self.start_s = self.start_s.min(time_s);
        }
        if packet.track_id != self.track {
            return Ok(Step::Continue);
        }
        if let Some(time_base) = self.time_base {
            self.packet_s = self.packet_s.max(seconds(packet.dur.get(), time_base));
        }
        let Some(mpeg) = &mut self.mpeg else {
            self.decode(packet)?;
            return Ok(Step::Continue);
        };
        for packet in mpeg.push(packet) {
            self.decode(packet)?;
        }
        Ok(Step::Continue)
    }

    /// Start of the decoded samples of a packet, in seconds, unless it continues the previous one.
    fn time_s(&self, packet: &Packet) -> Option<f64> {
        if packet.pts == CONTINUES {
            return None;
        }
        let track = |track: &&Track| track.id == packet.track_id;
        let track = self.format.tracks().iter().find(track);
        let Some(time_base) = track.and_then(|track| track.time_base) else {
            return Some(0.0);
        };
        let start =
            seconds(packet.pts.get().unsigned_abs(), time_base).copysign(packet.pts.get() as f64);
        Some(start + seconds(packet.trim_start.get(), time_base))
    }

    /// Decodes a packet and places its samples on the time axis.
    fn decode(&mut self, mut packet: Packet) -> Result<(), AudioError> {
        self.lanes.clear_packet();
        let time_s = self.time_s(&packet);
        // Not all decoders trim.
        let trim_start = std::mem::replace(&mut packet.trim_start, Duration::ZERO);
        let trim_end = std::mem::replace(&mut packet.trim_end, Duration::ZERO);
        if let Some(mpeg) = &mut self.mpeg {
            let (format, number) = (self.format.as_ref(), self.options.track);
            mpeg.follow(&packet, &mut self.decoder, || {
                tracks::select(format, number, None)
                    .ok()
                    .map(|(_, decoder)| decoder)
            });
        }
        match self.decoder.decode(&packet) {
            Ok(buffer) => {
                let (rate, channels) = (buffer.spec().rate(), buffer.spec().channels().count());
                buffer.copy_to_vec_interleaved(&mut self.interleaved);
                if let Some(time_base) = self.time_base {
                    let samples = |trim: Duration| {
                        let frames = seconds(trim.get(), time_base) * f64::from(rate);
                        (frames.round() as usize).saturating_mul(channels)
                    };
                    trim(
                        &mut self.interleaved,
                        samples(trim_start),
                        samples(trim_end),
                    );
                }
                levels::silence_invalid(&mut self.interleaved);
                levels::scale(&mut self.interleaved, self.gain);
                self.lanes.set_packet(&self.interleaved, channels, rate)?;
                if self.lanes.packet_len() == 0 {
                    return Ok(());
                }
                self.last_frames = self.lanes.packet_len();
            }
            // If the decoder cannot recover, the following packets fail and are counted, too.
            Err(error) => {
                self.damaged += 1;
                if matches!(error, Error::ResetRequired) {
                    self.decoder.reset();
                }
                let frames = self.concealed_samples(&packet);
                self.lanes.resize_packet(frames);
            }
        }
        let Some(rate) = self.lanes.rate() else {
            return Ok(());
        };
        if !TIMED.contains(&self.format.format_info().format) {
            self.lanes.append(0..self.lanes.packet_len())?;
            return self.check_length();
        }
        if self.lanes.packet_len() == 0 {
            return Ok(());
        }
        self.drop_padding(&packet, rate);
        let frames = self.lanes.packet_len();
        let mut axis = match self.axis.take() {
            Some(axis) => axis,
            None => TimeAxis::new(self.stream_edits(), self.base_s, self.expected_s),
        };
        self.placements.extend(axis.place(time_s, frames, rate));
        self.axis = Some(axis);
        Ok(())
    }

    /// Drops the padding at the end of the last packet of MP4: the packet has a shorter duration than its samples.
    fn drop_padding(&mut self, packet: &Packet, rate: u32) {
        let is_mp4 = self.format.format_info().format == formats::FORMAT_ID_ISOMP4;
        let Some(time_base) = self.time_base.filter(|_| is_mp4 && packet.dur.get() > 0) else {
            return;
        };
        // The duration of other packets may be rounded.
        let tolerance = seconds(2, time_base) * f64::from(rate);
        let frames = seconds(packet.dur.get(), time_base) * f64::from(rate);
        if (self.lanes.packet_len() as f64) > frames + tolerance {
            self.lanes.resize_packet(frames.round() as usize);
        }
    }

    /// The edits of the stream that starts with this packet.
    fn stream_edits(&self) -> Vec<Edit> {
        if !self.edits.is_empty() {
            return self.edits.clone();
        }
        let format = self.format.format_info().format;
        let skipped = opus::pre_skip(self.decoder.codec_params()).unwrap_or_default();
        let skipped_s = f64::from(skipped) / f64::from(opus::RATE_HZ);
        vec![Edit {
            media_s: match format {
                // Presentation starts at 0, whatever the first packet is.
                formats::FORMAT_ID_ISOMP4 => skipped_s,
                // The demuxer subtracts the delay of the codec already.
                formats::FORMAT_ID_MKV => self.start_s.max(0.0),
                _ => self.start_s + skipped_s,
            },
            duration_s: f64::INFINITY,
            at_s: 0.0,
        }]
    }

    /// Appends silence or samples of the last packet to the block: at most a second of silence, so that memory is limited.
    fn append(&mut self, mut placement: Placement) -> Result<(), AudioError> {
        let Some(rate) = self.lanes.rate() else {
            return Ok(());
        };
        if placement.silence > 0 {
            let frames = placement.silence.min(u64::from(rate));
            self.lanes.append_silence(frames as usize)?;
            placement.silence -= frames;
            self.placements.push_front(placement);
        } else {
            self.lanes.append(placement.frames)?;
        }
        self.check_length()
    }

    /// Number of samples that a packet would have had, at the sample rate of the file.
    ///
    /// If the packet has no duration, it is that of the last one.
    fn concealed_samples(&self, packet: &Packet) -> usize {
        let (Some(rate), Some(time_base)) = (self.lanes.rate(), self.time_base) else {
            return 0;
        };
        if packet.dur.get() == 0 {
            return self.last_frames;
        }
        let seconds = seconds(packet.dur.get(), time_base).min(MAX_CONCEALED_S);
        (seconds * f64::from(rate)).round() as usize
    }

    /// Starts the next of several chained streams, each of which has its own headers.
    fn reset(&mut self) -> Result<Step, AudioError> {
        self.resets += 1;
        if self.resets > MAX_RESETS {
            return Err(AudioError::Corrupted {
                at: self.decoded_s(),
            });
        }
        let (track, decoder) = tracks::select(self.format.as_ref(), self.options.track, None)?;
        self.track = track.id;
        self.time_base = track.time_base;
        self.decoder = decoder;
        // The duration was that of the first stream alone.
        self.expected_s = None;
        self.start_s = f64::INFINITY;
        self.base_s = self.axis.take().map_or(self.base_s, |axis| axis.end_s());
        Ok(Step::Continue)
    }

    fn check_length(&self) -> Result<(), AudioError> {
        match self.decoded_s() > self.options.limits.seconds + LIMIT_TOLERANCE_S {
            true => Err(AudioError::TooLong {
                limit: self.options.limits.seconds,
            }),
            false => Ok(()),
        }
    }

    /// Duration, in seconds, by which the last packet may be shorter than its header says: only those of ALAC may.
    fn last_packet_s(&self) -> f64 {
        match self.decoder.codec_params().codec {
            CODEC_ID_ALAC => self.packet_s,
            _ => 0.0,
        }
    }

    /// Flushes the resampler, and checks how much of the recording is missing or damaged.
    fn finish(&mut self) -> Result<(), AudioError> {
        for packet in self.mpeg.as_mut().map(Mpeg::finish).unwrap_or_default() {
            self.decode(packet)?;
        }
        if let Some((mut conversion, refusal)) = self.conversion.take() {
            // Before anything else is judged: what is missing may be its fault.
            let finished = match conversion.finish() {
                Ok(_) if self.decoded_s() == 0.0 => {
                    Err(FfmpegError::Failed("it found no audio".to_owned()).into())
                }
                finished => finished,
            };
            let report = finished.map_err(|failure: Failure| failure.into_error(refusal))?;
            self.expected_s = report.expected_s;
            self.warnings.extend(report.warnings);
        }
        self.lanes.finish()?;
        self.check_length()?;
        let (damaged, packets) = (self.damaged, self.packets);
        if damaged as f64 > packets as f64 * MAX_DAMAGED_FRACTION {
            return Err(AudioError::DamagedPackets { damaged, packets });
        }
        let actual = self.decoded_s();
        if actual == 0.0 {
            return Err(AudioError::Empty);
        }
        if damaged > 0 {
            self.warnings.push(format!(
                "{damaged} of the {packets} packets of the recording are damaged and were replaced by silence"
            ));
        }
        if self.lanes.is_opposite() {
            self.warnings.push(
                "the channels are in opposite phase and cancel each other: only the loudest was used".to_owned(),
            );
        }
        let tolerated = MIN_REPORTED_GAP_S.max(self.last_packet_s());
        match self.expected_s {
            Some(expected) if expected - actual > tolerated => self.warnings.push(format!(
                "the recording is truncated: it ends after {actual:.1} s of {expected:.1} s"
            )),
            _ if self.is_truncated => self.warnings.push(format!(
                "the recording is truncated: the end of the file is missing, after {actual:.2} s"
            )),
            _ => {}
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
            return Some(Err(error));
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

/// Turns a panic into an error: some malformed headers, for example of CAF, make symphonia panic.
fn without_panics<T>(decode: impl FnOnce() -> Result<T, AudioError>) -> Result<T, AudioError> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or(Err(AudioError::DecoderFailed))
}

/// The maximum absolute value of the samples of a file that is in full scale up to 1.
fn peak(path: &Path, bytes: u64, number: Option<NonZero<usize>>) -> Result<f32, AudioError> {
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

/// The duration in the header, in seconds, if it is plausible.
fn expected_duration(format: &dyn FormatReader, track: &Track) -> Option<f64> {
    // ADTS has no duration in a header: it would be estimated from the first packets.
    if format.format_info().format == formats::FORMAT_ID_ADTS {
        return None;
    }
    let parameters = audio(track)?;
    let by_frames = || {
        let rate = parameters.sample_rate.filter(|rate| *rate > 0)?;
        Some(track.num_frames? as f64 / f64::from(rate))
    };
    let by_duration = || {
        // The duration of Ogg is that from 0, even if the first packet is later.
        let start = u64::try_from(track.start_ts.get()).unwrap_or_default();
        let duration = track.duration?.get().saturating_sub(start);
        Some(seconds(duration, track.time_base?))
    };
    let by_media = || {
        // The duration of a video may differ from that of its audio track.
        let media = format.media_info();
        (format.tracks().len() == 1).then_some(())?;
        Some(seconds(media.duration?.get(), media.time_base?))
    };
    let expected = by_duration().or_else(by_frames).or_else(by_media)?;
    (expected > 0.0).then_some(expected)
}

/// Removes samples from the start and from the end.
fn trim(samples: &mut Vec<f32>, start: usize, end: usize) {
    samples.truncate(samples.len().saturating_sub(end));
    samples.drain(..start.min(samples.len()));
}

/// Converts ticks to seconds.
fn seconds(ticks: u64, time_base: TimeBase) -> f64 {
    ticks as f64 * f64::from(time_base.numer.get()) / f64::from(time_base.denom.get())
}

/// The part of a track of `seconds` that an edit list presents, in seconds.
fn presented_duration(edits: &[Edit], seconds: f64) -> f64 {
    let end = |edit: &Edit| edit.at_s + edit.duration_s.min((seconds - edit.media_s).max(0.0));
    edits.iter().map(end).reduce(f64::max).unwrap_or(seconds)
}
