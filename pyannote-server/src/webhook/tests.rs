use std::time::Duration;

use serde_json::{Map, Value, json};
use url::Url;

use super::is_allowed_url;
use super::retry_reason::RetryReason;
use super::sender::{Attempt, Sender};
use crate::engine::JobKind;
use crate::faults::Faults;
use crate::store::{Delivery, Store};

#[test]
fn allows_https_and_loopback_urls_only() {
    for (url, allowed) in [
        ("https://example.com/hook", true),
        ("http://example.com/hook", false),
        ("http://localhost:8080/hook", true),
        ("http://127.0.0.1/hook", true),
        ("http://127.9.9.9/hook", true),
        ("http://[::1]:80/hook", true),
        ("http://localhost.example.com/", false),
        ("http://10.0.0.1/", false),
        ("ftp://localhost/", false),
        ("file:///etc/passwd", false),
    ] {
        assert_eq!(is_allowed_url(&Url::parse(url).unwrap()), allowed, "{url}");
    }
}

async fn delivery(url: &str) -> Delivery {
    let store = Store::temporary().await.unwrap();
    let request = Map::from_iter([("webhook".to_owned(), json!(url))]);
    let id = store
        .create("ada", JobKind::Diarize, request)
        .await
        .unwrap()
        .id;
    assert!(store.cancel("ada", id).await.unwrap());
    let delivery = store
        .claim_delivery(Duration::from_secs(60))
        .await
        .unwrap()
        .unwrap();
    let body: Value = serde_json::from_str(&delivery.body).unwrap();
    assert_eq!(body, json!({ "jobId": id, "status": "canceled" }));
    delivery
}

fn sender(secret: Option<&str>) -> Sender {
    let timeout = Duration::from_secs(10);
    Sender::new(secret.map(Into::into), timeout, Faults::default()).unwrap()
}

#[tokio::test]
async fn does_not_send_without_a_secret_or_to_an_invalid_url() {
    for (secret, url) in [
        (None, "https://example.com"),
        (Some("whs"), "http://example.com"),
        (Some("whs"), "nonsense"),
    ] {
        let attempt = sender(secret).attempt(&delivery(url).await).await;
        assert!(
            matches!(attempt, Attempt::Undeliverable(_)),
            "{url}: {attempt:?}"
        );
    }
}

#[tokio::test]
async fn reports_a_refused_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let delivery = delivery(&format!("http://{address}/")).await;
    let attempt = sender(Some("whs")).attempt(&delivery).await;
    assert_eq!(attempt, Attempt::Failed(RetryReason::ConnectionFailed));
}

#[tokio::test]
async fn reports_a_tls_error() {
    use tokio::io::AsyncWriteExt;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let delivery = delivery(&format!("https://{address}/")).await;
    let attempt = sender(Some("whs")).attempt(&delivery).await;
    assert_eq!(attempt, Attempt::Failed(RetryReason::Ssl));
}
