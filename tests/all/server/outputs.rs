//! The outputs of `DiarizerEngine`, validated against the schemas of the API.

use jsonschema::Validator;
use pyannote_engine::{Diarization, Scores, Speaker};
use pyannote_server::engine::{DiarizerEngine, Engine, EngineJob, JobKind, Recording};
use serde_json::{Map, Value, json};

use super::fake_diarizer::{FakeDiarizer, meeting, monologue, name, turn};

/// A schema of the specification that forbids additional properties.
pub(super) fn schema(name: &str) -> Validator {
    let mut bundle = pyannote_tests::bundle();
    let mut schemas = bundle["components"]["schemas"].take();
    make_strict(&mut schemas);
    let root = json!({
        "$ref": format!("#/components/schemas/{name}"),
        "components": { "schemas": schemas },
    });
    jsonschema::validator_for(&root).unwrap()
}

fn make_strict(schema: &mut Value) {
    if let Some(map) = schema.as_object_mut() {
        if map.remove("nullable").is_some()
            && let Some(kind) = map.get_mut("type")
        {
            *kind = json!([kind.take(), "null"]);
        }
        if map.get("properties").is_some_and(Value::is_object) && map.contains_key("type") {
            map.entry("additionalProperties").or_insert(json!(false));
        }
        map.values_mut().for_each(make_strict);
    }
}

/// The engine's output for a request, validated.
async fn process(diarization: Diarization, kind: JobKind, request: Value) -> Result<Value, String> {
    let Value::Object(request) = request else {
        panic!("a request must be an object");
    };
    let engine = DiarizerEngine::new(FakeDiarizer::new([diarization]));
    let recording = Recording::new(vec![0.0; 32_000]);
    let job = EngineJob::new("1".to_owned(), kind, request, Some(recording));
    let output = engine.process(job).await.map_err(|error| error.0)?;
    let output = output.to_value();
    let schema = schema(match kind {
        JobKind::Diarize => "DiarizationJobOutput",
        JobKind::Identify => "IdentificationJobOutput",
        JobKind::Voiceprint => "VoiceprintJobResults",
    });
    let mut output = output;
    let errors: Vec<String> = schema
        .iter_errors(&output)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    for curve in [
        "speechProbability",
        "crosstalkProbability",
        "speakerProbability",
    ] {
        if let Some(curve) = output.get_mut(curve) {
            assert_eq!(curve["resolution"], 0.02);
            match curve["score"].as_object_mut() {
                Some(speakers) => speakers.values_mut().for_each(shorten),
                None => shorten(&mut curve["score"]),
            }
        }
    }
    Ok(output)
}

/// Replaces the scores of 2 s at 0.02 s with each score that differs from the one before it, and its time in seconds.
fn shorten(scores: &mut Value) {
    let all = scores.as_array().unwrap();
    assert_eq!(all.len(), 100);
    let changes = (0..all.len()).filter(|frame| *frame == 0 || all[*frame] != all[*frame - 1]);
    *scores = changes
        .map(|frame| json!([frame as f64 / 50.0, all[frame]]))
        .collect();
}

/// The voiceprint of the embedding at this angle.
async fn voiceprint(degrees: f32) -> Value {
    let output = process(monologue(degrees), JobKind::Voiceprint, json!({})).await;
    output.unwrap()["voiceprint"].take()
}

async fn voiceprint_list(speakers: &[(&str, f32)]) -> Value {
    let mut list = Vec::new();
    for (label, degrees) in speakers {
        list.push(json!({ "label": label, "voiceprint": voiceprint(*degrees).await }));
    }
    Value::Array(list)
}

/// The `voiceprints` of an identification: speaker, match and scores of each.
async fn matches(matching: Value, voiceprints: &Value, diarization: Diarization) -> Value {
    let request = json!({ "voiceprints": voiceprints, "matching": matching });
    let output = process(diarization, JobKind::Identify, request).await;
    output.unwrap()["voiceprints"].take()
}

#[tokio::test]
async fn the_schemas_reject_additional_properties() {
    let schema = schema("IdentificationJobOutput");
    for (output, is_valid) in [
        (json!({ "diarization": null }), true),
        (
            json!({ "diarization": [{ "speaker": "A", "start": 0, "end": 1 }] }),
            true,
        ),
        (
            json!({ "diarization": [{ "speaker": "A", "start": 0 }] }),
            false,
        ),
        (json!({ "diarisation": [] }), false),
        (
            json!({ "voiceprints": [{ "speaker": "A", "match": 1, "confidence": {} }] }),
            false,
        ),
    ] {
        assert_eq!(schema.is_valid(&output), is_valid, "{output}");
    }
}

#[tokio::test]
async fn diarizations() {
    let plain = process(meeting(), JobKind::Diarize, json!({ "exclusive": false })).await;
    insta::assert_json_snapshot!("diarization", plain.unwrap());
    let request = json!({
        "model": "community-1", "exclusive": true, "confidence": true, "turnLevelConfidence": true,
        "speechProbability": true, "crosstalkProbability": true, "speakerProbability": true,
    });
    let full = process(meeting(), JobKind::Diarize, request).await;
    insta::assert_json_snapshot!("diarization_with_all_options", full.unwrap());
    let silent = Diarization {
        warnings: vec!["no speech, although 2 speakers were requested".to_owned()],
        scores: Scores {
            resolution: 0.5,
            speech: vec![0.0, 0.25],
            ..Scores::default()
        },
        ..Diarization::default()
    };
    let request = json!({ "exclusive": true, "confidence": true, "model": "a".repeat(1000) });
    let silent = process(silent, JobKind::Diarize, request).await;
    insta::assert_json_snapshot!("diarization_of_silence", silent.unwrap());
}

#[tokio::test]
async fn identifications() {
    let voiceprints = voiceprint_list(&[("Ada", 95.0), ("Grace", 60.0)]).await;
    let request = json!({
        "voiceprints": voiceprints, "exclusive": true, "confidence": true, "turnLevelConfidence": true,
        "speechProbability": true, "crosstalkProbability": true, "speakerProbability": true,
        "matching": { "threshold": 55, "exclusive": true },
    });
    let full = process(meeting(), JobKind::Identify, request).await;
    insta::assert_json_snapshot!("identification_with_all_options", full.unwrap());
    let mut no_embedding = meeting();
    no_embedding.speakers[1].embedding = None;
    let request = json!({ "voiceprints": voiceprints });
    let output = process(no_embedding, JobKind::Identify, request).await;
    insta::assert_json_snapshot!(
        "identification_of_a_speaker_without_embedding",
        output.unwrap()
    );
}

#[tokio::test]
async fn matching_modes() {
    // Grace scores 87 with the speaker at 90 degrees and 50 with the one at 0; Ada scores 100 and 0.
    let voiceprints = voiceprint_list(&[("Grace", 60.0), ("Ada", 90.0)]).await;
    let both = json!([
        { "speaker": "SPEAKER_00", "match": "Ada", "confidence": { "Ada": 100, "Grace": 87 } },
        { "speaker": "SPEAKER_01", "match": "Grace", "confidence": { "Ada": 0, "Grace": 50 } },
    ]);
    assert_eq!(matches(json!({}), &voiceprints, meeting()).await, both);
    assert_eq!(
        matches(json!({ "threshold": 50 }), &voiceprints, meeting()).await,
        both
    );
    let mut only_ada = both.clone();
    only_ada[1]["match"] = Value::Null;
    assert_eq!(
        matches(json!({ "threshold": 51 }), &voiceprints, meeting()).await,
        only_ada
    );
    let not_exclusive = json!({ "exclusive": false });
    assert_eq!(matches(not_exclusive, &voiceprints, meeting()).await, both);
    // With Grace as the only voiceprint, both speakers match her, but only one if matching is exclusive.
    let grace = voiceprint_list(&[("Grace", 60.0)]).await;
    for (exclusive, other) in [(true, Value::Null), (false, json!("Grace"))] {
        let found = matches(json!({ "exclusive": exclusive }), &grace, meeting()).await;
        assert_eq!(found[0]["match"], "Grace");
        assert_eq!(found[1]["match"], other, "{exclusive}");
    }
}

#[tokio::test]
async fn voiceprints() {
    let output = process(monologue(0.0), JobKind::Voiceprint, json!({}))
        .await
        .unwrap();
    insta::assert_json_snapshot!("voiceprint", output);
    // The second speaker speaks longest.
    let output = process(meeting(), JobKind::Voiceprint, json!({}))
        .await
        .unwrap();
    assert_eq!(output["voiceprint"], voiceprint(90.0).await);
    let warning = output["warning"].as_str().unwrap();
    assert!(
        warning.ends_with(
            "; the recording has 2 speakers: the voiceprint is of the one who speaks the longest"
        ),
        "{warning}"
    );
    let silent = process(Diarization::default(), JobKind::Voiceprint, json!({})).await;
    assert_eq!(silent.unwrap_err(), "the recording contains no speech");
    let no_speech = Diarization {
        turns: [turn(0, 0.0, 0.1)].into(),
        speakers: vec![Speaker {
            label: name(0),
            embedding: None,
            solo_speech_s: 0.1,
            channel: None,
        }],
        ..Diarization::default()
    };
    let no_speech = process(no_speech, JobKind::Voiceprint, json!({})).await;
    assert_eq!(
        no_speech.unwrap_err(),
        "the recording contains too little speech without overlap for a voiceprint: use a longer recording of one speaker"
    );
}

#[tokio::test]
async fn impossible_jobs_fail_with_a_reason() {
    let engine = DiarizerEngine::new(FakeDiarizer::default());
    let job = EngineJob::new("1".to_owned(), JobKind::Diarize, Map::new(), None);
    let error = engine.process(job).await.unwrap_err();
    assert_eq!(error.0, "the job has no recording");
    // A server with another model on the same store may have accepted this job.
    let foreign = json!({ "voiceprints": [{ "label": "Ada", "voiceprint": "U29tZVZvaWNlUHJpbnREYXRhMQ==" }] });
    let error = process(meeting(), JobKind::Identify, foreign)
        .await
        .unwrap_err();
    assert!(
        error.starts_with("cannot identify \"Ada\": the voiceprint is not from a local engine"),
        "{error}"
    );
}
