//! Files of many codecs, containers, rates and oddities, decoded here and by ffmpeg: same length, same times, same sound.

mod cases;
mod opus;
mod signal;

use pyannote_engine::audio::{DecodeOptions, Ffmpeg, decode_with};

use super::ffmpeg::tool::{ffmpeg, print};
use super::tone::SAMPLE_RATE_HZ;
use cases::{Case, Fidelity, cases};
use signal::{DURATION_S, onsets, similarity, write_source};

/// Maximum difference of lengths and times, in seconds.
const TOLERANCE_S: f64 = 0.02;

#[test]
fn files_are_decoded_as_ffmpeg_decodes_them() {
    let Some(tool) = ffmpeg("files_are_decoded_as_ffmpeg_decodes_them") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (mut compared, mut missing, mut failures) = (0, Vec::new(), Vec::new());
    for case in cases() {
        let source = format!("source_{}_{}.wav", case.rate, case.channels);
        let source = folder.path().join(source);
        if !source.exists() {
            write_source(&source, case.rate, case.channels);
        }
        let path = folder.path().join(&case.name);
        if !case.create(&tool, &source, &path) {
            missing.push(case.name);
            continue;
        }
        let Some(expected) = tool.decode(&path) else {
            missing.push(case.name);
            continue;
        };
        compared += 1;
        let options = DecodeOptions::new().ffmpeg(Ffmpeg::off());
        match decode_with(&path, &options) {
            Err(error) => failures.push(format!("{}: {error}", case.name)),
            Ok(recording) => {
                let problems = compare(&case, &recording.samples(..).unwrap(), &expected);
                if !problems.is_empty() {
                    let warnings = recording.warnings().join("; ");
                    failures.push(format!(
                        "{}: {} ({warnings})",
                        case.name,
                        problems.join(", ")
                    ));
                }
            }
        }
        let _ = std::fs::remove_file(&path);
    }
    print(&format!(
        "{compared} files compared; ffmpeg cannot encode {missing:?}"
    ));
    assert!(compared > 60, "{compared}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What differs between our samples and those of ffmpeg.
fn compare(case: &Case, ours: &[f32], theirs: &[f32]) -> Vec<String> {
    let mut problems = Vec::new();
    let seconds = |samples: &[f32]| samples.len() as f64 / SAMPLE_RATE_HZ;
    let (length, expected) = (seconds(ours), seconds(theirs));
    // ffmpeg keeps the padding of some codecs, which is silence after the true end.
    let is_exact = case.is_whole && (length - DURATION_S).abs() <= TOLERANCE_S;
    if (length - expected).abs() > TOLERANCE_S && !is_exact {
        problems.push(format!("{length:.3} s instead of {expected:.3} s"));
    }
    let (starts, known) = (onsets(ours), onsets(theirs));
    let is_same = starts.len() == known.len()
        && starts
            .iter()
            .zip(&known)
            .all(|(a, b)| (a - b).abs() <= TOLERANCE_S);
    if !is_same {
        problems.push(format!("sounds at {starts:.2?} instead of {known:.2?} s"));
    }
    let minimum = match case.fidelity {
        Fidelity::Lossless => 0.9995,
        // The Opus decoder of ffmpeg differs from the reference decoder, which the other test compares.
        Fidelity::Lossy => 0.96,
    };
    for start_s in known {
        let (lag, similar) = similarity(ours, theirs, start_s);
        if lag.abs() as f64 / SAMPLE_RATE_HZ > TOLERANCE_S || similar < minimum {
            problems.push(format!(
                "at {start_s:.2} s shifted by {lag} samples, correlation {similar:.4}"
            ));
        }
    }
    problems
}
