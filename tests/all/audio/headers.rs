//! Wrong headers of MP3, FLAC and AIFF files.

use super::riff::{assert_same, decoded};
use super::tone::{fixture_bytes, measure};

/// The MP3 fixture with another number of frames in its header.
fn mp3(frames: u32) -> Vec<u8> {
    let mut mp3 = fixture_bytes("tone.mp3");
    let tag = mp3
        .windows(4)
        .position(|tag| tag == b"Info" || tag == b"Xing")
        .unwrap();
    assert_eq!(mp3[tag + 7] & 1, 1, "the header has a number of frames");
    mp3[tag + 8..tag + 12].copy_from_slice(&frames.to_be_bytes());
    // Now the checksum of the tag is wrong.
    assert_ne!(mp3[tag + 154..tag + 156], [0; 2]);
    mp3
}

/// Silent frames of 1,152 samples at 44.1 kHz.
fn silence(frames: usize, is_mono: bool) -> Vec<u8> {
    let mode = if is_mono { 0xc0 } else { 0 };
    let frame = [&[0xff, 0xfb, 0x90, mode][..], &[0; 413]].concat();
    frame.repeat(frames)
}

#[test]
fn frame_counts_of_mp3_do_not_shorten_the_recording() {
    let whole = decoded(&fixture_bytes("tone.mp3")).unwrap();
    assert_eq!(whole.warnings(), [""; 0]);
    for frames in [0, 1, 10, 30, u32::MAX] {
        let recording = decoded(&mp3(frames)).unwrap();
        // The padding at the end is no longer known.
        let more = recording.len().checked_sub(whole.len());
        assert!(more.is_some_and(|more| more < 500), "{frames}: {more:?}");
        let measured = measure(&recording.samples(..whole.len()).unwrap());
        let expected = measure(&whole.samples(..).unwrap());
        assert!(
            (measured.gain_db - expected.gain_db).abs() < 0.1 && measured.noise < 0.01,
            "{frames}: {measured:?}"
        );
        assert_eq!(recording.warnings(), [""; 0], "{frames}");
    }
}

#[test]
fn joined_mp3_files_are_decoded_whole() {
    let one = fixture_bytes("tone.mp3");
    let recording = decoded(&[&one[..], &one].concat()).unwrap();
    let expected = 2.0 * decoded(&one).unwrap().duration();
    assert!(
        (recording.duration() - expected).abs() < 0.15,
        "{}",
        recording.duration()
    );
    assert_eq!(recording.warnings(), [""; 0]);
}

#[test]
fn cut_mp3_files_have_a_warning() {
    let whole = fixture_bytes("tone.mp3");
    let duration = decoded(&whole).unwrap().duration();
    for share in [0.7, 0.4] {
        let cut = &whole[..(whole.len() as f64 * share) as usize];
        let recording = decoded(cut).unwrap();
        assert!(
            (recording.duration() - duration * share).abs() < 0.08,
            "{share}: {}",
            recording.duration()
        );
        let warnings = recording.warnings().join("\n");
        assert!(warnings.contains("truncated"), "{share}: {warnings}");
    }
}

#[test]
fn mp3_streams_may_change_their_channels() {
    for first_is_mono in [true, false] {
        let parts = [
            silence(100, first_is_mono),
            silence(100, !first_is_mono),
            silence(100, first_is_mono),
        ];
        let recording = decoded(&parts.concat()).unwrap();
        let expected = 300.0 * 1_152.0 / 44_100.0;
        assert!(
            (recording.duration() - expected).abs() < 0.01,
            "{}",
            recording.duration()
        );
        assert_eq!(recording.warnings(), [""; 0]);
    }
}

#[test]
fn flac_without_a_minimum_block_length() {
    let mut flac = fixture_bytes("tone.flac");
    let expected = decoded(&flac).unwrap();
    flac[8..10].fill(0);
    assert_same(&flac, &expected, "a minimum of 0");
}

#[test]
fn cut_aiff_files_have_a_warning() {
    let whole = fixture_bytes("tone.aiff");
    let samples = decoded(&whole).unwrap().samples(..).unwrap();
    for share in [0.95, 0.5] {
        let cut = &whole[..(whole.len() as f64 * share) as usize];
        let recording = decoded(cut).unwrap();
        let expected = samples.len() as f64 * share;
        assert!((recording.len() as f64 - expected).abs() < 160.0, "{share}");
        let is_long = (1.0 - share) * recording.duration() / share > 0.1;
        assert_eq!(
            !recording.warnings().is_empty(),
            is_long,
            "{share}: {:?}",
            recording.warnings()
        );
    }
}

#[test]
fn aiff_sizes_may_be_placeholders() {
    let mut aiff = fixture_bytes("tone.aiff");
    let expected = decoded(&aiff).unwrap();
    let chunk = |tag: &[u8]| aiff.windows(4).position(|window| window == tag).unwrap();
    let (common, sound) = (chunk(b"COMM"), chunk(b"SSND"));
    // As sox and ffmpeg write them to a pipe.
    for (size, frames) in [(0x7f00_0000_u32, 0x3f80_0000_u32), (0, 0)] {
        aiff[4..8].copy_from_slice(&size.to_be_bytes());
        aiff[common + 10..common + 14].copy_from_slice(&frames.to_be_bytes());
        aiff[sound + 4..sound + 8].copy_from_slice(&size.to_be_bytes());
        assert_same(&aiff, &expected, &format!("{size:#x}"));
    }
}

/// The only packet of the ALAC fixture, 4,000 samples, in a CAF file with packets of 8,192 samples.
fn alac_caf() -> Vec<u8> {
    let m4a = fixture_bytes("tone_alac.m4a");
    let packet = &m4a[44..44 + 4_158];
    let chunk =
        |tag: &[u8; 4], body: &[u8]| [&tag[..], &(body.len() as i64).to_be_bytes(), body].concat();
    let word = u32::to_be_bytes;
    let desc = [
        &8_000.0_f64.to_be_bytes()[..],
        b"alac",
        &[0, 0, 8_192, 1, 0].map(word).concat(),
    ]
    .concat();
    let cookie = m4a
        .windows(8)
        .rposition(|window| window == b"alac\0\0\0\0")
        .unwrap();
    let mut cookie = m4a[cookie - 4..cookie + 32].to_vec();
    cookie[12..16].copy_from_slice(&word(8_192));
    let table = [
        &1_i64.to_be_bytes()[..],
        &8_192_i64.to_be_bytes(),
        &[0; 8],
        &[0x80 | 32, 0x3e],
    ]
    .concat();
    [
        b"caff\0\x01\0\0".to_vec(),
        chunk(b"desc", &desc),
        chunk(b"kuki", &[&word(12), &b"frmaalac"[..], &cookie].concat()),
        chunk(b"data", &[&[0; 4], packet].concat()),
        chunk(b"pakt", &table),
    ]
    .concat()
}

#[test]
fn a_short_last_packet_of_alac_is_not_damage() {
    let recording = decoded(&alac_caf()).unwrap();
    assert_eq!(recording.len(), 8_000);
    assert_eq!(recording.warnings(), [""; 0]);
}

#[test]
fn the_last_frame_of_a_cut_mp3_file_is_decoded() {
    let frames = silence(10, false);
    let recording = decoded(&frames[..frames.len() - 100]).unwrap();
    let expected = 10.0 * 1_152.0 / 44_100.0;
    assert!(
        (recording.duration() - expected).abs() < 0.001,
        "{}",
        recording.duration()
    );
}
