//! Sources whose content changes, although their length does not.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use pyannote::ErrorKind;
use pyannote_tests::http::{Response, TestServer};

use super::{MIB, assert_no_secrets, audio, client, file, granted, presigned, service, storage};

/// Changes one byte of a file, and keeps the time of its last modification.
fn change(path: &Path) {
    let mut file = fs::File::options()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let metadata = file.metadata().unwrap();
    let middle = SeekFrom::Start(metadata.len() / 2);
    let mut byte = [0];
    file.seek(middle).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(middle).unwrap();
    file.write_all(&[!byte[0]]).unwrap();
    file.set_modified(metadata.modified().unwrap()).unwrap();
}

#[tokio::test]
async fn content_that_differs_from_its_key_is_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    for len in [MIB, 4 * MIB + 1] {
        let path = file(folder.path(), "a.wav", &audio(len));
        let storage = storage().await;
        let url = presigned(storage.url(), "a");
        let changing = path.clone();
        // The URL is requested for the key, which has the digest, and before anything is sent.
        let service = TestServer::start(move |request| {
            if request.path == "/v1/media/output" {
                return Response::new(404, "{}");
            }
            change(&changing);
            granted(&url)
        })
        .await;
        let (client, _) = client(&service);
        let error = client.upload(&path).skip_existing(true).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        let text = error.to_string();
        assert!(text.contains("its content is no longer"), "{text}");
        assert!(text.contains("a.wav"), "{text}");
        assert_no_secrets(&error);
        assert!(storage.requests().iter().all(|put| !put.complete));
        assert_eq!(service.request_count(), 2, "the change is not retried");
    }
}

#[tokio::test]
async fn a_file_that_changes_between_attempts_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for (name, key) in [("digest.wav", None), ("time.wav", Some("a"))] {
        let path = file(folder.path(), name, &audio(MIB));
        let changing = path.clone();
        let storage = TestServer::start(move |_| {
            change(&changing);
            // With a key of its own, a change is noticed by its time.
            let file = fs::File::options().write(true).open(&changing).unwrap();
            let now = SystemTime::now() + Duration::from_secs(u64::from(key.is_some()));
            file.set_modified(now).unwrap();
            Response::new(503, "")
        })
        .await;
        let service = service(vec![presigned(storage.url(), "a")]).await;
        let (client, _) = client(&service);
        let mut upload = client.upload(&path).skip_existing(true);
        if let Some(key) = key {
            upload = upload.key(key);
        }
        let error = upload.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        let text = error.to_string();
        assert!(text.contains("its content is no longer"), "{text}");
        let complete = storage.requests().iter().filter(|put| put.complete).count();
        assert_eq!(complete, 1, "only the attempt before the change");
    }
}

#[tokio::test]
async fn a_file_that_was_only_touched_keeps_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = audio(MIB);
    let path = file(folder.path(), "a.wav", &bytes);
    let storage = storage().await;
    let url = presigned(storage.url(), "a");
    let touched = path.clone();
    let service = TestServer::start(move |request| {
        if request.path == "/v1/media/output" {
            return Response::new(404, "{}");
        }
        let file = fs::File::options().write(true).open(&touched).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        granted(&url)
    })
    .await;
    let (client, _) = client(&service);
    client.upload(&path).skip_existing(true).await.unwrap();
    assert_eq!(storage.requests().remove(0).body, bytes);
}
