//! What the server writes down of its requests.

use std::io::Write;
use std::sync::{Arc, Mutex};

use super::{KEY, http, presigned, server};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Uploads to a server, and tells the pre-signed URL.
async fn upload() -> String {
    let server = server().await;
    let url = presigned(&server, "/v1/media/input", "media://a/b").await;
    http().put(&url).body("sound").send().await.unwrap();
    url
}

#[tokio::test]
async fn hold_no_secrets() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // The server's tasks are on this thread.
    let _guard = tracing::subscriber::set_default(subscriber);
    // Tests beside this one meet the same spans for the first time. A span that another thread is just meeting misses the
    // subscriber, until tracing is told to ask again.
    let of_upload = r#"path="/media/local/a/b" operation="storageUpload" status=200"#;
    let mut urls = Vec::new();
    let text = loop {
        tracing::callsite::rebuild_interest_cache();
        urls.push(upload().await);
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        if text.contains(of_upload) || urls.len() == 20 {
            break text;
        }
    };
    let ours: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("pyannote_server"))
        .collect();
    assert!(
        ours.iter().any(|line| line.contains(of_upload)),
        "{ours:#?}"
    );
    let signatures = urls
        .iter()
        .map(|url| url.split_once("signature=").unwrap().1);
    for secret in signatures.chain([KEY, "sound"]) {
        assert!(!ours.iter().any(|line| line.contains(secret)), "{ours:#?}");
    }
}
