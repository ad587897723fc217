//! Converts between requests and outputs of the API and those of [`pyannote_engine`]. Blocks the thread.

pub(super) mod channels;
mod matching;
mod options;
mod schema;
pub(super) mod transcription;

use pyannote_engine::transcription::Transcriber;
use pyannote_engine::{
    ChannelOptions, Diarization, DiarizeError, Diarizer, Engine, Options, Recording,
};
use serde_json::{Map, Value};

use super::{EngineError, EngineJob, JobKind, JobOutput};
use crate::error::Chain;
use options::RequestOptions;
use schema::Output;

pub(super) use matching::check as check_voiceprints;

/// The open model that requests may name.
const COMMUNITY_1: &str = "community-1";
/// Maximum length of a requested model's name in warnings.
const MAX_MODEL_CHARS: usize = 40;
/// Fraction of the time of a job that diarization takes if the job is also transcribed, for progress.
const DIARIZATION_SHARE: f64 = 0.1;

/// The models that compute an output.
#[derive(Clone, Copy)]
pub(super) enum Models<'a> {
    /// Those that the request names.
    Requested,
    /// Those with these names, whatever the request names.
    Default(&'a str),
}

/// What a job is about.
enum Audio {
    Recording(Recording),
    Channels(Vec<Recording>, ChannelOptions),
}

/// Computes the output of a job, with the options that do not depend on the request.
pub(super) fn compute<D: Diarizer>(
    engine: &Engine<D>,
    models: Models<'_>,
    transcriber: Option<&dyn Transcriber>,
    job: EngineJob,
    options: Options<'_>,
) -> Result<JobOutput, EngineError> {
    let EngineJob {
        kind,
        request,
        progress,
        ..
    } = job;
    let audio = match job.recording {
        Some(recording) => Audio::Recording(recording),
        None if job.channels.is_empty() => {
            return Err(EngineError("the job has no recording".to_owned()));
        }
        None => Audio::Channels(job.channels, channels::read(&request)),
    };
    let wanted = RequestOptions::read(&request);
    let transcriber = match kind == JobKind::Diarize && transcription::is_requested(&request) {
        // A server with a transcription model may have accepted the request.
        true => {
            Some(transcriber.ok_or_else(|| EngineError(transcription::UNSUPPORTED.to_owned()))?)
        }
        false => None,
    };
    let share = match transcriber {
        Some(_) => DIARIZATION_SHARE,
        None => 1.0,
    };
    let cancel = options.token().clone();
    let options = options.on_progress(|fraction| progress.report(share * fraction));
    let (mut output, warnings) = match kind {
        JobKind::Diarize => {
            let options = options
                .bounds(wanted.speakers)
                .sensitivity(wanted.sensitivity);
            let mut diarization = match &audio {
                Audio::Recording(recording) => engine.diarize(recording, options),
                Audio::Channels(channels, own) => engine.diarize_channels(channels, own, options),
            }
            .map_err(failed)?;
            if wanted.turn_confidence {
                diarization = diarization.with_turn_confidence();
            }
            let transcript = match transcriber {
                Some(transcriber) => {
                    let options = transcription::options(&request)
                        .cancel_token(&cancel)
                        .on_progress(|done| progress.report(share + (1.0 - share) * done));
                    let transcript = match &audio {
                        Audio::Recording(recording) => {
                            diarization.transcribe(transcriber, recording, options)
                        }
                        Audio::Channels(channels, _) => {
                            diarization.transcribe_channels(transcriber, channels, options)
                        }
                    };
                    Some(transcript.map_err(failed)?)
                }
                None => None,
            };
            let (mut output, warnings) = diarization_output(diarization, wanted);
            if let Some(transcript) = transcript {
                output.word_level_transcription = Some(transcript.words);
                output.turn_level_transcription = Some(transcript.turns);
            }
            (output, warnings)
        }
        JobKind::Identify => {
            let matching = matching::read(&request)?;
            let options = options
                .bounds(wanted.speakers)
                .sensitivity(wanted.sensitivity);
            let mut found = match &audio {
                Audio::Recording(recording) => engine.identify(recording, &matching, options),
                Audio::Channels(channels, own) => {
                    engine.identify_channels(channels, &matching, own, options)
                }
            }
            .map_err(failed)?;
            if wanted.turn_confidence {
                found = found.with_turn_confidence();
            }
            let identification = found.turns().into_iter().map(Into::into).collect();
            let voiceprints = found.matches.into_iter().map(Into::into).collect();
            let (output, warnings) = diarization_output(found.diarization, wanted);
            let output = Output {
                identification: Some(identification),
                voiceprints: Some(voiceprints),
                ..output
            };
            (output, warnings)
        }
        JobKind::Voiceprint => {
            let Audio::Recording(recording) = &audio else {
                return Err(EngineError("a voiceprint is of one recording".to_owned()));
            };
            let enrollment = engine.voiceprint(recording, options).map_err(failed)?;
            let output = Output {
                voiceprint: Some(enrollment.voiceprint.to_base64()),
                ..Output::default()
            };
            (output, enrollment.warnings)
        }
    };
    drop(audio);
    let models = model_warning(models, transcriber, &request);
    let speakers = match kind {
        JobKind::Voiceprint => Vec::new(),
        JobKind::Diarize | JobKind::Identify => options::warnings(&request),
    };
    let all_warnings: Vec<String> = models.into_iter().chain(speakers).chain(warnings).collect();
    output.warning = (!all_warnings.is_empty()).then(|| all_warnings.join("; "));
    JobOutput::new(&output)
        .map_err(|error| EngineError(format!("cannot serialize the output: {error}")))
}

/// The warning that the requested models are not available, and others are used.
pub(super) fn model_warning(
    models: Models<'_>,
    transcriber: Option<&dyn Transcriber>,
    request: &Map<String, Value>,
) -> Option<String> {
    let mut warnings = Vec::new();
    if let Models::Default(models) = models {
        let requested = request.get("model").and_then(Value::as_str);
        let requested = requested.unwrap_or("precision-2");
        warnings.push(format!(
            "model {} is not available on this server, which uses open models instead: {models}",
            shortened(requested)
        ));
        warnings.extend(meant(requested));
        warnings.extend(how_to_get(requested));
    }
    warnings.extend(
        transcriber
            .and_then(|transcriber| transcription::model_warning(transcriber.model(), request)),
    );
    (!warnings.is_empty()).then(|| warnings.join("; "))
}

/// The model that was probably meant, if its name was written in another way.
fn meant(requested: &str) -> Option<String> {
    let written = |name: &str| -> String {
        let plain = name.chars().filter(char::is_ascii_alphanumeric);
        plain.map(|char| char.to_ascii_lowercase()).collect()
    };
    let is_other = requested != COMMUNITY_1 && written(requested).ends_with(&written(COMMUNITY_1));
    is_other.then(|| format!("did you mean {COMMUNITY_1}?"))
}

/// What to do to use a model.
#[cfg(feature = "engine")]
fn how_to_get(model: &str) -> Option<String> {
    use pyannote_engine::Community1;

    (model == Community1::NAME).then(|| {
        format!(
            "to use {model}, {}; then start the server with --models DIR",
            Community1::ACCESS
        )
    })
}

/// A build without models has none to get.
#[cfg(not(feature = "engine"))]
fn how_to_get(_: &str) -> Option<String> {
    None
}

/// The start of a requested model's name, for warnings.
fn shortened(model: &str) -> String {
    model.chars().take(MAX_MODEL_CHARS).collect()
}

/// The fields that the outputs of diarization and identification share, and the warnings.
fn diarization_output(diarization: Diarization, wanted: RequestOptions) -> (Output, Vec<String>) {
    let speaker_channels = channels::of_speakers(&diarization);
    let output = Output {
        speaker_channels: (!speaker_channels.is_empty()).then_some(speaker_channels),
        confidence: wanted.confidence.then(|| diarization.frame_confidence()),
        speech_probability: wanted
            .speech_probability
            .then(|| diarization.speech_probability()),
        crosstalk_probability: wanted
            .crosstalk_probability
            .then(|| diarization.crosstalk_probability()),
        speaker_probability: wanted
            .speaker_probability
            .then(|| diarization.speaker_probability()),
        diarization: Some(diarization.turns),
        exclusive_diarization: wanted.exclusive.then_some(diarization.exclusive),
        ..Output::default()
    };
    (output, diarization.warnings)
}

fn failed(error: DiarizeError) -> EngineError {
    EngineError(Chain(&error).to_string())
}

#[cfg(test)]
mod tests {
    use pyannote_engine::VoiceprintError;

    use super::*;

    #[test]
    fn models_are_suggested() {
        for requested in [
            "Community-1",
            "community_1",
            " community 1",
            "pyannote/speaker-diarization-community-1",
        ] {
            let meant = meant(requested);
            assert_eq!(
                meant.as_deref(),
                Some("did you mean community-1?"),
                "{requested}"
            );
        }
        for requested in ["community-1", "community-2", "precision-2", "", "é"] {
            assert_eq!(meant(requested), None, "{requested}");
        }
    }

    #[test]
    fn output_error_has_the_cause() {
        let EngineError(text) = failed(DiarizeError::Voiceprint {
            label: "Ada".to_owned(),
            error: VoiceprintError::NotBase64,
        });
        assert_eq!(
            text,
            "cannot identify \"Ada\": the voiceprint is not valid base64"
        );
    }
}
