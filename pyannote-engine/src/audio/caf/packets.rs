//! Demuxer of CAF files whose samples have packets.

use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::num::NonZero;

use symphonia::core::audio::Channels;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known as id;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};
use symphonia::core::errors::{Error, Result};
use symphonia::core::formats::well_known::FORMAT_ID_CAF;
use symphonia::core::formats::{FormatReader, MediaInfo, Track};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, TimeBase, Timestamp};

use super::Description;
use crate::audio::demux::{Demux, Demuxer, Stream};
use crate::audio::mp4::decoder_config;
use crate::audio::{codec, opus};

/// The table of packets.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Table {
    /// Number of frames that are presented, if it is known.
    valid_frames: u64,
    /// Frames before them.
    priming_frames: u64,
    /// Size in bytes and number of frames of each packet, unless all have the same.
    entries: Vec<u8>,
}

impl Table {
    /// Parses the content of `pakt`.
    pub(super) fn parse(content: &[u8]) -> Option<Self> {
        let (header, entries) = content.split_at_checked(24)?;
        let (words, _) = header.as_chunks::<4>();
        let [_, _, high, low, priming, _] = words else {
            return None;
        };
        Some(Self {
            valid_frames: u64::from(u32::from_be_bytes(*high)) << 32
                | u64::from(u32::from_be_bytes(*low)),
            priming_frames: u64::from(u32::from_be_bytes(*priming)),
            entries: entries.to_vec(),
        })
    }
}

/// A number of 7 bits per byte at the start of `bytes`, which it is removed from.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    loop {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value = value.checked_mul(128)? | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
}

/// The parameters of the decoder, from the description and the cookie of the codec.
pub(super) fn parameters(description: &Description, cookie: &[u8]) -> AudioCodecParameters {
    let channels = description.channels;
    let (codec, data): (AudioCodecId, Option<Vec<u8>>) = match &description.kind {
        b"aac " => match cookie.first() {
            Some(_) => match decoder_config(cookie) {
                Some((_, config)) => (id::CODEC_ID_AAC, Some(config.to_vec())),
                None => return codec::unsupported("AAC in CAF without a description"),
            },
            None => (id::CODEC_ID_AAC, None),
        },
        b"alac" => (id::CODEC_ID_ALAC, Some(cookie.to_vec())),
        b"opus" => (id::CODEC_ID_OPUS, Some(opus::head(cookie, channels))),
        b"flac" => (id::CODEC_ID_FLAC, flac(cookie)),
        b".mp1" => (id::CODEC_ID_MP1, None),
        b".mp2" => (id::CODEC_ID_MP2, None),
        b".mp3" => (id::CODEC_ID_MP3, None),
        b"ac-3" => (id::CODEC_ID_AC3, None),
        b"ec-3" => (id::CODEC_ID_EAC3, None),
        b"aach" | b"aacp" => return codec::unsupported("HE-AAC"),
        b"aace" | b"aacf" | b"aacl" => return codec::unsupported("AAC LD or ELD"),
        b"agsm" | b"ms\0\x31" => return codec::unsupported("GSM 6.10"),
        b"ilbc" => return codec::unsupported("iLBC"),
        b"samr" | b"sawb" => return codec::unsupported("AMR"),
        b"QDM2" | b"QDMC" => return codec::unsupported("QDesign Music"),
        other => return codec::unsupported(&format!("CAF format \"{}\"", other.escape_ascii())),
    };
    let mut parameters = AudioCodecParameters::new();
    parameters
        .for_codec(codec)
        .with_sample_rate(description.rate)
        .with_channels(Channels::Discrete(
            u16::try_from(channels).unwrap_or(u16::MAX),
        ))
        .with_max_frames_per_packet(u64::from(description.packet_frames));
    if let Some(data) = data {
        parameters.with_extra_data(data.into_boxed_slice());
    }
    parameters
}

/// The first block of metadata of FLAC, without its header, in a cookie: in the box `dfLa`, or after the marker.
fn flac(cookie: &[u8]) -> Option<Vec<u8>> {
    const INFO_BYTES: usize = 34;
    let marker = cookie
        .windows(4)
        .position(|window| matches!(window, b"dfLa" | b"fLaC"));
    let start = match marker {
        // A version, if it is a box, and the header of the block.
        Some(at) if cookie.get(at..at + 4)? == b"dfLa" => at + 12,
        Some(at) => at + 8,
        None => cookie.len().checked_sub(INFO_BYTES)?,
    };
    cookie.get(start..start + INFO_BYTES).map(<[u8]>::to_vec)
}

/// Reads packets.
struct Reader {
    tracks: Vec<Track>,
    table: Table,
    /// Position of the next entry.
    entry: usize,
    packet_bytes: u32,
    packet_frames: u32,
    /// Frames of the packets before the next one, and all that are presented or precede them.
    frames: u64,
    end_frames: u64,
    /// Positions of the next packet, and of the end of the samples.
    position: u64,
    end: u64,
    /// Whether the end of the samples is missing.
    is_cut: bool,
}

/// Opens packets from `start` on. The header claims that they have `size` bytes, of which the file has those to `end`.
pub(super) fn open(
    mut stream: Stream,
    description: &Description,
    cookie: &[u8],
    table: Table,
    (start, end, is_cut): (u64, u64, bool),
) -> std::io::Result<Box<dyn FormatReader>> {
    stream.seek(SeekFrom::Start(start))?;
    let parameters = parameters(description, cookie);
    let skipped = opus::pre_skip(&parameters).map_or(0, u64::from);
    // That of Opus is at 48 kHz.
    let skipped = skipped * u64::from(description.rate) / u64::from(opus::RATE_HZ);
    let priming = match table.priming_frames {
        0 => skipped,
        frames => frames,
    };
    let mut track = Track::new(0);
    track.with_codec_params(CodecParameters::Audio(parameters));
    if let Some(rate) = NonZero::new(description.rate) {
        track.with_time_base(TimeBase::from_recip(rate));
    }
    if table.valid_frames > 0 {
        track
            .with_num_frames(table.valid_frames)
            .with_duration(Duration::new(table.valid_frames));
    }
    let end_frames = match table.valid_frames {
        0 => u64::MAX,
        frames => frames.saturating_add(table.priming_frames),
    };
    let reader = Reader {
        tracks: vec![track],
        table: Table {
            priming_frames: priming,
            ..table
        },
        entry: 0,
        packet_bytes: description.packet_bytes,
        packet_frames: description.packet_frames,
        frames: 0,
        end_frames,
        position: start,
        end,
        is_cut,
    };
    Ok(Box::new(Demuxer::new(
        FORMAT_ID_CAF,
        MediaInfo::new(),
        stream,
        reader,
    )))
}

impl Reader {
    /// The size in bytes and the number of frames of the next packet, or `None` at the end.
    fn next_entry(&mut self) -> Option<(u64, u64)> {
        let mut rest = self.table.entries.get(self.entry..).unwrap_or_default();
        let before = rest.len();
        let size = match self.packet_bytes {
            0 => number(&mut rest)?,
            // The last one may be incomplete.
            bytes => u64::from(bytes).min(
                self.end
                    .checked_sub(self.position)
                    .filter(|left| *left > 0)?,
            ),
        };
        let frames = match self.packet_frames {
            0 => number(&mut rest)?,
            frames => u64::from(frames),
        };
        self.entry += before - rest.len();
        Some((size, frames))
    }
}

impl Demux for Reader {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next_packet(&mut self, stream: &mut Stream) -> Result<Option<Packet>> {
        let end = match self.is_cut {
            true => Err(Error::IoError(ErrorKind::UnexpectedEof.into())),
            false => Ok(None),
        };
        let Some((bytes, frames)) = self.next_entry() else {
            return end;
        };
        if bytes > self.end.saturating_sub(self.position) || self.frames >= self.end_frames {
            return end;
        }
        let mut data = vec![0; usize::try_from(bytes).unwrap_or_default()];
        stream.read_exact(&mut data)?;
        self.position += bytes;
        let start = Timestamp::new(i64::try_from(self.frames).unwrap_or(i64::MAX));
        let mut packet = Packet::new(0, start, Duration::new(frames), data);
        let priming = self.table.priming_frames.saturating_sub(self.frames);
        packet.trim_start = Duration::new(priming.min(frames));
        self.frames = self.frames.saturating_add(frames);
        packet.trim_end = Duration::new(self.frames.saturating_sub(self.end_frames).min(frames));
        Ok(Some(packet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_7_bits_per_byte() {
        for (bytes, expected) in [
            (&[0x05][..], Some(5)),
            (&[0x81, 0x00, 9], Some(128)),
            (&[0xa0, 0x3e], Some(4_158)),
            (&[0x80], None),
            (&[0xff; 20], None),
        ] {
            assert_eq!(number(&mut &*bytes), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn streaminfo_of_flac_in_every_cookie() {
        let info = [7; 34];
        for cookie in [
            info.to_vec(),
            [b"fLaC\x80\0\0\x22", &info[..]].concat(),
            [b"\0\0\0\x32dfLa\0\0\0\0\x80\0\0\x22", &info[..]].concat(),
        ] {
            assert_eq!(flac(&cookie).as_deref(), Some(&info[..]), "{cookie:x?}");
        }
        assert_eq!(flac(b"fLaC"), None);
    }
}
