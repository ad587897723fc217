use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::header::LOCATION;
use http::{StatusCode, Uri};
use serde_json::{Map, Value, json};
use url::Url;

use super::check_url;
use super::retry_reason::RetryReason;
use super::sender::{Attempt, Sender};
use crate::engine::JobKind;
use crate::faults::Faults;
use crate::store::{Busy, Delivery, Store};

const BODY: Bytes = Bytes::from_static(b"{}");

#[test]
fn allows_https_and_loopback_urls_only() {
    for (url, allowed, allowed_if_private) in [
        ("https://example.com/hook", true, true),
        ("https://1.1.1.1/hook", true, true),
        ("http://example.com/hook", false, false),
        ("http://localhost:8080/hook", false, true),
        ("https://localhost/hook", false, true),
        ("http://127.0.0.1/hook", false, true),
        ("http://127.9.9.9/hook", false, true),
        ("http://2130706433/hook", false, true),
        ("https://0x7f.1/hook", false, true),
        ("http://[::1]:80/hook", false, true),
        ("https://[::ffff:127.0.0.1]/hook", false, true),
        ("https://10.0.0.1/hook", false, true),
        ("https://169.254.169.254/latest/meta-data", false, true),
        ("http://localhost.example.com/", false, false),
        ("http://10.0.0.1/", false, false),
        ("ftp://localhost/", false, false),
        ("file:///etc/passwd", false, false),
    ] {
        let parsed = Url::parse(url).unwrap();
        assert_eq!(check_url(&parsed, false).is_ok(), allowed, "{url}");
        assert_eq!(
            check_url(&parsed, true).is_ok(),
            allowed_if_private,
            "{url}"
        );
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
        .claim_delivery(Duration::from_secs(60), &Busy::default())
        .await
        .unwrap()
        .unwrap();
    let body = store.delivery_body(&delivery).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body, json!({ "jobId": id, "status": "canceled" }));
    delivery
}

fn sender_with(secret: Option<&str>, allow_private: bool) -> Sender {
    let timeout = Duration::from_secs(10);
    let secret = secret.map(Into::into);
    Sender::new(secret, timeout, allow_private, Faults::default()).unwrap()
}

fn sender(secret: Option<&str>) -> Sender {
    sender_with(secret, true)
}

#[tokio::test]
async fn does_not_send_without_a_secret_or_to_an_invalid_url() {
    for (secret, url) in [
        (None, "https://example.com"),
        (Some("whs"), "http://example.com"),
        (Some("whs"), "nonsense"),
        (Some("whs"), "https://127.0.0.1"),
        (Some("whs"), "https://10.0.0.1"),
    ] {
        let sender = sender_with(secret, false);
        let attempt = sender.attempt(&delivery(url).await, BODY).await;
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
    let attempt = sender(Some("whs")).attempt(&delivery, BODY).await;
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
    let attempt = sender(Some("whs")).attempt(&delivery, BODY).await;
    assert_eq!(attempt, Attempt::Failed(RetryReason::Ssl));
}

/// A receiver that redirects webhooks to the path of their URL, and the paths that it has received.
async fn redirecting_receiver() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let received = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&received);
    let router = axum::Router::new().fallback(move |uri: Uri| async move {
        log.lock().unwrap().push(uri.path().to_owned());
        let target = uri.query().unwrap_or_default().to_owned();
        (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, target)])
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, received)
}

/// The first address stands for a public one: the test bypasses its check.
#[tokio::test]
async fn redirects_to_private_addresses_are_not_followed() {
    let (receiver, received) = redirecting_receiver().await;
    let port = receiver.rsplit(':').next().unwrap();
    for host in ["127.0.0.1", "localhost", "0x7f.1", "[::ffff:127.0.0.1]"] {
        let url = format!("{receiver}/first?http://{host}:{port}/second");
        let delivery = delivery(&url).await;
        let sender = sender_with(Some("whs"), false);
        let url = Url::parse(&url).unwrap();
        let attempt = sender.follow(&"whs".into(), url, &delivery, BODY).await;
        assert_eq!(attempt, Attempt::Failed(RetryReason::Http), "{host}");
    }
    assert_eq!(*received.lock().unwrap(), ["/first"; 4]);
}

/// The name stands for one that is not known to be private before it is resolved.
#[tokio::test]
async fn names_with_private_addresses_are_not_connected_to() {
    let (receiver, received) = redirecting_receiver().await;
    let url = receiver.replace("127.0.0.1", "localhost");
    let delivery = delivery(&url).await;
    let url = Url::parse(&url).unwrap();
    let sender = sender_with(Some("whs"), false);
    let attempt = sender.follow(&"whs".into(), url, &delivery, BODY).await;
    assert!(matches!(attempt, Attempt::Undeliverable(_)), "{attempt:?}");
    assert!(received.lock().unwrap().is_empty());
}
