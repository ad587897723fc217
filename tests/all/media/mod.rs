//! Uploads and downloads against servers on loopback. Time is a clock that jumps, so no test sleeps.

mod servers;

use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::IntoResponse;
use pyannote::testing::ManualClock;
use pyannote::{Client, Error, ErrorKind, MediaUrl, RetryPolicy, UploadSource};
use servers::{Seen, Server, answer, granted, rude_storage, service, storage};

const MIB: usize = 1024 * 1024;
/// As long as a real one, and a short one in the old style.
const SIGNATURE: &str = "X-Amz-Signature=0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0&Signature=vjbyPxybdZaNmGa%2ByT272YEAiv4%3D";
const SECRETS: [&str; 5] = [
    "0f1e2d3c4b5a",
    "vjbyPxybdZaN",
    "Signature=",
    "sk-secret",
    "gateway-secret",
];

fn client(server: &Server) -> (Client, ManualClock) {
    let clock = ManualClock::jumping();
    let client = Client::builder()
        .api_key("sk-secret")
        .base_url(&server.url)
        .header("x-gateway", "gateway-secret")
        .user_agent("tests/1")
        .retry(RetryPolicy::default().max_attempts(3))
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    (client, clock)
}

fn presigned(server: &str, object: &str) -> String {
    format!("{server}/{object}?{SIGNATURE}")
}

/// Audio that is no run of one byte, so that a lost or doubled chunk shows.
fn audio(len: usize) -> Vec<u8> {
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt ".to_vec();
    bytes.extend(
        (0_u32..)
            .flat_map(|n| n.to_le_bytes())
            .take(len - bytes.len()),
    );
    bytes
}

fn file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn assert_discreet(error: &Error) {
    let mut shown = format!("{error} {error:?} {:?}", error.body());
    let mut source = error.source();
    while let Some(cause) = source {
        shown.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

fn assert_bare(request: &Seen) {
    assert_eq!(request.header("authorization"), None);
    assert_eq!(request.header("x-gateway"), None);
    let agent = request.header("user-agent").unwrap();
    assert!(agent.starts_with("tests/1 pyannote-rust/"), "{agent}");
}

type Reports = Arc<Mutex<Vec<(u64, u64)>>>;

fn recorder() -> (Reports, impl FnMut(u64, u64) + Send + 'static) {
    let reports = Reports::default();
    let log = Arc::clone(&reports);
    (reports, move |moved, total| {
        log.lock().unwrap().push((moved, total));
    })
}

#[tokio::test]
async fn an_upload_arrives_whole_and_takes_no_key_along() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = audio(MIB + 3);
    let path = file(folder.path(), "Meeting.WAV", &bytes);
    let storage = storage().await;
    let service = service(vec![presigned(&storage.url, "object")]).await;
    let (client, _) = client(&service);

    let media = client.upload(path).key("calls/1").await.unwrap();

    assert_eq!(media.as_str(), "media://calls/1");
    let asked = service.seen().remove(0);
    assert_eq!(
        (asked.method.as_str(), &*asked.path),
        ("POST", "/v1/media/input")
    );
    assert_eq!(
        asked.json(),
        serde_json::json!({ "url": "media://calls/1" })
    );
    assert_eq!(asked.header("authorization"), Some("Bearer sk-secret"));
    assert_eq!(asked.header("x-gateway"), Some("gateway-secret"));
    let put = storage.seen().remove(0);
    assert_eq!((put.method.as_str(), &*put.path), ("PUT", "/object"));
    assert_eq!(put.query, SIGNATURE);
    assert!(put.whole && put.body == bytes);
    assert_eq!(put.header("content-length"), Some("1048579"));
    assert_eq!(put.header("content-type"), Some("audio/wav"));
    assert_eq!(put.header("transfer-encoding"), None);
    assert_bare(&put);
    assert_eq!((service.count(), storage.count()), (1, 1));
}

#[tokio::test]
async fn storage_at_the_services_own_origin_gets_no_key_either() {
    let server = Arc::new(Mutex::new(String::new()));
    let own = Arc::clone(&server);
    let service = Server::start(move |request, _| match request.method.as_str() {
        "POST" => granted(&presigned(&own.lock().unwrap(), "object")),
        _ => answer(200, "audio"),
    })
    .await;
    *server.lock().unwrap() = service.url.clone();
    let (client, _) = client(&service);
    let folder = tempfile::tempdir().unwrap();
    let media = client.upload(b"audio".to_vec()).key("a").await.unwrap();
    client
        .download(&media, folder.path().join("a"))
        .await
        .unwrap();
    let storage: Vec<Seen> = service
        .seen()
        .into_iter()
        .filter(|seen| seen.path == "/object")
        .collect();
    assert_eq!(storage.len(), 2);
    storage.iter().for_each(assert_bare);
}

#[tokio::test]
async fn bytes_and_readers_are_sources_too() {
    let storage = storage().await;
    let service = service(vec![presigned(&storage.url, "object")]).await;
    let (client, _) = client(&service);
    let bytes = audio(300_000);
    client.upload(bytes.clone()).await.unwrap();
    client
        .upload(bytes::Bytes::from(bytes.clone()))
        .content_type("audio/x-custom")
        .await
        .unwrap();
    let copy = bytes.clone();
    let source = UploadSource::reader(300_000, move || {
        let copy = copy.clone();
        async move { Ok(std::io::Cursor::new(copy)) }
    });
    client.upload(source).key("r").await.unwrap();
    let source = UploadSource::stream_once(300_000, std::io::Cursor::new(bytes.clone()));
    client.upload(source).key("o").await.unwrap();
    let seen = storage.seen();
    let types: Vec<_> = seen
        .iter()
        .map(|put| put.header("content-type").unwrap())
        .collect();
    assert_eq!(
        types,
        [
            "audio/wav",
            "audio/x-custom",
            "application/octet-stream",
            "application/octet-stream"
        ]
    );
    assert!(seen.iter().all(|put| put.whole && put.body == bytes));
}

#[tokio::test]
async fn a_retry_has_a_fresh_url_and_the_whole_body_and_progress_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = audio(MIB);
    let path = file(folder.path(), "a.mp3", &bytes);
    let storage = Server::start(|_, number| match number {
        0 => answer(503, "<Code>SlowDown</Code>"),
        _ => StatusCode::OK.into_response(),
    })
    .await;
    let urls = ["first", "second"].map(|object| presigned(&storage.url, object));
    let service = service(urls.to_vec()).await;
    let (client, clock) = client(&service);
    let (reports, progress) = recorder();

    client
        .upload(path)
        .key("a")
        .on_progress(progress)
        .await
        .unwrap();

    let seen = storage.seen();
    let paths: Vec<_> = seen.iter().map(|put| &*put.path).collect();
    assert_eq!(paths, ["/first", "/second"]);
    assert!(seen.iter().all(|put| put.whole && put.body == bytes));
    // Half of the first delay of 500 ms: the clock's random number is 0.5.
    assert!(clock.sleeps().contains(&Duration::from_millis(250)));
    let reports = reports.lock().unwrap().clone();
    let total = bytes.len() as u64;
    let starts: Vec<usize> = (0..reports.len()).filter(|&n| reports[n].0 == 0).collect();
    assert_eq!(starts.len(), 2, "{reports:?}");
    for attempt in [&reports[..starts[1]], &reports[starts[1]..]] {
        assert_eq!(attempt.first(), Some(&(0, total)));
        assert_eq!(attempt.last(), Some(&(total, total)));
        assert!(attempt.is_sorted_by(|a, b| a.0 < b.0), "{attempt:?}");
        assert!(attempt.len() > 4 && attempt.iter().all(|report| report.1 == total));
    }
}

#[tokio::test]
async fn a_connection_reset_in_the_middle_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = audio(8 * MIB);
    let path = file(folder.path(), "a.flac", &bytes);
    let storage = storage().await;
    let rude = rude_storage(MIB, b"", true).await;
    let service = service(vec![presigned(&rude, "a"), presigned(&storage.url, "a")]).await;
    let (client, _) = client(&service);
    client.upload(path).key("a").await.unwrap();
    let put = storage.seen().remove(0);
    assert!(put.whole && put.body == bytes);
    assert_eq!(service.count(), 2);
}

#[tokio::test]
async fn a_success_before_all_bytes_were_taken_is_none() {
    let rude = rude_storage(1, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", true).await;
    let service = service(vec![presigned(&rude, "a")]).await;
    let (client, _) = client(&service);
    let error = client.upload(audio(16 * MIB)).key("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.to_string().contains("after 3 attempts"), "{error}");
    assert_discreet(&error);
}

#[tokio::test]
async fn a_reader_that_can_be_read_once_is_not_tried_again() {
    let storage = Server::start(|_, _| answer(503, "")).await;
    let service = service(vec![presigned(&storage.url, "a")]).await;
    let (client, _) = client(&service);
    let source = UploadSource::stream_once(5, std::io::Cursor::new(b"audio"));
    let error = client.upload(source).key("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert!(
        error.to_string().contains("UploadSource::reader"),
        "{error}"
    );
    assert_eq!(storage.count(), 1);
}

#[tokio::test]
async fn a_reader_that_was_not_read_yet_is_tried_again() {
    // A port that nobody listens at: the connection is never made.
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let storage = storage().await;
    let service = service(vec![presigned(&nobody, "a"), presigned(&storage.url, "a")]).await;
    let (client, _) = client(&service);
    let source = UploadSource::stream_once(5, std::io::Cursor::new(b"audio"));
    client.upload(source).key("a").await.unwrap();
    assert_eq!(storage.seen().remove(0).body, "audio");
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_uploaded_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for (name, len) in [("shorter.wav", MIB), ("longer.wav", 5 * MIB)] {
        let path = file(folder.path(), name, &audio(4 * MIB));
        let storage = storage().await;
        let service = service(vec![presigned(&storage.url, "a")]).await;
        let (client, _) = client(&service);
        let changing = path.clone();
        let upload = client.upload(&path).key("a").on_progress(move |sent, _| {
            if sent > 0 {
                let file = fs::File::options().write(true).open(&changing).unwrap();
                file.set_len(len as u64).unwrap();
            }
        });
        let error = upload.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
        assert_discreet(&error);
        assert!(
            storage.seen().iter().all(|put| !put.whole),
            "{name} was stored"
        );
        assert_eq!(service.count(), 1, "{name} was tried again");
    }
}

#[tokio::test]
async fn a_reader_of_another_length_is_an_error() {
    let storage = storage().await;
    let service = service(vec![presigned(&storage.url, "a")]).await;
    let (client, _) = client(&service);
    for len in [4, 6] {
        let source = UploadSource::reader(len, || async { Ok(std::io::Cursor::new(b"audio")) });
        let error = client.upload(source).key("a").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    }
    let source = UploadSource::reader(5, || async {
        Err::<tokio::io::Empty, _>(std::io::Error::other("no such record"))
    });
    let error = client.upload(source).key("a").await.unwrap_err();
    assert!(error.to_string().contains("no such record"), "{error}");
    assert!(storage.seen().iter().all(|put| !put.whole));
}

#[tokio::test]
async fn what_cannot_be_uploaded_is_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let storage = storage().await;
    let service = service(vec![presigned(&storage.url, "a")]).await;
    let (client, _) = client(&service);
    let large = folder.path().join("large.wav");
    let gib = 1_073_741_824;
    fs::File::create(&large).unwrap().set_len(gib + 1).unwrap();
    let empty = file(folder.path(), "empty.wav", b"");
    let missing = folder.path().join("missing.wav");
    let reader = |len| UploadSource::stream_once(len, tokio::io::repeat(0));
    let cases: [(UploadSource, Option<&str>, ErrorKind, &str); 11] = [
        (
            large.into(),
            None,
            ErrorKind::TooLarge,
            "large.wav has 1073741825 bytes",
        ),
        (reader(gib + 1), Some("a"), ErrorKind::TooLarge, "compress"),
        (empty.into(), None, ErrorKind::Validation, "empty"),
        (
            Vec::new().into(),
            None,
            ErrorKind::Validation,
            "source: is empty",
        ),
        (missing.into(), None, ErrorKind::Io, "missing.wav"),
        (folder.path().into(), None, ErrorKind::Io, "directory"),
        (reader(5), None, ErrorKind::Validation, ".key("),
        (
            b"a".to_vec().into(),
            Some("no spaces"),
            ErrorKind::Validation,
            "key: has ' '",
        ),
        (
            b"a".to_vec().into(),
            Some(""),
            ErrorKind::Validation,
            "key: has no key",
        ),
        (
            b"a".to_vec().into(),
            Some("media://a"),
            ErrorKind::Validation,
            "':'",
        ),
        (
            b"a".to_vec().into(),
            Some("ä"),
            ErrorKind::Validation,
            "'ä'",
        ),
    ];
    for (source, key, kind, told) in cases {
        let mut upload = client.upload(source);
        if let Some(key) = key {
            upload = upload.key(key);
        }
        let error = upload.skip_existing(true).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(told), "{told:?} not in {error}");
    }
    let both = client
        .upload(reader(5))
        .content_type("a\nb")
        .await
        .unwrap_err();
    let fields: Vec<_> = both
        .field_errors()
        .iter()
        .map(|error| &*error.field)
        .collect();
    assert_eq!(fields, ["key", "contentType"]);
    let long = "k".repeat(247);
    client.upload(b"a".to_vec()).key(&long).await.unwrap();
    let error = client
        .upload(b"a".to_vec())
        .key(long + "k")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Validation);
    assert_eq!((service.count(), storage.count()), (1, 1));
}

#[tokio::test]
async fn the_same_content_has_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = audio(200_000);
    let storage = storage().await;
    let service = service(vec![presigned(&storage.url, "a")]).await;
    let (client, _) = client(&service);
    let mut keys = Vec::new();
    for name in ["one.wav", "Two.WAV", "three"] {
        let path = file(folder.path(), name, &bytes);
        keys.push(client.upload(path).await.unwrap());
    }
    keys.push(client.upload(bytes.clone()).await.unwrap());
    keys.dedup();
    assert_eq!(keys.len(), 1, "{keys:?}");
    let key = keys[0].key();
    let digest = key
        .strip_prefix("sha256/")
        .and_then(|key| key.strip_suffix(".wav"));
    assert_eq!(digest.map(str::len), Some(64), "{key}");
    let mut other = bytes;
    other[100_000] ^= 1;
    assert_ne!(client.upload(other).await.unwrap().key(), key);
}

/// Uploads 5 bytes with `skip_existing` where the service answers `output` and the storage `get`. Whether they were
/// sent.
async fn is_sent(output: u16, get: (u16, Option<&'static str>)) -> bool {
    let storage = Server::start(move |request, _| match request.method.as_str() {
        "GET" => {
            let mut response = answer(get.0, "x");
            if let Some(range) = get.1 {
                let range = range.parse().unwrap();
                response.headers_mut().insert("content-range", range);
            }
            response
        }
        _ => StatusCode::OK.into_response(),
    })
    .await;
    let url = presigned(&storage.url, "a");
    let service = Server::start(move |request, _| match &*request.path {
        "/v1/media/output" if output != 201 => answer(output, r#"{"message":"no"}"#),
        _ => granted(&url),
    })
    .await;
    let (client, _) = client(&service);
    let (reports, progress) = recorder();
    let upload = client.upload(b"audio".to_vec()).skip_existing(true);
    let media = upload.on_progress(progress).await.unwrap();
    assert!(media.key().starts_with("sha256/"));
    assert_eq!(reports.lock().unwrap().last(), Some(&(5, 5)));
    let seen = storage.seen();
    for look in seen.iter().filter(|request| request.method == "GET") {
        assert_eq!(look.header("range"), Some("bytes=0-0"));
        assert_bare(look);
    }
    seen.iter().any(|request| request.method == "PUT")
}

#[tokio::test]
async fn what_is_stored_already_is_skipped_where_asked() {
    for (output, get, sent) in [
        (201, (206, Some("bytes 0-0/5")), false),
        (201, (206, None), false),
        (201, (200, None), false),
        (201, (206, Some("bytes 0-0/6")), true),
        (201, (404, None), true),
        (201, (403, None), true),
        (201, (416, None), true),
        (201, (500, None), true),
        (404, (200, None), true),
        (503, (200, None), true),
    ] {
        assert_eq!(is_sent(output, get).await, sent, "{output} {get:?}");
    }
}

#[tokio::test]
async fn no_error_shows_the_signature() {
    let echo = format!(
        "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>PUT /a?{SIGNATURE}</StringToSign>\
         <SignatureProvided>vjbyPxybdZaNmGa+yT272YEAiv4=</SignatureProvided></Error>"
    );
    let storage = Server::start(move |_, _| answer(403, echo.clone())).await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let folder = tempfile::tempdir().unwrap();
    for (url, kind) in [
        (presigned(&storage.url, "a"), ErrorKind::Forbidden),
        (presigned(&nobody, "a"), ErrorKind::Connect),
        (presigned("http://192.0.2.1", "a"), ErrorKind::Config),
        (presigned("ftp://127.0.0.1", "a"), ErrorKind::Decode),
        (presigned("http://[", "a"), ErrorKind::Decode),
    ] {
        let service = service(vec![url]).await;
        let (client, _) = client(&service);
        let error = client.upload(b"audio".to_vec()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_discreet(&error);
        let media = MediaUrl::from_key("a").unwrap();
        let error = client
            .download(&media, folder.path().join("a"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_discreet(&error);
    }
    assert_eq!(storage.count(), 2, "a refusal is not tried again");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_download_replaces_the_file_and_counts() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "out.wav", b"old");
    let bytes = audio(MIB);
    let body = bytes.clone();
    let storage = Server::start(move |_, number| match number {
        0 => answer(500, ""),
        _ => answer(200, body.clone()),
    })
    .await;
    let urls = ["first", "second"].map(|object| presigned(&storage.url, object));
    let service = service(urls.to_vec()).await;
    let (client, _) = client(&service);
    let media = MediaUrl::from_key("calls/1.wav").unwrap();
    let (reports, progress) = recorder();

    let count = client
        .download(&media, &path)
        .on_progress(progress)
        .await
        .unwrap();

    assert_eq!(count, MIB as u64);
    assert!(fs::read(&path).unwrap() == bytes);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let asked = service.seen().remove(0);
    assert_eq!(
        (&*asked.path, asked.json()),
        (
            "/v1/media/output",
            serde_json::json!({ "url": "media://calls/1.wav" })
        )
    );
    let seen = storage.seen();
    assert_eq!(
        (seen[0].path.as_str(), seen[1].path.as_str()),
        ("/first", "/second")
    );
    assert_eq!(seen[1].method, "GET");
    assert_bare(&seen[1]);
    let reports = reports.lock().unwrap();
    assert_eq!(reports.first(), Some(&(0, count)));
    assert_eq!(reports.last(), Some(&(count, count)));
    assert!(reports.is_sorted());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let other = file(folder.path(), "other", b"");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&other), "as any other new file");
    }
}

#[tokio::test]
async fn a_download_that_is_cut_leaves_everything_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "out.wav", b"old");
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly this";
    let rude = rude_storage(1, cut, true).await;
    let service = service(vec![presigned(&rude, "a")]).await;
    let (client, _) = client(&service);
    let media = MediaUrl::from_key("a").unwrap();
    let error = client.download(&media, &path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    assert_discreet(&error);
    assert_eq!(service.count(), 3, "a fresh URL for each attempt");
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_download_that_is_dropped_leaves_everything_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "out.wav", b"old");
    let stalled = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly this";
    let rude = rude_storage(1, stalled, false).await;
    let service = service(vec![presigned(&rude, "a")]).await;
    let (client, _) = client(&service);
    let media = MediaUrl::from_key("a").unwrap();
    let begun = Arc::new(tokio::sync::Notify::new());
    let signal = Arc::clone(&begun);
    let download = client
        .download(&media, &path)
        .on_progress(move |received, _| {
            if received > 0 {
                signal.notify_one();
            }
        });
    let mut download = download.into_future();
    tokio::select! {
        done = &mut download => panic!("{done:?}"),
        () = begun.notified() => {}
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    drop(download);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_medium_that_is_not_there_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let service = Server::start(|_, _| answer(404, r#"{"message":"Not found"}"#)).await;
    let (client, _) = client(&service);
    let media = MediaUrl::from_key("a").unwrap();
    let error = client
        .download(&media, folder.path().join("a"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::NotFound, Some(StatusCode::NOT_FOUND))
    );
    assert!(error.to_string().contains("24 to 48 h"), "{error}");
    assert_eq!(service.count(), 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_download_to_nowhere_asks_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(vec![presigned("http://127.0.0.1:9", "a")]).await;
    let (client, _) = client(&service);
    let media = MediaUrl::from_key("a").unwrap();
    let path = folder.path().join("missing/out.wav");
    let error = client.download(&media, &path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );
    assert_eq!(service.count(), 0);
}
