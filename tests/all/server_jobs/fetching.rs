//! Recordings that are fetched from hosts that hang or fail, beside those that were uploaded.

use std::sync::Arc;
use std::time::Duration;

use pyannote_engine::audio::Ffmpeg;
use pyannote_server::audio::{FetchConfig, Loader};
use pyannote_server::engine::JobKind;
use pyannote_server::store::{Job, Status, Store};
use pyannote_server::worker::{Timing, Workers};
use pyannote_tests::http::{Response, TestServer};
use serde_json::json;
use uuid::Uuid;

use super::test_engine::TestEngine;
use super::{TEAM, config, ended, timing, wait_until};
use crate::audio::wav;

const UPLOAD: &str = "media://upload.wav";

/// Workers that load uploads from a file, and fetch other recordings.
async fn start(store: &Store, timing: Timing) -> Workers {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("upload.wav"), wav::bytes(16_000)).unwrap();
    let media = move |_: &str, key: &str| Some(folder.path().join(key));
    let mut fetch = FetchConfig::default();
    fetch.allow_private_networks = true;
    let loader = Loader::new(media, fetch).unwrap().ffmpeg(Ffmpeg::off());
    let mut config = config(store, &TestEngine::with_audio(), 2);
    config.audio = Some(Arc::new(loader));
    Workers::start_with(config, timing).await.unwrap()
}

async fn submit(store: &Store, team: &str, url: &str) -> Uuid {
    let request = serde_json::from_value(json!({ "url": url })).unwrap();
    let job = store.create(team, JobKind::Diarize, request).await;
    job.unwrap().id
}

async fn job(store: &Store, id: Uuid) -> Job {
    store.get(TEAM, id).await.unwrap().unwrap()
}

/// Submits jobs whose recordings never arrive, and waits until some are fetched.
async fn hang(store: &Store, host: &TestServer) -> Vec<Uuid> {
    let mut ids = Vec::new();
    for number in 0..40 {
        ids.push(submit(store, TEAM, &format!("{}/{number}.wav", host.url())).await);
    }
    while host.request_count() < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    ids
}

#[tokio::test]
async fn a_host_that_hangs_keeps_neither_uploads_nor_other_hosts_nor_teams_waiting() {
    let store = Store::temporary().await.unwrap();
    others_do_not_wait_in(&store).await;
}

/// The test for any store.
pub(crate) async fn others_do_not_wait_in(store: &Store) {
    let hanging = TestServer::with_responses([Response::none()]).await;
    let host = TestServer::with_responses([Response::ok(wav::bytes(16_000))]).await;
    let workers = start(store, timing()).await;
    let never = hang(store, &hanging).await;
    let mut soon = Vec::new();
    for _ in 0..4 {
        soon.push(submit(store, TEAM, UPLOAD).await);
    }
    // Another name of the same address is another host.
    let other_host = host.url().replace("127.0.0.1", "localhost");
    for _ in 0..4 {
        soon.push(submit(store, TEAM, &format!("{other_host}/a.wav")).await);
    }
    for id in soon {
        let job = ended(store, id).await;
        assert_eq!((job.status, job.attempts), (Status::Succeeded, 1));
    }
    // The host hangs for one team, not for all.
    let id = submit(store, "bob", &format!("{}/a.wav", host.url())).await;
    let of_other_team = async {
        loop {
            let job = store.get("bob", id).await.unwrap().unwrap();
            if job.status.is_final() {
                return job.status;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(30), of_other_team).await;
    assert_eq!(ended.unwrap(), Status::Succeeded);
    // The others wait, and those that do not hold a place have the status of that.
    let mut statuses = Vec::new();
    for id in &never {
        statuses.push(job(store, *id).await.status);
    }
    let count = |status| statuses.iter().filter(|found| **found == status).count();
    let running = count(Status::Running);
    assert!((1..=8).contains(&running), "{statuses:?}");
    assert_eq!(count(Status::Created), 40 - running);
    for id in never {
        assert!(store.cancel(TEAM, id).await.unwrap());
    }
    workers.stop().await;
}

#[tokio::test]
async fn jobs_that_are_only_fetched_do_not_delay_a_shutdown() {
    let store = Store::temporary().await.unwrap();
    let hanging = TestServer::with_responses([Response::none()]).await;
    let patient = Timing {
        grace_period: Duration::from_secs(3600),
        ..timing()
    };
    let workers = start(&store, patient).await;
    let ids = hang(&store, &hanging).await;
    let stopped = tokio::time::timeout(Duration::from_secs(30), workers.stop()).await;
    assert!(stopped.is_ok(), "the shutdown waits for the fetches");
    for id in ids {
        let job = job(&store, id).await;
        assert_eq!((job.status, job.attempts), (Status::Created, 0));
    }
}

/// The job waits in the queue between the attempts, even if that is for ever.
#[tokio::test]
async fn a_job_that_is_fetched_again_later_holds_no_place() {
    let store = Store::temporary().await.unwrap();
    let host = TestServer::with_responses([Response::new(503, "")]).await;
    let patient = Timing {
        fetch_retry_delays: [Duration::from_secs(3600); 3],
        ..timing()
    };
    let workers = start(&store, patient).await;
    let mut ids = Vec::new();
    for number in 0..40 {
        ids.push(submit(&store, TEAM, &format!("{}/{number}.wav", host.url())).await);
    }
    for id in ids {
        let job = wait_until(&store, id, |job| job.fetch_failures == 1).await;
        assert_eq!((job.status, job.attempts), (Status::Created, 0));
    }
    let id = submit(&store, TEAM, UPLOAD).await;
    assert_eq!(ended(&store, id).await.status, Status::Succeeded);
    assert_eq!(host.request_count(), 40);
    // A place is given up soon after the job has its new status.
    let idle = async {
        while workers.running_jobs() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let idle = tokio::time::timeout(Duration::from_secs(30), idle).await;
    assert!(idle.is_ok(), "the jobs hold places");
    workers.stop().await;
}

#[tokio::test]
async fn a_recording_is_fetched_up_to_four_times() {
    let store = Store::temporary().await.unwrap();
    let quick = Timing {
        fetch_retry_delays: [Duration::ZERO; 3],
        ..timing()
    };
    let workers = start(&store, quick).await;
    let text = "R".repeat(16_000);
    let refused = || Response::new(503, "").header("retry-after", 0);
    let failures = || {
        let cut = Response::truncated(&text, 500);
        vec![refused(), cut, Response::reset()]
    };
    for (last, status, error) in [
        (Response::ok(wav::bytes(16_000)), Status::Succeeded, None),
        (
            refused(),
            Status::Failed,
            Some("cannot fetch the recording: the server responded with status 503"),
        ),
    ] {
        let host = TestServer::with_responses([failures(), vec![last]].concat()).await;
        let id = submit(&store, TEAM, &format!("{}/a.wav?secret", host.url())).await;
        let job = ended(&store, id).await;
        assert_eq!((job.status, job.attempts), (status, 1));
        assert_eq!((job.fetch_failures, host.request_count()), (3, 4));
        let output = job.output.unwrap().to_value();
        assert_eq!(output.get("error").and_then(|error| error.as_str()), error);
    }
    workers.stop().await;
}
