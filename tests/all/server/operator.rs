//! The operation for operators.

use pyannote::{ErrorKind, JobStatus};
use pyannote_server::engine::{EngineFuture, EngineJob};
use pyannote_server::{ApiKey, Engine, Server, StartError};
use reqwest::{Method, Response};
use serde_json::json;
use uuid::Uuid;

use super::{AUDIO, KEY, anonymous, builder, client, get, server, status_and_body};
const OPERATOR: &str = "operator-key";

/// Never ends a job with `numSpeakers`.
struct HangingEngine;

impl Engine for HangingEngine {
    fn needs_audio(&self) -> bool {
        false
    }

    fn process(&self, job: EngineJob) -> EngineFuture<'_> {
        Box::pin(async move {
            if job.request.contains_key("numSpeakers") {
                std::future::pending::<()>().await;
            }
            Ok(json!({ "diarization": [] }).into())
        })
    }
}

async fn cancel(server: &Server, key: &str, id: &str) -> Response {
    let path = format!("/operator/jobs/{id}/cancel");
    let request = anonymous(server, Method::POST, &path).bearer_auth(key);
    request.send().await.unwrap()
}

#[tokio::test]
async fn without_an_operators_key_there_is_no_such_operation() {
    let server = server().await;
    let id = Uuid::new_v4().to_string();
    for key in [KEY, OPERATOR, ""] {
        assert_eq!(cancel(&server, key, &id).await.status(), 404);
    }
}

#[tokio::test]
async fn an_operator_cancels_a_job_of_any_team() {
    let server = builder()
        .engine(HangingEngine)
        .api_key(ApiKey::new("ada").team("ada"))
        .operator_key(OPERATOR)
        .start()
        .await
        .unwrap();
    let client = client(&server);
    let ended = client.diarize(AUDIO).submit().await.unwrap();
    ended.wait().await.unwrap();
    let hanging = client
        .diarize(AUDIO)
        .num_speakers(2)
        .submit()
        .await
        .unwrap();
    let (ended, id) = (ended.id().as_str(), hanging.id().as_str());

    // API keys are not enough, and the operator's key is not one.
    for key in [KEY, "ada", "", "operator-key2"] {
        assert_eq!(cancel(&server, key, id).await.status(), 401, "{key}");
    }
    let test = anonymous(&server, Method::GET, "/v1/test").bearer_auth(OPERATOR);
    assert_eq!(test.send().await.unwrap().status(), 401);
    let get_cancel = anonymous(&server, Method::GET, &format!("/operator/jobs/{id}/cancel"));
    assert_eq!(
        get_cancel
            .bearer_auth(OPERATOR)
            .send()
            .await
            .unwrap()
            .status(),
        405
    );

    let canceled = status_and_body(cancel(&server, OPERATOR, id).await).await;
    let body = json!({ "jobId": id, "status": "canceled" });
    assert_eq!(canceled, json!({ "status": 200, "body": body }));
    let job = status_and_body(get(&server, &format!("/v1/jobs/{id}")).await).await;
    assert_eq!(job["body"]["status"], "canceled");
    assert_eq!(job["body"].get("output"), None);
    let listed = get(&server, "/v2/jobs?status=canceled").await;
    assert_eq!(status_and_body(listed).await["body"]["items"][0]["id"], id);
    assert_eq!(hanging.status().await.unwrap(), JobStatus::Canceled);
    assert_eq!(
        hanging.wait().await.unwrap_err().kind(),
        ErrorKind::JobCanceled
    );

    for (id, status, text) in [
        (id, 409, "canceled"),
        (ended, 409, "succeeded"),
        ("00000000-0000-4000-8000-000000000000", 404, "not found"),
        ("nonsense", 404, "not found"),
    ] {
        let found = status_and_body(cancel(&server, OPERATOR, id).await).await;
        assert_eq!(found["status"], status);
        let message = found["body"]["message"].as_str().unwrap();
        assert!(message.to_lowercase().contains(text), "{message}");
    }
    // The worker is free again.
    client.diarize(AUDIO).await.unwrap();
    assert_eq!(server.jobs_in_progress().len(), 0);
}

#[tokio::test]
async fn the_operators_key_is_checked_as_the_others() {
    let error = builder().operator_key(KEY).start().await.unwrap_err();
    assert!(matches!(error, StartError::DuplicateKey));
    let error = builder().operator_key("").start().await.unwrap_err();
    assert!(matches!(error, StartError::InvalidOperatorKey));
}
