//! Jobs and listings through the SDK.

use futures_util::TryStreamExt;
use pyannote::{ErrorKind, JobStatus, JobSummary};
use pyannote_server::ScriptedEngine;

use super::{AUDIO, client, server, server_with};

#[tokio::test]
async fn all_kinds_of_jobs() {
    let server = server().await;
    let client = client(&server);
    client.test_key().await.unwrap();
    let diarization = client.diarize(AUDIO).exclusive(true).await.unwrap();
    assert_eq!(diarization.turns().len(), 2);
    let voiceprint = client.voiceprint(AUDIO).await.unwrap();
    let identification = client
        .identify(AUDIO)
        .voiceprint("Ada", &voiceprint)
        .threshold(50.0)
        .await
        .unwrap();
    assert_eq!(identification.turns().len(), 2);
}

#[tokio::test]
async fn failed_job() {
    let engine = ScriptedEngine::new();
    engine.then(Err("too quiet".to_owned()));
    let server = server_with(engine).await;
    let error = client(&server).diarize(AUDIO).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobFailed);
    assert!(error.to_string().contains("too quiet"), "{error}");
}

#[tokio::test]
async fn jobs_are_listed_in_pages() {
    let server = server().await;
    let client = client(&server);
    let mut ids = Vec::new();
    for _ in 0..5 {
        let job = client.diarize(AUDIO).submit().await.unwrap();
        ids.insert(0, job.id().clone());
        job.wait().await.unwrap();
    }
    let list = || client.jobs().page_size(2);
    let listed: Vec<JobSummary> = list().stream().try_collect().await.unwrap();
    let listed: Vec<_> = listed.into_iter().map(|job| job.id).collect();
    assert_eq!(listed, ids);
    let reads = server
        .requests()
        .into_iter()
        .filter(|request| request.path == "/v2/jobs");
    assert_eq!(reads.count(), 3);
    let failed = list().status(JobStatus::Failed).stream();
    assert_eq!(failed.try_collect::<Vec<_>>().await.unwrap(), []);
}

#[tokio::test]
async fn unknown_job() {
    let server = server().await;
    let id = uuid::Uuid::new_v4().to_string();
    let error = client(&server)
        .job::<pyannote::Diarization>(id)
        .status()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
