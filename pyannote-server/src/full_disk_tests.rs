//! Tests on a disk that is really full: a small tmpfs, which only root can mount.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use serde_json::{Map, Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::engine::{EngineFuture, EngineJob, JobKind};
use crate::media::{MediaKey, MediaStore, StorageLimits, UploadOutcome};
use crate::store::{Busy, Job, Status, Store, StreamStatus};
use crate::worker::{Timing, WorkerConfig, Workers};
use crate::{Engine, LiveLimits, RateLimits, ScriptedEngine, Server};

const LEASE: Duration = Duration::from_secs(60);
const TEAM: &str = "local";

/// A small disk, of 2 MiB unless another size is given. Unmounted on drop.
struct Disk(tempfile::TempDir);

impl Disk {
    /// Returns `None`, and says so, if the disk cannot be mounted.
    fn mount() -> Option<Self> {
        Self::mount_with("2m")
    }

    fn mount_with(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]);
        match mount.arg(folder.path()).output() {
            Ok(output) if output.status.success() => Some(Self(folder)),
            _ => {
                eprintln!(
                    "SKIPPED: a full disk is not tested, since mounting a tmpfs requires root on Linux"
                );
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes to a file until the disk is full.
    fn fill(&self) {
        fill(self.path());
    }

    fn free(&self) {
        std::fs::remove_file(self.path().join("filler")).unwrap();
    }

    fn free_bytes(&self) -> u64 {
        fs4::statvfs(self.path()).unwrap().available_space()
    }

    /// Empties the write-ahead log, so that nothing fits into it once the disk is full.
    async fn purge(&self, store: &Store) {
        let log = self.path().join("jobs.sqlite-wal");
        let purged = async || {
            // A server that has this store may have purged it before the last write.
            store.note_deletion();
            store.purge().await.unwrap();
            std::fs::metadata(&log).unwrap().len() == 0
        };
        eventually("the log is empty", purged).await;
    }

    async fn store(&self) -> Store {
        Store::open(self.path().join("jobs.sqlite")).await.unwrap()
    }
}

/// Waits until `condition` is true, at most 30 s.
async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waiting = tokio::time::timeout(Duration::from_secs(30), waiting).await;
    waiting.unwrap_or_else(|_| panic!("not reached within 30 s: {what}"));
}

fn fill(folder: &Path) {
    use std::io::Write;

    let mut file = std::fs::OpenOptions::new();
    let file = file.create(true).append(true).open(folder.join("filler"));
    let mut file = file.unwrap();
    while file.write_all(&[0; 512]).is_ok() {}
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

async fn submit(store: &Store, request: Value) -> Uuid {
    let request: Map<String, Value> = serde_json::from_value(request).unwrap();
    let job = store.create(TEAM, JobKind::Diarize, request).await;
    job.unwrap().id
}

async fn ended(store: &Store, id: Uuid) -> Job {
    let job = async || store.get(TEAM, id).await.unwrap().unwrap();
    let ended = async || job().await.status.is_final();
    eventually("the job has ended", ended).await;
    job().await
}

/// Waits until something that has ended waits for space.
async fn held(store: &Store) {
    let held = async || store.are_claims_held();
    eventually("the disk is full", held).await;
}

#[tokio::test]
async fn submissions_and_uploads_are_refused_with_status_507() {
    let Some(disk) = Disk::mount() else { return };
    let builder = Server::builder().engine(ScriptedEngine::new()).key("key");
    let builder = builder.rate_limits(RateLimits::off()).data_dir(disk.path());
    // The disk gets really full.
    let builder = builder.storage_limits(StorageLimits {
        free_bytes: 0,
        ..StorageLimits::default()
    });
    let server = builder.start().await.unwrap();
    let http = reqwest::Client::new();
    let post = async |path: &str, body: Value| {
        let request = http.post(format!("{}{path}", server.url()));
        let response = request.bearer_auth("key").json(&body).send();
        let response = response.await.unwrap();
        let status = response.status();
        (status, response.json::<Value>().await.unwrap())
    };
    let submission = || json!({ "url": "https://example.com/a.wav", "confidence": true });
    let (_, media) = post("/v1/media/input", json!({ "url": "media://a" })).await;
    let upload_url = media["url"].as_str().unwrap();
    let upload = async || {
        let body = vec![7; 200_000];
        let response = http.put(upload_url).body(body).send().await.unwrap();
        response.status()
    };
    disk.fill();
    let (mut accepted, mut refused) = (Vec::new(), 0);
    for _ in 0..30 {
        match post("/v1/diarize", submission()).await {
            (StatusCode::OK, body) => accepted.push(body["jobId"].as_str().unwrap().to_owned()),
            (status, body) => {
                assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE);
                assert!(body["message"].as_str().unwrap().contains("disk is full"));
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
    assert_eq!(upload().await, StatusCode::INSUFFICIENT_STORAGE);
    assert_eq!(incomplete_uploads(&disk), 0);

    disk.free();
    assert_eq!(upload().await, StatusCode::OK);
    let (status, body) = post("/v1/diarize", submission()).await;
    assert_eq!(status, StatusCode::OK);
    accepted.push(body["jobId"].as_str().unwrap().to_owned());
    // Each accepted job exists and ends, and no other.
    let store = disk.store().await;
    assert_eq!(
        store.list(TEAM, 100, None, None).await.unwrap().len(),
        accepted.len()
    );
    for id in accepted {
        let job = ended(&store, id.parse().unwrap()).await;
        assert_eq!((job.status, job.attempts), (Status::Succeeded, 1));
    }
    server.stop().await;
}

/// Number of files of uploads that were not completed.
fn incomplete_uploads(disk: &Disk) -> usize {
    let folders = std::fs::read_dir(disk.path().join("media/incomplete")).unwrap();
    let folders = folders.map(|folder| folder.unwrap().path());
    let folders = folders.filter(|path| path.is_dir());
    let entries = folders.flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let names = entries.map(|entry| entry.unwrap().file_name());
    names.filter(|name| name != "lock").count()
}

/// Jobs can still be accepted and write their results.
#[tokio::test]
async fn uploads_leave_a_part_of_the_disk_free() {
    let Some(disk) = Disk::mount() else { return };
    let limits = StorageLimits::default();
    let media = MediaStore::folder(disk.path().join("media"), limits).unwrap();
    let upload = async |name: &str| {
        let body = futures_util::stream::iter([Ok::<_, std::io::Error>(vec![7; 100_000].into())]);
        let key = MediaKey::new(name).unwrap();
        media.store(TEAM, &key, 0, u64::MAX, body).await.unwrap()
    };
    let mut stored = 0_u64;
    while upload(&format!("media-{stored}")).await == UploadOutcome::Stored(100_000) {
        stored += 1;
    }
    assert_eq!(upload("another").await, UploadOutcome::DiskFull);
    // 2 MiB have room for 20, of which the last would leave less than a twentieth.
    assert!((18..=20).contains(&stored), "{stored}");
    assert_eq!(incomplete_uploads(&disk), 0);
}

/// They announce much, and send a byte from time to time.
#[tokio::test]
async fn slow_uploads_leave_space_to_others() {
    const MIB: u64 = 1 << 20;
    let Some(disk) = Disk::mount_with("100m") else {
        return;
    };
    let limits = StorageLimits::default();
    let media = MediaStore::folder(disk.path().join("media"), limits).unwrap();
    let upload = async |name: &str, announced_bytes: u64, size: u64| {
        let parts = futures_util::stream::iter(0..size / MIB);
        let parts = parts.map(|_| Ok::<_, std::io::Error>(vec![7; 1 << 20].into()));
        let key = MediaKey::new(name).unwrap();
        let stored = media.store(TEAM, &key, announced_bytes, u64::MAX, parts);
        stored.await.unwrap()
    };
    let mut slow = Vec::new();
    for name in ["a", "b", "c"] {
        let (started, has_started) = tokio::sync::oneshot::channel();
        let first = futures_util::stream::once(std::future::ready(Ok(vec![7].into())));
        let rest = futures_util::stream::once(async move {
            started.send(()).unwrap();
            std::future::pending::<std::io::Result<bytes::Bytes>>().await
        });
        let (media, parts) = (media.clone(), Box::pin(first.chain(rest)));
        slow.push(tokio::spawn(async move {
            let key = MediaKey::new(name).unwrap();
            media.store(TEAM, &key, 60 * MIB, u64::MAX, parts).await
        }));
        has_started.await.unwrap();
    }
    // 100 MiB without three times 8 MiB, and without a twentieth.
    let stored = upload("d", 60 * MIB, 60 * MIB).await;
    assert_eq!(stored, UploadOutcome::Stored(60 * MIB));
    // What cannot fit is still refused before it is sent.
    assert_eq!(upload("e", 60 * MIB, 0).await, UploadOutcome::DiskFull);
    assert_eq!(upload("f", MIB, MIB).await, UploadOutcome::Stored(MIB));
    assert!(slow.iter().all(|upload| !upload.is_finished()));
    for upload in slow {
        upload.abort();
    }
}

/// Each of them alone would find enough space.
#[tokio::test]
async fn uploads_at_the_same_time_leave_a_part_of_the_disk_free() {
    let Some(disk) = Disk::mount() else { return };
    let limits = StorageLimits::default();
    let media = MediaStore::folder(disk.path().join("media"), limits).unwrap();
    for announced_bytes in [0, 300_000] {
        let upload = async |name: String| {
            let parts = futures_util::stream::iter([(); 30]).then(async |()| {
                tokio::task::yield_now().await;
                assert!(disk.free_bytes() >= (2 << 20) / 20);
                Ok::<_, std::io::Error>(vec![7; 10_000].into())
            });
            let key = MediaKey::new(&name).unwrap();
            let parts = std::pin::pin!(parts);
            let stored = media.store(TEAM, &key, announced_bytes, u64::MAX, parts);
            stored.await.unwrap()
        };
        let uploads = (0..12).map(|number| upload(format!("{announced_bytes}-{number}")));
        let outcomes = futures_util::future::join_all(uploads).await;
        assert!(disk.free_bytes() >= (2 << 20) / 20);
        let stored = outcomes.iter();
        let stored = stored.filter(|outcome| **outcome == UploadOutcome::Stored(300_000));
        // What is announced is refused before it is written, so that as many succeed as fit.
        if announced_bytes > 0 {
            assert_eq!(stored.count(), 6);
        }
        let full = outcomes.contains(&UploadOutcome::DiskFull);
        assert!(full, "{outcomes:?}");
        media
            .delete_expired(std::time::SystemTime::now() + Duration::from_secs(49 * 60 * 60))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_claim_that_is_not_committed_is_none() {
    let Some(disk) = Disk::mount() else { return };
    let store = disk.store().await;
    let id = submit(&store, json!({})).await;
    store
        .cancel(
            TEAM,
            submit(&store, json!({ "webhook": "https://example.com" })).await,
        )
        .await
        .unwrap();
    disk.purge(&store).await;
    disk.fill();
    for _ in 0..5 {
        assert!(store.claim(LEASE).await.unwrap_err().is_full());
        let delivery = store.claim_delivery(LEASE, &Busy::default()).await;
        assert!(delivery.map(|_| ()).unwrap_err().is_full());
    }
    let job = store.get(TEAM, id).await.unwrap().unwrap();
    assert_eq!((job.status, job.attempts), (Status::Created, 0));
    disk.free();
    assert_eq!(store.claim(LEASE).await.unwrap().unwrap().job.attempts, 1);
    assert!(
        store
            .claim_delivery(LEASE, &Busy::default())
            .await
            .unwrap()
            .is_some()
    );
}

/// An engine that fills the disk before each of its jobs ends.
struct FillingEngine(std::path::PathBuf);

impl Engine for FillingEngine {
    fn needs_audio(&self) -> bool {
        false
    }

    fn process(&self, _: EngineJob) -> EngineFuture<'_> {
        Box::pin(async move {
            fill(&self.0);
            Ok(json!({ "text": "a".repeat(500_000) }).into())
        })
    }
}

fn workers(disk: &Disk, store: &Store) -> WorkerConfig {
    WorkerConfig {
        store: store.clone(),
        engine: Arc::new(FillingEngine(disk.path().to_owned())),
        audio: None,
        webhook_secret: Some("whs_test".into()),
        allow_private_networks: true,
        faults: Default::default(),
        concurrency: 2,
    }
}

fn timing() -> Timing {
    Timing {
        poll_interval: Duration::from_millis(10),
        ..Timing::default()
    }
}

#[tokio::test]
async fn a_result_waits_for_space() {
    let Some(disk) = Disk::mount() else { return };
    let store = disk.store().await;
    let id = submit(&store, json!({})).await;
    // The lease expires while the result waits, and the other claim loop must not claim the job again.
    let short = Timing {
        lease: Duration::from_millis(200),
        ..timing()
    };
    let lease = short.lease;
    let workers = Workers::start_with(workers(&disk, &store), short)
        .await
        .unwrap();
    held(&store).await;
    tokio::time::sleep(2 * lease).await;
    let job = store.get(TEAM, id).await.unwrap().unwrap();
    assert_eq!((job.status, job.attempts), (Status::Running, 1));
    disk.free();
    let job = ended(&store, id).await;
    assert_eq!((job.status, job.attempts), (Status::Succeeded, 1));
    assert!(job.output.unwrap().to_value()["text"].is_string());
    workers.stop().await;
}

#[tokio::test]
async fn a_job_whose_result_does_not_fit_in_time_fails_for_this_reason() {
    let Some(disk) = Disk::mount() else { return };
    let store = disk.store().await;
    let id = submit(&store, json!({})).await;
    let impatient = Timing {
        result_retry_limit: Duration::ZERO,
        ..timing()
    };
    let workers = Workers::start_with(workers(&disk, &store), impatient)
        .await
        .unwrap();
    // The message is shorter than the result, and may fit.
    let held = async {
        while !store.are_claims_held() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        () = held => {}
        _ = ended(&store, id) => {}
    }
    disk.free();
    let job = ended(&store, id).await;
    assert_eq!((job.status, job.attempts), (Status::Failed, 1));
    let output = job.output.unwrap().to_value();
    let error = output["error"].as_str().unwrap();
    let expected = "the result could not be stored: no space left for the database";
    assert!(error.starts_with(expected), "{error}");
    workers.stop().await;
}

/// Silence, as 16-bit WAV at 16 kHz.
#[cfg(feature = "engine")]
fn wav(duration_s: f64) -> Vec<u8> {
    let data = (duration_s * 32_000.0) as u32;
    let mut wav = b"RIFF".to_vec();
    wav.extend((data + 36).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data");
    wav.extend(data.to_le_bytes());
    wav.resize(wav.len() + data as usize, 0);
    wav
}

/// Fetched recordings and copies from a bucket.
#[cfg(feature = "engine")]
#[tokio::test]
async fn recordings_leave_a_part_of_the_disk_free() {
    use crate::recording_file::TempFiles;

    let Some(disk) = Disk::mount() else { return };
    let temp_files = TempFiles {
        folder: Some(disk.path().to_owned()),
        min_free: StorageLimits::default().min_free_of_recordings(),
    };
    let is_full = |error: std::io::Error| error.kind() == std::io::ErrorKind::StorageFull;
    assert!(is_full(temp_files.create(2 << 20).unwrap_err()));
    // Of two that are announced, only one fits, although neither has been written yet.
    let announced = temp_files.create(1_200_000).unwrap();
    assert!(is_full(temp_files.create(1_200_000).unwrap_err()));
    drop(announced);
    let mut file = temp_files.create(0).unwrap();
    let mut parts = 0;
    let error = loop {
        file = match file.append(vec![7; 10_000].into()).await {
            Ok(file) => file,
            Err(error) => break error,
        };
        parts += 1;
        assert!(disk.free_bytes() >= (2 << 20) / 40, "{parts}");
    };
    assert!(is_full(error) && parts > 150, "{parts}");
}

/// The samples of 16 minutes would fit, but leave too little.
#[cfg(feature = "engine")]
#[tokio::test]
async fn samples_leave_a_part_of_the_disk_free() {
    use crate::audio::{FetchConfig, Loader, RecordingError};
    use pyannote_engine::SpoolError;
    use pyannote_engine::audio::AudioError;

    let Some(disk) = Disk::mount_with("60m") else {
        return;
    };
    let media = tempfile::tempdir().unwrap();
    let path = media.path().join("a.wav");
    std::fs::write(&path, wav(16.0 * 60.0)).unwrap();
    for (free_bytes, fits) in [(1 << 30, false), (0, true)] {
        let config = FetchConfig {
            temp_dir: Some(disk.path().to_owned()),
            free_bytes,
            ..FetchConfig::default()
        };
        let path = path.clone();
        let files = move |_: &str, _: &str| Some(path.clone());
        let loader = Loader::new(files, config).unwrap();
        match loader.load(TEAM, "media://a", None).await {
            Ok(_) => assert!(fits),
            Err(RecordingError::Audio(AudioError::Spool(SpoolError::Full { .. }))) => {
                assert!(!fits);
            }
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Without a place, and as a job that waits.
#[cfg(feature = "engine")]
#[tokio::test]
async fn a_recording_waits_for_space() {
    use crate::audio::{FetchConfig, Loader};

    let Some(disk) = Disk::mount() else { return };
    disk.fill();
    let wav = wav(0.5);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/a.wav", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(async move || wav);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let config = FetchConfig {
        temp_dir: Some(disk.path().to_owned()),
        allow_private_networks: true,
        ..FetchConfig::default()
    };
    let loader = Loader::new(|_: &str, _: &str| None, config).unwrap();
    // The database has space.
    let store = Store::temporary().await.unwrap();
    let mut config = workers(&disk, &store);
    config.engine = Arc::new(SecondsEngine);
    config.audio = Some(Arc::new(loader));
    let workers = Workers::start_with(config, timing()).await.unwrap();
    let id = submit(&store, json!({ "url": url })).await;
    let waits = async || {
        let job = store.get(TEAM, id).await.unwrap().unwrap();
        (job.status, job.attempts, job.storage_failures) == (Status::Created, 0, 1)
            && workers.running_jobs() == 0
    };
    eventually("the job waits", waits).await;
    disk.free();
    let job = ended(&store, id).await;
    assert_eq!((job.status, job.attempts), (Status::Succeeded, 1));
    assert_eq!(job.output, Some(json!({ "seconds": 0.5 }).into()));
    workers.stop().await;
}

/// Returns the duration of the recording.
#[cfg(feature = "engine")]
struct SecondsEngine;

#[cfg(feature = "engine")]
impl Engine for SecondsEngine {
    fn needs_audio(&self) -> bool {
        true
    }

    fn process(&self, job: EngineJob) -> EngineFuture<'_> {
        let seconds = job.recording.map(|recording| recording.duration());
        Box::pin(async move { Ok(json!({ "seconds": seconds }).into()) })
    }
}

/// A receiver that fills the disk before it accepts a webhook.
async fn filling_receiver(folder: &Path) -> (String, tokio::sync::mpsc::UnboundedReceiver<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let folder = folder.to_owned();
    let (sender, received) = tokio::sync::mpsc::unbounded_channel();
    let accept = async move || {
        fill(&folder);
        sender.send(()).unwrap();
    };
    let router = axum::Router::new().fallback(accept);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, received)
}

#[tokio::test]
async fn a_delivered_webhook_is_not_sent_again_when_there_is_space() {
    let Some(disk) = Disk::mount() else { return };
    let store = disk.store().await;
    let (url, mut received) = filling_receiver(disk.path()).await;
    let job = submit(&store, json!({ "webhook": url })).await;
    store.cancel(TEAM, job).await.unwrap();
    disk.purge(&store).await;
    let never = Timing {
        purge_interval: Duration::from_secs(3600),
        ..timing()
    };
    let workers = Workers::start_with(workers(&disk, &store), never)
        .await
        .unwrap();
    received.recv().await.unwrap();
    held(&store).await;
    disk.free();
    let delivered = async || {
        store
            .next_delivery(&Busy::default())
            .await
            .unwrap()
            .is_none()
    };
    eventually("the webhook is delivered", delivered).await;
    workers.stop().await;
    assert!(received.try_recv().is_err(), "the webhook was sent twice");
}

/// The client is not affected, and the status is written when there is space, also after the lease has expired.
#[tokio::test]
async fn the_status_of_a_live_stream_waits_for_space() {
    let Some(disk) = Disk::mount() else { return };
    let limits = LiveLimits {
        lease: Duration::from_millis(100),
        ..LiveLimits::default()
    };
    let builder = Server::builder().engine(ScriptedEngine::new()).key("key");
    let store = disk.store().await;
    let builder = builder.live_limits(limits).store(store.clone());
    let server = builder.start().await.unwrap();
    let create = async || {
        let request = reqwest::Client::new().post(format!("{}/v1/live", server.url()));
        request
            .bearer_auth("key")
            .json(&json!({}))
            .send()
            .await
            .unwrap()
    };
    let body: Value = create().await.json().await.unwrap();
    let id = body["id"].as_str().unwrap().parse().unwrap();
    let (mut socket, _) = connect_async(body["url"].as_str().unwrap()).await.unwrap();
    disk.purge(&store).await;
    disk.fill();
    socket
        .send(Message::text(r#"{"type":"end_of_stream"}"#))
        .await
        .unwrap();
    let close = socket.next().await.unwrap().unwrap();
    let Message::Close(Some(frame)) = close else {
        panic!("{close:?}");
    };
    assert_eq!(u16::from(frame.code), 1000);
    assert_eq!(create().await.status(), StatusCode::INSUFFICIENT_STORAGE);
    held(&store).await;
    tokio::time::sleep(2 * limits.lease).await;
    let stream = async || store.stream(TEAM, id).await.unwrap().unwrap();
    assert_eq!(stream().await.status, StreamStatus::Created);
    disk.free();
    let completed = async || stream().await.completed_at.is_some();
    eventually("the stream has completed", completed).await;
    assert_eq!(stream().await.status, StreamStatus::Done);
    server.stop().await;
}
