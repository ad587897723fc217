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
    // Tests beside this one meet the same spans for the first time, and tracing may miss a subscriber that is set while
    // they do. After this, none is new.
    upload().await;
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // The server's tasks are on this thread.
    let _guard = tracing::subscriber::set_default(subscriber);
    let url = upload().await;
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let ours: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("pyannote_local"))
        .collect();
    let of_upload = r#"path="/media/local/a/b" operation="storageUpload" status=200"#;
    assert!(
        ours.iter().any(|line| line.contains(of_upload)),
        "{ours:#?}"
    );
    let signature = url.split_once("signature=").unwrap().1;
    for secret in [KEY, signature, "sound"] {
        assert!(!ours.iter().any(|line| line.contains(secret)), "{ours:#?}");
    }
}
