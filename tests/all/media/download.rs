//! Downloads.

use std::error::Error as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use pyannote::{ErrorKind, MediaUrl};
use pyannote_tests::http::{Response, TestServer};
use reqwest::StatusCode;

use super::{
    MIB, assert_no_credentials, assert_no_secrets, audio, client, file, presigned, recorder,
    service,
};

#[tokio::test]
async fn download_replaces_the_file_and_returns_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "out.wav", b"old");
    let bytes = audio(MIB);
    let responses = [Response::new(500, ""), Response::ok(bytes.clone())];
    let storage = TestServer::with_responses(responses).await;
    let urls = ["first", "second"].map(|object| presigned(storage.url(), object));
    let service = service(urls.to_vec()).await;
    let (client, _) = client(&service);
    let media = MediaUrl::from_key("calls/1.wav").unwrap();
    let (calls, on_progress) = recorder();

    let count = client
        .download(&media, &path)
        .on_progress(on_progress)
        .await
        .unwrap();

    assert_eq!(count, MIB as u64);
    assert!(fs::read(&path).unwrap() == bytes);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let request = service.requests().remove(0);
    assert_eq!(
        (&*request.path, request.json()),
        (
            "/v1/media/output",
            serde_json::json!({ "url": "media://calls/1.wav" })
        )
    );
    let gets = storage.requests();
    assert_eq!(
        (gets[0].path.as_str(), gets[1].path.as_str()),
        ("/first", "/second")
    );
    assert_eq!(gets[1].method, "GET");
    assert_no_credentials(&gets[1]);
    let calls = calls.lock().unwrap();
    assert_eq!(calls.first(), Some(&(0, count)));
    assert_eq!(calls.last(), Some(&(count, count)));
    assert!(calls.is_sorted());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let other = file(folder.path(), "other", b"");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&other), "the mode of any new file");
    }
}

#[tokio::test]
async fn a_truncated_download_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "out.wav", b"old");
    let truncated = Response::truncated(&"a".repeat(1000), 9);
    let storage = TestServer::with_responses([truncated]).await;
    let service = service(vec![presigned(storage.url(), "a")]).await;
    let (client, _) = client(&service);
    let media = MediaUrl::from_key("a").unwrap();
    let error = client.download(&media, &path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    assert_no_secrets(&error);
    assert_eq!(service.request_count(), 3, "each attempt has a new URL");
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_dropped_download_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "out.wav", b"old");
    let stalled = Response::stalled(&"a".repeat(1000), 9);
    let storage = TestServer::with_responses([stalled]).await;
    let service = service(vec![presigned(storage.url(), "a")]).await;
    let (client, _) = client(&service);
    let media = MediaUrl::from_key("a").unwrap();
    let started = Arc::new(tokio::sync::Notify::new());
    let signal = Arc::clone(&started);
    let download = client
        .download(&media, &path)
        .on_progress(move |received, _| {
            if received > 0 {
                signal.notify_one();
            }
        });
    let mut download = download.into_future();
    tokio::select! {
        result = &mut download => panic!("{result:?}"),
        () = started.notified() => {}
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    drop(download);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_missing_recording_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let service =
        TestServer::with_responses([Response::new(404, r#"{"message":"Not found"}"#)]).await;
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
    assert_eq!(service.request_count(), 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_download_into_a_missing_folder_sends_no_request() {
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
    let cause = error.source().unwrap().to_string();
    assert_eq!(format!("{error:#}"), format!("{error}: {cause}"));
    assert!(!error.to_string().contains(&cause), "{error}");
    assert_eq!(service.request_count(), 0);
}

#[tokio::test]
async fn a_download_can_be_cloned() {
    let folder = tempfile::tempdir().unwrap();
    let storage = TestServer::with_responses([Response::ok("audio")]).await;
    let service = service(vec![presigned(storage.url(), "a")]).await;
    let (client, _) = client(&service);
    let media = MediaUrl::from_key("a").unwrap();
    let path = folder.path().join("out.wav");
    let download = client.download(&media, &path).max_bytes(5);
    assert_eq!(download.clone().await.unwrap(), 5);
    fs::remove_file(&path).unwrap();
    assert_eq!(download.await.unwrap(), 5);
    assert_eq!(fs::read(&path).unwrap(), b"audio");
}

#[tokio::test]
async fn download_stops_at_its_size_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "out.wav", b"old");
    let media = MediaUrl::from_key("a").unwrap();
    for (response, max_bytes) in [
        (Response::ok("audio"), 5),
        (Response::ok("audio"), 4),
        (Response::endless(b"audio"), 100_000),
    ] {
        let storage = TestServer::with_responses([response]).await;
        let service = service(vec![presigned(storage.url(), "a")]).await;
        let (client, _) = client(&service);
        let result = client.download(&media, &path).max_bytes(max_bytes).await;
        match result {
            Ok(received) => assert_eq!((received, max_bytes), (5, 5)),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
                assert!(error.to_string().contains(".max_bytes("), "{error}");
            }
        }
        let content = fs::read(&path).unwrap();
        assert_eq!(content == b"audio", max_bytes == 5);
        assert_eq!(
            service.request_count(),
            1,
            "a large download is not retried"
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        file(folder.path(), "out.wav", b"old");
    }
}
