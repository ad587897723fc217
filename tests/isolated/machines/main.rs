//! Servers and workers in processes of their own, which share a PostgreSQL database and a bucket.
//!
//! Skipped if PostgreSQL or `s3s-fs` is not installed: `.ci/run tests` installs both.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)]

mod bucket;
mod process;
mod slow_diarizer;
mod trial;

use process::Process;
use pyannote_tests::postgres::Cluster;
use pyannote_tests::s3::S3;
use trial::Trial;

/// Runs a process of the other tests.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "only run as a subprocess of the other tests"]
async fn machine() {
    process::run().await;
}

/// Starts the database and the storage, if they are installed.
fn services() -> Option<(Cluster, S3)> {
    Some((Cluster::start()?, S3::start()?))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_takes_over_the_jobs_of_another_that_is_killed() {
    let Some((database, storage)) = services() else {
        return;
    };
    let trial = Trial::new(&database, &storage).await;
    let servers = ["serve", "serve"].map(|role| Process::start(role, &trial));
    trial.run(servers.into(), Vec::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_without_http_process_the_jobs_of_a_server_without_workers() {
    let Some((database, storage)) = services() else {
        return;
    };
    let trial = Trial::new(&database, &storage).await;
    let server = Process::start("serve --no-work", &trial);
    let workers = ["work", "work"].map(|role| Process::start(role, &trial));
    trial.run(vec![server], workers.into()).await;
}

/// With the options of the command line, and on real audio.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the open models"]
async fn open_models_process_the_jobs_of_a_machine_that_is_killed() {
    let Some((database, storage)) = services() else {
        return;
    };
    let trial = Trial::with_open_models(&database, &storage).await;
    let server = Process::start("serve --no-work", &trial);
    let workers = ["work", "work"].map(|role| Process::start(role, &trial));
    trial.run(vec![server], workers.into()).await;
}
