//! Uploaded media in a bucket, without a server.

use std::env;
use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::stream;
use pyannote_server::media::{BucketError, MediaKey, MediaStore, UploadOutcome};
use pyannote_tests::s3::S3;

const MEDIA: &str = "TEST_BUCKET";
const TEAM: &str = "ada";
/// More than a part of an upload.
const LARGE: usize = 12_000_000;

/// The environment has the credentials of the bucket, so that the test runs in a process of its own.
#[test]
fn media_are_stored_found_and_deleted_after_48_hours() {
    let Some(storage) = S3::start() else {
        return;
    };
    let output = Command::new(env::current_exe().unwrap())
        .args(["bucket::bucket_process", "--exact", "--ignored"])
        .env(MEDIA, storage.url())
        .envs(storage.environment())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(storage.keys(), [] as [&str; 0]);
}

#[tokio::test]
#[ignore = "only run as a subprocess of the other test"]
async fn bucket_process() {
    let Ok(url) = env::var(MEDIA) else {
        return;
    };
    let error = MediaStore::bucket("s3://missing/media").await.unwrap_err();
    let BucketError::Unreachable(cause) = error else {
        panic!("{error}");
    };
    assert!(cause.to_string().contains("NoSuchBucket"), "{cause}");

    let media = MediaStore::bucket(&url).await.unwrap();
    let key = MediaKey::new("calls/1.wav").unwrap();
    assert!(!media.contains(TEAM, &key).await.unwrap());
    assert!(media.find(TEAM, &key).await.unwrap().is_none());
    let chunks = |bytes: usize| {
        let chunk = |_| Ok::<_, io::Error>(Bytes::from(vec![7; 1_000]));
        stream::iter((0..bytes / 1_000).map(chunk))
    };
    let outcome = media
        .store(TEAM, &key, 0, LARGE as u64 - 1, chunks(LARGE))
        .await;
    assert_eq!(outcome.unwrap(), UploadOutcome::TooLarge);
    assert!(!media.contains(TEAM, &key).await.unwrap());
    let outcome = media
        .store(TEAM, &key, 0, LARGE as u64, chunks(LARGE))
        .await;
    assert_eq!(outcome.unwrap(), UploadOutcome::Stored(LARGE as u64));
    assert!(media.contains(TEAM, &key).await.unwrap());
    assert!(!media.contains("other", &key).await.unwrap());
    let file = media.find(TEAM, &key).await.unwrap().unwrap();
    let path = file.path().to_owned();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), LARGE as u64);
    drop(file);
    assert!(!path.exists(), "a copy remains");

    let after = |hours: u64| SystemTime::now() + Duration::from_secs(hours * 3600);
    assert_eq!(media.delete_expired(after(47)).await.unwrap(), 0);
    assert!(media.contains(TEAM, &key).await.unwrap());
    assert_eq!(media.delete_expired(after(49)).await.unwrap(), 1);
    assert!(!media.contains(TEAM, &key).await.unwrap());
}
