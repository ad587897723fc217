//! CAF files whose samples have packets: Opus, as messengers write it, and AAC.

use pyannote_engine::audio::AudioError;

use super::cut::pages;
use super::riff::{assert_same, decoded};
use super::streams::aac_frames;
use super::tone::fixture_bytes;

/// A file in a format, with the cookie of the codec, that presents `valid` frames after `priming`.
struct Caf {
    kind: &'static [u8; 4],
    rate: u32,
    packet_frames: u32,
    cookie: Vec<u8>,
    priming: u32,
    valid: u64,
    packets: Vec<Vec<u8>>,
}

fn chunk(tag: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&tag[..], &(body.len() as u64).to_be_bytes(), body].concat()
}

impl Caf {
    fn bytes(&self, is_table_first: bool) -> Vec<u8> {
        let word = u32::to_be_bytes;
        let description = [
            &f64::from(self.rate).to_be_bytes()[..],
            self.kind,
            &[0, 0, self.packet_frames, 1, 0].map(word).concat(),
        ];
        let sizes = self.packets.iter().flat_map(|packet| {
            let size = u16::try_from(packet.len()).unwrap();
            [0x80 | (size >> 7) as u8, (size & 0x7f) as u8]
        });
        let table = [
            (self.packets.len() as u64).to_be_bytes().to_vec(),
            self.valid.to_be_bytes().to_vec(),
            [self.priming, 0].map(word).concat(),
            sizes.collect(),
        ];
        let table = chunk(b"pakt", &table.concat());
        let data = chunk(b"data", &[&[0; 4], &self.packets.concat()[..]].concat());
        let head = [
            b"caff\0\x01\0\0".to_vec(),
            chunk(b"desc", &description.concat()),
            chunk(b"kuki", &self.cookie),
        ];
        let rest = match is_table_first {
            true => [table, data],
            false => [data, table],
        };
        [head.concat(), rest.concat()].concat()
    }
}

/// The packets of the Opus fixture, which presents a second.
fn opus() -> Caf {
    let file = fixture_bytes("tone.opus");
    let mut packets = Vec::new();
    let mut packet = Vec::new();
    let all = pages(&file);
    for page in &all[2..] {
        let (header, mut content) = page.split_at(27 + usize::from(page[26]));
        for size in &header[27..] {
            let (part, after) = content.split_at(usize::from(*size));
            packet.extend(part);
            content = after;
            if *size < 255 {
                packets.push(std::mem::take(&mut packet));
            }
        }
    }
    let head = &all[0][28..];
    Caf {
        kind: b"opus",
        rate: 48_000,
        packet_frames: 960,
        cookie: head.to_vec(),
        priming: u32::from(u16::from_le_bytes([head[10], head[11]])),
        valid: 48_000,
        packets,
    }
}

fn aac() -> Caf {
    let frames = aac_frames();
    let config = [
        2 << 3 | frames[0][2] >> 3 & 7,
        (frames[0][2] << 5 & 0x80) | 1 << 3,
    ];
    let specific = [&[5, 2][..], &config].concat();
    let decoder = [&[4, 13 + 4, 0x40][..], &[0; 12], &specific].concat();
    Caf {
        kind: b"aac ",
        rate: 44_100,
        packet_frames: 1_024,
        cookie: [&[3, 3 + decoder.len() as u8, 0, 0, 0][..], &decoder].concat(),
        priming: 0,
        valid: frames.len() as u64 * 1_024,
        packets: frames.iter().map(|frame| frame[7..].to_vec()).collect(),
    }
}

#[test]
fn packets_are_decoded_as_in_other_containers() {
    for (caf, name) in [(opus(), "tone.opus"), (aac(), "tone.aac")] {
        let expected = decoded(&fixture_bytes(name)).unwrap();
        for is_table_first in [true, false] {
            let file = caf.bytes(is_table_first);
            assert_same(&file, &expected, &format!("{name}, {is_table_first}"));
        }
    }
}

#[test]
fn opus_needs_no_cookie() {
    let caf = Caf {
        cookie: Vec::new(),
        ..opus()
    };
    let expected = decoded(&fixture_bytes("tone.opus")).unwrap();
    assert_same(&caf.bytes(true), &expected, "no cookie");
}

#[test]
fn only_frames_that_are_presented_are_decoded() {
    let caf = Caf {
        priming: 4_800,
        valid: 24_000,
        ..opus()
    };
    assert_eq!(decoded(&caf.bytes(true)).unwrap().duration(), 0.5);
}

#[test]
fn cut_files_need_their_table() {
    let file = opus().bytes(true);
    let recording = decoded(&file[..file.len() / 2]).unwrap();
    let duration = recording.duration();
    assert!((0.1..0.9).contains(&duration), "{duration}");
    let warning = format!("the recording is truncated: it ends after {duration:.1} s of 1.0 s");
    assert_eq!(recording.warnings(), [warning]);
    let file = opus().bytes(false);
    let error = decoded(&file[..file.len() / 2]).unwrap_err();
    assert!(matches!(error, AudioError::NoIndex), "{error}");
}

#[test]
fn codecs_without_a_decoder_have_their_names() {
    for (kind, expected) in [
        (b"ac-3", "AC-3"),
        (b"aach", "HE-AAC"),
        (b"ilbc", "iLBC"),
        (b"abcd", "CAF format \"abcd\""),
    ] {
        let caf = Caf { kind, ..aac() };
        let error = decoded(&caf.bytes(true)).unwrap_err();
        assert!(
            matches!(&error, AudioError::UnsupportedCodec(name) if name == expected),
            "{expected}: {error}"
        );
    }
}
