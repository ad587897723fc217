//! Streams of MPEG audio (MP1 to MP3), whose frame counts may be wrong, and whose format may change.

use std::io::{Read, Seek, SeekFrom};

use symphonia::core::codecs::audio::AudioDecoder;
use symphonia::core::packet::Packet;
use symphonia::core::units::Duration;

/// Bits of the frame header that a decoder cannot change: version, layer and sample rate.
const FORMAT_MASK: [u8; 2] = [0x1e, 0x0c];
/// Maximum size of the header and the tags of the first frame, in bytes.
const MAX_HEAD_BYTES: u64 = 200;
/// The channel mode of mono.
const MONO: u8 = 3;

/// State of a stream.
pub(super) struct Mpeg {
    /// Padding in the header, in samples.
    padding: u64,
    /// Packets after the number of samples in the header.
    held: Vec<Packet>,
    /// Number of samples in `held` that would be trimmed.
    trimmed: u64,
    /// Whether there are more samples than the header says.
    is_count_wrong: bool,
    format: Option<Format>,
    /// The decoder of the previous format: a single damaged header may be mistaken for a change.
    other: Option<(Format, Box<dyn AudioDecoder>)>,
}

/// Size of the checksum of the tag of LAME, and its position from the start of the tag, in bytes.
const LAME_CHECKSUM: std::ops::Range<usize> = 34..36;

/// The first frame of a stream, which ends at `end` of a file. If it has a tag of LAME, the checksum is removed.
///
/// The demuxer ignores a tag with a wrong checksum. Programs that cut files change the number of frames in it, but not
/// the checksum: the priming would be heard.
pub(super) fn first_frame(
    file: &mut (impl Read + Seek),
    at: u64,
    end: u64,
) -> std::io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(at))?;
    let mut head = Vec::new();
    file.take(MAX_HEAD_BYTES.min(end.saturating_sub(at)))
        .read_to_end(&mut head)?;
    if let Some(lame) = lame_tag(&head)
        && let Some(checksum) = head
            .get_mut(lame..)
            .and_then(|tag| tag.get_mut(LAME_CHECKSUM))
    {
        checksum.fill(0);
    }
    Ok(head)
}

/// The position of the tag of LAME in a frame, if there is one.
fn lame_tag(frame: &[u8]) -> Option<usize> {
    let [_, version, _, mode, ..] = frame else {
        return None;
    };
    let side_info = match (version >> 3 & 3 == 3, mode >> 6 == MONO) {
        (true, false) => 32,
        (true, true) | (false, false) => 17,
        (false, true) => 9,
    };
    let (tag, rest) = frame.get(4 + side_info..)?.split_first_chunk::<8>()?;
    let ([b'X', b'i', b'n', b'g', ..] | [b'I', b'n', b'f', b'o', ..], flags) = (tag, tag[7]) else {
        return None;
    };
    // The number of frames, of bytes, the table of contents, and the quality.
    let fields = [(1, 4), (2, 4), (4, 100), (8, 4)];
    let present = fields.iter().filter(|(flag, _)| flags & flag != 0);
    let skipped: usize = present.map(|(_, bytes)| bytes).sum();
    let lame = rest.get(skipped..)?;
    lame.starts_with(b"LAME")
        .then_some(frame.len() - lame.len())
}

/// The part of a frame header that is the same for all frames of a decoder.
type Format = ([u8; 2], bool);

impl Mpeg {
    /// Creates the state of a stream with the padding in its header, in samples.
    pub(super) fn new(padding: u32) -> Self {
        Self {
            padding: u64::from(padding),
            held: Vec::new(),
            trimmed: 0,
            is_count_wrong: false,
            format: None,
            other: None,
        }
    }

    /// Adds a packet, and returns those to be decoded now.
    ///
    /// The frame count of a Xing or Info header may be too small: files were joined, or the recorder was stopped. The
    /// end is trimmed only if that removes no more than the padding.
    pub(super) fn push(&mut self, mut packet: Packet) -> Vec<Packet> {
        if self.is_count_wrong {
            packet.trim_end = Duration::ZERO;
            return vec![packet];
        }
        self.trimmed = self.trimmed.saturating_add(packet.trim_end.get());
        if self.trimmed == 0 {
            return vec![packet];
        }
        self.held.push(packet);
        if self.trimmed <= self.padding {
            return Vec::new();
        }
        self.is_count_wrong = true;
        for packet in &mut self.held {
            packet.trim_end = Duration::ZERO;
        }
        self.finish()
    }

    /// Returns the remaining packets.
    pub(super) fn finish(&mut self) -> Vec<Packet> {
        std::mem::take(&mut self.held)
    }

    /// Replaces `decoder` if the format of `packet` differs from that of the packet before.
    pub(super) fn follow(
        &mut self,
        packet: &Packet,
        decoder: &mut Box<dyn AudioDecoder>,
        create: impl FnOnce() -> Option<Box<dyn AudioDecoder>>,
    ) {
        let format = frame_format(&packet.data);
        let Some(new) = format.filter(|_| format != self.format) else {
            return;
        };
        if let Some(old) = self.format.replace(new) {
            let kept = self.other.take().filter(|(format, _)| *format == new);
            let Some(other) = kept.map(|(_, decoder)| decoder).or_else(create) else {
                return;
            };
            self.other = Some((old, std::mem::replace(decoder, other)));
        }
    }
}

/// The format in the header of a frame.
fn frame_format(frame: &[u8]) -> Option<Format> {
    let [_, version, rate, mode, ..] = frame else {
        return None;
    };
    let [version_mask, rate_mask] = FORMAT_MASK;
    Some((
        [version & version_mask, rate & rate_mask],
        mode >> 6 == MONO,
    ))
}

#[cfg(test)]
mod tests {
    use symphonia::core::units::Timestamp;

    use super::*;

    /// The trimming of the packets that are decoded after each packet and at the end.
    fn trimmed(padding: u32, packets: &[u64]) -> Vec<Vec<u64>> {
        let mut mpeg = Mpeg::new(padding);
        let trims = |packets: Vec<Packet>| {
            let all = packets.iter().map(|packet| packet.trim_end.get());
            all.collect::<Vec<_>>()
        };
        let mut all = Vec::new();
        for trim in packets {
            let mut packet = Packet::new(0, Timestamp::ZERO, Duration::from(1_152_u64), Vec::new());
            packet.trim_end = Duration::from(*trim);
            all.push(trims(mpeg.push(packet)));
        }
        all.push(trims(mpeg.finish()));
        all
    }

    #[test]
    fn only_padding_is_trimmed() {
        for (padding, packets, expected) in [
            (
                1_200,
                &[0, 48, 1_152][..],
                vec![vec![0], vec![], vec![], vec![48, 1_152]],
            ),
            (
                1_200,
                &[0, 49, 1_152, 1_152],
                vec![vec![0], vec![], vec![0, 0], vec![0], vec![]],
            ),
            (0, &[1_152, 1_152], vec![vec![0], vec![0], vec![]]),
        ] {
            assert_eq!(trimmed(padding, packets), expected, "{packets:?}");
        }
    }

    #[test]
    fn formats_differ_in_rate_and_channels() {
        let stereo = frame_format(&[0xff, 0xfb, 0x90, 0x00]);
        assert_eq!(stereo, frame_format(&[0xff, 0xfa, 0xb2, 0x64]));
        assert_ne!(stereo, frame_format(&[0xff, 0xfb, 0x94, 0x00]));
        assert_ne!(stereo, frame_format(&[0xff, 0xfb, 0x90, 0xc4]));
        assert_eq!(frame_format(&[0xff]), None);
    }
}
