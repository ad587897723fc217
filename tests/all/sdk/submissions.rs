//! The id of an accepted job reaches the program, also if the response is odd or the future is dropped.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use futures_util::future::{Either, select};
use pyannote::testing::ManualClock;
use pyannote::{Client, ClientBuilder, Diarization, Error, ErrorKind, Job, RateLimit, Request};
use pyannote_tests::http::{Response, TestServer};
use tokio::task::{AbortHandle, yield_now};

use super::{AUDIO, CREATED, builder};

/// What the callbacks of a client reported.
#[derive(Clone, Default)]
struct Reports {
    accepted: Arc<Mutex<Vec<String>>>,
    unknown: Arc<Mutex<Vec<String>>>,
}

impl Reports {
    fn observe(&self, builder: ClientBuilder) -> ClientBuilder {
        let (accepted, unknown) = (Arc::clone(&self.accepted), Arc::clone(&self.unknown));
        builder
            .on_accepted(move |id| accepted.lock().unwrap().push(id.to_string()))
            .on_outcome_unknown(move |error| {
                assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
                assert!(error.submission_window().is_some());
                unknown.lock().unwrap().push(format!("{error:#}"));
            })
    }

    fn accepted(&self) -> Vec<String> {
        self.accepted.lock().unwrap().clone()
    }

    fn unknown(&self) -> Vec<String> {
        self.unknown.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn jobs_of_submissions_dropped_at_any_moment_are_reported() {
    let server = TestServer::start(|request| {
        Response::ok(format!(r#"{{"jobId":"job-{}"}}"#, request.index))
    })
    .await;
    let reports = Reports::default();
    let builder = builder(&server).0.rate_limit(RateLimit::off());
    let client = reports.observe(builder).build().unwrap();
    let mut returned = 0;
    let mut dropped = 0;
    for index in 0..400 {
        // The number of times that the runtime makes progress before the future is dropped.
        let yields = index % 30;
        let submit = client
            .diarize(format!("https://example.com/{index}.wav"))
            .submit();
        let deadline = async {
            for _ in 0..yields {
                yield_now().await;
            }
        };
        match select(Box::pin(submit), Box::pin(deadline)).await {
            Either::Left((job, _)) => {
                job.unwrap();
                returned += 1;
            }
            Either::Right(_) => dropped += 1,
        }
    }
    client.finish_submissions().await;
    let requests = server.requests();
    let ids: BTreeSet<String> = (0..requests.len())
        .map(|index| format!("job-{index}"))
        .collect();
    let reported = reports.accepted();
    assert_eq!(reported.len(), ids.len(), "each job is reported once");
    assert_eq!(BTreeSet::from_iter(reported), ids);
    let bodies: BTreeSet<_> = requests.iter().map(|request| &request.body).collect();
    assert_eq!(bodies.len(), requests.len(), "no submission is sent twice");
    assert!(
        requests.len() > returned,
        "{dropped} dropped, {returned} returned"
    );
    assert_eq!(reports.unknown(), [""; 0]);
}

/// Submits a job, and aborts the caller's task when the server has received the request.
async fn abort_when_sent(response: Response) -> (TestServer, Reports) {
    let caller: Arc<Mutex<Option<AbortHandle>>> = Arc::default();
    let aborted = Arc::clone(&caller);
    let server = TestServer::start(move |_| {
        aborted.lock().unwrap().as_ref().unwrap().abort();
        response.clone()
    })
    .await;
    let reports = Reports::default();
    let client = reports.observe(builder(&server).0).build().unwrap();
    let task = tokio::spawn(client.diarize(AUDIO).submit());
    *caller.lock().unwrap() = Some(task.abort_handle());
    assert!(task.await.unwrap_err().is_cancelled());
    client.finish_submissions().await;
    (server, reports)
}

#[tokio::test]
async fn the_response_to_a_dropped_submission_is_read() {
    let (server, reports) = abort_when_sent(Response::ok(CREATED)).await;
    assert_eq!(reports.accepted(), ["3c8a89a5-dcc6-4edb-a75d-ffd64739674d"]);
    assert_eq!(reports.unknown(), [""; 0]);
    assert_eq!(server.request_count(), 1);
}

#[tokio::test]
async fn a_dropped_submission_with_an_unknown_outcome_is_reported() {
    for response in [
        Response::reset(),
        Response::truncated(CREATED, 10),
        Response::ok("{}"),
        Response::new(500, "{}"),
        Response::new(503, "{}"),
    ] {
        let (server, reports) = abort_when_sent(response.clone()).await;
        let unknown = reports.unknown();
        assert_eq!(unknown.len(), 1, "{response:?}");
        assert!(
            unknown[0].contains(
                "look in client.jobs() for a job created between 2025-12-31T23:55:00Z and 2026-"
            ),
            "{}",
            unknown[0]
        );
        assert_eq!(reports.accepted(), [""; 0]);
        assert_eq!(server.request_count(), 1);
    }
}

#[tokio::test]
async fn a_dropped_submission_that_was_not_accepted_is_not_retried() {
    for response in [
        Response::new(429, "{}").header("retry-after", 0),
        Response::new(503, "{}").header("retry-after", 0),
        Response::new(400, "{}"),
    ] {
        let (server, reports) = abort_when_sent(response).await;
        assert_eq!(server.request_count(), 1);
        assert_eq!((reports.accepted(), reports.unknown()), (vec![], vec![]));
    }
}

/// Drops a submission as soon as it sleeps.
async fn drop_while_asleep(client: &Client, clock: &ManualClock) {
    let asleep = async {
        while clock.pending_sleeps() == 0 {
            yield_now().await;
        }
    };
    let submit = Box::pin(client.diarize(AUDIO).submit());
    let Either::Right(_) = select(submit, Box::pin(asleep)).await else {
        panic!("the submission returned");
    };
    clock.advance(Duration::from_secs(3600));
    for _ in 0..100 {
        yield_now().await;
    }
    client.finish_submissions().await;
}

#[tokio::test]
async fn a_submission_dropped_before_it_was_sent_is_not_sent() {
    let server = TestServer::with_responses([Response::ok(CREATED)]).await;
    let clock = ManualClock::new();
    let client = builder(&server)
        .0
        .clock(Arc::new(clock.clone()))
        .total_timeout(None)
        .rate_limit(RateLimit::per_minute(1))
        .build()
        .unwrap();
    client.diarize(AUDIO).submit().await.unwrap();
    drop_while_asleep(&client, &clock).await;
    assert_eq!(server.request_count(), 1);
}

#[tokio::test]
async fn a_submission_dropped_before_its_retry_is_not_retried() {
    let response = Response::new(429, "{}").header("retry-after", 30);
    let server = TestServer::with_responses([response]).await;
    let clock = ManualClock::new();
    let client = builder(&server)
        .0
        .clock(Arc::new(clock.clone()))
        .total_timeout(None)
        .rate_limit(RateLimit::off())
        .build()
        .unwrap();
    drop_while_asleep(&client, &clock).await;
    assert_eq!(server.request_count(), 1);
}

#[tokio::test]
async fn a_panic_of_a_callback_does_not_lose_the_job() {
    let server = TestServer::with_responses([Response::ok(CREATED), Response::reset()]).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let client = builder(&server)
        .0
        .on_accepted(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            panic!("the callback of the client");
        })
        .on_outcome_unknown(|_| panic!("the callback for unknown outcomes"))
        .build()
        .unwrap();
    let request: Request<Diarization> = client.diarize(AUDIO);
    let request = request.on_accepted(|_| panic!("the callback of the request"));
    let job: Job<Diarization> = request.clone().submit().await.unwrap();
    assert!(CREATED.contains(job.id().as_str()));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    let error: Error = request.submit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    client.finish_submissions().await;
}

#[tokio::test]
async fn callbacks_are_called_in_order_and_before_the_submission_returns() {
    let server = TestServer::with_responses([Response::ok(CREATED)]).await;
    let (sender, receiver) = mpsc::channel();
    let of_request = sender.clone();
    let client = builder(&server)
        .0
        .on_accepted(move |id| sender.send(("client", id.clone())).unwrap())
        .build()
        .unwrap();
    let request = client
        .voiceprint(AUDIO)
        .on_accepted(move |id| of_request.send(("request", id.clone())).unwrap());
    let job = request.submit().await.unwrap();
    let calls: Vec<_> = receiver.try_iter().collect();
    assert_eq!(
        calls,
        [("request", job.id().clone()), ("client", job.id().clone())]
    );
}

#[tokio::test]
async fn jobs_submitted_with_raw_are_reported_even_if_the_response_is_invalid() {
    let server = TestServer::with_responses([
        Response::ok(format!(")]}}',\n{CREATED}")),
        Response::reset(),
        Response::new(200, r#"{"id":"stream-1","url":"wss://example.com"}"#),
    ])
    .await;
    let reports = Reports::default();
    let client = reports.observe(builder(&server).0).build().unwrap();
    let body = || {
        let body = pyannote_api_sys::types::VoiceprintRequest::builder().url(AUDIO);
        client.raw().voiceprint().body(body).send()
    };
    body().await.unwrap_err();
    assert_eq!(reports.accepted().len(), 1);
    body().await.unwrap_err();
    assert_eq!(reports.unknown().len(), 1);
    // A stream is not a job.
    let stream = pyannote_api_sys::types::CreateStream::from(serde_json::Map::new());
    client
        .raw()
        .create_stream()
        .body(stream)
        .send()
        .await
        .unwrap();
    assert_eq!((reports.accepted().len(), reports.unknown().len()), (1, 1));
}

#[test]
fn a_submission_that_the_shutdown_of_the_runtime_aborts_is_reported() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().unwrap()
    };
    let of_server = runtime();
    let mut server = of_server.block_on(TestServer::with_responses([Response::none()]));
    let reports = Reports::default();
    let of_client = runtime();
    let client = reports.observe(builder(&server).0).build().unwrap();
    of_client.spawn(client.diarize(AUDIO).submit());
    of_server.block_on(server.next_request());
    drop(of_client);
    assert_eq!(reports.unknown().len(), 1);
    assert_eq!(client.metrics().submissions_unknown, 1);
}

#[tokio::test]
async fn the_window_of_an_unknown_outcome_is_in_wall_clock_time() {
    let server = TestServer::with_responses([Response::reset()]).await;
    let client = Client::builder()
        .api_key("key")
        .base_url(server.url())
        .build()
        .unwrap();
    let before = Utc::now();
    let error = client.diarize(AUDIO).submit().await.unwrap_err();
    let after = Utc::now();
    let window = error.submission_window().unwrap();
    let tolerance = TimeDelta::minutes(5);
    assert!(before - tolerance <= window.start && window.start <= after - tolerance);
    assert!(before + tolerance <= window.end && window.end <= after + tolerance);
    let error = client.diarize("").submit().await.unwrap_err();
    assert_eq!(error.submission_window(), None);
}

#[tokio::test]
async fn the_id_is_read_from_any_successful_response() {
    let after_id = CREATED.find(',').unwrap();
    for response in [
        Response::new(201, CREATED),
        Response::new(202, CREATED).header("content-type", "text/plain"),
        Response::new(206, format!("\u{feff}{CREATED}")),
        Response::ok(CREATED.replace("jobId", "id")),
        Response::ok(format!(r#"{{"data":{CREATED}}}"#)),
        Response::truncated(CREATED, after_id),
    ] {
        let server = TestServer::with_responses([response.clone()]).await;
        let reports = Reports::default();
        let client = reports.observe(builder(&server).0).build().unwrap();
        let job = client.diarize(AUDIO).submit().await.unwrap();
        assert!(CREATED.contains(job.id().as_str()), "{response:?}");
        assert_eq!(reports.accepted(), [job.id().as_str()], "{response:?}");
    }
}

#[tokio::test]
async fn a_successful_response_without_an_id_is_an_unknown_outcome() {
    for response in [
        Response::new(204, ""),
        Response::ok("<html>Sign in to the hotel's network</html>"),
        Response::ok(r#"{"statusCode":400,"message":"Invalid URL"}"#),
        Response::ok(r#"{"error":"busy","id":"request-1"}"#),
        Response::truncated(CREATED, 20),
        Response::new(302, "").header("location", "/v1/jobs/1"),
    ] {
        let server = TestServer::with_responses([response.clone()]).await;
        let reports = Reports::default();
        let client = reports.observe(builder(&server).0).build().unwrap();
        let error = client.diarize(AUDIO).submit().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{response:?}");
        assert!(error.submission_window().is_some());
        assert_eq!(reports.unknown().len(), 1, "{response:?}");
        assert_eq!(server.request_count(), 1);
    }
}
