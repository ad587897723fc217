//! The formats that recordings come in, from files that another program made.

use pyannote_engine::audio::{AudioError, decode};

use super::tone::{fixture, measure};

/// A fixture, and what comes of it.
struct Tone {
    name: &'static str,
    /// How many samples, give or take 2.
    samples: usize,
    /// How much louder it is than the tone was, in dB.
    level: f64,
    /// How late it is, in samples, but for whole periods.
    late: f64,
    /// How much of it is not the tone.
    noise: f64,
}

const fn tone(name: &'static str, samples: usize) -> Tone {
    Tone {
        name,
        samples,
        level: 0.0,
        late: 0.0,
        noise: 0.001,
    }
}

/// AAC begins with 1024 samples of the encoder's, which are not cut off: 23 ms at 44.1 kHz. The encoder adds much of
/// its own at this rate.
const fn aac(name: &'static str) -> Tone {
    let late = 1024.0 * 16_000.0 / 44_100.0 - 10.0 * 16_000.0 / 440.0;
    Tone {
        late,
        noise: 0.17,
        ..tone(name, 16_718)
    }
}

const TONES: &[Tone] = &[
    // The encoder makes it softer by a twentieth.
    Tone {
        level: -0.445,
        ..tone("tone.mp3", 16_000)
    },
    aac("tone.m4a"),
    aac("tone.aac"),
    aac("film.mp4"),
    Tone {
        noise: 0.03,
        ..tone("tone.ogg", 16_000)
    },
    // The container does not say that the last packet is shorter; nor does that of ADPCM its last block.
    Tone {
        noise: 0.03,
        ..tone("tone.webm", 16_184)
    },
    Tone {
        noise: 0.04,
        ..tone("tone_adpcm.wav", 16_328)
    },
    Tone {
        noise: 0.02,
        ..tone("tone_mulaw.wav", 16_000)
    },
    tone("tone_alac.m4a", 8_000),
    tone("tone.flac", 8_000),
    tone("tone.mkv", 8_000),
    tone("tone.aiff", 8_000),
    tone("tone.caf", 8_000),
];

#[test]
fn every_format_is_the_same_tone() {
    let mut wrong = Vec::new();
    for tone in TONES {
        let name = tone.name;
        let recording = match decode(fixture(name)) {
            Ok(recording) => recording,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let measured = measure(&recording.samples);
        if recording.samples.len().abs_diff(tone.samples) > 2
            || (measured.level - tone.level).abs() > 0.1
            || (measured.late - tone.late).abs() > 0.1
            || measured.noise > tone.noise
            || !recording.warnings.is_empty()
        {
            let (length, warnings) = (recording.samples.len(), recording.warnings);
            wrong.push(format!(
                "{name}: {length} samples, {measured:?}, {warnings:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_cannot_be_heard_says_why() {
    for (name, expected) in [
        ("opus.webm", "the recording's codec is not supported: Opus"),
        ("ac3.mka", "the recording's codec is not supported: AC-3"),
        ("silent_film.mp4", "the file has no audio track"),
        ("README.md", "the file is no recording in a known format"),
    ] {
        let error = decode(fixture(name)).unwrap_err();
        assert_eq!(error.to_string(), expected, "{name}");
    }
}

#[test]
fn a_folder_and_nothing_at_all_are_no_recordings() {
    assert!(matches!(decode(fixture("")), Err(AudioError::NotAudio)));
    assert!(matches!(
        decode(fixture("none.wav")),
        Err(AudioError::Io(_))
    ));
}
