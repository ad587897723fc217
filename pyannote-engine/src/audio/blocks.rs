//! A recording, decoded piece by piece.

use std::fs::File;
use std::path::Path;

use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{
    FormatOptions, FormatReader, Track, TrackType, well_known as formats,
};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

use super::resample::Resampler;
use super::{AudioError, Limits, codec, mono};
use crate::SAMPLE_RATE;

/// How many samples a block has at least, but for the last: one second.
const BLOCK: usize = SAMPLE_RATE as usize;
/// What share of a recording may be missing at its end, or undecodable in it, before it is refused.
const TOLERATED: f64 = 0.1;
/// How much may be missing at the end, in seconds, without a word: padding, and rounding.
const UNNOTICED: f64 = 0.1;
/// How long a recording may be beyond its limit, in seconds: lossy codecs pad.
const GRACE: f64 = 0.1;
/// How many samples a byte may stand for, in what is believed of a container: 8 kbit/s. Memory is not reserved for a
/// day because a header of a few bytes says so.
const SAMPLES_PER_BYTE: u64 = 16;
/// How many packets there may be beyond one for each byte. A small file can claim billions of empty ones.
const SPARE_PACKETS: u64 = 1024;
/// The longest silence, in seconds, that stands in for a packet.
const LONGEST_SILENCE: f64 = 1.0;
/// How often in a row a container may begin anew without a packet.
const RESETS: u32 = 16;

/// A recording's samples, in blocks of about a second: one channel at 16 kHz, from -1 to 1.
///
/// Memory is bounded, however long the recording is. A packet that cannot be decoded is silent, so that what follows
/// keeps its time. After an error there is nothing more; the verdict on the whole recording comes last.
///
/// ```no_run
/// use pyannote_engine::audio::{Blocks, Limits};
///
/// let mut loudest = 0.0_f32;
/// for block in Blocks::open("meeting.mp3", Limits::default())? {
///     loudest = block?.iter().fold(loudest, |loudest, sample| loudest.max(sample.abs()));
/// }
/// # Ok::<(), pyannote_engine::audio::AudioError>(())
/// ```
pub struct Blocks {
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    time_base: Option<TimeBase>,
    /// Set once the first packet has said what the rate is: headers may be wrong about it.
    resampler: Option<Resampler>,
    limits: Limits,
    /// The size of the file, in bytes.
    bytes: u64,
    /// How long the container says that the recording is, in seconds, where it is to be believed.
    promised: Option<f64>,
    /// How many samples were handed out.
    given: usize,
    packets: u64,
    damaged: u64,
    resets: u32,
    ended: bool,
    /// Room that packets share.
    interleaved: Vec<f32>,
    mono: Vec<f32>,
    block: Vec<f32>,
    warnings: Vec<String>,
}

/// What became of reading a packet.
enum Step {
    /// There may be more.
    More,
    /// The end, as it should be, or where the file breaks off.
    End,
}

impl Blocks {
    /// Opens a file. What it is, its content says: its name does not matter.
    ///
    /// # Errors
    ///
    /// An [`AudioError`] that says why it cannot be heard.
    pub fn open(path: impl AsRef<Path>, limits: Limits) -> Result<Self, AudioError> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let bytes = metadata.len();
        if bytes > limits.bytes {
            return Err(AudioError::TooLarge {
                limit: limits.bytes,
            });
        }
        if !metadata.is_file() {
            return Err(AudioError::NotAudio);
        }
        if bytes == 0 {
            return Err(AudioError::Empty);
        }
        let stream = MediaSourceStream::new(Box::new(file), MediaSourceStreamOptions::default());
        let format = symphonia::default::get_probe()
            .probe(
                &Hint::new(),
                stream,
                FormatOptions::default(),
                MetadataOptions::default(),
            )
            .map_err(|error| match error {
                // A file that ends within its first bytes is no recording either.
                Error::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
                    // The probe reports a format that it does not know as an error of reading, too.
                    match error.raw_os_error() {
                        Some(_) => AudioError::Io(error),
                        None => AudioError::NotAudio,
                    }
                }
                _ => AudioError::NotAudio,
            })?;
        let (track, decoder) = choose(format.as_ref())?;
        let promised = promised(format.as_ref(), track, bytes);
        if promised.is_some_and(|seconds| seconds > limits.seconds + GRACE) {
            return Err(AudioError::TooLong {
                limit: limits.seconds,
            });
        }
        let (track, time_base) = (track.id, track.time_base);
        Ok(Self {
            format,
            decoder,
            track,
            time_base,
            resampler: None,
            limits,
            bytes,
            promised,
            given: 0,
            packets: 0,
            damaged: 0,
            resets: 0,
            ended: false,
            interleaved: Vec::new(),
            mono: Vec::new(),
            block: Vec::new(),
            warnings: Vec::new(),
        })
    }

    /// How many samples there will be: an estimate to make room by, 0 where nothing is known.
    #[must_use]
    pub fn expected_samples(&self) -> usize {
        let promised = self.promised.unwrap_or_default() * f64::from(SAMPLE_RATE);
        let believed = self.bytes.saturating_mul(SAMPLES_PER_BYTE);
        // The cast saturates, and the size of the file bounds it.
        let samples = (promised.ceil() as u64).min(believed);
        usize::try_from(samples).unwrap_or_default()
    }

    /// What is wrong with the recording, if not enough to refuse it: in words. Complete after the last block.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The same, for keeps.
    pub(super) fn into_warnings(self) -> Vec<String> {
        self.warnings
    }

    /// How long it is so far, in seconds.
    fn seconds(&self) -> f64 {
        (self.given + self.block.len()) as f64 / f64::from(SAMPLE_RATE)
    }

    /// Reads one packet, and adds its samples to the block.
    fn step(&mut self) -> Result<Step, AudioError> {
        let packet = match self.format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(Step::End),
            // The end of a file that is cut. How much is missing is judged at the end.
            Err(Error::IoError(error)) if error.raw_os_error().is_none() => return Ok(Step::End),
            Err(Error::IoError(error)) => return Err(AudioError::Io(error)),
            Err(Error::ResetRequired) => return self.begin_anew(),
            // Nothing more can be read. Where the container says how long it is, the end decides.
            Err(_) if self.promised.is_some() => return Ok(Step::End),
            Err(_) => return Err(AudioError::Broken { at: self.seconds() }),
        };
        self.packets += 1;
        self.resets = 0;
        if self.packets > self.bytes.saturating_add(SPARE_PACKETS) {
            return Err(AudioError::Broken { at: self.seconds() });
        }
        if packet.track_id == self.track {
            self.hear(&packet)?;
        }
        Ok(Step::More)
    }

    /// Decodes a packet, and adds its samples to the block.
    fn hear(&mut self, packet: &Packet) -> Result<(), AudioError> {
        self.mono.clear();
        match self.decoder.decode(packet) {
            Ok(buffer) => {
                let (rate, channels) = (buffer.spec().rate(), buffer.spec().channels().count());
                buffer.copy_to_vec_interleaved(&mut self.interleaved);
                mono::mix(&self.interleaved, channels, &mut self.mono);
                if self.mono.is_empty() {
                    return Ok(());
                }
                self.set_rate(rate)?;
            }
            // Not every error can be recovered from; then the packets that follow fail as well, and are counted.
            Err(error) => {
                self.damaged += 1;
                if matches!(error, Error::ResetRequired) {
                    self.decoder.reset();
                }
                self.mono.resize(self.silence(packet), 0.0);
            }
        }
        let Some(resampler) = &mut self.resampler else {
            return Ok(());
        };
        resampler.push(&self.mono, &mut self.block)?;
        self.check_length()
    }

    /// How many samples a packet would have had that cannot be decoded.
    fn silence(&self, packet: &Packet) -> usize {
        let rate = self.resampler.as_ref().map(Resampler::rate);
        let (Some(rate), Some(time_base)) = (rate, self.time_base) else {
            return 0;
        };
        let seconds = seconds(packet.dur.get(), time_base).min(LONGEST_SILENCE);
        (seconds * f64::from(rate)).round() as usize
    }

    /// Sees to it that samples of this rate, in Hz, can be taken.
    fn set_rate(&mut self, rate: u32) -> Result<(), AudioError> {
        if let Some(resampler) = &mut self.resampler {
            if resampler.rate() == rate {
                return Ok(());
            }
            resampler.finish(&mut self.block)?;
        }
        self.resampler = Some(Resampler::new(rate)?);
        Ok(())
    }

    /// Begins anew in the middle of a file: streams may be chained, and each has headers of its own.
    fn begin_anew(&mut self) -> Result<Step, AudioError> {
        self.resets += 1;
        if self.resets > RESETS {
            return Err(AudioError::Broken { at: self.seconds() });
        }
        let (track, decoder) = choose(self.format.as_ref())?;
        self.track = track.id;
        self.time_base = track.time_base;
        self.decoder = decoder;
        // What was said of the first stream says nothing of all of them.
        self.promised = None;
        Ok(Step::More)
    }

    fn check_length(&self) -> Result<(), AudioError> {
        match self.seconds() > self.limits.seconds + GRACE {
            true => Err(AudioError::TooLong {
                limit: self.limits.seconds,
            }),
            false => Ok(()),
        }
    }

    /// The verdict on the recording, now that all of it was seen.
    fn judge(&mut self) -> Result<(), AudioError> {
        if let Some(resampler) = &mut self.resampler {
            resampler.finish(&mut self.block)?;
        }
        self.check_length()?;
        let (damaged, packets) = (self.damaged, self.packets);
        if damaged as f64 > packets as f64 * TOLERATED {
            return Err(AudioError::Damaged { damaged, packets });
        }
        let found = self.seconds();
        if found == 0.0 {
            return Err(AudioError::Empty);
        }
        if damaged > 0 {
            self.warnings.push(format!(
                "{damaged} of the recording's {packets} packets cannot be decoded and are silent"
            ));
        }
        let Some(promised) = self.promised else {
            return Ok(());
        };
        let missing = promised - found;
        if missing > UNNOTICED && missing > promised * TOLERATED {
            return Err(AudioError::Truncated { found, promised });
        }
        if missing > UNNOTICED {
            self.warnings.push(format!(
                "the recording is cut off: it ends after {found:.1} s of {promised:.1} s"
            ));
        }
        Ok(())
    }
}

impl Iterator for Blocks {
    type Item = Result<Vec<f32>, AudioError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended && self.block.len() < BLOCK {
            let result = match self.step() {
                Ok(Step::More) => continue,
                Ok(Step::End) => self.judge(),
                Err(error) => Err(error),
            };
            self.ended = true;
            if let Err(error) = result {
                self.block.clear();
                return Some(Err(error));
            }
        }
        if self.block.is_empty() {
            return None;
        }
        self.given += self.block.len();
        Some(Ok(std::mem::take(&mut self.block)))
    }
}

impl std::fmt::Debug for Blocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blocks")
            .field("promised", &self.promised)
            .field("given", &self.given)
            .field("packets", &self.packets)
            .field("damaged", &self.damaged)
            .finish_non_exhaustive()
    }
}

/// The track to hear, with its decoder: the default one, or else the first that can be decoded.
fn choose(format: &dyn FormatReader) -> Result<(&Track, Box<dyn AudioDecoder>), AudioError> {
    let others = format
        .tracks()
        .iter()
        .filter(|track| audio(track).is_some());
    let mut refusal = AudioError::NoAudioTrack;
    for track in format
        .default_track(TrackType::Audio)
        .into_iter()
        .chain(others)
    {
        let Some(parameters) = audio(track) else {
            continue;
        };
        match symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        {
            Ok(decoder) => return Ok((track, decoder)),
            // Of many reasons, the one for the default track is told.
            Err(_) if !matches!(refusal, AudioError::NoAudioTrack) => {}
            Err(Error::Unsupported(_)) => {
                refusal = AudioError::UnsupportedCodec(codec::name(parameters.codec));
            }
            Err(_) => refusal = AudioError::Broken { at: 0.0 },
        }
    }
    Err(refusal)
}

fn audio(track: &Track) -> Option<&AudioCodecParameters> {
    track.codec_params.as_ref()?.audio()
}

/// How long the container says that the recording is, in seconds, where that can be believed.
fn promised(format: &dyn FormatReader, track: &Track, bytes: u64) -> Option<f64> {
    let estimates = [
        formats::FORMAT_ID_MP1,
        formats::FORMAT_ID_MP2,
        formats::FORMAT_ID_MP3,
        formats::FORMAT_ID_ADTS,
    ];
    // These have no header: their length is guessed from the first packets.
    if estimates.contains(&format.format_info().format) {
        return None;
    }
    let parameters = audio(track)?;
    let by_frames = || {
        let rate = parameters.sample_rate.filter(|rate| *rate > 0)?;
        Some(track.num_frames? as f64 / f64::from(rate))
    };
    let by_duration = || Some(seconds(track.duration?.get(), track.time_base?));
    let by_media = || {
        // The length of a film says nothing of its sound.
        let media = format.media_info();
        (format.tracks().len() == 1).then_some(())?;
        Some(seconds(media.duration?.get(), media.time_base?))
    };
    let promised = by_duration().or_else(by_frames).or_else(by_media)?;
    // A recorder that cannot go back leaves a size that is no size in its header. Uncompressed samples that would not
    // fit in a gigabyte, while the file is smaller, are that.
    let uncompressed = [formats::FORMAT_ID_WAVE, formats::FORMAT_ID_AIFF];
    let size = track
        .num_frames
        .zip(parameters.bits_per_sample)
        .map(|(frames, bits)| {
            let channels = parameters
                .channels
                .as_ref()
                .map_or(1, |all| all.count() as u64);
            frames
                .saturating_mul(u64::from(bits / 8))
                .saturating_mul(channels)
        });
    let placeholder = uncompressed.contains(&format.format_info().format)
        && size.is_some_and(|size| size > (1 << 30) && size > bytes);
    (promised > 0.0 && !placeholder).then_some(promised)
}

/// A number of ticks, in seconds.
fn seconds(ticks: u64, time_base: TimeBase) -> f64 {
    ticks as f64 * f64::from(time_base.numer.get()) / f64::from(time_base.denom.get())
}
