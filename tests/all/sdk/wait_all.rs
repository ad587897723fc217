//! `Client::wait_all`.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use pyannote::testing::{Clock, ManualClock};
use pyannote::{Client, Diarization, ErrorKind, Job};
use pyannote_tests::http::{Request, Response, TestServer};
use serde_json::json;

use super::builder;

/// An API whose jobs end at given times.
struct Service {
    /// When each job ends, on the clock.
    ends: Vec<Duration>,
    /// The indices of the jobs that fail.
    failing: HashSet<usize>,
    /// Number of newer jobs in the list that are not waited for.
    others: usize,
    clock: Arc<Mutex<Option<ManualClock>>>,
    /// Number of requests in each minute.
    reads: Arc<Mutex<BTreeMap<u64, usize>>>,
}

impl Service {
    fn respond(&self, request: &Request) -> Response {
        let now = self.clock.lock().unwrap().as_ref().unwrap().now();
        *self
            .reads
            .lock()
            .unwrap()
            .entry(now.as_secs() / 60)
            .or_default() += 1;
        let status = |index: usize| match self.ends[index] <= now {
            false => "running",
            true if self.failing.contains(&index) => "failed",
            true => "succeeded",
        };
        let line = request.line();
        let target = line.strip_prefix("GET ").unwrap();
        if let Some(id) = target.strip_prefix("/v1/jobs/job-") {
            let index: usize = id.parse().unwrap();
            let output = match status(index) {
                "succeeded" => {
                    json!({"diarization": [{"speaker": format!("job-{index}"), "start": 0, "end": 1}]})
                }
                "failed" => json!({"error": "no speech found"}),
                _ => json!(null),
            };
            return Response::ok(
                json!({"jobId": format!("job-{index}"), "status": status(index), "output": output})
                    .to_string(),
            );
        }
        let from: usize = target
            .split(['?', '&'])
            .find_map(|part| part.strip_prefix("cursor="))
            .map_or(0, |cursor| cursor.parse().unwrap());
        let total = self.others + self.ends.len();
        let items: Vec<_> = (from..total.min(from + 100))
            .map(|position| {
                let (id, status) = match position.checked_sub(self.others) {
                    None => (format!("other-{position}"), "running"),
                    Some(index) => (format!("job-{index}"), status(index)),
                };
                json!({"id": id, "status": status, "createdAt": "2025-11-06T09:07:49Z"})
            })
            .collect();
        let next = (from + 100 < total).then(|| (from + 100).to_string());
        Response::ok(json!({"items": items, "nextCursor": next}).to_string())
    }
}

struct Setup {
    client: Client,
    clock: ManualClock,
    server: TestServer,
    reads: Arc<Mutex<BTreeMap<u64, usize>>>,
}

async fn setup(ends: Vec<Duration>, failing: HashSet<usize>, others: usize) -> Setup {
    let clock = Arc::new(Mutex::new(None));
    let reads = Arc::default();
    let service = Service {
        ends,
        failing,
        others,
        clock: Arc::clone(&clock),
        reads: Arc::clone(&reads),
    };
    let server = TestServer::start(move |request| service.respond(request)).await;
    let (builder, manual) = builder(&server);
    *clock.lock().unwrap() = Some(manual.clone());
    Setup {
        client: builder.build().unwrap(),
        clock: manual,
        server,
        reads,
    }
}

fn jobs(client: &Client, count: usize) -> Vec<Job<Diarization>> {
    (0..count)
        .map(|index| client.job(format!("job-{index}")))
        .collect()
}

#[tokio::test]
async fn a_thousand_jobs_stay_below_the_rate_limit() {
    // They end one after another within an hour; every tenth fails.
    let ends = (0..1_000)
        .map(|index| Duration::from_secs_f64(f64::from(index) * 3.6))
        .collect();
    let failing = (0..1_000).step_by(10).collect();
    let setup = setup(ends, failing, 0).await;
    let results: Vec<_> = setup
        .client
        .wait_all(jobs(&setup.client, 1_000))
        .collect()
        .await;

    let ids: HashSet<String> = results.iter().map(|(id, _)| id.to_string()).collect();
    assert_eq!(
        (results.len(), ids.len()),
        (1_000, 1_000),
        "each job is yielded once"
    );
    for (id, result) in &results {
        let index: usize = id.as_str()[4..].parse().unwrap();
        match result {
            Ok(diarization) => assert_eq!(diarization.turns()[0].speaker, id.as_str()),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::JobFailed);
                assert_eq!(error.job_id(), Some(id));
                assert_eq!(index % 10, 0);
            }
        }
    }
    assert_eq!(
        results.iter().filter(|(_, result)| result.is_err()).count(),
        100
    );
    let max = setup.reads.lock().unwrap().values().copied().max().unwrap();
    assert!(max <= 200, "{max} requests in a minute");
    assert!(
        setup.clock.now() < Duration::from_secs(3_600 + 120),
        "{:?}",
        setup.clock.now()
    );
    let bodies = setup
        .server
        .request_lines()
        .iter()
        .filter(|line| line.starts_with("GET /v1/jobs/"))
        .count();
    assert_eq!(
        bodies, 1_000,
        "each body is fetched once, after the job ended"
    );
}

#[tokio::test]
async fn a_thousand_jobs_that_end_at_once_stay_below_the_rate_limit() {
    let setup = setup(vec![Duration::from_secs(30); 1_000], HashSet::new(), 0).await;
    let results: Vec<_> = setup
        .client
        .wait_all(jobs(&setup.client, 1_000))
        .collect()
        .await;
    assert_eq!(results.len(), 1_000);
    let max = setup.reads.lock().unwrap().values().copied().max().unwrap();
    assert!(max <= 200, "{max} requests in a minute");
}

#[tokio::test]
async fn yields_results_in_the_order_in_which_jobs_end() {
    let ends = [300, 5, 100].map(Duration::from_secs).to_vec();
    let setup = setup(ends, HashSet::from([2]), 0).await;
    let results: Vec<_> = setup
        .client
        .wait_all(jobs(&setup.client, 3))
        .collect()
        .await;
    let order: Vec<String> = results.iter().map(|(id, _)| id.to_string()).collect();
    assert_eq!(order, ["job-1", "job-2", "job-0"]);
}

#[tokio::test]
async fn finds_jobs_beyond_the_end_of_the_listing() {
    // The list starts with 2,000 newer jobs.
    let setup = setup(vec![Duration::from_secs(10); 25], HashSet::new(), 2_000).await;
    let results: Vec<_> = setup
        .client
        .wait_all(jobs(&setup.client, 25))
        .collect()
        .await;
    assert!(results.iter().all(|(_, result)| result.is_ok()));
    assert_eq!(results.len(), 25);
}

#[tokio::test]
async fn no_jobs_and_duplicate_jobs() {
    let setup = setup(vec![Duration::ZERO], HashSet::new(), 0).await;
    let none: Vec<_> = setup
        .client
        .wait_all(jobs(&setup.client, 0))
        .collect()
        .await;
    assert!(none.is_empty() && setup.server.requests().is_empty());
    let twice = [jobs(&setup.client, 1), jobs(&setup.client, 1)].concat();
    let results: Vec<_> = setup.client.wait_all(twice).collect().await;
    assert_eq!(results.len(), 1);
}

#[tokio::test]
async fn retries_a_body_that_could_not_be_fetched() {
    let listing = json!({
        "items": [{"id": "job-0", "status": "succeeded", "createdAt": "2025-11-06T09:07:49Z"}],
        "nextCursor": null,
    });
    let mut failures = 10; // two polls of five attempts
    let server = TestServer::start(move |request| {
        if request.line().starts_with("GET /v2/jobs") {
            return Response::ok(listing.to_string());
        }
        failures -= 1;
        match failures >= 0 {
            true => Response::new(502, "{}"),
            false => Response::ok(r#"{"status":"succeeded","output":{"diarization":[]}}"#),
        }
    })
    .await;
    let (builder, _) = builder(&server);
    let client = builder.build().unwrap();
    let results: Vec<_> = client.wait_all(jobs(&client, 1)).collect().await;
    assert!(results[0].1.is_ok(), "{:?}", results[0].1);
}

/// Waits for three jobs of an API that responds to every request with `status`. Returns the number of requests.
///
/// Each job must be yielded once, with its id and an error of `kind`.
async fn failed_requests(status: u16, kind: ErrorKind) -> usize {
    let server = TestServer::start(move |_| Response::new(status, r#"{"message":"No"}"#)).await;
    let (builder, _) = builder(&server);
    let client = builder.build().unwrap();
    let results: Vec<_> = client.wait_all(jobs(&client, 3)).collect().await;
    let ids: Vec<&str> = results.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["job-0", "job-1", "job-2"], "{status}");
    for (id, result) in &results {
        let error = result.as_ref().unwrap_err();
        assert_eq!(error.kind(), kind, "{status}");
        assert_eq!(error.job_id(), Some(id));
        assert_eq!(error.status().unwrap(), status);
        assert!(!error.to_string().contains("the service says"), "{error}");
        let source = std::error::Error::source(error).unwrap().to_string();
        assert!(source.contains("the service says: No"), "{source}");
    }
    server.request_count()
}

#[tokio::test]
async fn permanent_error_ends_all_jobs_at_once() {
    for (status, kind) in [
        (401, ErrorKind::Unauthorized),
        (403, ErrorKind::Forbidden),
        (404, ErrorKind::NotFound),
    ] {
        assert_eq!(failed_requests(status, kind).await, 1, "{status}");
    }
}

#[tokio::test]
async fn server_errors_end_all_jobs_after_three_polls() {
    // Five attempts each.
    assert_eq!(failed_requests(502, ErrorKind::Server).await, 15);
}

#[tokio::test]
async fn survives_temporary_errors_of_the_listing() {
    // Up to all attempts of three polls but the last one.
    for failures in [1, 10, 14] {
        let mut left = failures;
        let server = TestServer::start(move |request| {
            if request.line().starts_with("GET /v1/jobs/") {
                return Response::ok(r#"{"status":"succeeded","output":{"diarization":[]}}"#);
            }
            if left > 0 {
                left -= 1;
                return Response::new(503, "{}");
            }
            Response::ok(
                json!({"items": [{"id": "job-0", "status": "succeeded", "createdAt": "2025-11-06T09:07:49Z"}]})
                    .to_string(),
            )
        })
        .await;
        let (builder, _) = builder(&server);
        let client = builder.build().unwrap();
        let results: Vec<_> = client.wait_all(jobs(&client, 1)).collect().await;
        assert!(results[0].1.is_ok(), "{:?}", results[0].1);
    }
}
