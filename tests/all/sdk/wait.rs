//! Waiting for a job: polling, timeouts and events.

use std::error::Error as _;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use pyannote::testing::Clock;
use pyannote::webhook::{Event, Signer, Verifier};
use pyannote::{Diarization, Error, ErrorKind, Identification, Job, JobStatus, RetryPolicy};
use pyannote_tests::body;
use pyannote_tests::http::{Response, TestServer};

use super::wait_all::{Setup, ends, setup};
use super::{AUDIO, CREATED, builder, client};

fn running() -> Response {
    Response::ok(body("running"))
}

#[tokio::test]
async fn await_submits_and_waits() {
    let server = TestServer::with_responses([
        Response::ok(CREATED),
        running(),
        running(),
        Response::ok(body("diarization_succeeded")),
    ])
    .await;
    let (client, _) = client(&server);
    let diarization = client.diarize(AUDIO).await.unwrap();
    assert_eq!(diarization.turns().len(), 1);
    let job = "GET /v1/jobs/3c8a89a5-dcc6-4edb-a75d-ffd64739674d";
    assert_eq!(server.request_lines(), ["POST /v1/diarize", job, job, job]);
}

#[tokio::test]
async fn polling_backs_off() {
    let mut responses = vec![Response::ok(CREATED)];
    responses.extend(vec![running(); 60]);
    responses.push(Response::ok(body("diarization_succeeded")));
    let server = TestServer::with_responses(responses).await;
    let (client, clock) = client(&server);
    client.diarize(AUDIO).await.unwrap();
    let sleeps = clock.sleeps();
    assert!(sleeps[0] <= Duration::from_secs(1));
    assert!(sleeps.iter().all(|sleep| *sleep <= Duration::from_secs(20)));
    // About 200 polls for a job of an hour, while the API allows 300 requests a minute.
    assert!(
        clock.now() > Duration::from_secs(15 * 60),
        "{:?}",
        clock.now()
    );
}

#[tokio::test]
async fn polls_immediately_after_attaching_to_a_job() {
    let server = TestServer::with_responses([Response::ok(body("diarization_succeeded"))]).await;
    let (client, clock) = client(&server);
    client.job::<Diarization>("1").wait().await.unwrap();
    assert_eq!(clock.now(), Duration::ZERO);
}

#[tokio::test]
async fn polls_once_more_at_the_deadline() {
    let server = TestServer::with_responses([running()]).await;
    let (client, clock) = client(&server);
    let job: Job<Diarization> = client.job("1");
    let error = job
        .wait()
        .timeout(Duration::from_secs(100))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WaitTimeout);
    assert_eq!(error.job_id(), Some(job.id()));
    assert_eq!(error.last_status(), Some(&JobStatus::Running));
    assert_eq!(
        clock.now(),
        Duration::from_secs(100),
        "the last poll is at the deadline"
    );
    let polls = server.request_count();

    // The wait can be resumed.
    job.wait().timeout(Duration::ZERO).await.unwrap_err();
    assert_eq!(
        server.request_count(),
        polls + 1,
        "polls once even without time"
    );
}

#[tokio::test]
async fn timeout_error_says_what_is_known_of_the_job() {
    let missing = || Response::new(404, r#"{"message":"Not found"}"#);
    let failed = || Response::new(503, "{}");
    for (responses, expected, status, source) in [
        (
            vec![running()],
            "the job did not end within 1 s; it is still running",
            Some(JobStatus::Running),
            None,
        ),
        (
            vec![missing()],
            "the job was not found within 1 s; it may not be visible yet",
            None,
            Some(ErrorKind::NotFound),
        ),
        (
            vec![failed()],
            "the wait timed out after 1 s, and no poll has succeeded; whether the job has ended is not known",
            None,
            Some(ErrorKind::Server),
        ),
        (
            vec![running(), missing()],
            "the wait timed out after 1 s, and its last poll failed; the job may still be running",
            Some(JobStatus::Running),
            Some(ErrorKind::NotFound),
        ),
        (
            vec![Response::ok(r#"{"jobId":"1"}"#)],
            "the job was not seen to end within 1 s; the service does not say what its status is",
            None,
            None,
        ),
        (
            vec![missing(), running()],
            "the job did not end within 1 s; it is still running",
            Some(JobStatus::Running),
            None,
        ),
    ] {
        let server = TestServer::with_responses(responses).await;
        let (builder, _) = builder(&server);
        let client = builder
            .retry(RetryPolicy::default().max_attempts(1))
            .build()
            .unwrap();
        let job: Job<Diarization> = client.job("1");
        let error = job
            .wait()
            .timeout(Duration::from_secs(1))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WaitTimeout);
        assert_eq!(error.job_id(), Some(job.id()));
        assert_eq!(error.last_status(), status.as_ref());
        let text = error.to_string();
        let expected = format!("{expected}, and client.job(id) can wait for it again (job 1");
        assert!(text.starts_with(&expected), "{text}");
        let cause = error.source().and_then(|cause| cause.downcast_ref());
        assert_eq!(cause.map(Error::kind), source);
    }
}

#[tokio::test]
async fn tolerates_404_after_submission() {
    let missing = || Response::new(404, r#"{"message":"Not found"}"#);
    let server = TestServer::with_responses([
        Response::ok(CREATED),
        missing(),
        missing(),
        Response::ok(body("diarization_succeeded")),
    ])
    .await;
    let (client, _) = client(&server);
    client.diarize(AUDIO).await.unwrap();

    let server = TestServer::with_responses([Response::ok(CREATED), missing()]).await;
    let (client, clock) = super::client(&server);
    let error = client.diarize(AUDIO).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(clock.now() >= Duration::from_secs(60), "{:?}", clock.now());

    let server = TestServer::with_responses([missing()]).await;
    let (client, clock) = super::client(&server);
    let error = client.job::<Diarization>("1").wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(
        clock.now() >= Duration::from_secs(10),
        "another process may have just submitted it"
    );
    assert!(clock.now() < Duration::from_secs(20), "{:?}", clock.now());
}

#[tokio::test]
async fn tolerates_failed_polls() {
    // 5 attempts per poll: the first two polls fail, the third succeeds.
    let mut responses = vec![Response::new(503, "{}"); 10];
    responses.push(Response::ok(body("diarization_succeeded")));
    let server = TestServer::with_responses(responses).await;
    let (client, _) = client(&server);
    client.job::<Diarization>("1").wait().await.unwrap();

    let server = TestServer::with_responses([running(), Response::new(503, "{}")]).await;
    let (client, _) = super::client(&server);
    let error = client.job::<Diarization>("1").wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert_eq!(error.last_status(), Some(&JobStatus::Running));
}

#[tokio::test]
async fn one_odd_response_ends_no_wait_and_three_in_a_row_do() {
    let upgrade = "HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n";
    let mut cases = vec![
        (Response::raw(upgrade), ErrorKind::UnexpectedStatus),
        (Response::redirect("/sign-in"), ErrorKind::UnexpectedStatus),
        (Response::new(400, "{}"), ErrorKind::Validation),
        (Response::new(402, "{}"), ErrorKind::PaymentRequired),
        (Response::new(403, "<html>"), ErrorKind::Forbidden),
        (Response::new(502, "<html>"), ErrorKind::Server),
    ];
    cases.extend(
        [300, 301, 303, 304, 307, 308, 405, 409, 410, 418, 451]
            .map(|status| (Response::new(status, ""), ErrorKind::UnexpectedStatus)),
    );
    let odd = [
        "<html>",
        "",
        r#"{"jobId":"1","status":"runn"#,
        "[]",
        "5",
        r#"{"status":7}"#,
    ];
    cases.extend(odd.map(|body| (Response::ok(body), ErrorKind::Decode)));
    for (odd, kind) in cases {
        let once = [
            running(),
            odd.clone(),
            running(),
            odd.clone(),
            odd.clone(),
            Response::ok(body("diarization_succeeded")),
        ];
        for (responses, expected) in [(&once[..], None), (&[odd.clone()][..], Some(kind))] {
            let server = TestServer::with_responses(responses.to_vec()).await;
            let (builder, _) = builder(&server);
            let client = builder.retry(RetryPolicy::none()).build().unwrap();
            let job: Job<Diarization> = client.job("1");
            let error = job.wait().await.err();
            assert_eq!(
                error.as_ref().map(Error::kind),
                expected,
                "{odd:?}: {error:?}"
            );
            let polls = if expected.is_none() { 6 } else { 3 };
            assert_eq!(server.request_count(), polls, "{odd:?}");
            let statuses: Vec<_> = job.statuses().collect().await;
            let error = statuses.into_iter().find_map(Result::err);
            assert_eq!(error.map(|error| error.kind()), expected, "{odd:?}");
        }
    }
}

#[tokio::test]
async fn an_odd_body_of_a_job_is_read_again_at_once() {
    let responses = || ["<html>", "", r#"{"status":"succ"#].map(Response::ok);
    let ended = Response::ok(body("diarization_succeeded"));
    for call in ["status", "json", "wait"] {
        let server =
            TestServer::with_responses(responses().into_iter().chain([ended.clone()])).await;
        let (client, _) = client(&server);
        let job: Job<Diarization> = client.job("1");
        match call {
            "status" => assert_eq!(job.status().await.unwrap(), JobStatus::Succeeded),
            "json" => drop(client.job_json("1").await.unwrap()),
            _ => drop(job.wait().await.unwrap()),
        }
        assert_eq!(
            (server.request_count(), client.metrics().retries),
            (4, 3),
            "{call}"
        );
    }
}

#[tokio::test]
async fn a_failed_job_is_an_error() {
    let server = TestServer::with_responses([Response::ok(body("diarization_failed"))]).await;
    let (client, _) = client(&server);
    let error = client.job::<Diarization>("1").wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobFailed);
    assert_eq!(error.last_status(), Some(&JobStatus::Failed));
    assert!(
        error.to_string().contains("The audio could not be read"),
        "{error}"
    );
}

#[tokio::test]
async fn statuses_yields_changes() {
    let status = |status: &str| Response::ok(format!(r#"{{"jobId":"1","status":"{status}"}}"#));
    let server = TestServer::with_responses([
        status("created"),
        status("created"),
        status("queued"),
        status("running"),
        Response::new(503, "{}").header("retry-after", 1),
        status("running"),
        status("succeeded"),
    ])
    .await;
    let (client, _) = client(&server);
    let job: Job<Diarization> = client.job("1");
    let statuses: Vec<String> = job
        .statuses()
        .map(|status| status.unwrap().to_string())
        .collect()
        .await;
    assert_eq!(statuses, ["created", "queued", "running", "succeeded"]);
}

#[tokio::test]
async fn dropping_a_wait_does_not_cancel_the_job() {
    let server = TestServer::with_responses([
        Response::ok(CREATED),
        running(),
        Response::ok(body("diarization_succeeded")),
    ])
    .await;
    let (client, _) = client(&server);
    let job = client.diarize(AUDIO).submit().await.unwrap();
    {
        let mut wait = std::pin::pin!(job.wait().into_future());
        let polled = futures_util::poll!(&mut wait);
        assert!(polled.is_pending());
    }
    job.wait().await.unwrap();
    assert!(
        server
            .request_lines()
            .iter()
            .all(|line| !line.starts_with("DELETE"))
    );
}

#[tokio::test]
async fn ten_thousand_concurrent_waits() {
    let server = TestServer::start(|request| {
        let id = request.path.rsplit('/').next().unwrap();
        Response::ok(format!(
            r#"{{"jobId":"{id}","status":"succeeded","output":{{"diarization":[{{"speaker":"{id}","start":0,"end":1}}]}}}}"#
        ))
    })
    .await;
    let (builder, _) = builder(&server);
    let client = builder
        .rate_limit(pyannote::RateLimit::off())
        .total_timeout(None)
        .build()
        .unwrap();
    // No more concurrent connections than a test may have open files.
    let waits = stream::iter(0..10_000).map(|index| {
        let job: Job<Diarization> = client.job(format!("job-{index}"));
        async move { (index, job.wait().await.unwrap()) }
    });
    let results: Vec<_> = waits.buffer_unordered(100).collect().await;
    assert_eq!(results.len(), 10_000);
    for (index, diarization) in results {
        assert_eq!(diarization.turns()[0].speaker, format!("job-{index}"));
    }
    assert_eq!(server.request_count(), 10_000);
}

#[tokio::test]
async fn a_thousand_waits_share_the_rate_limit() {
    let server = TestServer::with_responses([Response::ok(body("identify_succeeded"))]).await;
    let (builder, clock) = builder(&server);
    let client = builder.total_timeout(None).build().unwrap();
    let waits = (0..1_000).map(|index| {
        let job: Job<Identification> = client.job(format!("job-{index}"));
        async move { job.wait().await.unwrap() }
    });
    let results = futures_util::future::join_all(waits).await;
    assert_eq!(results.len(), 1_000);
    // At 300 requests a minute, the last ones are sent in the fourth minute.
    assert!(clock.now() >= Duration::from_secs(180), "{:?}", clock.now());
}

#[tokio::test]
async fn thousands_of_waits_end_without_a_failure() {
    const JOBS: u32 = 3_000;
    // With the default timeouts and limits.
    let Setup {
        client, clock, log, ..
    } = setup(ends([5.0; JOBS as usize])).await;
    let waits = (0..JOBS).map(|index| {
        let job: Job<Diarization> = client.job(format!("job-{index}"));
        job.wait().into_future()
    });
    for result in futures_util::future::join_all(waits).await {
        result.unwrap();
    }
    let [jobs, _] = log.most_per_minute();
    assert!(jobs <= 150, "{jobs}");
    let seconds = clock.now().as_secs();
    assert!(seconds < u64::from(JOBS) * 61 / 150 + 60, "{seconds} s");
}

/// The event of a webhook with this body.
fn event(body: &str) -> Event {
    let headers = Signer::new("whs").sign(1_767_225_600, body);
    let now = std::time::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    Verifier::new("whs")
        .unwrap()
        .verify_at(&headers, body, now)
        .unwrap()
}

const ID: &str = "3c8a89a5-dcc6-4edb-a75d-ffd64739674d";

/// A submitted job, with a clock that stands still.
async fn running_job(
    responses: impl IntoIterator<Item = Response>,
) -> (TestServer, Job<Diarization>) {
    let server = TestServer::with_responses(responses).await;
    let clock = pyannote::testing::ManualClock::new();
    let (builder, _) = builder(&server);
    let client = builder.clock(std::sync::Arc::new(clock)).build().unwrap();
    let job = client.diarize(AUDIO).submit().await.unwrap();
    (server, job)
}

#[tokio::test]
async fn event_with_output_ends_the_wait_without_a_request() {
    let (server, job) = running_job([Response::ok(CREATED)]).await;
    let event = event(&body("diarization_succeeded"));
    let diarization = job.wait_or_event(stream::iter([event])).await.unwrap();
    assert_eq!(diarization.turns().len(), 1);
    assert_eq!(server.request_count(), 1, "only the submission");
}

#[tokio::test]
async fn status_only_event_ends_the_wait_with_one_request() {
    let (server, job) = running_job([
        Response::ok(CREATED),
        Response::ok(body("diarization_succeeded")),
    ])
    .await;
    let event = event(&format!(r#"{{"jobId":"{ID}","status":"succeeded"}}"#));
    job.wait_or_event(stream::iter([event])).await.unwrap();
    assert_eq!(server.request_count(), 2);
}

#[tokio::test]
async fn event_of_a_failed_job_ends_the_wait_with_the_reason() {
    let (_, job) = running_job([Response::ok(CREATED)]).await;
    let failed = event(&body("diarization_failed"));
    let error = job.wait_or_event(stream::iter([failed])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobFailed);
    assert!(
        error.to_string().contains("The audio could not be read"),
        "{error}"
    );

    let (_, job) = running_job([
        Response::ok(CREATED),
        Response::ok(body("diarization_failed")),
    ])
    .await;
    let failed = event(&format!(r#"{{"jobId":"{ID}","status":"failed"}}"#));
    let error = job.wait_or_event(stream::iter([failed])).await.unwrap_err();
    assert!(
        error.to_string().contains("The audio could not be read"),
        "{error}"
    );
}

#[tokio::test]
async fn event_of_another_job_is_ignored() {
    let server = TestServer::with_responses([
        Response::ok(CREATED),
        running(),
        Response::ok(body("diarization_succeeded")),
    ])
    .await;
    let (client, _) = client(&server);
    let job = client.diarize(AUDIO).submit().await.unwrap();
    let event = event(r#"{"jobId":"another","status":"succeeded"}"#);
    job.wait_or_event(stream::iter([event])).await.unwrap();
    assert_eq!(server.request_count(), 3);
}

#[tokio::test]
async fn polls_without_an_event() {
    let server = TestServer::with_responses([
        Response::ok(CREATED),
        running(),
        Response::ok(body("diarization_succeeded")),
    ])
    .await;
    let (client, _) = client(&server);
    let job = client.diarize(AUDIO).submit().await.unwrap();
    job.wait_or_event(stream::pending()).await.unwrap();
}

#[tokio::test]
async fn output_without_a_status_is_a_success() {
    let server =
        TestServer::with_responses([Response::ok(r#"{"output":{"diarization":[]}}"#)]).await;
    let (client, _) = client(&server);
    let diarization = client.job::<Diarization>("1\n").wait().await.unwrap();
    assert!(diarization.turns().is_empty());
    assert_eq!(server.request_lines(), ["GET /v1/jobs/1"]);
}

#[tokio::test]
async fn an_awaited_request_times_out() {
    let server = TestServer::with_responses([Response::ok(CREATED), running()]).await;
    let (client, clock) = client(&server);
    let request = client.diarize(AUDIO).timeout(Duration::from_secs(100));
    let error = request.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WaitTimeout);
    assert_eq!(error.job_id().unwrap().as_str(), ID);
    assert_eq!(error.last_status(), Some(&JobStatus::Running));
    assert!(!error.is_transient());
    assert_eq!(clock.now(), Duration::from_secs(100));
}

#[tokio::test]
async fn a_wait_for_events_times_out() {
    for has_events in [false, true] {
        let server = TestServer::with_responses([Response::ok(CREATED), running()]).await;
        let (client, clock) = client(&server);
        let job = client.diarize(AUDIO).submit().await.unwrap();
        // An event about the end of the job, while the service still reports it as running.
        let early = event(&format!(r#"{{"jobId":"{ID}","status":"succeeded"}}"#));
        let events = stream::iter(has_events.then_some(early)).chain(stream::pending());
        let error = job
            .wait_or_event(events)
            .timeout(Duration::from_secs(100))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WaitTimeout, "{error}");
        assert_eq!(error.last_status(), Some(&JobStatus::Running));
        assert_eq!(clock.now(), Duration::from_secs(100));
    }
}

#[tokio::test]
async fn skips_events_of_other_jobs_and_unfinished_statuses() {
    let (server, job) = running_job([Response::ok(CREATED)]).await;
    let events = [
        event(r#"{"jobId":"another","status":"succeeded","output":{"diarization":[]}}"#),
        event(&format!(r#"{{"jobId":"{ID}","status":"running"}}"#)),
        event(&body("diarization_succeeded")),
    ];
    let diarization = job.wait_or_event(stream::iter(events)).await.unwrap();
    assert_eq!(diarization.turns().len(), 1);
    assert_eq!(server.request_count(), 1, "only the submission");
}
