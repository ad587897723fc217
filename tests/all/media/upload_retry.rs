//! Retries of uploads.

use std::time::Duration;

use pyannote::{ErrorKind, UploadSource};
use pyannote_tests::http::{Bodies, Response, TestServer, unreachable_url};

use super::{MIB, assert_no_secrets, audio, client, file, presigned, recorder, service, storage};

#[tokio::test]
async fn retries_with_a_new_url_the_whole_body_and_restarted_progress() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = audio(MIB);
    let path = file(folder.path(), "a.mp3", &bytes);
    let busy = Response::new(503, "<Code>SlowDown</Code>");
    let storage = TestServer::with_responses([busy, Response::ok("")]).await;
    let urls = ["first", "second"].map(|object| presigned(storage.url(), object));
    let service = service(urls.to_vec()).await;
    let (client, clock) = client(&service);
    let (calls, on_progress) = recorder();

    client
        .upload(path)
        .key("a")
        .on_progress(on_progress)
        .await
        .unwrap();

    let puts = storage.requests();
    let paths: Vec<_> = puts.iter().map(|put| &*put.path).collect();
    assert_eq!(paths, ["/first", "/second"]);
    assert!(puts.iter().all(|put| put.complete && put.body == bytes));
    // Half of the first delay of 500 ms: the clock's random number is 0.5.
    assert!(clock.sleeps().contains(&Duration::from_millis(250)));
    let calls = calls.lock().unwrap().clone();
    let total = bytes.len() as u64;
    let starts: Vec<usize> = (0..calls.len()).filter(|&n| calls[n].0 == 0).collect();
    assert_eq!(starts.len(), 2, "{calls:?}");
    for attempt in [&calls[..starts[1]], &calls[starts[1]..]] {
        assert_eq!(attempt.first(), Some(&(0, total)));
        assert_eq!(attempt.last(), Some(&(total, total)));
        assert!(attempt.is_sorted_by(|a, b| a.0 < b.0), "{attempt:?}");
        assert!(attempt.len() > 4 && attempt.iter().all(|call| call.1 == total));
    }
}

#[tokio::test]
async fn retries_after_a_connection_reset() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = audio(8 * MIB);
    let path = file(folder.path(), "a.flac", &bytes);
    let storage = storage().await;
    let resetting =
        TestServer::start_with(Bodies::Truncate(MIB as u64), |_| Response::reset()).await;
    let urls = [resetting.url(), storage.url()].map(|url| presigned(url, "a"));
    let service = service(urls.to_vec()).await;
    let (client, _) = client(&service);
    client.upload(path).key("a").await.unwrap();
    let put = storage.requests().remove(0);
    assert!(put.complete && put.body == bytes);
    assert_eq!(service.request_count(), 2);
}

#[tokio::test]
async fn a_response_before_the_body_was_read_is_an_error() {
    let storage = TestServer::start_with(Bodies::Truncate(0), |_| Response::ok("")).await;
    let service = service(vec![presigned(storage.url(), "a")]).await;
    let (client, _) = client(&service);
    let error = client.upload(audio(16 * MIB)).key("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.to_string().contains("after 3 attempts"), "{error}");
    assert_no_secrets(&error);
}

#[tokio::test]
async fn a_consumed_stream_is_not_retried() {
    let storage = TestServer::with_responses([Response::new(503, "")]).await;
    let service = service(vec![presigned(storage.url(), "a")]).await;
    let (client, _) = client(&service);
    let source = UploadSource::stream_once(5, std::io::Cursor::new(b"audio"));
    let error = client.upload(source).key("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert!(
        error.to_string().contains("UploadSource::reader"),
        "{error}"
    );
    assert_eq!(storage.request_count(), 1);
}

#[tokio::test]
async fn clones_of_an_upload_share_a_stream_and_reopen_a_reader() {
    let storage = storage().await;
    let service = service(vec![presigned(storage.url(), "a")]).await;
    let (client, _) = client(&service);
    let reader = UploadSource::reader(5, || async { Ok(std::io::Cursor::new(b"audio")) });
    let upload = client.upload(reader).key("a");
    upload.clone().await.unwrap();
    upload.await.unwrap();
    assert_eq!((service.request_count(), storage.request_count()), (2, 2));

    let stream = UploadSource::stream_once(5, std::io::Cursor::new(b"audio"));
    let upload = client.upload(stream).key("a");
    upload.clone().await.unwrap();
    let error = upload.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(
        error.to_string(),
        "the reader was already read, and can be read only once; use UploadSource::reader if it can be opened again"
    );
    assert_eq!((service.request_count(), storage.request_count()), (3, 3));
}

#[tokio::test]
async fn an_unread_stream_is_retried() {
    let unreachable = unreachable_url();
    let storage = storage().await;
    let service = service(vec![
        presigned(&unreachable, "a"),
        presigned(storage.url(), "a"),
    ])
    .await;
    let (client, _) = client(&service);
    let source = UploadSource::stream_once(5, std::io::Cursor::new(b"audio"));
    client.upload(source).key("a").await.unwrap();
    assert_eq!(storage.requests().remove(0).body, "audio");
}
