//! Uploads and downloads through the SDK.

use pyannote::{ErrorKind, MediaUrl};
use pyannote_server::{Fault, Operation};

use super::{builder, client, server};

#[tokio::test]
async fn upload_diarize_and_download() {
    let server = server().await;
    let client = client(&server);
    let media = client
        .upload(vec![7_u8; 300_000])
        .key("calls/1.wav")
        .await
        .unwrap();
    assert_eq!(media.as_str(), "media://calls/1.wav");
    let job = client.diarize(&media).submit().await.unwrap();
    assert_eq!(job.wait().await.unwrap().turns().len(), 2);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.wav");
    assert_eq!(client.download(&media, &path).await.unwrap(), 300_000);
    assert_eq!(fs_err::read(path).unwrap(), vec![7_u8; 300_000]);
    let storage = server.requests();
    let storage: Vec<_> = storage
        .iter()
        .filter(|request| request.path.starts_with("/media/"))
        .collect();
    assert_eq!(storage.len(), 2);
    assert!(
        storage
            .iter()
            .all(|request| request.authorized.is_none() && request.body.is_empty())
    );
}

#[tokio::test]
async fn skip_existing_sends_a_recording_once() {
    let server = server().await;
    let client = client(&server);
    for puts in [1, 1] {
        let upload = client.upload(vec![1_u8; 1_000]).skip_existing(true);
        upload.await.unwrap();
        let requests = server.requests();
        assert_eq!(
            requests
                .iter()
                .filter(|request| request.method == "PUT")
                .count(),
            puts
        );
    }
}

#[tokio::test]
async fn missing_recording_and_storage_fault() {
    let server = builder().max_media_bytes(1_000).start().await.unwrap();
    let client = client(&server);
    let missing: MediaUrl = "media://missing".parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let error = client
        .download(&missing, folder.path().join("a"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    // The first attempt meets the fault, the second succeeds.
    server
        .faults()
        .inject(Operation::StorageUpload, 1, Fault::Reset);
    client.upload(vec![1_u8; 1_000]).key("a").await.unwrap();
    assert_eq!(server.faults().remaining(), 0);
}
