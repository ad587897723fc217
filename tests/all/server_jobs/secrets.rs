//! Voiceprints and secret URLs are deleted when a job ends, from the rows and from the bytes of the files.

use std::path::Path;
use std::time::Duration;

use pyannote_server::engine::{Engine, EngineFuture, EngineJob, JobKind};
use pyannote_server::store::{Status, Store};
use pyannote_server::worker::{Timing, Workers};
use pyannote_tests::http::{Response, TestServer};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use uuid::Uuid;

use super::test_engine::TestEngine;
use super::{TEAM, config, ended, timing};

/// Part of each secret of requests.
const SECRET: &str = "c2VjcmV0";
/// Part of each secret of outputs.
const RESULT: &str = "cmVzdWx0";

/// An engine whose outputs contain a voiceprint. It fails jobs whose request says so.
struct VoiceprintEngine;

impl Engine for VoiceprintEngine {
    fn needs_audio(&self) -> bool {
        false
    }

    fn process(&self, job: EngineJob) -> EngineFuture<'_> {
        Box::pin(async move {
            assert!(job.request["url"].as_str().unwrap().contains(SECRET));
            match job.request.contains_key("fail") {
                true => panic!("the engine is broken"),
                false => Ok(json!({ "voiceprint": RESULT.repeat(1_000) }).into()),
            }
        })
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// A request with secrets, whose size varies, so that they are on pages of their own and on pages with others.
fn request(index: usize, webhook: Option<&str>) -> Map<String, Value> {
    let voiceprint = SECRET.repeat(1 + (index * 7_919) % 3_000);
    let mut request = json!({
        "url": format!("https://example.com/a.wav?X-Amz-Signature={SECRET}"),
        "voiceprints": [{ "label": "Ada", "voiceprint": voiceprint }],
    });
    if let Some(webhook) = webhook {
        request["webhook"] = format!("{webhook}/hook?token={SECRET}").into();
    }
    if index.is_multiple_of(7) {
        request["fail"] = true.into();
    }
    serde_json::from_value(request).unwrap()
}

/// The test for any store. `contents` returns everything that is stored.
pub(crate) async fn are_deleted_from(store: &Store, contents: impl Fn() -> Vec<u8>) {
    let mut receiver = TestServer::with_responses([Response::ok("")]).await;
    let webhook = receiver.url().to_owned();
    let mut ids: Vec<Uuid> = Vec::new();
    for index in 0..60 {
        let webhook = (index % 10 == 0).then_some(&*webhook);
        let request = request(index, webhook);
        let job = store.create(TEAM, JobKind::Identify, request).await;
        ids.push(job.unwrap().id);
    }
    for id in &ids[50..] {
        assert!(store.cancel(TEAM, *id).await.unwrap());
    }
    assert!(contains(&contents(), SECRET));
    let quick = Timing {
        purge_interval: Duration::ZERO,
        sweep_interval: Duration::ZERO,
        ..timing()
    };
    let start = async |timing: Timing| {
        let mut config = config(store, &TestEngine::new(), 2);
        config.engine = Arc::new(VoiceprintEngine);
        Workers::start_with(config, timing).await.unwrap()
    };
    let workers = start(quick.clone()).await;
    for id in &ids {
        let job = ended(store, *id).await;
        assert_eq!(job.request, Map::new());
    }
    for _ in 0..6 {
        receiver.next_request().await;
    }
    // While the server is still running.
    gone(&contents, SECRET).await;
    let succeeded = store.get(TEAM, ids[1]).await.unwrap().unwrap();
    assert!(succeeded.output.is_some());
    workers.stop().await;

    let expired = Timing {
        output_retention: Duration::ZERO,
        ..quick.clone()
    };
    let workers = start(expired).await;
    gone(&contents, RESULT).await;
    let succeeded = store.get(TEAM, ids[1]).await.unwrap().unwrap();
    assert_eq!(
        (succeeded.status, succeeded.output),
        (Status::Succeeded, None)
    );
    workers.stop().await;

    let old = Timing {
        job_retention: Duration::ZERO,
        ..quick
    };
    let workers = start(old).await;
    let id = ids[1].to_string();
    gone(&contents, &id).await;
    assert!(store.list(TEAM, 100, None, None).await.unwrap().is_empty());
    workers.stop().await;
}

/// Waits until a text is no longer stored.
async fn gone(contents: &impl Fn() -> Vec<u8>, text: &str) {
    for _ in 0..1_000 {
        if !contains(&contents(), text) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{text} is still stored");
}

/// All bytes of the files in a folder.
fn bytes(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => bytes.extend(self::bytes(&path)),
            false => bytes.extend(fs_err::read(path).unwrap()),
        }
    }
    bytes
}

#[tokio::test]
async fn are_deleted_from_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("jobs.sqlite"))
        .await
        .unwrap();
    are_deleted_from(&store, || bytes(folder.path())).await;
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_data() {
    use std::os::unix::fs::PermissionsExt;

    fn set_modes(folder: &Path, directory: u32, file: u32) {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let mode = match path.is_dir() {
                true => {
                    set_modes(&path, directory, file);
                    directory
                }
                false => file,
            };
            match fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)) {
                // SQLite deletes its log when the last connection is closed.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                result => result.unwrap(),
            }
        }
    }

    fn modes_in(folder: &Path) -> Vec<(String, u32)> {
        let mut modes = Vec::new();
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                modes.extend(modes_in(&path));
            }
            let mode = fs_err::metadata(&path).unwrap().permissions().mode() & 0o777;
            modes.push((path.display().to_string(), mode));
        }
        modes
    }

    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    let start = async || {
        let builder = pyannote_server::Server::builder()
            .key("key")
            .data_dir(&data);
        builder.engine(TestEngine::new()).start().await.unwrap()
    };
    let server = start().await;
    let key = pyannote_server::media::MediaKey::new("a").unwrap();
    let body = futures_util::stream::iter([Ok::<_, std::io::Error>("sound".into())]);
    server
        .media()
        .store("local", &key, 0, 9, body)
        .await
        .unwrap();
    let check = || {
        let modes = modes_in(root.path());
        assert!(
            modes
                .iter()
                .any(|(path, _)| path.ends_with("jobs.sqlite-wal"))
        );
        // The folder, its subfolders with one file, the database and its log and shared memory.
        assert!(modes.len() >= 8, "{modes:?}");
        for (path, mode) in modes {
            let expected = match Path::new(&path).is_dir() {
                true => 0o700,
                false => 0o600,
            };
            assert_eq!(mode, expected, "{path}");
        }
    };
    check();
    server.stop().await;
    // Files of an earlier version.
    set_modes(root.path(), 0o755, 0o644);
    let server = start().await;
    check();
    server.stop().await;
}
