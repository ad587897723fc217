//! What an upload sends, and what is refused before anything is sent.

use std::error::Error as _;
use std::fs;

use pyannote::{ErrorKind, UploadSource};

use super::{
    MIB, SIGNATURE, assert_no_credentials, audio, client, file, presigned, service, storage,
};

#[tokio::test]
async fn upload_sends_the_whole_file_without_the_api_key() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = audio(MIB + 3);
    let path = file(folder.path(), "Meeting.WAV", &bytes);
    let storage = storage().await;
    let service = service(vec![presigned(storage.url(), "object")]).await;
    let (client, _) = client(&service);

    let media = client.upload(path).key("calls/1").await.unwrap();

    assert_eq!(media.as_str(), "media://calls/1");
    let request = service.requests().remove(0);
    assert_eq!(
        (request.method.as_str(), &*request.path),
        ("POST", "/v1/media/input")
    );
    assert_eq!(
        request.json(),
        serde_json::json!({ "url": "media://calls/1" })
    );
    assert_eq!(request.header("authorization"), Some("Bearer sk-secret"));
    assert_eq!(request.header("x-gateway"), Some("gateway-secret"));
    let put = storage.requests().remove(0);
    assert_eq!((put.method.as_str(), &*put.path), ("PUT", "/object"));
    assert_eq!(put.query, SIGNATURE);
    assert!(put.complete && put.body == bytes);
    assert_eq!(put.header("content-length"), Some("1048579"));
    assert_eq!(put.header("content-type"), Some("audio/wav"));
    assert_eq!(put.header("transfer-encoding"), None);
    assert_no_credentials(&put);
    assert_eq!((service.request_count(), storage.request_count()), (1, 1));
}

#[tokio::test]
async fn invalid_uploads_are_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let storage = storage().await;
    let service = service(vec![presigned(storage.url(), "a")]).await;
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
    for (source, key, kind, message) in cases {
        let mut upload = client.upload(source);
        if let Some(key) = key {
            upload = upload.key(key);
        }
        let error = upload.skip_existing(true).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let text = error.to_string();
        assert!(text.contains(message), "{message:?} not in {text}");
    }
    let missing = client
        .upload(folder.path().join("missing.wav"))
        .await
        .unwrap_err();
    let text = missing.to_string();
    assert!(
        text.starts_with("cannot read the file ") && text.ends_with("missing.wav"),
        "{text}"
    );
    let cause = missing.source().unwrap().to_string();
    assert_eq!(format!("{missing:#}"), format!("{text}: {cause}"));
    let both = client
        .upload(reader(5))
        .skip_existing(true)
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
    assert_eq!((service.request_count(), storage.request_count()), (1, 1));
}

#[tokio::test]
async fn equal_content_has_equal_keys() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = audio(200_000);
    let storage = storage().await;
    let service = service(vec![presigned(storage.url(), "a")]).await;
    let (client, _) = client(&service);
    let mut keys = Vec::new();
    for name in ["one.wav", "Two.WAV", "three"] {
        let path = file(folder.path(), name, &bytes);
        keys.push(client.upload(path).skip_existing(true).await.unwrap());
    }
    let again = client.upload(bytes.clone()).skip_existing(true).await;
    keys.push(again.unwrap());
    keys.dedup();
    assert_eq!(keys.len(), 1, "{keys:?}");
    let key = keys[0].key();
    let digest = key
        .strip_prefix("sha256/")
        .and_then(|key| key.strip_suffix(".wav"));
    assert_eq!(digest.map(str::len), Some(64), "{key}");
    let mut other = bytes;
    other[100_000] ^= 1;
    let different = client.upload(other).skip_existing(true).await.unwrap();
    assert_ne!(different.key(), key);
    // Without it, each upload has a key of its own.
    let mut keys = Vec::new();
    for _ in 0..2 {
        keys.push(client.upload(b"RIFF....WAVE".to_vec()).await.unwrap());
    }
    assert_ne!(keys[0], keys[1]);
    assert!(keys[0].key().starts_with("uploads/"), "{keys:?}");
}
