//! MOV and MP4: descriptions of samples, files without `ftyp`, fragments, tags of iTunes, and reasons of refusal.

use pyannote_engine::audio::{AudioError, DecodeOptions, Decoder};

use super::containers::{atom, words};
use super::raw::{Pcm, big, float, little};
use super::riff::{FRAMES, RATE, assert_tone, decoded};

/// A track, and where its boxes deviate from the usual.
struct Movie {
    description: Vec<u8>,
    /// Size of a sample in its table, and the number of samples.
    size: u32,
    count: u32,
    /// Boxes at the end of `moov`.
    tags: Vec<u8>,
    /// The first box.
    first: Vec<u8>,
    data: Vec<u8>,
}

/// A sample description of version 0 or 1, with the boxes after it.
fn entry(kind: &[u8; 4], version: u16, channels: u16, bits: u16, boxes: &[u8]) -> Vec<u8> {
    let fields = [
        words(&[0, 1]),
        [version.to_be_bytes(), [0; 2]].concat(),
        vec![0; 4],
        [channels.to_be_bytes(), bits.to_be_bytes()].concat(),
        words(&[0, RATE << 16]),
    ];
    let more = match version {
        1 => words(&[1, u32::from(bits / 8), u32::from(bits / 8 * channels), 2]),
        _ => Vec::new(),
    };
    atom(kind, &[&fields.concat(), &more, boxes])
}

/// A sample description of version 2.
fn entry_v2(channels: u32, bits: u32, flags: u32) -> Vec<u8> {
    let fields = [
        words(&[0, 1, 2 << 16, 0, 3 << 16 | 16, 0xfffe_0000, 1 << 16]),
        words(&[72]),
        f64::from(RATE).to_be_bytes().to_vec(),
        words(&[channels, 0x7f00_0000, bits, flags, bits / 8 * channels, 1]),
    ];
    atom(b"lpcm", &[&fields.concat()])
}

impl Movie {
    fn new(description: Vec<u8>, frame_bytes: usize, data: Vec<u8>) -> Self {
        Self {
            description,
            size: u32::try_from(frame_bytes).unwrap(),
            count: FRAMES as u32,
            tags: Vec::new(),
            first: atom(b"ftyp", &[b"qt  \0\0\0\0qt  "]),
            data,
        }
    }

    fn moov(&self, start: u32) -> Vec<u8> {
        // Two chunks, the second of which is first in the file.
        let half = self.count / 2;
        let second = start + u32::try_from(self.data.len() / 2).unwrap();
        let tables = [
            atom(b"stsd", &[&words(&[0, 1]), &self.description]),
            atom(b"stts", &[&words(&[0, 1, self.count, 1])]),
            atom(b"stsc", &[&words(&[0, 1, 1, half, 1])]),
            atom(b"stsz", &[&words(&[0, self.size, self.count])]),
            atom(b"stco", &[&words(&[0, 2, second, start])]),
        ];
        let media = atom(b"stbl", &[&tables.concat()]);
        let mdia = [
            atom(
                b"mdhd",
                &[&words(&[0, 0, 0, RATE, self.count, 0x55c4_0000])],
            ),
            atom(b"hdlr", &[&words(&[0, 0]), b"soun", &[0; 13]]),
            atom(b"minf", &[&media]),
        ];
        let trak = [
            atom(b"tkhd", &[&words(&[1, 0, 0, 1, 0, 0]), &[0; 60]]),
            atom(b"mdia", &[&mdia.concat()]),
        ];
        let content = [
            atom(b"mvhd", &[&words(&[0, 0, 0, 1_000, 0]), &[0; 80]]),
            atom(b"trak", &[&trak.concat()]),
            self.tags.clone(),
        ];
        atom(b"moov", &[&content.concat()])
    }

    /// The file, with the header before or after the samples.
    fn bytes(&self, is_moov_first: bool) -> Vec<u8> {
        let (one, two) = self.data.split_at(self.data.len() / 2);
        let mdat = atom(b"mdat", &[two, one]);
        let before = self.first.len() + 8;
        let moov = self.moov(before as u32);
        match is_moov_first {
            true => {
                let start = before + moov.len();
                [self.first.clone(), self.moov(start as u32), mdat].concat()
            }
            false => [self.first.clone(), mdat, moov].concat(),
        }
    }
}

fn wave(is_little_endian: u8) -> Vec<u8> {
    let boxes = [
        atom(b"frma", &[b"in24"]),
        atom(b"enda", &[&[0, is_little_endian]]),
        words(&[8, 0]),
    ];
    atom(b"wave", &[&boxes.concat()])
}

#[test]
fn pcm_of_every_description() {
    let pcm_config = |is_little: u8, bits: u8| atom(b"pcmC", &[&[0, 0, 0, 0, is_little, bits]]);
    for (description, pcm, bytes) in [
        (entry(b"sowt", 0, 1, 16, &[]), little(2), 2),
        (entry(b"twos", 0, 1, 16, &[]), big(2), 2),
        (entry(b"twos", 1, 1, 16, &[]), big(2), 2),
        (entry(b"in24", 1, 1, 16, &[]), big(3), 3),
        (entry(b"in24", 1, 1, 16, &wave(0)), big(3), 3),
        (entry(b"in24", 1, 1, 16, &wave(1)), little(3), 3),
        (entry(b"in32", 1, 1, 16, &wave(1)), little(4), 4),
        (entry(b"in32", 0, 1, 32, &[]), big(4), 4),
        (entry(b"fl32", 1, 1, 16, &wave(1)), float(4, false), 4),
        (entry(b"fl32", 1, 1, 16, &wave(0)), float(4, true), 4),
        (entry(b"fl64", 1, 1, 16, &[]), float(8, true), 8),
        (entry(b"NONE", 0, 1, 16, &[]), big(2), 2),
        (entry_v2(1, 16, 4), little(2), 2),
        (entry_v2(1, 24, 4 | 2), big(3), 3),
        (entry_v2(1, 32, 1), float(4, false), 4),
        (entry(b"ipcm", 0, 1, 24, &pcm_config(1, 24)), little(3), 3),
        (entry(b"ipcm", 0, 1, 16, &pcm_config(0, 16)), big(2), 2),
        (
            entry(b"fpcm", 0, 1, 32, &pcm_config(0, 32)),
            float(4, true),
            4,
        ),
    ] {
        let what = format!("{}, {pcm:?}", description[4..8].escape_ascii());
        // QuickTime stores 1 as the size of a frame sometimes.
        for size in [bytes, 1] {
            let movie = Movie::new(description.clone(), size, pcm.tone(1));
            assert_tone(&movie.bytes(true), &format!("{what}, {size}"));
        }
    }
    for (kind, pcm) in [
        (b"ulaw", Pcm::MuLaw),
        (b"alaw", Pcm::ALaw),
        (b"raw ", Pcm::Unsigned8),
    ] {
        let bits = if kind == b"raw " { 8 } else { 16 };
        let movie = Movie::new(entry(kind, 0, 1, bits, &[]), 1, pcm.tone(1));
        let recording = decoded(&movie.bytes(false)).unwrap();
        assert_eq!(recording.duration(), 1.0, "{pcm:?}");
        assert!(super::times::sounds(&recording).len() == 1, "{pcm:?}");
    }
}

#[test]
fn up_to_64_channels() {
    for channels in [2, 6, 8, 64] {
        let frame = usize::from(channels) * 2;
        let description = entry(b"sowt", 0, channels, 16, &[]);
        let movie = Movie::new(description, frame, little(2).tone(channels.into()));
        assert_tone(&movie.bytes(true), &format!("{channels} channels"));
    }
    let movie = Movie::new(entry_v2(6, 24, 4), 18, little(3).tone(6));
    assert_tone(&movie.bytes(false), "6 channels, version 2");
    let movie = Movie::new(entry(b"sowt", 0, 65, 16, &[]), 130, vec![0; 1_300]);
    let error = decoded(&movie.bytes(true)).unwrap_err();
    assert!(error.to_string().contains("65 channels"), "{error}");
}

#[test]
fn movies_may_start_with_any_box() {
    let mut movie = Movie::new(entry(b"twos", 0, 1, 16, &[]), 2, big(2).tone(1));
    for first in [
        &b""[..],
        b"\0\0\0\x08wide",
        b"\0\0\0\x0cfreeabcd",
        b"\0\0\0\x08skip",
    ] {
        movie.first = first.to_vec();
        for is_moov_first in [true, false] {
            let what = format!("{}, {is_moov_first}", first.escape_ascii());
            assert_tone(&movie.bytes(is_moov_first), &what);
        }
    }
}

#[test]
fn a_file_without_an_index_has_its_reason() {
    let movie = Movie::new(entry(b"twos", 0, 1, 16, &[]), 2, big(2).tone(1));
    let bytes = movie.bytes(false);
    let error = decoded(&bytes[..20_000]).unwrap_err();
    assert!(matches!(error, AudioError::NoIndex), "{error}");
}

#[test]
fn a_tag_of_itunes_has_the_priming_and_the_padding() {
    let data = |content: &[u8]| atom(b"data", &[&words(&[1, 0]), content]);
    let tag = |text: &str| {
        let boxes = [
            atom(b"mean", &[&words(&[0]), b"com.apple.iTunes"]),
            atom(b"name", &[&words(&[0]), b"iTunSMPB"]),
            data(text.as_bytes()),
        ];
        let list = atom(b"ilst", &[&atom(b"----", &[&boxes.concat()])]);
        atom(b"udta", &[&atom(b"meta", &[&words(&[0]), &list])])
    };
    let mut movie = Movie::new(entry(b"twos", 0, 1, 16, &[]), 2, big(2).tone(1));
    movie.tags = tag(" 00000000 00000840 000001C0 0000000000003480 00000000");
    let recording = decoded(&movie.bytes(true)).unwrap();
    assert_eq!(recording.duration(), f64::from(0x3480) / f64::from(RATE));
    movie.tags = tag(" 00000000 0000FFFF 000001C0 0000000000003480 00000000");
    assert_tone(&movie.bytes(true), "an implausible priming");
}

/// A description of MPEG audio, with the configuration of its decoder.
fn mp4a(object: u8, config: &[u8]) -> Vec<u8> {
    let specific = [&[5, config.len() as u8], config].concat();
    let decoder = [
        &[4, 13 + specific.len() as u8, object][..],
        &[0; 12],
        &specific,
    ]
    .concat();
    let stream = [&[3, 3 + decoder.len() as u8, 0, 1, 0][..], &decoder].concat();
    let esds = atom(b"esds", &[&words(&[0]), &stream]);
    entry(b"mp4a", 0, 2, 16, &esds)
}

#[test]
fn all_layers_of_mpeg_have_the_same_type() {
    // Silent frames of MP2 with 1,152 samples at 48 kHz.
    let frame = [&[0xff, 0xfd, 0xa4, 0][..], &[0; 572]].concat();
    for object in [0x69, 0x6b] {
        let mut movie = Movie::new(mp4a(object, &[]), frame.len(), frame.repeat(50));
        movie.count = 50;
        let mut file = movie.bytes(true);
        let durations = file.windows(4).position(|kind| kind == b"stts").unwrap();
        let ticks = RATE * 1_152 / 48_000;
        file[durations + 16..durations + 20].copy_from_slice(&ticks.to_be_bytes());
        let recording = decoded(&file).unwrap();
        assert!((recording.duration() - 1.2).abs() < 0.001);
        assert_eq!(recording.warnings(), [""; 0]);
    }
}

#[test]
fn unsupported_codecs_have_their_true_names() {
    for (description, expected) in [
        (mp4a(0x40, &[0x11, 0xb0]), "AAC with 6 channels"),
        (mp4a(0x40, &[0x2b, 0x92, 0x08, 0]), "HE-AAC"),
        (mp4a(0x40, &[0x0a, 0x10]), "AAC Main"),
        (mp4a(0xa5, &[]), "AC-3"),
        (mp4a(0xe1, &[]), "QCELP"),
        (entry(b"samr", 0, 1, 16, &[]), "AMR"),
        (entry(b"ec-3", 0, 2, 16, &[]), "E-AC-3"),
        (entry(b"QDM2", 1, 2, 16, &[]), "QDesign Music"),
        (entry(b"enca", 0, 2, 16, &[]), "encrypted MP4"),
    ] {
        let movie = Movie::new(description, 2, vec![0; 32_000]);
        let error = decoded(&movie.bytes(true)).unwrap_err();
        assert!(
            matches!(&error, AudioError::UnsupportedCodec(name) if name == expected),
            "{expected}: {error}"
        );
    }
}

#[test]
fn a_gap_beyond_the_limit_is_an_error_before_it_is_filled() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), fragmented(&[(0, 8_000), (u32::MAX, 8_000)], 0)).unwrap();
    let mut decoder = Decoder::open(file.path(), &DecodeOptions::new()).unwrap();
    let error = decoder.next().unwrap().unwrap_err();
    assert!(matches!(error, AudioError::TooLong { .. }), "{error}");
}

/// A file of fragments of a tone: the time and the number of frames of each.
fn fragmented(fragments: &[(u32, u32)], flags: u32) -> Vec<u8> {
    let description = entry(b"sowt", 0, 1, 16, &[]);
    let mut empty = Movie::new(description, 0, Vec::new());
    empty.count = 0;
    empty.tags = atom(b"mvex", &[&atom(b"trex", &[&words(&[0, 1, 1, 1, 2, 0])])]);
    let samples = little(2).tone(1);
    let fragment = |time: u32, frames: u32, flags: u32| {
        let tfhd = atom(b"tfhd", &[&words(&[0x2_0000, 1])]);
        let tfdt = atom(b"tfdt", &[&words(&[0, time])]);
        let each = vec![
            2;
            if flags & 0x200 != 0 {
                frames as usize
            } else {
                0
            }
        ];
        let moof = |offset: u32| {
            let fields = [&[flags | 1, frames, offset], &each[..]].concat();
            let traf = [
                tfhd.clone(),
                tfdt.clone(),
                atom(b"trun", &[&words(&fields)]),
            ];
            let mfhd = atom(b"mfhd", &[&words(&[0, 1])]);
            atom(b"moof", &[&mfhd, &atom(b"traf", &[&traf.concat()])])
        };
        let offset = moof(0).len() as u32 + 8;
        [
            moof(offset),
            atom(b"mdat", &[&samples[..frames as usize * 2]]),
        ]
        .concat()
    };
    let all = fragments.iter();
    let all = all.flat_map(|(time, frames)| fragment(*time, *frames, flags));
    [empty.first.clone(), empty.moov(0), all.collect()].concat()
}

#[test]
fn fragments_keep_their_times() {
    // Sizes of every frame, or the default.
    for flags in [0, 0x200] {
        let file = fragmented(&[(0, 8_000), (48_000, 16_000)], flags);
        let recording = decoded(&file).unwrap();
        assert_eq!(super::times::sounds(&recording), [(0.0, 0.5), (3.0, 4.0)]);
        assert_eq!(recording.warnings(), [""; 0]);
        let cut = decoded(&file[..file.len() - 16_000]).unwrap();
        assert_eq!(super::times::sounds(&cut), [(0.0, 0.5), (3.0, 3.5)]);
        assert!(
            cut.warnings()[0].contains("truncated"),
            "{:?}",
            cut.warnings()
        );
    }
}

#[test]
fn a_live_stream_that_was_joined_late_starts_at_0() {
    // A day after the start of the stream.
    let start = 86_400 * RATE;
    let file = fragmented(&[(start, 8_000), (start + 16_000, 8_000)], 0);
    let recording = decoded(&file).unwrap();
    assert_eq!(super::times::sounds(&recording), [(0.0, 0.5), (1.0, 1.5)]);
    assert_eq!(recording.warnings(), [""; 0]);
}
