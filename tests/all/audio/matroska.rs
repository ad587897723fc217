//! Matroska and WebM as recorders and editors write them: unknown sizes, lacing, delays, flags, damage, missing ends.

use pyannote_engine::audio::{AudioError, Recording};

use super::containers::{RATE_HZ, element, silence, tone};
use super::riff::decoded;
use super::times::sounds;
use super::tone::fixture_bytes;

/// An element whose size is unknown.
fn open(id: &[u8], content: &[u8]) -> Vec<u8> {
    [
        id,
        &[0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        content,
    ]
    .concat()
}

const SEGMENT: &[u8] = b"\x18\x53\x80\x67";
const CLUSTER: &[u8] = b"\x1f\x43\xb6\x75";

fn head() -> Vec<u8> {
    element(b"\x1a\x45\xdf\xa3", &element(b"\x42\x82", b"webm"))
}

/// The description of a track of 16 bits, with more elements.
fn entry(number: u8, codec: &[u8], bits: u8, more: &[u8]) -> Vec<u8> {
    let audio = [
        element(b"\xb5", &(RATE_HZ as f32).to_be_bytes()),
        element(b"\x62\x64", &[bits]),
    ];
    let content = [
        element(b"\xd7", &[number]),
        element(b"\x83", &[2]),
        element(b"\x86", codec),
        element(b"\xe1", &audio.concat()),
        more.to_vec(),
    ];
    element(b"\xae", &content.concat())
}

fn pcm(number: u8, more: &[u8]) -> Vec<u8> {
    entry(number, b"A_PCM/INT/LIT", 16, more)
}

fn tracks(entries: &[Vec<u8>]) -> Vec<u8> {
    element(b"\x16\x54\xae\x6b", &entries.concat())
}

/// A cluster at a time in ms, with blocks of 100 ms of track 1.
fn cluster(time_ms: u32, content: &[u8]) -> Vec<u8> {
    cluster_of(1, time_ms, content)
}

fn cluster_of(track: u8, time_ms: u32, content: &[u8]) -> Vec<u8> {
    let mut blocks = element(b"\xe7", &time_ms.to_be_bytes());
    for (n, content) in (0_u16..).zip(content.chunks(1_600)) {
        let [high, low] = (n * 100).to_be_bytes();
        let block = [&[0x80 | track, high, low, 0x80][..], content].concat();
        blocks.extend(element(b"\xa3", &block));
    }
    blocks
}

fn closed(segment: &[Vec<u8>]) -> Vec<u8> {
    [head(), element(SEGMENT, &segment.concat())].concat()
}

fn decoded_well(bytes: &[u8]) -> Recording {
    let recording = decoded(bytes).unwrap();
    assert_eq!(recording.warnings(), [""; 0]);
    recording
}

#[test]
fn sizes_may_be_unknown_as_browsers_write_them() {
    let clusters = [
        open(CLUSTER, &cluster(0, &tone(1.0))),
        open(CLUSTER, &cluster(3_000, &tone(1.0))),
    ]
    .concat();
    let content = [tracks(&[pcm(1, &[])]), clusters].concat();
    let file = [head(), open(SEGMENT, &content)].concat();
    let recording = decoded_well(&file);
    assert_eq!(sounds(&recording), [(0.0, 1.0), (3.0, 4.0)]);
    // The recorder was stopped: the last block is incomplete.
    let recording = decoded(&file[..file.len() - 2_000]).unwrap();
    assert_eq!(sounds(&recording), [(0.0, 1.0), (3.0, 3.8)]);
    let warning = "the recording is truncated: the end of the file is missing, after 3.80 s";
    assert_eq!(recording.warnings(), [warning]);
    // At the end of a block, nothing shows that more was intended.
    let block = 1_600 + 4 + 5;
    let recording = decoded_well(&file[..file.len() - 2 * block]);
    assert_eq!(sounds(&recording), [(0.0, 1.0), (3.0, 3.8)]);
}

#[test]
fn the_duration_of_late_audio_is_not_missing() {
    let info = element(b"\x44\x89", &3_000.0_f64.to_be_bytes());
    let file = closed(&[
        element(b"\x15\x49\xa9\x66", &info),
        tracks(&[pcm(1, &[])]),
        element(CLUSTER, &cluster(2_000, &tone(1.0))),
    ]);
    assert_eq!(decoded_well(&file).duration(), 1.0);
}

#[test]
fn a_cut_file_is_decoded_although_its_index_is_missing() {
    // A position of the index beyond the end.
    let seek = [
        element(b"\x53\xab", b"\x1c\x53\xbb\x6b"),
        element(b"\x53\xac", &1_000_000_u32.to_be_bytes()),
    ];
    let seek_head = element(b"\x11\x4d\x9b\x74", &element(b"\x4d\xbb", &seek.concat()));
    let file = closed(&[
        seek_head,
        tracks(&[pcm(1, &[])]),
        element(CLUSTER, &cluster(0, &tone(2.0))),
        element(b"\x1c\x53\xbb\x6b", &[0; 100]),
    ]);
    for (missing, end) in [(60, 2.0), (10_000, 1.3)] {
        let recording = decoded(&file[..file.len() - missing]).unwrap();
        assert_eq!(sounds(&recording), [(0.0, end)]);
        assert!(
            recording.warnings()[0].contains("truncated"),
            "{:?}",
            recording.warnings()
        );
    }
}

#[test]
fn elements_without_meaning_are_skipped() {
    let void = element(b"\xec", &[0xff; 30]);
    let checksum = element(b"\xbf", &[1, 2, 3, 4]);
    let unknown = element(b"\x5a\xbc", b"anything");
    let noise = [void, checksum, unknown].concat();
    let blocks = [noise.clone(), cluster(0, &tone(1.0)), noise.clone()].concat();
    let recording = decoded_well(&closed(&[
        noise.clone(),
        tracks(&[noise.clone(), pcm(1, &noise)]),
        element(CLUSTER, &blocks),
        noise,
    ]));
    assert_eq!(sounds(&recording), [(0.0, 1.0)]);
}

#[test]
fn tracks_may_be_described_at_the_end() {
    let recording = decoded_well(&closed(&[
        element(CLUSTER, &cluster(0, &silence(0.5))),
        element(CLUSTER, &cluster(500, &tone(1.0))),
        tracks(&[pcm(1, &[])]),
    ]));
    assert_eq!(sounds(&recording), [(0.5, 1.5)]);
}

#[test]
fn frames_of_every_lacing() {
    let frames = [tone(0.1), tone(0.05), tone(0.15)];
    let content = frames.concat();
    let xiph = [&[2][..], &[255; 6], &[70], &[255; 3], &[35]].concat();
    // 1,600 with two bytes, and then -800 with an offset of 8,191.
    let ebml = [2, 0x46, 0x40, 0x5c, 0xdf];
    let fixed = [2];
    for (flags, sizes) in [(0x82, &xiph[..]), (0x86, &ebml), (0x84, &fixed)] {
        let block = [&[0x81, 0, 0, flags][..], sizes, &content].concat();
        let blocks = [
            element(b"\xe7", &[0]),
            element(b"\xa0", &element(b"\xa1", &block)),
            // After the end of the frames: 300 ms.
            element(b"\xa3", &[&[0x81, 1, 44, 0x80][..], &tone(0.1)].concat()),
        ];
        let recording = decoded_well(&closed(&[
            tracks(&[pcm(1, &[])]),
            element(CLUSTER, &blocks.concat()),
        ]));
        assert!((recording.duration() - 0.4).abs() < 0.001, "{flags:#x}");
    }
}

#[test]
fn delays_and_discarded_samples_are_not_presented() {
    let delay = element(b"\x56\xaa", &200_000_000_u32.to_be_bytes());
    let block = |time: u16, content: &[u8], discarded_ms: i32| {
        let [high, low] = time.to_be_bytes();
        let block = [&[0x81, high, low, 0][..], content].concat();
        let discarded = (discarded_ms * 1_000_000).to_be_bytes();
        let group = [element(b"\xa1", &block), element(b"\x75\xa2", &discarded)];
        element(b"\xa0", &group.concat())
    };
    let blocks = [
        element(b"\xe7", &[0]),
        block(0, &[silence(0.2), tone(0.8)].concat(), 0),
        block(1_000, &tone(1.0), 300),
    ];
    let recording = decoded_well(&closed(&[
        tracks(&[pcm(1, &delay)]),
        element(CLUSTER, &blocks.concat()),
    ]));
    assert_eq!(recording.duration(), 1.5);
    assert_eq!(sounds(&recording), [(0.0, 1.5)]);
    let blocks = [element(b"\xe7", &[0]), block(0, &tone(1.0), -400)];
    let recording = decoded_well(&closed(&[
        tracks(&[pcm(1, &[])]),
        element(CLUSTER, &blocks.concat()),
    ]));
    assert_eq!(recording.duration(), 0.6);
    assert_eq!(sounds(&recording), [(0.0, 0.6)]);
}

#[test]
fn flags_are_set_unless_they_are_cleared() {
    let not_default = element(b"\x88", &[0]);
    let disabled = element(b"\xb9", &[0]);
    let clusters = [
        element(CLUSTER, &cluster_of(1, 0, &silence(1.0))),
        element(CLUSTER, &cluster_of(2, 0, &tone(1.0))),
    ]
    .concat();
    for first in [&not_default, &disabled] {
        let entries = tracks(&[pcm(1, first), pcm(2, &[])]);
        let recording = decoded(&closed(&[entries, clusters.clone()])).unwrap();
        assert_eq!(sounds(&recording), [(0.0, 1.0)]);
    }
    // The first of two default tracks.
    let entries = tracks(&[pcm(1, &[]), pcm(2, &[])]);
    let recording = decoded(&closed(&[entries, clusters])).unwrap();
    assert_eq!(sounds(&recording), []);
}

#[test]
fn the_audio_is_decoded_in_spite_of_an_unreadable_video_track() {
    let size = [
        element(b"\xb0", &1_000_000_u32.to_be_bytes()),
        element(b"\xba", &[0]),
    ];
    let video = [
        element(b"\xd7", &[9]),
        element(b"\x83", &[1]),
        element(b"\x86", b"V_NEW"),
        element(b"\xe0", &size.concat()),
        element(b"\x63\xa2", &[0xff; 2_000]),
    ];
    let recording = decoded_well(&closed(&[
        tracks(&[element(b"\xae", &video.concat()), pcm(1, &[])]),
        element(CLUSTER, &cluster_of(9, 0, &[0; 3_000])),
        element(CLUSTER, &cluster(500, &tone(1.0))),
    ]));
    assert_eq!(sounds(&recording), [(0.5, 1.5)]);
}

#[test]
fn damage_does_not_reach_beyond_a_cluster() {
    let mut clusters: Vec<Vec<u8>> = (0..12)
        .map(|n| element(CLUSTER, &cluster(n * 1_000, &tone(1.0))))
        .collect();
    clusters[5][100..160].fill(0);
    let from = clusters[7].len() - 5_000;
    // An element with a size of 4 GB where a block was.
    clusters[7][from..from + 5_000]
        .copy_from_slice(&b"\xa3\x08\xff\xff\xff\xff".repeat(1_000)[..5_000]);
    let file = closed(&[tracks(&[pcm(1, &[])]), clusters.concat()]);
    let recording = decoded(&file).unwrap();
    let found = sounds(&recording);
    assert_eq!(found.first().map(|(start, _)| *start), Some(0.0));
    assert_eq!(found.last(), Some(&(8.0, 12.0)), "{found:?}");
    assert_eq!(recording.duration(), 12.0);
}

#[test]
fn another_recording_in_the_same_file_continues() {
    let one = closed(&[
        tracks(&[pcm(1, &[])]),
        element(CLUSTER, &cluster(0, &tone(1.0))),
    ]);
    let two = closed(&[
        tracks(&[pcm(7, &[])]),
        element(
            CLUSTER,
            &cluster_of(7, 0, &[silence(0.5), tone(0.5)].concat()),
        ),
    ]);
    let recording = decoded_well(&[one, two].concat());
    assert_eq!(sounds(&recording), [(0.0, 1.0), (1.5, 2.0)]);
}

/// The encoding of a track: an algorithm of compression, and its settings.
fn compression(algorithm: u8, settings: &[u8]) -> Vec<u8> {
    let fields = [
        element(b"\x42\x54", &[algorithm]),
        element(b"\x42\x55", settings),
    ];
    let encoding = element(b"\x50\x34", &fields.concat());
    element(b"\x6d\x80", &element(b"\x62\x40", &encoding))
}

#[test]
fn bytes_that_all_frames_start_with_may_be_removed() {
    let content = [tone(0.1), silence(0.1)].concat();
    // The first two bytes of the tone are a sample.
    let removed = compression(3, &content[..2]);
    let block = [&[0x81, 0, 0, 0x80][..], &content[2..]].concat();
    let blocks = [element(b"\xe7", &[0]), element(b"\xa3", &block)];
    let recording = decoded_well(&closed(&[
        tracks(&[pcm(1, &removed)]),
        element(CLUSTER, &blocks.concat()),
    ]));
    assert_eq!(recording.duration(), 0.2);
    assert_eq!(sounds(&recording), [(0.0, 0.1)]);
}

#[test]
fn unsupported_codecs_have_their_true_names() {
    let encryption = element(b"\x50\x35", &element(b"\x47\xe1", &[5]));
    let encrypted = element(b"\x6d\x80", &element(b"\x62\x40", &encryption));
    for (entry, expected) in [
        (pcm(1, &compression(0, b"")), "compressed Matroska"),
        (pcm(1, &encrypted), "encrypted Matroska"),
        (
            entry(1, b"A_QUICKTIME/QDM2", 16, &[]),
            "A_QUICKTIME/QDM2 in Matroska",
        ),
        (
            entry(1, b"A_PCM/INT/LIT", 12, &[]),
            "PCM with 12 bits per sample",
        ),
        (entry(1, b"A_TRUEHD", 24, &[]), "TrueHD"),
        (entry(1, b"A_DTS/LOSSLESS", 24, &[]), "DTS"),
    ] {
        let error = decoded(&closed(&[tracks(&[entry])])).unwrap_err();
        assert!(
            matches!(&error, AudioError::UnsupportedCodec(name) if name == expected),
            "{expected}: {error}"
        );
    }
}

#[test]
fn formats_of_wav_in_matroska() {
    // G.711 mu-law, and 8 bits.
    let format = [
        &[7, 0, 1, 0][..],
        &RATE_HZ.to_le_bytes(),
        &RATE_HZ.to_le_bytes(),
        &[1, 0, 8, 0],
    ];
    let private = element(b"\x63\xa2", &format.concat());
    for (entry, content) in [
        (entry(1, b"A_MS/ACM", 8, &private), [0x80, 0]),
        (entry(1, b"A_PCM/INT/LIT", 8, &[]), [0xff, 0]),
    ] {
        let recording = decoded_well(&closed(&[
            tracks(&[entry]),
            element(CLUSTER, &cluster(0, &content.repeat(400))),
        ]));
        assert_eq!(recording.duration(), 0.1);
    }
}

#[test]
fn a_time_beyond_all_numbers_is_damage() {
    let scale = element(b"\x2a\xd7\xb1", &[0xff; 8]);
    let time = element(b"\xe7", &[0xff; 8]);
    let block = element(b"\xa3", &[&[0x81, 0, 0, 0x80][..], &tone(0.1)].concat());
    let recording = decoded_well(&closed(&[
        element(b"\x15\x49\xa9\x66", &scale),
        tracks(&[pcm(1, &[])]),
        element(CLUSTER, &[time, block].concat()),
    ]));
    assert_eq!(sounds(&recording), [(0.0, 0.1)]);
}

#[test]
fn damage_at_the_start_of_another_recording_does_not_reach_beyond_a_cluster() {
    let one = fixture_bytes("tone_opus.webm");
    let start = one.windows(4).position(|id| id == CLUSTER).unwrap();
    let damaged = element(CLUSTER, &[0; 100]);
    let two = [&one[..start], &damaged, &one[start..]].concat();
    let expected = 2.0 * decoded(&one).unwrap().duration();
    let duration = decoded(&[one, two].concat()).unwrap().duration();
    assert!((duration - expected).abs() < 0.1, "{duration}");
}
