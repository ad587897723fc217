//! Conversion of response bodies to results.

use pyannote::{Client, Diarization, ErrorKind, Identification, Job, JobKind, Voiceprint};
use pyannote_tests::body;
use pyannote_tests::http::{Response, TestServer};

use super::{builder, client};

async fn wait<T: JobKind>(body: &str) -> Result<T, pyannote::Error> {
    let server = TestServer::with_responses([Response::ok(body.to_owned())]).await;
    let (client, _) = client(&server);
    let job: Job<T> = client.job("1");
    job.wait().await
}

#[tokio::test]
async fn documented_identification() {
    let found: Identification = wait(&body("identify_succeeded")).await.unwrap();
    insta::assert_debug_snapshot!(found);
}

#[tokio::test]
async fn diarization_with_all_fields() {
    let diarization: Diarization = wait(&body("diarization_succeeded")).await.unwrap();
    insta::assert_debug_snapshot!(diarization);
    assert!(diarization.exclusive().is_none(), "null is absent");
    assert!(
        diarization.transcript().unwrap().is_empty(),
        "an empty list is not absent"
    );
}

#[tokio::test]
async fn debug_output_hides_the_voiceprint() {
    let voiceprint: Voiceprint = wait(&body("voiceprint_succeeded")).await.unwrap();
    assert_eq!(voiceprint.as_base64(), "U29tZVZvaWNlUHJpbnREYXRhMQ==");
    assert_eq!(format!("{voiceprint:?}"), "Voiceprint(<28 characters>)");
}

#[tokio::test]
async fn unknown_fields_are_ignored_and_kept_in_the_raw_body() {
    let newer = body("newer").replace("queued", "succeeded");
    let diarization: Diarization = wait(&newer).await.unwrap();
    assert_eq!(diarization.turns()[0].speaker, "SPEAKER_00");
    assert!(diarization.raw().is_none());

    let server = TestServer::with_responses([Response::ok(newer)]).await;
    let (builder, _) = builder(&server);
    let client: Client = builder.keep_raw_bodies().build().unwrap();
    let diarization = client.job::<Diarization>("1").wait().await.unwrap();
    let raw: serde_json::Value = serde_json::from_slice(diarization.raw().unwrap()).unwrap();
    assert_eq!(raw["output"]["emotionProbability"][1], 0.9);
}

#[tokio::test]
async fn a_job_of_another_kind_is_a_decode_error() {
    async fn mismatch<T: JobKind + std::fmt::Debug>(name: &str, part: &str) {
        let error = wait::<T>(&body(name)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(error.to_string().contains(&format!("`{part}`")), "{error}");
    }
    mismatch::<Identification>("diarization_succeeded", "identification").await;
    mismatch::<Voiceprint>("diarization_succeeded", "voiceprint").await;
    mismatch::<Diarization>("voiceprint_succeeded", "diarization").await;
    mismatch::<Identification>("voiceprint_succeeded", "identification").await;
    mismatch::<Voiceprint>("identify_succeeded", "voiceprint").await;
}

#[tokio::test]
async fn decode_errors_contain_the_path() {
    let broken = body("diarization_succeeded").replacen("0.5", "\"early\"", 1);
    let error = wait::<Diarization>(&broken).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    let text = error.to_string();
    assert!(text.contains("output.diarization[0].start"), "{text}");
}

#[tokio::test]
async fn results_round_trip_as_json() {
    let diarization: Diarization = wait(&body("diarization_succeeded")).await.unwrap();
    let json = serde_json::to_string(&diarization).unwrap();
    insta::assert_snapshot!("diarization_as_json", json);
    assert_eq!(
        serde_json::from_str::<Diarization>(&json).unwrap(),
        diarization
    );

    let found: Identification = wait(&body("identify_succeeded")).await.unwrap();
    let json = serde_json::to_string(&found).unwrap();
    insta::assert_snapshot!("identification_as_json", json);
    assert_eq!(
        serde_json::from_str::<Identification>(&json).unwrap(),
        found
    );

    let voiceprint: Voiceprint = wait(&body("voiceprint_succeeded")).await.unwrap();
    let json = serde_json::to_string(&voiceprint).unwrap();
    assert_eq!(json, "\"U29tZVZvaWNlUHJpbnREYXRhMQ==\"");
    assert_eq!(
        serde_json::from_str::<Voiceprint>(&json).unwrap(),
        voiceprint
    );
}

#[tokio::test]
async fn invalid_optional_fields_do_not_fail_a_result() {
    let json = r#"{"status":"succeeded","output":{"diarization":[],"warning":["one","two"],"error":{"code":1}}}"#;
    let diarization: Diarization = wait(json).await.unwrap();
    assert_eq!(diarization.warning(), Some(r#"["one","two"]"#));
    let json = body("identify_succeeded").replace(
        r#""confidence": {
          "John Doe": 16
        }"#,
        r#""confidence": null"#,
    );
    let found: Identification = wait(&json).await.unwrap();
    assert!(found.matches().unwrap()[1].confidence.is_empty());
    let failed = r#"{"status":"failed","output":{"error":{"code":1}}}"#;
    let error = wait::<Diarization>(failed).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobFailed);
    assert!(error.to_string().contains(r#"{"code":1}"#), "{error}");
    let voiceprint = r#"{"status":"succeeded","output":{"voiceprint":"AAAA","warning":"noisy"}}"#;
    assert_eq!(
        wait::<Voiceprint>(voiceprint).await.unwrap().warning(),
        Some("noisy")
    );
}

#[tokio::test]
async fn a_voiceprint_has_its_job_and_raw_body() {
    let created: Voiceprint = wait(&body("voiceprint_succeeded")).await.unwrap();
    assert_eq!(created.job_id().unwrap().as_str(), "1");
    assert!(created.raw().is_none());
    let stored = Voiceprint::from_base64(created.as_base64()).unwrap();
    assert_eq!(stored, created);
    assert!(stored.job_id().is_none());

    let server = TestServer::with_responses([Response::ok(body("voiceprint_succeeded"))]).await;
    let (builder, _) = builder(&server);
    let client = builder.keep_raw_bodies().build().unwrap();
    let created = client.job::<Voiceprint>("1").wait().await.unwrap();
    assert_eq!(created.raw(), Some(body("voiceprint_succeeded").as_bytes()));
    assert_eq!(format!("{created:?}"), "Voiceprint(<28 characters>)");
}

#[tokio::test]
async fn the_output_of_an_unfinished_job_is_not_decoded() {
    let running = r#"{"status":"running","output":{"diarization":"not yet"}}"#;
    let server = TestServer::with_responses([
        Response::ok(running),
        Response::ok(body("diarization_succeeded")),
    ])
    .await;
    let (client, _) = client(&server);
    let diarization = client.job::<Diarization>("1").wait().await.unwrap();
    assert_eq!(diarization.turns().len(), 1);
}
