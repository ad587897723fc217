//! What helps with a first request: the page of the server, the specification, and warnings.

use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Value, json};

use super::{AUDIO, anonymous, builder, post, server};

#[tokio::test]
async fn the_page_of_the_server_needs_no_key() {
    let server = server().await;
    for (accept, content_type) in [
        ("*/*", "text/html; charset=utf-8"),
        ("text/html, */*;q=0.8", "text/html; charset=utf-8"),
        ("application/json", "application/json"),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let request = anonymous(&server, method.clone(), "/").header(ACCEPT, accept);
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 200, "{method} {accept}");
            assert_eq!(response.headers()[CONTENT_TYPE], content_type, "{accept}");
        }
    }
    let page = anonymous(&server, Method::GET, "/").send().await.unwrap();
    let page = page.text().await.unwrap();
    let commands = format!("export PYANNOTEAI_BASE_URL={} ", server.url());
    assert!(page.contains(&commands), "{page}");
    assert!(page.contains("<code>/v1/jobs/{jobId}</code>"), "{page}");
    for link in page.split("href=\"/").skip(1) {
        let path = format!("/{}", link.split('"').next().unwrap());
        let response = anonymous(&server, Method::GET, &path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn the_specification_has_the_url_of_the_server() {
    let server = builder()
        .public_url("https://diarization.example/")
        .start()
        .await
        .unwrap();
    let response = anonymous(&server, Method::GET, "/openapi.yaml")
        .send()
        .await;
    let text = response.unwrap().text().await.unwrap();
    let specification: Value = yaml_serde::from_str(&text).unwrap();
    assert_eq!(
        specification["servers"],
        json!([{ "url": "https://diarization.example" }])
    );
    assert!(specification["paths"]["/v1/diarize"]["post"].is_object());
}

#[tokio::test]
async fn a_webhook_that_is_not_sent_is_in_the_warning() {
    let signing = builder().webhook_secret("whs").start().await.unwrap();
    let webhook = json!("https://hook.invalid/");
    for (server, webhook, is_warned) in [
        (server().await, webhook.clone(), true),
        (server().await, Value::Null, false),
        (signing, webhook, false),
    ] {
        let body = json!({ "url": AUDIO, "webhook": webhook });
        for path in ["/v1/diarize", "/v1/voiceprint"] {
            let created: Value = post(&server, path, &body).await.json().await.unwrap();
            let warning = created.get("warning").and_then(Value::as_str);
            let expected =
                "no webhook is sent, since this server has no secret to sign webhooks with";
            assert_eq!(warning, is_warned.then_some(expected));
        }
    }
}
