//! The outputs of an engine made of a diarizer: as the API has them, and nothing else.

use jsonschema::Validator;
use pyannote_engine::{Diarization, Scores, Speaker};
use pyannote_server::engine::{DiarizerEngine, Engine, EngineJob, JobKind, Recording};
use serde_json::{Map, Value, json};

use super::fake::{Fake, alone, meeting, turn};

/// A schema of the specification, with nothing allowed beside what it names.
fn schema(name: &str) -> Validator {
    let mut bundle = pyannote_tests::bundle();
    let mut schemas = bundle["components"]["schemas"].take();
    strictly(&mut schemas);
    let root = json!({
        "$ref": format!("#/components/schemas/{name}"),
        "components": { "schemas": schemas },
    });
    jsonschema::validator_for(&root).unwrap()
}

fn strictly(schema: &mut Value) {
    if let Some(map) = schema.as_object_mut() {
        if map.remove("nullable").is_some()
            && let Some(kind) = map.get_mut("type")
        {
            *kind = json!([kind.take(), "null"]);
        }
        if map.get("properties").is_some_and(Value::is_object) && map.contains_key("type") {
            map.entry("additionalProperties").or_insert(json!(false));
        }
        map.values_mut().for_each(strictly);
    }
}

/// What the engine answers a request, checked.
async fn answer(diarization: Diarization, kind: JobKind, request: Value) -> Result<Value, String> {
    let Value::Object(request) = request else {
        panic!("a request is an object");
    };
    let engine = DiarizerEngine::new(Fake::new([diarization]));
    let recording = Recording {
        samples: vec![0.0; 32_000],
        warnings: Vec::new(),
    };
    let job = EngineJob::new("1".to_owned(), kind, request, Some(recording));
    let output = engine.process(job).await.map_err(|error| error.0)?;
    let schema = schema(match kind {
        JobKind::Diarize => "DiarizationJobOutput",
        JobKind::Identify => "IdentificationJobOutput",
        JobKind::Voiceprint => "VoiceprintJobResults",
    });
    let errors: Vec<String> = schema
        .iter_errors(&output)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    Ok(output)
}

/// The voiceprint of a voice.
async fn enrolled(degrees: f32) -> Value {
    let output = answer(alone(degrees), JobKind::Voiceprint, json!({})).await;
    output.unwrap()["voiceprint"].take()
}

async fn people(list: &[(&str, f32)]) -> Value {
    let mut people = Vec::new();
    for (label, degrees) in list {
        people.push(json!({ "label": label, "voiceprint": enrolled(*degrees).await }));
    }
    Value::Array(people)
}

/// The matches of a request, each as speaker, label and scores.
async fn matches(matching: Value, voiceprints: &Value, diarization: Diarization) -> Value {
    let request = json!({ "voiceprints": voiceprints, "matching": matching });
    let output = answer(diarization, JobKind::Identify, request).await;
    output.unwrap()["voiceprints"].take()
}

#[tokio::test]
async fn the_schemas_refuse_what_is_not_in_them() {
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
    let plain = answer(meeting(), JobKind::Diarize, json!({ "exclusive": false })).await;
    insta::assert_json_snapshot!("diarization", plain.unwrap());
    let request = json!({
        "model": "community-1", "exclusive": true, "confidence": true, "turnLevelConfidence": true,
        "speechProbability": true,
    });
    let full = answer(meeting(), JobKind::Diarize, request).await;
    insta::assert_json_snapshot!("diarization_with_everything", full.unwrap());
    let silent = Diarization {
        warnings: vec!["nobody speaks, though 2 speakers were asked for".to_owned()],
        scores: Scores {
            resolution: 0.5,
            speech: vec![0.0, 0.25],
            ..Scores::default()
        },
        ..Diarization::default()
    };
    let request = json!({ "exclusive": true, "confidence": true, "model": "a".repeat(1000) });
    let silent = answer(silent, JobKind::Diarize, request).await;
    insta::assert_json_snapshot!("diarization_of_silence", silent.unwrap());
}

#[tokio::test]
async fn identifications() {
    let voiceprints = people(&[("Ada", 95.0), ("Grace", 60.0)]).await;
    let request = json!({
        "voiceprints": voiceprints, "exclusive": true, "confidence": true, "turnLevelConfidence": true,
        "matching": { "threshold": 55, "exclusive": true },
    });
    let full = answer(meeting(), JobKind::Identify, request).await;
    insta::assert_json_snapshot!("identification_with_everything", full.unwrap());
    let mut nearly_mute = meeting();
    nearly_mute.speakers[1].embedding = None;
    let request = json!({ "voiceprints": voiceprints });
    let output = answer(nearly_mute, JobKind::Identify, request).await;
    insta::assert_json_snapshot!(
        "identification_of_a_speaker_who_was_hardly_heard",
        output.unwrap()
    );
}

#[tokio::test]
async fn the_modes_of_matching() {
    // Grace is 87 like the speaker of 90 degrees and 50 like that of 0; Ada is 100 and 0.
    let voiceprints = people(&[("Grace", 60.0), ("Ada", 90.0)]).await;
    let both = json!([
        { "speaker": "SPEAKER_00", "match": "Ada", "confidence": { "Ada": 100, "Grace": 87 } },
        { "speaker": "SPEAKER_01", "match": "Grace", "confidence": { "Ada": 0, "Grace": 50 } },
    ]);
    assert_eq!(matches(json!({}), &voiceprints, meeting()).await, both);
    assert_eq!(
        matches(json!({ "threshold": 50 }), &voiceprints, meeting()).await,
        both
    );
    let mut ada_alone = both.clone();
    ada_alone[1]["match"] = Value::Null;
    assert_eq!(
        matches(json!({ "threshold": 51 }), &voiceprints, meeting()).await,
        ada_alone
    );
    let of_all = json!({ "exclusive": false });
    assert_eq!(matches(of_all, &voiceprints, meeting()).await, both);
    // With Grace alone, both speakers are nearest to her, but only one may have her.
    let grace = people(&[("Grace", 60.0)]).await;
    for (exclusive, other) in [(true, Value::Null), (false, json!("Grace"))] {
        let found = matches(json!({ "exclusive": exclusive }), &grace, meeting()).await;
        assert_eq!(found[0]["match"], "Grace");
        assert_eq!(found[1]["match"], other, "{exclusive}");
    }
}

#[tokio::test]
async fn voiceprints() {
    let output = answer(alone(0.0), JobKind::Voiceprint, json!({}))
        .await
        .unwrap();
    insta::assert_json_snapshot!("voiceprint", output);
    // The second voice is heard longest.
    let output = answer(meeting(), JobKind::Voiceprint, json!({}))
        .await
        .unwrap();
    assert_eq!(output["voiceprint"], enrolled(90.0).await);
    let warning = output["warning"].as_str().unwrap();
    assert!(
        warning.ends_with("; 2 voices are heard; the voiceprint is of the one heard longest"),
        "{warning}"
    );
    let silent = answer(Diarization::default(), JobKind::Voiceprint, json!({})).await;
    assert_eq!(silent.unwrap_err(), "nobody speaks in the recording");
    let unheard = Diarization {
        turns: vec![turn(0, 0.0, 0.1)],
        speakers: vec![Speaker {
            embedding: None,
            heard: 0.1,
        }],
        ..Diarization::default()
    };
    let unheard = answer(unheard, JobKind::Voiceprint, json!({})).await;
    assert_eq!(
        unheard.unwrap_err(),
        "there is too little speech of one voice alone for a voiceprint"
    );
}

#[tokio::test]
async fn what_cannot_be_worked_on_fails_and_says_why() {
    let engine = DiarizerEngine::new(Fake::default());
    let job = EngineJob::new("1".to_owned(), JobKind::Diarize, Map::new(), None);
    let error = engine.process(job).await.unwrap_err();
    assert_eq!(error.0, "there is no recording to hear");
    // Such a job was accepted by a server with another model, on the same store.
    let foreign = json!({ "voiceprints": [{ "label": "Ada", "voiceprint": "U29tZVZvaWNlUHJpbnREYXRhMQ==" }] });
    let error = answer(meeting(), JobKind::Identify, foreign)
        .await
        .unwrap_err();
    assert!(
        error.starts_with(
            "the voiceprint of \"Ada\" cannot be used: it is no voiceprint of a local server"
        ),
        "{error}"
    );
}
