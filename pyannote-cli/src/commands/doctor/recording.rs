//! Checks of a recording.

use std::path::Path;

use pyannote_engine::SAMPLE_RATE;
use pyannote_engine::audio::{AudioError, Decoder};

use super::machine::size;
use super::report::{Check, Report};
use crate::error::{Result, chain};
use crate::local::AudioArgs;
use crate::progress;

/// Maximum duration of a recording from which a voiceprint is made, in seconds.
const MAX_VOICEPRINT_S: f64 = 30.0;
const CONVERT: &str = "convert the recording, for example to FLAC or WAV";

pub(super) fn check(
    report: &mut Report,
    path: &Path,
    decoding: AudioArgs,
    is_local: bool,
) -> Result<()> {
    const NAME: &str = "recording";
    let bytes = match path.metadata() {
        Ok(file) => file.len(),
        Err(error) => {
            return report.add(Check::fail(
                NAME,
                format!("{}: {error}", path.display()),
                "check the path and its permissions",
            ));
        }
    };
    let bar = progress::fraction(report.ui(), "decoding");
    let decoded = decode(path, decoding, |fraction| {
        bar.set_position((fraction.clamp(0.0, 1.0) * 1e3).round() as u64);
    });
    bar.finish_and_clear();
    let (seconds, warnings) = match decoded {
        Ok(decoded) => decoded,
        Err(error) => return report.add(undecodable(NAME, path, &error, is_local)),
    };
    report.add(Check::ok(
        NAME,
        format!(
            "{}: {}, {seconds:.1} s; {}",
            path.display(),
            size(bytes),
            voiceprint(seconds)
        ),
    ))?;
    for warning in warnings {
        report.add(Check::warn(
            NAME,
            warning,
            "record or export it again, if you can",
        ))?;
    }
    Ok(())
}

/// Decodes a recording without keeping it. Returns its duration in seconds, and warnings.
fn decode(
    path: &Path,
    decoding: AudioArgs,
    progress: impl Fn(f64),
) -> std::result::Result<(f64, Vec<String>), AudioError> {
    let mut decoder = Decoder::open(path, &decoding.options())?;
    let expected = decoder.expected_samples().max(1);
    let mut samples = 0;
    for block in decoder.by_ref() {
        samples += block?.len();
        progress(samples as f64 / expected as f64);
    }
    let seconds = samples as f64 / f64::from(SAMPLE_RATE);
    Ok((seconds, decoder.warnings().to_vec()))
}

fn voiceprint(seconds: f64) -> String {
    match seconds <= MAX_VOICEPRINT_S {
        true => "short enough for a voiceprint".to_owned(),
        false => format!("too long for a voiceprint (at most {MAX_VOICEPRINT_S} s)"),
    }
}

/// The service decodes more than the engine does, but has the same limits.
fn undecodable(name: &'static str, path: &Path, error: &AudioError, is_local: bool) -> Check {
    let message = format!("{}: {}", path.display(), chain(error));
    let refusal = match error {
        AudioError::NoDecoder { refusal, .. } => refusal,
        error => error,
    };
    let remedy = match refusal {
        AudioError::TooLong { .. } | AudioError::TooLarge { .. } => {
            "split or compress the recording"
        }
        AudioError::Io(_) => "check the path and its permissions",
        AudioError::UnsupportedCodec(_) if !is_local => {
            return Check::warn(
                name,
                format!("{message}; the service may be able to decode it"),
                format!("before you use --local, {CONVERT}"),
            );
        }
        _ => CONVERT,
    };
    Check::fail(name, message, remedy)
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn a_codec_that_only_the_service_may_know_is_a_warning() {
        let opus = AudioError::UnsupportedCodec("Opus".to_owned());
        for (error, is_local, status) in [
            (&opus, false, Status::Warn),
            (&opus, true, Status::Fail),
            (&AudioError::NotAudio, false, Status::Fail),
            (
                &AudioError::TooLarge { limit: 1 << 30 },
                false,
                Status::Fail,
            ),
        ] {
            let check = undecodable("recording", Path::new("a.ogg"), error, is_local);
            assert_eq!(check.status, status, "{check:?}");
        }
        assert!(voiceprint(30.0).starts_with("short"));
        assert!(voiceprint(30.1).starts_with("too long"));
    }
}
