//! Results of bodies that are not as specified: what can be decoded is, and what cannot be has a warning.

use bytes::Bytes;
use pyannote::testing::result_of;
use pyannote::{Diarization, Error, ErrorKind, Identification, JobKind, Voiceprint};
use pyannote_tests::http::{Response, TestServer};
use serde_json::{Value, json};

use super::{builder, client};

fn diarization() -> Value {
    json!({
        "jobId": "1", "status": "succeeded", "createdAt": "2025-11-06T09:07:49.932Z",
        "output": {
            "diarization": [
                {"start": 0.5, "end": 2.0, "speaker": "A", "confidence": {"A": 90, "B": 10}},
                {"start": 2.0, "end": 3.0, "speaker": "B"},
            ],
            "exclusiveDiarization": [{"start": 0.5, "end": 2.0, "speaker": "A"}],
            "confidence": {"score": [97, 96.5, 12], "resolution": 0.02},
            "wordLevelTranscription": [
                {"start": 0.5, "end": 0.75, "text": "Hello", "speaker": "A"},
                {"start": 0.75, "end": 1.0, "text": "you", "speaker": "A"},
            ],
            "turnLevelTranscription": [{"start": 0.5, "end": 2.0, "text": "Hello you", "speaker": "A"}],
            "warning": "noisy",
        },
    })
}

fn identification() -> Value {
    json!({
        "status": "succeeded",
        "output": {
            "diarization": [{"start": 0.5, "end": 2.0, "speaker": "SPEAKER_00"}],
            "identification": [
                {"start": 0.5, "end": 2.0, "diarizationSpeaker": "SPEAKER_00", "match": "Ada", "speaker": "Ada"},
                {"start": 2.0, "end": 3.0, "diarizationSpeaker": "SPEAKER_01", "match": null, "speaker": "SPEAKER_01"},
            ],
            "voiceprints": [
                {"speaker": "SPEAKER_00", "match": "Ada", "confidence": {"Ada": 86}},
                {"speaker": "SPEAKER_01", "match": null, "confidence": {"Ada": 16, "Bob": 3}},
            ],
        },
    })
}

/// Replaces a part of a body with JSON text, or removes it.
fn replaced(mut body: Value, pointer: &str, json: Option<&str>) -> Bytes {
    match json {
        Some(json) => {
            *body.pointer_mut(pointer).unwrap() = "PLACEHOLDER".into();
            body.to_string().replace("\"PLACEHOLDER\"", json).into()
        }
        None => {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
            parent.remove(name).unwrap();
            body.to_string().into()
        }
    }
}

fn result<T: JobKind>(body: Bytes) -> T {
    result_of(body).unwrap().unwrap()
}

fn warnings(warnings: &[pyannote::DecodeWarning]) -> Vec<String> {
    warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn odd_parts_of_a_diarization_are_left_out_with_a_warning() {
    let mut report = String::new();
    for (pointer, json) in [
        ("/output/diarization/1/start", Some("null")),
        ("/output/diarization/1/start", None),
        ("/output/diarization/1/start", Some("\"soon\"")),
        ("/output/diarization/1/end", Some("1e999")),
        ("/output/diarization/1/speaker", Some("{}")),
        ("/output/diarization/1", Some("null")),
        ("/output/diarization/1", Some("\"turn\"")),
        ("/output/diarization/0/confidence", Some("\"high\"")),
        ("/output/diarization/0/confidence", Some("[90,10]")),
        ("/output/diarization/0/confidence/B", Some("null")),
        ("/output/diarization/0/confidence/B", Some("{\"score\":1}")),
        ("/output/exclusiveDiarization", Some("{}")),
        ("/output/exclusiveDiarization/0", Some("7")),
        ("/output/confidence", Some("[97]")),
        ("/output/confidence/resolution", None),
        ("/output/confidence/score", Some("\"97\"")),
        ("/output/confidence/score/1", Some("null")),
        ("/output/confidence/score/1", Some("\"high\"")),
        ("/output/confidence/score", Some("[null,null]")),
        ("/output/confidence/score", Some("[null,\"high\"]")),
        ("/output/wordLevelTranscription/0/start", Some("null")),
        ("/output/wordLevelTranscription/0/text", Some("null")),
        ("/output/wordLevelTranscription", Some("true")),
        ("/output/turnLevelTranscription/0/speaker", None),
    ] {
        let diarization: Diarization = result(replaced(diarization(), pointer, json));
        let count = |length: Option<usize>| length.map_or("-".to_owned(), |n| n.to_string());
        report += &format!(
            "{pointer} = {}\n  {} turns, {} exclusive, {} scores, {} words, {} texts\n",
            json.unwrap_or("(missing)"),
            diarization.turns().len(),
            count(diarization.exclusive().map(|turns| turns.len())),
            count(
                diarization
                    .confidence()
                    .map(|confidence| confidence.score.len())
            ),
            count(diarization.words().map(|words| words.len())),
            count(diarization.transcript().map(|transcript| transcript.len())),
        );
        assert!(!diarization.decode_warnings().is_empty(), "{pointer}");
        for warning in diarization.decode_warnings() {
            report += &format!("  {warning}\n");
        }
        assert_eq!(diarization.warning(), Some("noisy"));
    }
    insta::assert_snapshot!(report);
}

#[test]
fn odd_parts_of_an_identification_are_left_out_with_a_warning() {
    for (pointer, json, turns, matches, expected) in [
        (
            "/output/identification/1/start",
            "null",
            1,
            Some(2),
            "output.identification[1].start: expected a number, got nothing; `output.identification[1]` is left out",
        ),
        (
            "/output/identification/0/match",
            "[\"Ada\"]",
            2,
            Some(2),
            "output.identification[0].match: expected a string, got an array; it is left out",
        ),
        (
            "/output/voiceprints/0/speaker",
            "null",
            2,
            Some(1),
            "output.voiceprints[0].speaker: expected a string, got nothing; `output.voiceprints[0]` is left out",
        ),
        (
            "/output/voiceprints/1/confidence/Bob",
            "\"low\"",
            2,
            Some(2),
            "output.voiceprints[1].confidence.Bob: expected a number, got a string; it is left out",
        ),
        (
            "/output/voiceprints/1/confidence",
            "3",
            2,
            Some(2),
            "output.voiceprints[1].confidence: expected an object, got a number; it is left out",
        ),
        (
            "/output/voiceprints",
            "\"none\"",
            2,
            None,
            "output.voiceprints: expected an array, got a string; it is left out",
        ),
        (
            "/output/diarization",
            "5",
            2,
            Some(2),
            "output.diarization: expected an array, got a number; it is left out",
        ),
    ] {
        let found: Identification = result(replaced(identification(), pointer, Some(json)));
        assert_eq!(warnings(found.decode_warnings()), [expected]);
        assert_eq!(found.turns().len(), turns, "{pointer}");
        assert_eq!(found.identified().len(), turns, "{pointer}");
        assert_eq!(found.matches().map(<[_]>::len), matches, "{pointer}");
    }
}

/// The output of a diarization or an identification with probabilities.
fn with_probabilities(mut body: Value) -> Value {
    let output = &mut body["output"];
    output["speechProbability"] = json!({"score": [90, 80.5], "resolution": 0.02});
    output["crosstalkProbability"] = json!({"resolution": 0.02, "score": [1, 2]});
    output["speakerProbability"] =
        json!({"score": {"SPEAKER_00": [90, 3], "SPEAKER_01": [4, 70.5]}, "resolution": 0.02});
    body
}

/// How many frames each curve of a result has, and the warnings.
macro_rules! curves {
    ($result:expr) => {{
        let result = $result;
        let speakers = result.speaker_probability().map(|speakers| {
            let speakers = speakers.iter();
            let frames = speakers.map(|(speaker, scores)| (speaker.to_owned(), scores.score.len()));
            frames.collect::<Vec<_>>()
        });
        let length = |scores: Option<&pyannote::output::FrameScores>| {
            scores.map(|scores| scores.score.len())
        };
        let curves = format!(
            "speech {:?}, crosstalk {:?}, speakers {speakers:?}",
            length(result.speech_probability()),
            length(result.crosstalk_probability()),
        );
        (curves, warnings(result.decode_warnings()))
    }};
}

#[test]
fn an_odd_curve_does_not_cost_the_others() {
    let mut report = String::new();
    for (pointer, json) in [
        ("/output/speechProbability", Some("[1,2]")),
        ("/output/speechProbability/score", Some("{\"A\":[1]}")),
        ("/output/speechProbability/score", None),
        ("/output/speechProbability/resolution", Some("\"often\"")),
        ("/output/crosstalkProbability/score/0", Some("1e300")),
        ("/output/crosstalkProbability/score", Some("[null]")),
        ("/output/speakerProbability", Some("true")),
        ("/output/speakerProbability/score", Some("[1,2]")),
        ("/output/speakerProbability/resolution", None),
        (
            "/output/speakerProbability/score/SPEAKER_00",
            Some("\"90\""),
        ),
        ("/output/speakerProbability/score/SPEAKER_00", Some("null")),
        (
            "/output/speakerProbability/score/SPEAKER_00/1",
            Some("null"),
        ),
        ("/output/speakerProbability/score/SPEAKER_01", Some("[{}]")),
    ] {
        let odd = |body: Value| replaced(with_probabilities(body), pointer, json);
        let diarized: Diarization = result(odd(diarization()));
        assert_eq!(
            (diarized.turns().len(), diarized.words().unwrap().len()),
            (2, 2)
        );
        let identified: Identification = result(odd(identification()));
        assert_eq!(identified.turns().len(), 2);
        let (curves, warnings) = curves!(diarized);
        assert_eq!(curves!(identified), (curves.clone(), warnings.clone()));
        let json = json.unwrap_or("(missing)");
        report += &format!("{pointer} = {json}\n  {curves}\n");
        for warning in warnings {
            report += &format!("  {warning}\n");
        }
    }
    insta::assert_snapshot!(report);
}

#[test]
fn curves_are_decoded_and_can_be_stored() {
    for body in [diarization(), identification()] {
        let body = with_probabilities(body).to_string();
        if body.contains("\"identification\"") {
            let found: Identification = result(body.into());
            let json = serde_json::to_string(&found).unwrap();
            assert_eq!(
                serde_json::from_str::<Identification>(&json).unwrap(),
                found
            );
            continue;
        }
        let diarization: Diarization = result(body.into());
        let speech = diarization.speech_probability().unwrap();
        assert_eq!((speech.at(0.0), speech.at(0.02)), (Some(90.0), Some(80.5)));
        assert_eq!(
            diarization.crosstalk_probability().unwrap().score,
            [1.0, 2.0]
        );
        let speakers = diarization.speaker_probability().unwrap();
        assert_eq!(speakers.get("SPEAKER_01").unwrap().score, [4.0, 70.5]);
        assert_eq!(warnings(diarization.decode_warnings()), [""; 0]);
        let json = serde_json::to_string(&diarization).unwrap();
        assert!(
            json.contains(r#""speakerProbability":{"score":{"SPEAKER_00":[90.0,3.0],"SPEAKER_01":[4.0,70.5]},"resolution":0.02}"#),
            "{json}"
        );
        assert_eq!(
            serde_json::from_str::<Diarization>(&json).unwrap(),
            diarization
        );
    }
}

#[test]
fn values_in_another_notation_need_no_warning() {
    for (pointer, json) in [
        ("/output/diarization/0/start", "\"0.5\""),
        ("/output/diarization/0/end", "2"),
        ("/output/diarization/0/end", "2e0"),
        ("/output/diarization/0/confidence", "null"),
        ("/output/diarization/0/confidence/A", "\"90\""),
        ("/output/wordLevelTranscription/0/text", "7"),
        ("/output/warning", "\"noi\\ud800sy\""),
        ("/output/confidence/score/1", "\"96.5\""),
        ("/jobId", "7"),
        ("/createdAt", "\"yesterday\""),
    ] {
        let diarization: Diarization = result(replaced(diarization(), pointer, Some(json)));
        assert_eq!(warnings(diarization.decode_warnings()), [""; 0], "{json}");
        assert_eq!(diarization.turns()[0].start, 0.5);
        assert_eq!(diarization.turns()[0].end, 2.0);
        assert_eq!(diarization.turns().len(), 2);
        assert_eq!(diarization.words().unwrap().len(), 2);
        assert_eq!(diarization.confidence().unwrap().score, [97.0, 96.5, 12.0]);
    }
    let body = identification().to_string();
    let body = body.replace("\"SPEAKER_00\"", "0");
    let found: Identification = result(body.into());
    assert_eq!(found.identified()[0].diarization_speaker, "0");
}

#[test]
fn invalid_text_does_not_remove_words() {
    let mut body = diarization();
    body["output"]["wordLevelTranscription"][0]["text"] = "X".into();
    let body = body.to_string();
    let surrogate: Diarization = result(body.replace("\"X\"", r#""a\ud800b""#).into());
    assert_eq!(
        surrogate.words().unwrap()[0].text,
        "a\u{fffd}\u{fffd}\u{fffd}b"
    );

    let (start, end) = body.split_once("\"X\"").unwrap();
    let body = [start.as_bytes(), b"\"a\xffb\"", end.as_bytes()].concat();
    let bytes: Diarization = result(body.into());
    assert_eq!(bytes.words().unwrap()[0].text, "a\u{fffd}b");
    assert_eq!(
        warnings(bytes.decode_warnings()),
        ["output: not valid UTF-8; invalid bytes became replacement characters"]
    );
}

#[test]
fn duplicate_fields_count_once() {
    let body = diarization().to_string();
    let body = body.replacen("\"output\":{", "\"output\":{\"diarization\":5,", 1);
    let diarization: Diarization = result(body.into());
    assert_eq!(diarization.turns().len(), 2);
}

#[test]
fn results_with_missing_scores_can_be_stored() {
    let body = replaced(diarization(), "/output/confidence/score/1", Some("null"));
    let diarization: Diarization = result(body);
    let scores = &diarization.confidence().unwrap().score;
    assert_eq!((scores[0], scores[2]), (97.0, 12.0));
    assert!(scores[1].is_nan());
    let json = serde_json::to_string(&diarization).unwrap();
    assert!(json.contains(r#""score":[97.0,null,12.0]"#), "{json}");
    let stored: Diarization = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&stored).unwrap(), json);
}

#[test]
fn a_result_without_its_required_part_is_a_decode_error() {
    fn error<T: JobKind + std::fmt::Debug>(
        body: Value,
        pointer: &str,
        json: Option<&str>,
    ) -> Error {
        let body = replaced(body, pointer, json);
        let error = result_of::<T>(body.clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
        assert_eq!(error.job_id().unwrap().as_str(), "test");
        assert_eq!(error.job_json(), Some(&body[..]));
        error
    }
    let turns = "/output/diarization";
    for json in [
        None,
        Some("null"),
        Some("5"),
        Some("{}"),
        Some("[1]"),
        Some("[{\"start\":0}]"),
    ] {
        error::<Diarization>(diarization(), turns, json);
    }
    let text = error::<Diarization>(diarization(), turns, Some("[{\"start\":null}]")).to_string();
    assert!(text.contains("output.diarization[0].start"), "{text}");
    error::<Identification>(identification(), "/output/identification", Some("[7]"));
    let voiceprint = || json!({"status": "succeeded", "output": {"voiceprint": "AAAA"}});
    for json in [None, Some("7"), Some("[0.1,0.2]")] {
        error::<Voiceprint>(voiceprint(), "/output/voiceprint", json);
    }
    error::<Diarization>(diarization(), "/status", Some("7"));
    // No turns are a result: nobody speaks.
    let silence: Diarization = result(replaced(diarization(), turns, Some("[]")));
    assert!(silence.turns().is_empty());
}

#[tokio::test]
async fn a_decode_error_of_a_wait_has_the_response_and_the_json() {
    let body = r#"{"status":"succeeded","output":{"diarization":5}}"#;
    let response = Response::ok(body).header("x-request-id", "r-1");
    let server = TestServer::with_responses([response]).await;
    let (client, _) = client(&server);
    let error = client.job::<Diarization>("7").wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(error.status().unwrap(), 200);
    assert_eq!(error.request_id(), Some("r-1"));
    assert_eq!(error.job_id().unwrap().as_str(), "7");
    assert_eq!(error.job_json(), Some(body.as_bytes()));
    assert_eq!(server.request_count(), 1);
    assert!(!format!("{error:?}").contains("job_json"));
}

#[tokio::test]
async fn the_json_of_any_job_can_be_fetched() {
    let bodies = [
        r#"{"status":"succeeded","output":{"emotions":[1e999,"\ud800"]}}"#,
        r#"{"status":"failed","output":{"error":"no speech"}}"#,
        r#"["odd"]"#,
        "5",
    ];
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for body in bodies.into_iter().chain([deep.as_str()]) {
        for sent in [body.to_owned(), format!("\u{feff}{body}")] {
            let server = TestServer::with_responses([Response::ok(sent)]).await;
            let (client, _) = client(&server);
            assert_eq!(client.job_json("a b").await.unwrap(), body);
            assert_eq!(server.request_lines(), ["GET /v1/jobs/a%20b"]);
        }
    }
    let server = TestServer::with_responses([Response::ok("<html>sign in</html>")]).await;
    let (client, _) = client(&server);
    let error = client.job_json("1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(error.status().unwrap(), 200);
    assert_eq!(error.job_json(), Some(&b"<html>sign in</html>"[..]));
    let server = TestServer::with_responses([Response::new(404, "{}")]).await;
    let (client, _) = super::client(&server);
    let error = client.job_json("1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.job_id().unwrap().as_str(), "1");
    assert_eq!(
        client.job_json("..").await.unwrap_err().kind(),
        ErrorKind::Validation
    );
}

#[tokio::test]
async fn a_byte_order_mark_is_ignored_in_every_response() {
    let with_bom = |body: &str| Response::ok(format!("\u{feff}{body}"));
    let body = diarization().to_string();
    let server = TestServer::with_responses([
        with_bom(r#"{"jobId":"7","status":"created"}"#),
        with_bom(r#"{"status":"running"}"#),
        with_bom(&body),
        with_bom(r#"{"items":[],"nextCursor":null}"#),
        with_bom(r#"{"status":"OK","message":"the key is valid"}"#),
        Response::new(
            400,
            "\u{feff}{\"errors\":[{\"field\":\"url\",\"message\":\"odd\"}]}",
        ),
    ])
    .await;
    let (builder, _) = builder(&server);
    let client = builder.keep_raw_bodies().build().unwrap();
    let job = client.diarize("https://host/a.wav").submit().await.unwrap();
    assert_eq!(job.id().as_str(), "7");
    let diarization = job.wait().await.unwrap();
    assert_eq!(diarization.turns().len(), 2);
    assert_eq!(diarization.raw(), Some(body.as_bytes()));
    assert!(client.jobs().page(None).await.unwrap().items.is_empty());
    client.raw().test_key().send().await.unwrap();
    let error = client
        .diarize("https://host/a.wav")
        .submit()
        .await
        .unwrap_err();
    assert_eq!(error.field_errors()[0].field, "url");
}

#[tokio::test]
async fn a_running_job_with_an_odd_output_is_running() {
    for output in [
        "5",
        "[]",
        r#"{"diarization":5}"#,
        r#"{"diarization":[{}]}"#,
        r#""\ud800""#,
        "1e999",
    ] {
        let running = format!(r#"{{"status":"running","output":{output}}}"#);
        let body = diarization().to_string();
        let server = TestServer::with_responses([Response::ok(running), Response::ok(body)]).await;
        let (client, _) = client(&server);
        let diarization = client.job::<Diarization>("1").wait().await.unwrap();
        assert_eq!(diarization.turns().len(), 2);
    }
}

#[tokio::test]
async fn debug_output_hides_kept_bodies() {
    let body = r#"{"status":"succeeded","output":{"diarization":[],"voiceprint":"c2VjcmV0"}}"#;
    let server = TestServer::with_responses([Response::ok(body)]).await;
    let (builder, _) = builder(&server);
    let client = builder.keep_raw_bodies().build().unwrap();
    let diarization = client.job::<Diarization>("1").wait().await.unwrap();
    assert_eq!(diarization.raw(), Some(body.as_bytes()));
    let debug = format!("{diarization:?}");
    assert!(!debug.contains("c2VjcmV0"), "{debug}");
    let expected = format!("raw_bytes: Some({})", body.len());
    assert!(debug.contains(&expected), "{debug}");
}
