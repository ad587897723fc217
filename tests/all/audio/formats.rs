//! Every supported format, decoded from files that ffmpeg encoded.

use pyannote_engine::audio::{AudioError, decode};

use super::tone::{fixture, measure};

/// A fixture and the expected measurements.
struct Tone {
    name: &'static str,
    /// Number of samples, with a tolerance of 2.
    samples: usize,
    /// Gain in dB.
    gain_db: f64,
    /// Delay in samples, modulo the period of the tone.
    delay: f64,
    /// Maximum of the noise, relative to the amplitude.
    noise: f64,
}

const fn tone(name: &'static str, samples: usize) -> Tone {
    Tone {
        name,
        samples,
        gain_db: 0.0,
        delay: 0.0,
        noise: 0.001,
    }
}

/// The encoder is noisy at this bit rate.
const fn aac(name: &'static str) -> Tone {
    Tone {
        noise: 0.17,
        ..tone(name, 16_000)
    }
}

/// At this bit rate, Opus changes the amplitude by less than 0.1 dB.
const fn opus(name: &'static str) -> Tone {
    Tone {
        noise: 0.03,
        ..tone(name, 16_000)
    }
}

const TONES: &[Tone] = &[
    // The encoder attenuates the tone by 5%.
    Tone {
        gain_db: -0.445,
        ..tone("tone.mp3", 16_000)
    },
    aac("tone.m4a"),
    // ADTS does not declare the 1024 samples of priming: 23 ms at 44.1 kHz.
    Tone {
        samples: 16_718,
        delay: 1024.0 * 16_000.0 / 44_100.0 - 10.0 * 16_000.0 / 440.0,
        ..aac("tone.aac")
    },
    aac("film.mp4"),
    opus("tone.opus"),
    opus("tone_opus.mp4"),
    Tone {
        // The times of WebM are rounded to a millisecond: by 0.3 samples here.
        delay: -0.3,
        noise: 0.07,
        ..opus("tone_opus.webm")
    },
    Tone {
        noise: 0.03,
        ..tone("tone.ogg", 16_000)
    },
    // The containers do not declare that the last packet (WebM) or block (ADPCM) is shorter.
    // The first packet of Vorbis has a duration, 3 ms here, but no samples. Silence takes their place, as in ffmpeg.
    Tone {
        delay: 11.53,
        noise: 0.03,
        ..tone("tone.webm", 16_232)
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
fn all_formats_decode_to_the_tone() {
    let mut failures = Vec::new();
    for tone in TONES {
        let name = tone.name;
        let recording = match decode(fixture(name)) {
            Ok(recording) => recording,
            Err(error) => {
                failures.push(format!("{name}: {error}"));
                continue;
            }
        };
        let measured = measure(&recording.samples(..).unwrap());
        if recording.len().abs_diff(tone.samples) > 2
            || (measured.gain_db - tone.gain_db).abs() > 0.1
            || (measured.delay - tone.delay).abs() > 0.1
            || measured.noise > tone.noise
            || !recording.warnings().is_empty()
        {
            let (length, warnings) = (recording.len(), recording.warnings());
            failures.push(format!(
                "{name}: {length} samples, {measured:?}, {warnings:?}"
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_folder_and_a_missing_file_are_errors() {
    assert!(matches!(decode(fixture("")), Err(AudioError::NotAFile)));
    assert!(matches!(
        decode(fixture("none.wav")),
        Err(AudioError::Io(_))
    ));
}
