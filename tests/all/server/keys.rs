//! Scopes, credit and teams of API keys.

use pyannote::{Client, ErrorKind};
use pyannote_server::{ApiKey, Scope};
use reqwest::Method;
use serde_json::{Value, json};

use super::{AUDIO, KEY, anonymous, builder, get, post, status_and_body};

#[tokio::test]
async fn scopes_and_credit() {
    let server = builder()
        .api_key(ApiKey::new("reader").scopes([Scope::JobsRead]))
        .api_key(ApiKey::new("broke").without_credit())
        .start()
        .await
        .unwrap();
    let send = async |key: &str, method: Method, path: &str| {
        let body = json!({ "url": "media://a" });
        let request = anonymous(&server, method, path)
            .bearer_auth(key)
            .json(&body);
        request.send().await.unwrap()
    };
    for path in ["/v1/diarize", "/v1/identify", "/v1/voiceprint"] {
        let response = send("reader", Method::POST, path).await;
        insta::assert_json_snapshot!("scope", status_and_body(response).await);
        let response = send("broke", Method::POST, path).await;
        insta::assert_json_snapshot!("credit", status_and_body(response).await);
    }
    for (key, method, path, status) in [
        ("reader", Method::GET, "/v2/jobs", 200),
        ("reader", Method::GET, "/v1/test", 200),
        ("reader", Method::POST, "/v1/media/input", 403),
        ("reader", Method::POST, "/v1/media/output", 403),
        ("broke", Method::GET, "/v2/jobs", 200),
        ("broke", Method::POST, "/v1/media/input", 201),
        ("broke", Method::POST, "/v1/live", 402),
    ] {
        assert_eq!(
            send(key, method, path).await.status(),
            status,
            "{key} {path}"
        );
    }
    for (key, kind) in [
        ("reader", ErrorKind::Forbidden),
        ("broke", ErrorKind::PaymentRequired),
        ("wrong", ErrorKind::Unauthorized),
    ] {
        let client = Client::builder().api_key(key).base_url(server.url());
        let client = client.build().unwrap();
        let error = client.diarize(AUDIO).submit().await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.request_id().is_some());
    }
}

/// The server's own table of scopes, which is written independently, agrees with the specification.
#[tokio::test]
async fn scopes_of_all_operations_are_those_of_the_specification() {
    let mut builder = builder();
    for scope in Scope::ALL {
        let others = Scope::ALL.into_iter().filter(|other| *other != scope);
        builder = builder
            .api_key(ApiKey::new(format!("only-{}", scope.as_str())).scopes([scope]))
            .api_key(ApiKey::new(format!("all-but-{}", scope.as_str())).scopes(others));
    }
    let server = builder.start().await.unwrap();
    let bundle = pyannote_tests::bundle();
    let operations = xtask::document::operations(&bundle).unwrap();
    assert_eq!(operations.len(), 10);
    for operation in operations {
        let needed: Vec<&str> = operation
            .value
            .get("x-api-key-permissions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let path = operation.path.replace("{jobId}", "1").replace("{id}", "1");
        for scope in Scope::ALL {
            let scope = scope.as_str();
            for (key, is_allowed) in [
                (
                    format!("only-{scope}"),
                    needed.iter().all(|needed| *needed == scope),
                ),
                (format!("all-but-{scope}"), !needed.contains(&scope)),
            ] {
                let method =
                    Method::from_bytes(operation.method.to_uppercase().as_bytes()).unwrap();
                let request = anonymous(&server, method, &path)
                    .bearer_auth(&key)
                    .json(&json!({}));
                let refusal = request.send().await.unwrap().text().await.unwrap();
                assert_eq!(
                    !refusal.contains(&format!("lacks the scope {}", needed.join(" "))),
                    is_allowed,
                    "{operation} with {key}: {refusal}"
                );
            }
        }
    }
}

#[tokio::test]
async fn teams_are_isolated() {
    let server = builder()
        .api_key(ApiKey::new("other").team("other"))
        .start()
        .await
        .unwrap();
    let created = post(&server, "/v1/diarize", &json!({ "url": AUDIO })).await;
    let created: Value = created.json().await.unwrap();
    let path = format!("/v1/jobs/{}", created["jobId"].as_str().unwrap());
    assert_eq!(get(&server, &path).await.status(), 200);
    let theirs = anonymous(&server, Method::GET, &path).bearer_auth("other");
    assert_eq!(theirs.send().await.unwrap().status(), 404);
    let list = anonymous(&server, Method::GET, "/v2/jobs").bearer_auth("other");
    let list: Value = list.send().await.unwrap().json().await.unwrap();
    assert_eq!(list, json!({ "items": [], "nextCursor": null }));
    assert_eq!(server.api_key(), KEY);
}
