//! `Client::wait_all`.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::StreamExt;
use pyannote::testing::{Clock, ManualClock};
use pyannote::{Client, Diarization, Error, ErrorKind, Job, JobId, JobStatus};
use pyannote_tests::http::{Request, Response, TestServer};
use pyannote_tests::jobs::{JobService, RequestLog, ideal_delays, quantiles};
use serde_json::{Value, json};

use super::builder;

/// A service, and a client with a clock that skips sleeps.
pub(super) struct Setup {
    pub(super) client: Client,
    pub(super) clock: ManualClock,
    server: TestServer,
    pub(super) log: RequestLog,
}

pub(super) async fn setup(service: JobService) -> Setup {
    setup_with(service, |_| None).await
}

/// A service that responds as `other` says, and as usual if that returns `None`.
async fn setup_with(
    service: JobService,
    mut other: impl FnMut(&Request) -> Option<Response> + Send + 'static,
) -> Setup {
    let clock = ManualClock::auto_advancing();
    let log = service.log.clone();
    let now = clock.clone();
    let server = TestServer::start(move |request| {
        other(request).unwrap_or_else(|| service.respond(request, now.now()))
    })
    .await;
    let (builder, _) = builder(&server);
    let client = builder
        .clock(std::sync::Arc::new(clock.clone()))
        .build()
        .unwrap();
    Setup {
        client,
        clock,
        server,
        log,
    }
}

/// A service whose jobs end at these times, in seconds.
pub(super) fn ends(seconds: impl IntoIterator<Item = f64>) -> JobService {
    JobService {
        ends: seconds.into_iter().map(Duration::from_secs_f64).collect(),
        ..JobService::default()
    }
}

fn jobs(client: &Client, count: usize) -> Vec<Job<Diarization>> {
    (0..count)
        .map(|index| client.job(format!("job-{index}")))
        .collect()
}

fn index(id: &JobId) -> usize {
    id.as_str()[4..].parse().unwrap()
}

impl Setup {
    /// Waits for all jobs. Returns each result with its time.
    async fn wait_all(&self, count: usize) -> Vec<(JobId, Result<Diarization, Error>, Duration)> {
        let results = self.client.wait_all(jobs(&self.client, count));
        let results: Vec<_> = results
            .map(|(id, result)| (id, result, self.clock.now()))
            .collect()
            .await;
        let ids: HashSet<&JobId> = results.iter().map(|(id, ..)| id).collect();
        assert_eq!((results.len(), ids.len()), (count, count), "each once");
        results
    }
}

#[tokio::test]
async fn hundreds_of_jobs_stay_below_the_rate_limit() {
    // They end one after another within six minutes; every tenth fails.
    let mut service = ends((0..400).map(|index| f64::from(index) * 0.9));
    service.failing = (0..400).step_by(10).collect();
    let setup = setup(service).await;
    let results = setup.wait_all(400).await;
    for (id, result, _) in &results {
        match result {
            Ok(diarization) => assert_eq!(diarization.turns()[0].speaker, id.as_str()),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::JobFailed);
                assert_eq!(error.job_id(), Some(id));
                assert_eq!(index(id) % 10, 0);
            }
        }
    }
    let failed = results.iter().filter(|(_, result, _)| result.is_err());
    assert_eq!(failed.count(), 40);
    let [jobs, pages] = setup.log.most_per_minute();
    assert!(jobs <= 150 && pages <= 150, "{jobs} and {pages} a minute");
    // Each body is fetched once, after the job ended. The last few jobs are polled by themselves.
    let [jobs, _] = setup.log.counts();
    assert!((400..500).contains(&jobs), "{jobs}");
}

#[tokio::test]
async fn hundreds_of_jobs_that_end_at_once_stay_below_the_rate_limit() {
    let setup = setup(ends([30.0; 500])).await;
    setup.wait_all(500).await;
    let [jobs, pages] = setup.log.most_per_minute();
    assert!(jobs <= 150 && pages <= 150, "{jobs} and {pages} a minute");
    // 150 at once, and 350 in the next three minutes, each with its margin of a second.
    let seconds = setup.clock.now().as_secs();
    assert!(seconds < 30 + 10 + 3 * 61, "{seconds} s");
}

/// Waits for jobs, and compares the delays with those of an ideal client: at most 1.3 times as long, and 2 s.
async fn compare_with_ideal(service: JobService) {
    let (ends, is_unlisted) = (service.ends.clone(), service.is_unlisted);
    let setup = setup(service).await;
    let results = setup.wait_all(ends.len()).await;
    let delays = results
        .iter()
        .map(|(id, _, time)| *time - ends[index(id)])
        .collect::<Vec<_>>();
    let ideal = quantiles(&ideal_delays(&ends, is_unlisted, 150));
    for (actual, ideal) in quantiles(&delays).into_iter().zip(ideal) {
        assert!(actual <= 1.3 * ideal + 2.0, "{actual} s, ideally {ideal} s");
    }
}

/// Ends of jobs, spread over a time in seconds, in an order that differs from that of their submissions.
fn spread(count: u32, seconds: f64) -> JobService {
    ends((0..count).map(|index| f64::from(index * 7 % count) / f64::from(count) * seconds))
}

#[tokio::test]
async fn delays_of_listed_jobs_are_close_to_the_ideal() {
    compare_with_ideal(spread(300, 300.0)).await;
}

#[tokio::test]
async fn delays_of_listed_jobs_that_end_faster_than_they_can_be_read_are_close_to_the_ideal() {
    compare_with_ideal(spread(600, 120.0)).await;
}

#[tokio::test]
async fn delays_of_unlisted_jobs_are_close_to_the_ideal() {
    compare_with_ideal(JobService {
        is_unlisted: true,
        ..spread(300, 300.0)
    })
    .await;
}

#[tokio::test]
async fn a_thousand_unlisted_jobs_that_have_ended_take_seven_minutes() {
    let setup = setup(JobService {
        is_unlisted: true,
        newer: 500,
        ..ends([0.0; 1_000])
    })
    .await;
    setup.wait_all(1_000).await;
    let minutes = setup.clock.now().as_secs_f64() / 60.0;
    assert!(minutes < 7.0, "{minutes} min");
}

#[tokio::test]
async fn yields_results_in_the_order_in_which_jobs_end() {
    let setup = setup(JobService {
        failing: HashSet::from([2]),
        ..ends([300.0, 5.0, 100.0])
    })
    .await;
    let results = setup.wait_all(3).await;
    let order: Vec<&str> = results.iter().map(|(id, ..)| id.as_str()).collect();
    assert_eq!(order, ["job-1", "job-2", "job-0"]);
}

#[tokio::test]
async fn finds_jobs_behind_thousands_of_newer_ones() {
    let setup = setup(JobService {
        newer: 2_000,
        ..ends([60.0; 25])
    })
    .await;
    let results = setup.wait_all(25).await;
    assert!(results.iter().all(|(_, result, _)| result.is_ok()));
    let [_, pages] = setup.log.counts();
    assert!(pages >= 21, "{pages}");
}

#[tokio::test]
async fn no_jobs_and_duplicate_jobs() {
    let setup = setup(ends([0.0])).await;
    assert!(setup.wait_all(0).await.is_empty() && setup.server.requests().is_empty());
    let twice = [jobs(&setup.client, 1), jobs(&setup.client, 1)].concat();
    let results: Vec<_> = setup.client.wait_all(twice).collect().await;
    assert_eq!(results.len(), 1);
}

#[tokio::test]
async fn an_odd_item_of_the_listing_ends_no_wait() {
    for item in [
        Value::Null,
        json!([]),
        json!({"status": "running", "createdAt": "2025-11-06T09:07:49Z"}),
        json!({"id": "other", "status": "running", "createdAt": null}),
        json!({"id": "other", "status": "running", "createdAt": "2026-01-01 00:00:00"}),
        json!({"id": "other", "status": null, "createdAt": "2025-11-06T09:07:49Z"}),
        // Of a job that is waited for.
        json!({"id": "job-3", "status": null, "createdAt": null}),
    ] {
        let setup = setup(JobService {
            odd_item: Some(item.clone()),
            ..ends([20.0; 30])
        })
        .await;
        let results = setup.wait_all(30).await;
        assert!(
            results.iter().all(|(_, result, _)| result.is_ok()),
            "{item}"
        );
        assert!(setup.clock.now() < Duration::from_secs(40), "{item}");
    }
}

#[tokio::test]
async fn a_listing_that_is_out_of_date_delays_a_job_by_ten_minutes() {
    let setup = setup(JobService {
        stale: HashSet::from([3]),
        ..ends([20.0; 30])
    })
    .await;
    let results = setup.wait_all(30).await;
    assert!(results.iter().all(|(_, result, _)| result.is_ok()));
    let (others, [(id, _, time)]) = results.split_at(29) else {
        panic!("one job ends last");
    };
    assert!(
        others
            .iter()
            .all(|(.., time)| *time < Duration::from_secs(40))
    );
    assert_eq!(index(id), 3);
    assert!(
        (Duration::from_secs(600)..Duration::from_secs(640)).contains(time),
        "{time:?}"
    );
}

#[tokio::test]
async fn without_a_listing_jobs_are_polled_by_their_ids() {
    for (status, body) in [
        (403, r#"{"message":"No"}"#),
        (404, r#"{"message":"No"}"#),
        (200, "<html>maintenance</html>"),
        (200, r#"{"items":null}"#),
        (502, ""),
    ] {
        let setup = setup_with(ends([20.0; 100]), move |request| {
            (request.path == "/v2/jobs").then(|| Response::new(status, body))
        })
        .await;
        let results = setup.wait_all(100).await;
        assert!(
            results.iter().all(|(_, result, _)| result.is_ok()),
            "{status} {body}"
        );
        // Some were polled before they ended, and take another turn.
        let now = setup.clock.now();
        assert!(now < Duration::from_secs(150), "{status}: {now:?}");
    }
}

#[tokio::test]
async fn a_body_that_hangs_delays_no_other() {
    let setup = setup_with(ends([10.0; 50]), |request| {
        let hangs = request.path == "/v1/jobs/job-7";
        hangs.then(|| Response::stalled(r#"{"status":"succeeded"}"#, 10))
    })
    .await;
    let results = setup.client.wait_all(jobs(&setup.client, 50));
    let ids: HashSet<usize> = results.map(|(id, _)| index(&id)).take(49).collect().await;
    assert_eq!(ids.len(), 49);
    assert!(!ids.contains(&7));
}

#[tokio::test]
async fn a_timeout_gives_back_the_jobs_that_are_left() {
    for count in [3, 100] {
        let setup = setup(ends((0..count).map(|index| f64::from(index % 2) * 1e6))).await;
        let jobs = jobs(&setup.client, count as usize);
        let results = setup
            .client
            .wait_all(jobs)
            .timeout(Duration::from_secs(200));
        let results: Vec<_> = results.collect().await;
        assert_eq!(results.len(), count as usize);
        for (id, result) in results {
            match index(&id) % 2 {
                0 => drop(result.unwrap()),
                _ => {
                    let error = result.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::WaitTimeout);
                    assert_eq!(error.job_id(), Some(&id));
                    assert_eq!(error.last_status(), Some(&JobStatus::Running), "{error}");
                }
            }
        }
        assert_eq!(setup.clock.now(), Duration::from_secs(200));
    }
}

#[tokio::test]
async fn reads_per_minute_are_a_setting() {
    for reads in [30, 300] {
        let setup = setup(ends([0.0; 400])).await;
        let jobs = jobs(&setup.client, 400);
        let results = setup.client.wait_all(jobs).reads_per_minute(reads);
        assert_eq!(results.count().await, 400);
        let [most, _] = setup.log.most_per_minute();
        assert!(
            most <= reads as usize && most > reads as usize * 9 / 10,
            "{most}"
        );
    }
}

#[tokio::test]
async fn results_are_not_read_far_ahead_of_the_caller() {
    let setup = setup(ends([0.0; 100])).await;
    let mut results = setup.client.wait_all(jobs(&setup.client, 100));
    results.next().await.unwrap().1.unwrap();
    // The caller is busy, and other waits go on meanwhile.
    for _ in 0..5 {
        let job: Job<Diarization> = setup.client.job("job-99");
        job.wait().await.unwrap();
    }
    let [read, _] = setup.log.counts();
    assert!(read <= 1 + 16 + 5, "{read}");
    assert_eq!(results.count().await, 99);
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

/// Waits for jobs of an API that responds to every request with `status`. Returns the number of requests.
///
/// Each job must be yielded once, with its id and an error of `kind`.
async fn failed_requests(count: usize, status: u16, kind: ErrorKind) -> usize {
    let server = TestServer::start(move |_| Response::new(status, r#"{"message":"No"}"#)).await;
    let (builder, _) = builder(&server);
    let client = builder.build().unwrap();
    let results: Vec<_> = client.wait_all(jobs(&client, count)).collect().await;
    let ids: HashSet<usize> = results.iter().map(|(id, _)| index(id)).collect();
    assert_eq!((results.len(), ids.len()), (count, count), "{status}");
    for (id, result) in &results {
        let error = result.as_ref().unwrap_err();
        assert_eq!(error.kind(), kind, "{status}");
        assert_eq!(error.job_id(), Some(id));
        assert_eq!(error.status().unwrap(), status);
    }
    server.request_count()
}

#[tokio::test]
async fn a_rejected_key_ends_all_waits_at_once() {
    for (status, kind) in [(401, ErrorKind::Unauthorized), (403, ErrorKind::Forbidden)] {
        assert_eq!(failed_requests(3, status, kind).await, 3, "{status}");
        // One page, and a few jobs.
        let requests = failed_requests(500, status, kind).await;
        assert!(requests <= 1 + 16, "{requests}");
    }
}

#[tokio::test]
async fn a_missing_job_ends_its_own_wait() {
    // Each is polled until it cannot be a new one any more.
    assert!(failed_requests(3, 404, ErrorKind::NotFound).await >= 3);
}

#[tokio::test]
async fn server_errors_end_each_wait_after_three_polls() {
    // Five attempts each, unless the retry budget is used up.
    let requests = failed_requests(3, 502, ErrorKind::Server).await;
    assert!((9..=45).contains(&requests), "{requests}");
}

#[tokio::test]
async fn a_listing_that_fails_for_a_while_is_used_again() {
    let mut left = 14;
    let setup = setup_with(ends([200.0; 100]), move |request| {
        if request.path != "/v2/jobs" || left == 0 {
            return None;
        }
        left -= 1;
        Some(Response::new(503, "{}"))
    })
    .await;
    let results = setup.wait_all(100).await;
    assert!(results.iter().all(|(_, result, _)| result.is_ok()));
    let [_, pages] = setup.log.counts();
    assert!(pages > 10, "{pages}");
}
