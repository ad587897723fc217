//! Requests that are made to exhaust the server.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyannote_server::engine::{EngineFuture, EngineJob, JobKind};
use pyannote_server::{Engine, Violation};
use reqwest::StatusCode;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use super::{AUDIO, get, post, server, server_with, status_and_body};

/// Limit for what happens at once, unless the server is at fault.
const TIMEOUT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_number_of_violations_in_a_response_is_limited() {
    let server = server().await;
    let body = json!({ "url": AUDIO, "voiceprints": vec![json!({}); 100_000] });
    let response = status_and_body(post(&server, "/v1/identify", &body).await).await;
    assert_eq!(response["status"], 400);
    let message = "Invalid request: only the first 50 errors are listed";
    assert_eq!(response["body"]["message"], message);
    let errors = response["body"]["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 50);
    let too_many = json!({ "field": "voiceprints", "message": "has more than 50 items" });
    assert_eq!(errors[0], too_many);
    let query = "limit=0&".repeat(1_000);
    let response = status_and_body(get(&server, &format!("/v2/jobs?{query}")).await).await;
    assert_eq!(response["body"]["errors"].as_array().unwrap().len(), 50);
}

/// An engine whose validation takes until it receives a message.
struct SlowCheck {
    begun: Arc<Notify>,
    end: Mutex<Receiver<()>>,
}

impl Engine for SlowCheck {
    fn needs_audio(&self) -> bool {
        false
    }

    fn check(&self, _: JobKind, _: &Map<String, Value>) -> Vec<Violation> {
        self.begun.notify_one();
        let result = self.end.lock().unwrap().recv_timeout(TIMEOUT);
        let blocked = |_| Violation::new("body", "no other request was answered in the meantime");
        result.map_err(blocked).err().into_iter().collect()
    }

    fn process(&self, _: EngineJob) -> EngineFuture<'_> {
        Box::pin(std::future::pending())
    }
}

/// The runtime of the test has one thread, which the server shares.
#[tokio::test]
async fn requests_are_answered_while_a_large_body_is_validated() {
    let begun = Arc::new(Notify::new());
    let (answered, end) = channel();
    let engine = SlowCheck {
        begun: Arc::clone(&begun),
        end: Mutex::new(end),
    };
    let server = server_with(engine).await;
    let voiceprint = json!({ "label": "Ada", "voiceprint": "QUFB".repeat(5_000) });
    let large = json!({ "url": AUDIO, "voiceprints": [voiceprint] });
    let other = async {
        begun.notified().await;
        let response = get(&server, "/healthz").await;
        assert_eq!(response.status(), StatusCode::OK);
        answered.send(()).unwrap();
    };
    let (response, ()) = tokio::join!(post(&server, "/v1/identify", &large), other);
    assert_eq!(response.status(), StatusCode::OK);
}

/// What is stored until the job ends: also fields that nobody knows, and texts without a limit in the schema.
#[tokio::test]
async fn a_submission_has_at_most_64_kib_besides_its_voiceprints() {
    let server = server().await;
    let voiceprint =
        |n: usize| json!({ "label": n.to_string(), "voiceprint": "AAAA".repeat(4_000) });
    let voiceprints: Vec<Value> = (0..50).map(voiceprint).collect();
    for (field, bytes, status) in [
        ("unknown", 60_000, 200),
        ("unknown", 66_000, 400),
        ("model", 66_000, 400),
    ] {
        let mut request = json!({ "url": AUDIO, "voiceprints": voiceprints });
        request[field] = "a".repeat(bytes).into();
        let response = post(&server, "/v1/identify", &request).await;
        assert_eq!(response.status(), status, "{field}, {bytes} bytes");
        if status == 400 {
            let body: Value = response.json().await.unwrap();
            assert_eq!(body["errors"][0]["field"], "body", "{body}");
        }
    }
}
