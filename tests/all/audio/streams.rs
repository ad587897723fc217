//! Streams without a container: AAC whose format changes or that is cut, and files that resemble such streams.

use pyannote_engine::audio::AudioError;

use super::riff::decoded;
use super::tone::fixture_bytes;

/// The frames of the AAC fixture, each with its header.
pub(super) fn aac_frames() -> Vec<Vec<u8>> {
    let file = fixture_bytes("tone.aac");
    let mut frames = Vec::new();
    let mut rest = &file[..];
    while let [0xff, _, _, high, middle, low, ..] = rest {
        let size = usize::from(high & 3) << 11 | usize::from(*middle) << 3 | usize::from(low >> 5);
        let (frame, after) = rest.split_at(size);
        frames.push(frame.to_vec());
        rest = after;
    }
    assert!(rest.is_empty() && frames.len() > 5);
    frames
}

#[test]
fn aac_streams_may_change_their_rate() {
    let frames = aac_frames();
    assert_eq!(frames[0][2] >> 2 & 0xf, 4, "44.1 kHz");
    let faster = frames.iter().cloned().map(|mut frame| {
        // The index of the sample rate: 48 kHz, with the same tables.
        frame[2] = frame[2] & 0xc3 | 3 << 2;
        frame
    });
    let joined = [frames.concat(), faster.collect::<Vec<_>>().concat()].concat();
    let recording = decoded(&joined).unwrap();
    let samples = frames.len() as f64 * 1_024.0;
    let expected = samples / 44_100.0 + samples / 48_000.0;
    assert!(
        (recording.duration() - expected).abs() < 0.001,
        "{} s, not {expected} s",
        recording.duration()
    );
    assert_eq!(recording.warnings(), [""; 0]);
}

#[test]
fn cut_aac_streams_have_a_warning() {
    let frames = aac_frames();
    let file = frames.concat();
    let whole = decoded(&file).unwrap();
    let recording = decoded(&file[..file.len() - 1]).unwrap();
    assert!(recording.duration() < whole.duration());
    let warnings = recording.warnings().join("\n");
    assert!(
        warnings.contains("the end of the file is missing"),
        "{warnings}"
    );
    // At the end of a frame, nothing shows that more was intended, and what is no frame is ignored.
    for after in [vec![], vec![0; 5_000], b"TAG".to_vec()] {
        let file = [frames[..frames.len() - 1].concat(), after].concat();
        assert_eq!(decoded(&file).unwrap().warnings(), [""; 0]);
    }
}

#[test]
fn frames_after_damage_are_found() {
    let mut frames = aac_frames();
    // Markers without a frame.
    frames[4] = b"\xff\xf1 \xff".repeat(500);
    let recording = decoded(&frames.concat()).unwrap();
    let expected = decoded(&aac_frames().concat()).unwrap().duration();
    assert!((recording.duration() - expected).abs() < 0.001);
    let warning = format!(
        "1 of the {} packets of the recording are damaged and were replaced by silence",
        frames.len()
    );
    assert_eq!(recording.warnings(), [warning]);
}

#[test]
fn files_that_contain_mp3_or_wav_are_not_mistaken_for_them() {
    let mp3 = fixture_bytes("tone.mp3");
    let wav = super::riff::tone_file();
    for (name, file) in [
        ("AVI", [&b"RIFF\0\0\x01\0AVI LIST"[..], &mp3].concat()),
        ("FLV", [&b"FLV\x01\x04\0\0\0\x09"[..], &mp3].concat()),
        ("MPEG", [&b"\0\0\x01\xba\x44\0\x04"[..], &mp3].concat()),
        (
            "ASF",
            [&b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"[..], &mp3].concat(),
        ),
        ("WavPack", [&b"wvpk\x9e\0\0\0"[..], &wav].concat()),
        ("Monkey's Audio", [&b"MAC \x96\x0f"[..], &wav].concat()),
        // Frames of another container.
        ("chunks", {
            let frames = mp3[..2_000].chunks(200);
            frames.flat_map(|part| [b"01wb", part].concat()).collect()
        }),
    ] {
        let error = decoded(&file).unwrap_err();
        assert!(matches!(error, AudioError::NotAudio), "{name}: {error}");
    }
}
