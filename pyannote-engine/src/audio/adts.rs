//! Demuxer of ADTS: frames of AAC, each with a header.

use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::num::NonZero;
use std::ops::Range;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;
use symphonia::core::errors::{Error, Result};
use symphonia::core::formats::well_known::FORMAT_ID_ADTS;
use symphonia::core::formats::{FormatReader, MediaInfo, Track};
use symphonia::core::io::ReadBytes;
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, TimeBase, Timestamp};

use super::codec;
use super::demux::{Demux, Demuxer, Stream};
use super::frames::{Frame, HEADER_BYTES, Kind};

/// Number of samples of a frame.
const FRAME_SAMPLES: u64 = 1_024;
/// The sample rates, in Hz.
const RATES_HZ: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// Opens the frames at the start of a part of a file.
pub(super) fn open(
    mut stream: Stream,
    range: Range<u64>,
) -> std::io::Result<Box<dyn FormatReader>> {
    stream.seek(SeekFrom::Start(range.start))?;
    let mut reader = Reader {
        tracks: Vec::new(),
        config: None,
        position: range.start,
        end: range.end,
        next: 0,
        damaged: false,
    };
    if let Some((_, header)) = reader.frame_at(&mut stream, range.start)? {
        reader.configure(header);
    }
    Ok(Box::new(Demuxer::new(
        FORMAT_ID_ADTS,
        MediaInfo::new(),
        stream,
        reader,
    )))
}

/// Reads frames.
struct Reader {
    tracks: Vec<Track>,
    /// The configuration of the decoder.
    config: Option<[u8; 2]>,
    /// Position of the next frame, and of the end, in bytes.
    position: u64,
    end: u64,
    /// Timestamp of the next frame, in samples.
    next: u64,
    /// Whether something that is no frame precedes the next frame.
    damaged: bool,
}

/// The header of a frame with its bytes.
type Header = [u8; HEADER_BYTES];

/// The configuration in a header, as in MP4: profile, sample rate and channels.
fn config([_, _, rate, mode, ..]: Header) -> [u8; 2] {
    let (profile, rate, channels) = (rate >> 6, rate >> 2 & 0xf, (rate & 1) << 2 | mode >> 6);
    [(profile + 1) << 3 | rate >> 1, rate << 7 | channels << 3]
}

impl Reader {
    /// The frame at a position, if there is one.
    fn frame_at(&self, stream: &mut Stream, at: u64) -> std::io::Result<Option<(Frame, Header)>> {
        if self.end.saturating_sub(at) < HEADER_BYTES as u64 {
            return Ok(None);
        }
        if stream.pos() != at {
            stream.seek(SeekFrom::Start(at))?;
        }
        let mut header = [0; HEADER_BYTES];
        stream.read_exact(&mut header)?;
        let frame = Frame::parse(&header).filter(|frame| frame.kind == Kind::Adts);
        Ok(frame.map(|frame| (frame, header)))
    }

    /// Whether another frame with the same configuration, or the end, follows.
    fn is_followed(
        &self,
        stream: &mut Stream,
        frame: Frame,
        header: Header,
    ) -> std::io::Result<bool> {
        let at = self.position.saturating_add(frame.bytes as u64);
        let next = self.frame_at(stream, at)?;
        Ok(at == self.end || next.is_some_and(|(_, next)| config(next) == config(header)))
    }

    /// Sets the configuration.
    fn configure(&mut self, header: Header) {
        let config = config(header);
        let [_, _, rate, ..] = header;
        let rate_hz = RATES_HZ
            .get(usize::from(rate >> 2 & 0xf))
            .copied()
            .unwrap_or_default();
        let [.., blocks] = header;
        let is_single = blocks & 3 == 0;
        let parameters = if is_single && config[1] >> 3 & 0xf != 0 {
            let mut parameters = AudioCodecParameters::new();
            parameters
                .for_codec(CODEC_ID_AAC)
                .with_sample_rate(rate_hz)
                .with_extra_data(Box::new(config));
            parameters
        } else {
            codec::unsupported(match is_single {
                true => "AAC with a custom channel layout",
                false => "ADTS with several frames per header",
            })
        };
        let mut track = Track::new(0);
        track.with_codec_params(CodecParameters::Audio(parameters));
        if let Some(rate) = NonZero::new(rate_hz) {
            track.with_time_base(TimeBase::from_recip(rate));
        }
        self.tracks = vec![track];
        self.config = Some(config);
    }

    /// Moves to the next frame. Returns `None` at the end.
    fn sync(&mut self, stream: &mut Stream) -> std::io::Result<Option<(Frame, Header)>> {
        let mut is_expected = true;
        loop {
            if let Some((frame, header)) = self.frame_at(stream, self.position)? {
                let continues = is_expected && self.config == Some(config(header));
                if continues || self.is_followed(stream, frame, header)? {
                    return Ok(Some((frame, header)));
                }
            }
            let Some(next) = find_marker(stream, self.position + 1, self.end)? else {
                return Ok(None);
            };
            self.position = next;
            self.damaged = true;
            is_expected = false;
        }
    }
}

/// The position of the next two bytes that frames start with.
fn find_marker(stream: &mut Stream, start: u64, end: u64) -> std::io::Result<Option<u64>> {
    if stream.pos() != start {
        stream.seek(SeekFrom::Start(start.min(end)))?;
    }
    let mut last = 0_u16;
    while stream.pos() < end {
        last = last << 8 | u16::from(stream.read_byte()?);
        if last & 0xfff6 == 0xfff0 {
            return Ok(Some(stream.pos() - 2));
        }
    }
    Ok(None)
}

impl Demux for Reader {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next_packet(&mut self, stream: &mut Stream) -> Result<Option<Packet>> {
        let Some((frame, header)) = self.sync(stream)? else {
            return Ok(None);
        };
        if self.config != Some(config(header)) {
            self.configure(header);
            return Err(Error::ResetRequired);
        }
        let duration = Duration::new(FRAME_SAMPLES);
        let start = Timestamp::new(i64::try_from(self.next).unwrap_or(i64::MAX));
        self.next = self.next.saturating_add(FRAME_SAMPLES);
        if std::mem::take(&mut self.damaged) {
            // Damage is reported when the packet is decoded.
            return Ok(Some(Packet::new(0, start, duration, Vec::new())));
        }
        let end = self.position.saturating_add(frame.bytes as u64);
        if end > self.end {
            return Err(Error::IoError(ErrorKind::UnexpectedEof.into()));
        }
        // A checksum may follow the header.
        let [_, version, ..] = header;
        let skipped = HEADER_BYTES + if version & 1 == 0 { 2 } else { 0 };
        let start_of_data = self.position + skipped as u64;
        if stream.pos() != start_of_data {
            stream.seek(SeekFrom::Start(start_of_data))?;
        }
        let mut data = vec![0; frame.bytes.saturating_sub(skipped)];
        stream.read_exact(&mut data)?;
        self.position = end;
        Ok(Some(Packet::new(0, start, duration, data)))
    }
}
