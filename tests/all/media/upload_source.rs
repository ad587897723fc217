//! Sources of uploads: bytes, readers, and files that change.

use std::fs;

use pyannote::{ErrorKind, UploadSource};

use super::{MIB, assert_no_secrets, audio, client, file, presigned, service, storage};

#[tokio::test]
async fn uploads_bytes_and_readers() {
    let storage = storage().await;
    let service = service(vec![presigned(storage.url(), "object")]).await;
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
    let puts = storage.requests();
    let types: Vec<_> = puts
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
    assert!(puts.iter().all(|put| put.complete && put.body == bytes));
}

#[tokio::test]
async fn a_file_that_changes_during_the_upload_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for (name, len) in [("shorter.wav", MIB), ("longer.wav", 5 * MIB)] {
        let path = file(folder.path(), name, &audio(4 * MIB));
        let storage = storage().await;
        let service = service(vec![presigned(storage.url(), "a")]).await;
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
        assert_no_secrets(&error);
        assert!(
            storage.requests().iter().all(|put| !put.complete),
            "{name} was stored"
        );
        assert_eq!(service.request_count(), 1, "{name} was retried");
    }
}

#[tokio::test]
async fn a_reader_of_the_wrong_length_is_an_error() {
    let storage = storage().await;
    let service = service(vec![presigned(storage.url(), "a")]).await;
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
    assert_eq!(error.to_string(), "cannot read the reader");
    assert_eq!(
        format!("{error:#}"),
        "cannot read the reader: no such record"
    );
    assert!(storage.requests().iter().all(|put| !put.complete));
}
