//! Submitting many requests.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use futures_util::{FutureExt, StreamExt};
use pyannote::testing::{Clock, ManualClock};
use pyannote::{ErrorKind, RateLimit};
use pyannote_tests::http::{Response, TestServer};
use tokio::task::yield_now;

use super::{AUDIO, builder, client};

/// A server that accepts everything.
async fn accepting() -> TestServer {
    TestServer::start(|request| Response::ok(format!(r#"{{"jobId":"job-{}"}}"#, request.index)))
        .await
}

fn url(index: usize) -> String {
    format!("https://example.com/{index}.wav")
}

#[tokio::test]
async fn a_thousand_submissions_wait_for_the_rate_limit() {
    let server = accepting().await;
    let (client, clock) = client(&server);
    let requests = (0..1_000).map(|index| (index, client.diarize(url(index))));
    let submitted: Vec<_> = client.submit_all(requests).collect().await;
    let keys: BTreeSet<usize> = submitted.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, (0..1_000).collect());
    let sent = server.requests();
    for (key, job) in submitted {
        let job = job.unwrap();
        let index: usize = job.id().as_str()["job-".len()..].parse().unwrap();
        assert_eq!(
            sent[index].json()["url"],
            url(key),
            "the job is that of the key"
        );
    }
    assert_eq!(server.request_count(), 1_000, "each is sent once");
    let minutes = clock.now().as_secs() / 60;
    assert!(
        (9..=12).contains(&minutes),
        "{minutes} min at 100 per minute"
    );
}

/// Lets time pass until all tasks are done.
async fn run<T>(clock: &ManualClock, tasks: impl Future<Output = T>) -> T {
    let mut tasks = Box::pin(tasks);
    loop {
        // Requests on loopback are answered meanwhile.
        for _ in 0..200 {
            if let Some(output) = (&mut tasks).now_or_never() {
                return output;
            }
            yield_now().await;
        }
        clock.advance_to_next();
    }
}

#[tokio::test]
async fn the_time_in_the_queue_does_not_count() {
    let server = accepting().await;
    let clock = ManualClock::new();
    let client = builder(&server)
        .0
        .clock(Arc::new(clock.clone()))
        .rate_limit(RateLimit::per_minute(1))
        .build()
        .unwrap();
    let submit = |count: usize| (0..count).map(|index| (index, client.diarize(url(index))));
    let results: Vec<_> = run(&clock, client.submit_all(submit(20)).collect()).await;
    assert!(
        results.iter().all(|(_, result)| result.is_ok()),
        "{results:?}"
    );
    assert_eq!(server.request_count(), 20);

    // The total timeout of a submission by itself is 5 min.
    let alone = submit(20).map(|(_, request)| request.submit());
    let results = run(&clock, join_all(alone)).await;
    let errors: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    assert!((14..=16).contains(&errors.len()), "{errors:?}");
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert!(error.to_string().contains("client.submit_all()"), "{error}");
    }
}

#[tokio::test]
async fn requests_are_taken_as_they_are_submitted() {
    let server = accepting().await;
    let client = client(&server).0;
    for (concurrency, expected) in [(None, 16), (Some(3), 3), (Some(0), 1)] {
        let taken = Cell::new(0);
        let requests = std::iter::repeat_with(|| {
            taken.set(taken.get() + 1);
            (taken.get(), client.diarize(AUDIO))
        });
        let mut submissions = client.submit_all(requests);
        if let Some(concurrency) = concurrency {
            submissions = submissions.concurrency(concurrency);
        }
        assert!(submissions.next().now_or_never().is_none());
        assert_eq!(taken.get(), expected);
        for submitted in 0..20 {
            submissions.next().await.unwrap().1.unwrap();
            assert_eq!(taken.get(), expected + submitted);
        }
    }
}

#[tokio::test]
async fn an_error_does_not_affect_other_requests() {
    let server = TestServer::start(|request| match request.text().contains("bad") {
        true => Response::new(400, r#"{"message":"bad"}"#),
        false => Response::ok(r#"{"jobId":"1"}"#),
    })
    .await;
    let client = client(&server).0;
    let urls = [
        AUDIO,
        "",
        "https://example.com/bad.wav",
        "https://example.com/b.wav",
    ];
    // The keys may be borrowed.
    let requests = urls.iter().map(|url| (url, client.diarize(*url)));
    let mut results: Vec<_> = client.submit_all(requests).collect().await;
    results.sort_by_key(|(url, _)| urls.iter().position(|other| other == *url));
    let kinds: Vec<_> = results
        .iter()
        .map(|(_, result)| result.as_ref().err().map(pyannote::Error::kind))
        .collect();
    let invalid = Some(ErrorKind::Validation);
    assert_eq!(kinds, [None, invalid, invalid, None]);
    assert_eq!(server.request_count(), 3);
}

#[tokio::test]
async fn nothing_is_submitted_after_the_stream_was_dropped() {
    let server = accepting().await;
    let reported: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let ids = Arc::clone(&reported);
    let client = builder(&server)
        .0
        .rate_limit(RateLimit::per_minute(10))
        // Stands still: no more than ten submissions are admitted.
        .clock(Arc::new(ManualClock::new()))
        .on_accepted(move |id| assert!(ids.lock().unwrap().insert(id.to_string())))
        .build()
        .unwrap();
    let mut submissions = client.submit_all((0..).map(|index| (index, client.diarize(url(index)))));
    for _ in 0..3 {
        submissions.next().await.unwrap().1.unwrap();
    }
    drop(submissions);
    for _ in 0..100 {
        yield_now().await;
    }
    client.finish_submissions().await;
    let sent: BTreeSet<String> = (0..server.request_count())
        .map(|n| format!("job-{n}"))
        .collect();
    assert!((3..=10).contains(&sent.len()), "{sent:?}");
    assert_eq!(*reported.lock().unwrap(), sent);
}

#[tokio::test]
async fn the_loop_may_submit_other_requests() {
    let server = accepting().await;
    let clock = ManualClock::new();
    let client = builder(&server)
        .0
        .clock(Arc::new(clock.clone()))
        .rate_limit(RateLimit::per_minute(1))
        .total_timeout(None)
        .build()
        .unwrap();
    let mut submissions =
        client.submit_all((0..5).map(|index| (index, client.diarize(url(index)))));
    let in_turn = async {
        while let Some((_, submitted)) = submissions.next().await {
            submitted.unwrap();
            client.diarize(AUDIO).submit().await.unwrap();
        }
    };
    run(&clock, in_turn).await;
    assert_eq!(server.request_count(), 10);
}
