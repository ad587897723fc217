//! From a diarizer to the `output` of a job, as the API has it. It blocks its thread.

mod confidence;
mod identify;
mod matching;
mod options;
mod schema;
mod turns;

use serde_json::{Map, Value};

use super::voiceprint;
use super::{CancelToken, Diarizer, EngineError, EngineJob, JobKind, Recording, SpeakerBounds};
use options::Options;
use schema::Output;
use turns::Names;

pub(super) use identify::Identify;

/// How much of the name of a model is repeated, in characters.
const NAME: usize = 40;

/// The output of a job.
pub(super) fn answer(
    diarizer: &impl Diarizer,
    job: EngineJob,
    cancel: &CancelToken,
) -> Result<Value, EngineError> {
    let EngineJob { kind, request, .. } = job;
    let Some(recording) = job.recording else {
        return Err(EngineError("there is no recording to hear".to_owned()));
    };
    let mut warnings = vec![substitute(diarizer.models(), &request)];
    let output = match kind {
        JobKind::Diarize => diarize(diarizer, &request, recording, cancel, &mut warnings)?.output,
        JobKind::Identify => {
            let identify = Identify::read(&request, diarizer.embedding_model())?;
            let found = diarize(diarizer, &request, recording, cancel, &mut warnings)?;
            identify.answer(diarizer, found, &mut warnings)
        }
        JobKind::Voiceprint => {
            let found = hear(
                diarizer,
                recording,
                SpeakerBounds::default(),
                cancel,
                &mut warnings,
            )?;
            Output {
                voiceprint: Some(voiceprint(diarizer, found, &mut warnings)?),
                ..Output::default()
            }
        }
    };
    let output = Output {
        warning: Some(warnings.join("; ")),
        ..output
    };
    serde_json::to_value(output)
        .map_err(|error| EngineError(format!("the output cannot be written: {error}")))
}

/// What a request is told whose model is not here, which is every one.
pub(super) fn substitute(models: &str, request: &Map<String, Value>) -> String {
    let asked = request.get("model").and_then(Value::as_str);
    let asked: String = asked.unwrap_or("precision-2").chars().take(NAME).collect();
    format!("this server does not have {asked}: open models answer instead ({models})")
}

/// A diarization, and what is told of it.
struct Found {
    diarization: super::Diarization,
    names: Names,
    output: Output,
}

fn diarize(
    diarizer: &impl Diarizer,
    request: &Map<String, Value>,
    recording: Recording,
    cancel: &CancelToken,
    warnings: &mut Vec<String>,
) -> Result<Found, EngineError> {
    let options = Options::read(request);
    let mut diarization = hear(diarizer, recording, options.speakers, cancel, warnings)?;
    turns::tidy(&mut diarization.turns);
    turns::tidy(&mut diarization.exclusive);
    let names = Names::by_first_turns(diarization.turns.iter().chain(&diarization.exclusive));
    let segments = |turns| turns::segments(turns, &names, &options, &diarization.scores);
    let output = Output {
        diarization: Some(segments(&diarization.turns)),
        exclusive_diarization: options.exclusive.then(|| segments(&diarization.exclusive)),
        confidence: options
            .confidence
            .then(|| confidence::of_frames(&diarization)),
        ..Output::default()
    };
    Ok(Found {
        diarization,
        names,
        output,
    })
}

/// Lets the diarizer hear a recording, which is not needed any more afterwards.
fn hear(
    diarizer: &impl Diarizer,
    recording: Recording,
    speakers: SpeakerBounds,
    cancel: &CancelToken,
    warnings: &mut Vec<String>,
) -> Result<super::Diarization, EngineError> {
    let Recording {
        samples,
        warnings: heard,
    } = recording;
    warnings.extend(heard);
    let mut diarization = diarizer
        .diarize(
            &samples,
            &mut pyannote_engine::Options::new()
                .bounds(speakers)
                .cancel_token(cancel),
        )
        .map_err(|error| EngineError(error.to_string()))?;
    warnings.append(&mut diarization.warnings);
    Ok(diarization)
}

/// The voiceprint of the one who is heard longest.
fn voiceprint(
    diarizer: &impl Diarizer,
    found: super::Diarization,
    warnings: &mut Vec<String>,
) -> Result<String, EngineError> {
    let voices = found.speakers.len();
    if voices == 0 {
        return Err(EngineError(super::DiarizeError::NoSpeech.to_string()));
    }
    if voices > 1 {
        warnings.push(format!(
            "{voices} voices are heard; the voiceprint is of the one heard longest"
        ));
    }
    let heard = found
        .speakers
        .into_iter()
        .filter_map(|speaker| Some((speaker.heard, speaker.embedding?)));
    let longest = heard.max_by(|a, b| a.0.total_cmp(&b.0));
    let Some((_, embedding)) = longest else {
        let message = "there is too little speech of one voice alone for a voiceprint";
        return Err(EngineError(message.to_owned()));
    };
    voiceprint::encode(diarizer.embedding_model(), &embedding)
        .map_err(|error| EngineError(format!("the voiceprint cannot be written: {error}")))
}
