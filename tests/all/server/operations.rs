//! Status and body of each operation, with plain HTTP requests.

use std::time::Duration;

use pyannote_server::{ScriptedEngine, Server};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{AUDIO, KEY, anonymous, get, post, request, server, server_with, status_and_body};

async fn submit(server: &Server, path: &str, body: &Value) -> String {
    let response = post(server, path, body).await;
    assert_eq!(response.status(), StatusCode::OK);
    let created: Value = response.json().await.unwrap();
    let id = created["jobId"].as_str().unwrap().to_owned();
    assert_eq!(created, json!({ "jobId": id, "status": "created" }));
    id
}

/// The body of a job once it has ended, with ids and times redacted.
async fn ended(server: &Server, id: &str) -> Value {
    for _ in 0..400 {
        let response = get(server, &format!("/v1/jobs/{id}")).await;
        assert_eq!(response.status(), StatusCode::OK);
        let mut body: Value = response.json().await.unwrap();
        assert_eq!(body["jobId"], id);
        for field in ["createdAt", "updatedAt"] {
            let time = body[field].as_str().unwrap().to_owned();
            assert!(time.ends_with('Z') && time.len() == 24, "{time}");
            body[field] = json!("…");
        }
        if ["created", "running"].contains(&body["status"].as_str().unwrap()) {
            assert_eq!(body.get("output"), None);
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        }
        body["jobId"] = json!("…");
        return body;
    }
    panic!("the job does not end");
}

/// It is stored in several parts, which end within characters of two bytes.
#[tokio::test]
async fn a_large_result_is_sent_as_it_is_stored() {
    let engine = ScriptedEngine::new();
    let output = json!({ "text": format!("a{}", "é".repeat(2 << 20)), "last": [1, null] });
    engine.then(Ok(output.clone()));
    let server = server_with(engine).await;
    let id = submit(&server, "/v1/diarize", &json!({ "url": AUDIO })).await;
    let body = ended(&server, &id).await;
    assert!(body["output"] == output);
    let response = get(&server, &format!("/v1/jobs/{id}")).await;
    let length = response.content_length().unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(length, response.bytes().await.unwrap().len() as u64);
}

#[tokio::test]
async fn submit_and_read_jobs() {
    let server = server().await;
    let voiceprints = json!([{ "label": "Ada", "voiceprint": "U29tZQ==" }]);
    for (path, body) in [
        (
            "/v1/diarize",
            json!({ "url": AUDIO, "exclusive": true, "new": {} }),
        ),
        (
            "/v1/identify",
            json!({ "url": AUDIO, "voiceprints": voiceprints }),
        ),
        ("/v1/voiceprint", json!({ "url": AUDIO, "model": null })),
    ] {
        let id = submit(&server, path, &body).await;
        insta::assert_json_snapshot!(path.replace('/', "_"), ended(&server, &id).await);
    }
}

#[tokio::test]
async fn failed_job_has_an_error() {
    let engine = ScriptedEngine::new();
    engine.then(Err("the audio could not be read".to_owned()));
    let server = server_with(engine).await;
    let id = submit(&server, "/v1/diarize", &json!({ "url": AUDIO })).await;
    insta::assert_json_snapshot!(ended(&server, &id).await, @r#"
    {
      "jobId": "…",
      "status": "failed",
      "createdAt": "…",
      "updatedAt": "…",
      "output": {
        "error": "the audio could not be read"
      }
    }
    "#);
}

#[tokio::test]
async fn jobs_are_listed_newest_first() {
    let server = server().await;
    let mut ids = Vec::new();
    for _ in 0..12 {
        let id = submit(&server, "/v1/diarize", &json!({ "url": AUDIO })).await;
        ended(&server, &id).await;
        ids.insert(0, id);
    }
    let page = async |query: &str| -> (Vec<String>, Value) {
        let response = get(&server, &format!("/v2/jobs{query}")).await;
        assert_eq!(response.status(), StatusCode::OK);
        let body: Value = response.json().await.unwrap();
        assert!(body.as_object().unwrap().contains_key("nextCursor"));
        let items = body["items"].as_array().unwrap();
        let ids = items.iter().map(|item| {
            assert_eq!(item["status"], "succeeded");
            assert!(item["createdAt"].is_string() && item.get("output").is_none());
            item["id"].as_str().unwrap().to_owned()
        });
        (ids.collect(), body["nextCursor"].clone())
    };
    let (first, cursor) = page("").await;
    assert_eq!(first, ids[..10]);
    let (second, end) = page(&format!("?cursor={}", cursor.as_str().unwrap())).await;
    assert_eq!((second.as_slice(), end), (&ids[10..], Value::Null));
    // A full page that is the last one has no cursor.
    assert_eq!(page("?limit=12&status=succeeded").await, (ids, Value::Null));
    assert_eq!(page("?status=failed").await, (vec![], Value::Null));
    assert_eq!(page("?status=pending").await, (vec![], Value::Null));
}

#[tokio::test]
async fn test_key() {
    let server = server().await;
    insta::assert_json_snapshot!(status_and_body(get(&server, "/v1/test").await).await, @r#"
    {
      "status": 200,
      "body": {
        "status": "OK",
        "message": "API key is valid"
      }
    }
    "#);
}

#[tokio::test]
async fn health_and_metrics_need_no_key() {
    let server = server().await;
    post(&server, "/v1/diarize", &json!({ "url": AUDIO })).await;
    post(&server, "/v1/diarize", &json!({})).await;
    let health = anonymous(&server, Method::GET, "/healthz")
        .send()
        .await
        .unwrap();
    assert_eq!(health.status(), StatusCode::OK);
    let metrics = anonymous(&server, Method::GET, "/metrics")
        .send()
        .await
        .unwrap();
    let text = metrics.text().await.unwrap();
    for line in [
        r#"pyannote_requests_total{operation="diarize",status="200"} 1"#,
        r#"pyannote_requests_total{operation="diarize",status="400"} 1"#,
        r#"pyannote_jobs_accepted_total{kind="diarize"} 1"#,
        r#"pyannote_jobs{status="canceled"} 0"#,
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[tokio::test]
async fn recorded_requests_do_not_contain_the_key() {
    let server = super::builder()
        .max_recorded_requests(2)
        .start()
        .await
        .unwrap();
    get(&server, "/v1/test").await;
    anonymous(&server, Method::GET, "/unknown?a=1")
        .send()
        .await
        .unwrap();
    let body = json!({ "url": AUDIO });
    request(&server, Method::POST, "/v1/diarize")
        .json(&body)
        .send()
        .await
        .unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(
        (requests[0].path.as_str(), requests[0].query.as_deref()),
        ("/unknown", Some("a=1"))
    );
    assert_eq!(
        (requests[0].authorized, requests[1].authorized),
        (None, Some(true))
    );
    assert_eq!(requests[1].method, Method::POST);
    assert_eq!(
        serde_json::from_slice::<Value>(&requests[1].body).unwrap(),
        body
    );
    assert!(!format!("{requests:?} {server:?}").contains(KEY));
}
