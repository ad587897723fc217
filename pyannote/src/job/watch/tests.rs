//! Tests of the task: its end, and what it survives.

use std::net::TcpListener;

use futures_util::future::join_all;
use futures_util::{FutureExt, StreamExt};

use super::*;
use crate::transport::manual_clock::ManualClock;
use crate::{Client, Diarization, ErrorKind, Job};

/// A server that accepts connections and says nothing, with a client.
fn silent(clock: Option<ManualClock>) -> (TcpListener, Client) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut builder = Client::builder().api_key("key").base_url(url);
    if let Some(clock) = clock {
        builder = builder.clock(Arc::new(clock));
    }
    (listener, builder.build().unwrap())
}

fn watch(client: &Client) -> Arc<Watch> {
    client.executor().extension::<Watch>()
}

/// Lets tasks run, until the watch has stopped.
async fn stops(watch: &Watch) -> bool {
    for _ in 0..1_000 {
        if !watch.state().is_running {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

#[tokio::test]
async fn the_task_ends_with_the_last_wait() {
    // Nothing listens any more.
    let (listener, client) = silent(Some(ManualClock::auto_advancing()));
    drop(listener);
    for count in [1, 50] {
        let jobs: Vec<Job<Diarization>> = (0..count).map(|id| client.job(id.to_string())).collect();
        let results = join_all(jobs.iter().map(|job| job.wait().into_future())).await;
        for result in results {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Connect);
        }
        let watch = watch(&client);
        assert!(stops(&watch).await, "{count}");
        assert!(watch.state().reads.is_empty());
    }
}

#[tokio::test]
async fn a_dropped_wait_leaves_nothing() {
    let (_listener, client) = silent(None);
    let jobs: Vec<Job<Diarization>> = (0..30).map(|id| client.job(id.to_string())).collect();
    let mut waits: Vec<_> = jobs.iter().map(|job| job.wait().into_future()).collect();
    for wait in &mut waits {
        assert!(wait.now_or_never().is_none());
    }
    let watch = watch(&client);
    assert!(watch.state().is_running);
    tokio::task::yield_now().await;
    assert!(!watch.state().reads.is_empty());
    let kept = waits.pop();
    drop(waits);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(watch.state().is_running, "one is left");
    drop(kept);
    assert!(stops(&watch).await);
    assert!(watch.state().reads.is_empty());
    assert_eq!(client.metrics().waits_in_progress, 0);
}

#[test]
fn the_task_starts_again_in_another_runtime() {
    let (_listener, client) = silent(None);
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().unwrap()
    };
    let (first, second) = (runtime(), runtime());
    let spawn = |runtime: &tokio::runtime::Runtime, id: &str| {
        let job: Job<Diarization> = client.job(id);
        runtime.spawn(job.wait().into_future())
    };
    let watch = watch(&client);
    let until = |condition: &dyn Fn(&State) -> bool| {
        while !condition(&watch.state()) {
            std::thread::yield_now();
        }
    };
    let _ended = spawn(&first, "1");
    until(&|state| state.is_running && state.reads.len() == 1);
    let waiting = spawn(&second, "2");
    until(&|state| state.reads.len() == 2);
    // Its jobs are read again by the second one.
    drop(first);
    until(&|state| state.is_running && state.reads.len() == 1);
    assert!(!waiting.is_finished());
    waiting.abort();
    until(&|state| !state.is_running && state.reads.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_holds_although_the_service_says_nothing() {
    let (_listener, client) = silent(None);
    let start = tokio::time::Instant::now();
    let timeout = Duration::from_secs(3);
    let job: Job<Diarization> = client.job("1");
    let error = job.wait().timeout(timeout).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WaitTimeout);
    let text = error.to_string();
    assert!(
        text.contains("no poll has succeeded; whether the job has ended is not known"),
        "{text}"
    );
    let source =
        std::error::Error::source(&error).and_then(|source| source.downcast_ref::<Error>());
    assert_eq!(source.unwrap().kind(), ErrorKind::Timeout);
    let elapsed = start.elapsed();
    assert!(
        elapsed >= timeout + Duration::from_secs(10),
        "the last poll takes its time"
    );
    assert!(elapsed < timeout + Duration::from_secs(11), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_many_jobs_names_the_silent_service() {
    for count in [3, 50] {
        let (_listener, client) = silent(None);
        let jobs: Vec<Job<Diarization>> = (0..count).map(|id| client.job(id.to_string())).collect();
        let results = client.wait_all(jobs).timeout(Duration::from_secs(3));
        let results: Vec<_> = results.collect().await;
        let (mut polled, mut not_polled) = (0, 0);
        for (_, result) in results {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WaitTimeout);
            let source = std::error::Error::source(&error);
            let source = source.and_then(|source| source.downcast_ref::<Error>());
            let expected = match source.map(Error::kind) {
                Some(kind) => {
                    assert_eq!(kind, ErrorKind::Timeout);
                    polled += 1;
                    "no poll has succeeded; whether the job has ended is not known"
                }
                None => {
                    not_polled += 1;
                    "the job was not polled within 3 s, because the service does not respond or there are too many jobs"
                }
            };
            assert!(error.to_string().contains(expected), "{error}");
        }
        assert_eq!(polled + not_polled, count);
        assert!(polled >= 3 && (not_polled == 0) == (count == 3), "{polled}");
    }
}
