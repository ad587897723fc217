use std::time::Duration;

use reqwest::Url;
use serde_json::{Map, Value, json};

use super::attempt::{Sender, Sent};
use super::reason::Reason;
use super::target::is_allowed;
use crate::engine::JobKind;
use crate::store::{Delivery, Store};
use crate::worker::Timing;

#[test]
fn only_https_or_this_machine() {
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
        assert_eq!(is_allowed(&Url::parse(url).unwrap()), allowed, "{url}");
    }
}

async fn delivery(url: &str) -> Delivery {
    let store = Store::memory().await.unwrap();
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
    Sender::new(
        secret.map(Into::into),
        &Timing::default(),
        crate::faults::Faults::default(),
    )
    .unwrap()
}

#[tokio::test]
async fn what_never_can_be_sent_is_not_tried() {
    for (secret, url) in [
        (None, "https://example.com"),
        (Some("whs"), "http://example.com"),
        (Some("whs"), "nonsense"),
    ] {
        let sent = sender(secret).attempt(&delivery(url).await).await;
        assert!(matches!(sent, Sent::Never(_)), "{url}: {sent:?}");
    }
}

#[tokio::test]
async fn nobody_listens() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let delivery = delivery(&format!("http://{address}/")).await;
    let sent = sender(Some("whs")).attempt(&delivery).await;
    assert_eq!(sent, Sent::Failed(Reason::ConnectionFailed));
}

#[tokio::test]
async fn what_listens_does_not_speak_tls() {
    use tokio::io::AsyncWriteExt;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let delivery = delivery(&format!("https://{address}/")).await;
    let sent = sender(Some("whs")).attempt(&delivery).await;
    assert_eq!(sent, Sent::Failed(Reason::Ssl));
}
