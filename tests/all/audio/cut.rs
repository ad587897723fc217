//! Tags and junk around the samples of MP3, AAC, FLAC and Ogg, missing ends, and lost pages and frames.

use pyannote_engine::audio::AudioError;

use super::containers::{RATE_HZ, silence, tone};
use super::riff::{assert_same, decoded};
use super::times::sounds;
use super::tone::fixture_bytes;

/// An ID3v2 tag with a picture of `size` bytes, which looks like frames of MP3.
fn id3(size: usize) -> Vec<u8> {
    let picture = b"\xff\xfb\x90\x00\xff\xf1".repeat(size / 6);
    let length = picture.len() as u32;
    let sizes = [21, 14, 7, 0].map(|shift| (length >> shift & 0x7f) as u8);
    [&b"ID3\x03\0\0"[..], &sizes, &picture].concat()
}

#[test]
fn tags_around_the_samples_change_nothing() {
    let ape = [&b"APETAGEX"[..], &[0xd0, 7, 0, 0, 32, 0, 0, 0], &[0; 16]].concat();
    let ape_before = [&b"APETAGEX"[..], &[0xd0, 7, 0, 0, 9, 0, 0, 0], &[0; 16 + 9]].concat();
    let id3v1 = [&b"TAG"[..], &[b' '; 125]].concat();
    for name in ["tone.mp3", "tone.aac", "tone.flac"] {
        let file = fixture_bytes(name);
        let expected = decoded(&file).unwrap();
        for (what, before, after) in [
            ("ID3", id3(600), vec![]),
            ("a large picture", id3(2_400_000), vec![]),
            ("APE before", ape_before.clone(), vec![]),
            ("two ID3 tags", [id3(60), id3(600)].concat(), vec![]),
            (
                "APE and ID3v1",
                vec![],
                [ape.clone(), id3v1.clone()].concat(),
            ),
        ] {
            assert_same(
                &[before, file.clone(), after].concat(),
                &expected,
                &format!("{name}, {what}"),
            );
        }
    }
}

#[test]
fn junk_before_the_first_frame_is_skipped() {
    for name in ["tone.mp3", "tone.aac", "tone.flac"] {
        let file = fixture_bytes(name);
        let expected = decoded(&file).unwrap();
        for (what, junk) in [("zeros", vec![0; 70_000]), ("text", b"junk ".repeat(700))] {
            assert_same(
                &[junk, file.clone()].concat(),
                &expected,
                &format!("{name}, {what}"),
            );
        }
    }
}

#[test]
fn invalid_metadata_of_flac_does_not_matter() {
    let flac = fixture_bytes("tone.flac");
    let expected = decoded(&flac).unwrap();
    // A comment whose size exceeds its block, a cue sheet without tracks, and a reserved type.
    let blocks = [
        &b"\x04\0\0\x08\xff\xff\xff\x7fabcd"[..],
        b"\x05\0\0\x02ab",
        b"\x7e\0\0\x01x",
    ];
    let file = [&flac[..42], &blocks.concat(), &flac[42..]].concat();
    assert_eq!(flac[4] & 0x80, 0, "the first block is not the last one");
    assert_same(&file, &expected, "metadata");
}

/// The pages of an Ogg file.
pub(super) fn pages(file: &[u8]) -> Vec<&[u8]> {
    let mut pages = Vec::new();
    let mut rest = file;
    while !rest.is_empty() {
        let sizes = &rest[27..27 + usize::from(rest[26])];
        let size: usize = sizes.iter().map(|size| usize::from(*size)).sum();
        let (page, after) = rest.split_at(27 + sizes.len() + size);
        pages.push(page);
        rest = after;
    }
    pages
}

/// The Opus fixture with pages of 10 packets, which have 20 ms each.
fn opus_pages() -> Vec<Vec<u8>> {
    let file = fixture_bytes("tone.opus");
    let all = pages(&file);
    let mut paged: Vec<Vec<u8>> = all[..2].iter().map(|page| page.to_vec()).collect();
    // All packets are smaller than 255 bytes, so that each has one size.
    let (mut sizes, mut packets) = (Vec::new(), Vec::new());
    for page in &all[2..] {
        let (header, content) = page.split_at(27 + usize::from(page[26]));
        sizes.extend(&header[27..]);
        packets.extend(content);
    }
    assert!(sizes.iter().all(|size| *size < 255));
    let last = all[all.len() - 1];
    let mut content = &packets[..];
    let groups: Vec<&[u8]> = sizes.chunks(10).collect();
    for (number, group) in groups.iter().enumerate() {
        let size = group.iter().map(|size| usize::from(*size)).sum();
        let (packets, rest) = content.split_at(size);
        content = rest;
        let is_last = number + 1 == groups.len();
        let end = 9_600 * (number as u64 + 1);
        let mut page = last[..26].to_vec();
        if !is_last {
            page[5] = 0;
            page[6..14].copy_from_slice(&end.to_le_bytes());
        }
        page[18] = number as u8 + 2;
        page[22..26].fill(0);
        page.push(group.len() as u8);
        page.extend([*group, packets].concat());
        let sum = checksum(&page);
        page[22..26].copy_from_slice(&sum.to_le_bytes());
        paged.push(page);
    }
    paged
}

#[test]
fn cut_ogg_files_have_a_warning() {
    let pages = opus_pages();
    let file = pages.concat();
    let whole = decoded(&file).unwrap();
    assert_eq!(
        whole.samples(..).unwrap(),
        decoded(&fixture_bytes("tone.opus"))
            .unwrap()
            .samples(..)
            .unwrap()
    );
    assert_eq!(whole.warnings(), [""; 0]);
    let last = pages[pages.len() - 1].len();
    for missing in [1, last - 10, last - 1] {
        let recording = decoded(&file[..file.len() - missing]).unwrap();
        assert!(recording.duration() < 1.0, "{missing}");
        let warnings = recording.warnings().join("\n");
        assert!(
            warnings.contains("the end of the file is missing"),
            "{missing}: {warnings}"
        );
    }
    // A live stream has no last page.
    let recording = decoded(&file[..file.len() - last]).unwrap();
    assert_eq!(recording.warnings(), [""; 0]);
}

#[test]
fn ogg_may_start_late_and_lose_pages() {
    let mut pages = opus_pages();
    pages.remove(2);
    let recording = decoded(&pages.concat()).unwrap();
    assert!(
        (recording.duration() - 0.8).abs() < 0.01,
        "{}",
        recording.duration()
    );
    assert_eq!(recording.warnings(), [""; 0]);
    let mut pages = opus_pages();
    pages.remove(4);
    let recording = decoded(&pages.concat()).unwrap();
    assert!(
        (recording.duration() - 1.0).abs() < 0.01,
        "{}",
        recording.duration()
    );
    // The page after a lost one may start 0.2 s early; the others keep their times.
    let found = sounds(&recording);
    assert!(
        found.len() == 2 && found[1].0 <= 0.8 && found[1].1 == 1.0,
        "{found:?}"
    );
    let warning = "parts of the recording are missing: 0.2 s were replaced by silence";
    assert_eq!(recording.warnings(), [warning]);
}

#[test]
fn chained_ogg_streams_are_decoded_whole() {
    for name in ["tone.ogg", "tone.opus"] {
        let file = fixture_bytes(name);
        let one = decoded(&file).unwrap();
        // Streams have different serial numbers, which the checksum includes: the same stream twice is valid, too.
        let recording = decoded(&file.repeat(2)).unwrap();
        let expected = 2.0 * one.duration();
        assert!((recording.duration() - expected).abs() < 0.02, "{name}");
        assert_eq!(recording.warnings(), [""; 0], "{name}");
    }
}

#[test]
fn pages_of_other_streams_are_skipped() {
    let file = fixture_bytes("tone.opus");
    let expected = decoded(&file).unwrap();
    let pages = pages(&file);
    // A skeleton: the first page of a stream of an unknown kind.
    let mut skeleton = [
        &b"OggS\0\x02"[..],
        &[0; 8],
        &[9, 9, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 8],
        b"fishead\0",
    ]
    .concat();
    let sum = checksum(&skeleton);
    skeleton[22..26].copy_from_slice(&sum.to_le_bytes());
    let other = [&skeleton[..], pages[0], &pages[1..].concat()].concat();
    assert_same(&other, &expected, "skeleton");
}

/// The checksum of an Ogg page.
fn checksum(page: &[u8]) -> u32 {
    check(page, 32, 0x04c1_1db7)
}

/// A cyclic redundancy check, from the highest bit on.
fn check(bytes: &[u8], bits: u32, polynomial: u32) -> u32 {
    let top = 1 << (bits - 1);
    let sum = bytes.iter().fold(0, |sum: u32, byte| {
        (0..8).fold(sum ^ u32::from(*byte) << (bits - 8), |sum, _| {
            sum << 1 ^ if sum & top != 0 { polynomial } else { 0 }
        })
    });
    sum & (u32::MAX >> (32 - bits))
}

/// A FLAC file of uncompressed frames of 100 ms, without those with the numbers in `lost`.
fn flac(samples: &[u8], lost: &[u8]) -> Vec<u8> {
    let (block, rate) = (800_u16, RATE_HZ);
    let count = samples.len() as u32 / 2;
    let mut file = [
        &b"fLaC\x80\0\0\x22"[..],
        &block.to_be_bytes().repeat(2),
        &[0; 6],
        // 20 bits of the rate, 3 of the channels, 5 of the sample size, and 36 of the number of samples.
        &(u64::from(rate) << 44 | 15 << 36 | u64::from(count)).to_be_bytes(),
        &[0; 16],
    ]
    .concat();
    for (number, frame) in (0_u8..).zip(samples.chunks(usize::from(block) * 2)) {
        if lost.contains(&number) {
            continue;
        }
        let [high, low] = (block - 1).to_be_bytes();
        let mut bytes = vec![0xff, 0xf8, 0x70, 0x08, number, high, low];
        bytes.push(check(&bytes, 8, 0x07) as u8);
        bytes.push(0x02);
        bytes.extend(frame.chunks(2).flat_map(|sample| [sample[1], sample[0]]));
        let [_, _, high, low] = check(&bytes, 16, 0x8005).to_be_bytes();
        bytes.extend([high, low]);
        file.extend(bytes);
    }
    file
}

#[test]
fn lost_frames_of_flac_keep_the_times_of_the_others() {
    let samples = [tone(0.5), silence(0.5), tone(1.0)].concat();
    let whole = decoded(&flac(&samples, &[])).unwrap();
    assert_eq!(sounds(&whole), [(0.0, 0.5), (1.0, 2.0)]);
    assert_eq!(whole.warnings(), [""; 0]);
    let recording = decoded(&flac(&samples, &[2, 3, 7, 8])).unwrap();
    assert_eq!(sounds(&recording), [(0.0, 0.2), (0.4, 0.5), (1.0, 2.0)]);
    let warning = "parts of the recording are missing: 0.4 s were replaced by silence";
    assert_eq!(recording.warnings(), [warning]);
    let cut = flac(&samples, &[18, 19]);
    let recording = decoded(&cut[..cut.len() - 500]).unwrap();
    assert!(
        recording.warnings()[0].contains("of 2.0 s"),
        "{:?}",
        recording.warnings()
    );
}

#[test]
fn transport_streams_are_not_mistaken_for_mp3() {
    let mp3 = fixture_bytes("tone.mp3");
    // Those of Blu-ray discs and camcorders start with a time.
    for time in [&[][..], &[0x12, 0x34, 0x56, 0x78]] {
        let packets = mp3.chunks(184).flat_map(|content| {
            let mut packet = [time, &[0x47, 0x41, 0, 0x10], content].concat();
            packet.resize(188 + time.len(), 0xff);
            packet
        });
        let error = decoded(&packets.collect::<Vec<_>>()).unwrap_err();
        assert!(matches!(error, AudioError::NotAudio), "{error}");
    }
}
