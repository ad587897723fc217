//! What the caller observes of every fault of the proxy, if it happens once: on a submission, on the read of a job that
//! has ended, and on the listing. Responses that never end are tested with submissions only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use pyannote::testing::ManualClock;
use pyannote::{Client, Diarization, Error, ErrorKind, Job, JobId};
use pyannote_server::{RateLimits, ScriptedEngine, Server};
use pyannote_tests::fault_proxy::{FAULTS, FaultProxy, Injection, Operation};

use super::AUDIO;

/// The timeout of attempts that never get all of their response. The part that is sent must arrive before.
const STALL: Duration = Duration::from_secs(2);

/// Each case has several connections, and a process may have only a thousand open files.
const CONCURRENT_CASES: usize = 24;

/// A client of this URL, with a clock that skips sleeps.
fn client(url: &str, attempt_timeout: Duration) -> Client {
    Client::builder()
        .api_key("test-key")
        .base_url(url)
        .attempt_timeout(attempt_timeout)
        .clock(Arc::new(ManualClock::auto_advancing()))
        .build()
        .unwrap()
}

/// Whether the response takes longer than a client waits.
fn never_ends(injection: Injection) -> bool {
    let name = injection.fault.name;
    ["stalled", "very slow", "nothing more"]
        .iter()
        .any(|part| name.contains(part))
}

/// What the caller observes if the first request for an operation meets a fault.
async fn outcome(url: &str, ended: &JobId, operation: Operation, injection: Injection) -> String {
    let name = injection.fault.name;
    let submissions = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&submissions);
    let proxy = FaultProxy::start(
        url.trim_start_matches("http://").parse().unwrap(),
        Box::new(move |of, _, n| {
            let is_forwarded = match (of == operation, n) {
                (true, 0) => injection.forwarded,
                _ => true,
            };
            *counter.lock().unwrap() += usize::from(of == Operation::Submit && is_forwarded);
            (of == operation && n == 0).then_some(injection)
        }),
        Box::new(|_| {}),
    );
    let proxy = proxy.await.unwrap();
    let timeout = if never_ends(injection) {
        STALL
    } else {
        Duration::from_secs(60)
    };
    let client = client(proxy.url(), timeout);
    let result = match operation {
        Operation::Submit => {
            let result = client.diarize(AUDIO).submit().await;
            let submissions = *submissions.lock().unwrap();
            let is_right = match &result {
                Ok(_) => submissions == 1,
                Err(error) if error.kind() == ErrorKind::OutcomeUnknown => submissions <= 1,
                Err(_) => submissions == 0,
            };
            assert!(is_right, "{name}: {submissions} jobs, and {result:?}");
            result.map(drop)
        }
        Operation::ReadJob => {
            let job: Job<Diarization> = client.job(ended);
            job.wait().await.map(drop)
        }
        Operation::ListJobs | Operation::OtherOrigin => {
            let jobs: Result<Vec<_>, Error> = client.jobs().stream().try_collect().await;
            jobs.map(drop)
        }
    };
    match result {
        Ok(()) => "no error".to_owned(),
        Err(error) => format!("{:?}", error.kind()),
    }
}

#[tokio::test]
async fn no_fault_loses_or_doubles_a_submission_and_its_outcome_is_as_recorded() {
    let server = Server::builder()
        .engine(ScriptedEngine::new())
        .key("test-key")
        .rate_limits(RateLimits::off())
        .start()
        .await
        .unwrap();
    let job = client(server.url(), Duration::from_secs(60))
        .diarize(AUDIO)
        .submit()
        .await
        .unwrap();
    job.wait().await.unwrap();
    let mut cases = Vec::new();
    for fault in FAULTS {
        for operation in [Operation::Submit, Operation::ReadJob, Operation::ListJobs] {
            for injection in fault.injections() {
                // To a read, it makes no difference.
                let is_new = operation == Operation::Submit
                    || injection.forwarded
                    || fault.injections().len() == 1;
                let is_tested = operation == Operation::Submit || !never_ends(injection);
                if fault.applies_to(operation) && is_new && is_tested {
                    cases.push((operation, injection));
                }
            }
        }
    }
    // Each in a task of its own: tokio lets one that does a lot yield, and a clock that skips sleeps then skips timeouts.
    let spawn = |(operation, injection): &(Operation, Injection)| {
        let (url, operation, injection) = (server.url().to_owned(), *operation, *injection);
        let ended = job.id().clone();
        tokio::spawn(async move { outcome(&url, &ended, operation, injection).await })
    };
    // Those that never end come last, when the machine has nothing else to do.
    cases.sort_by_key(|(_, injection)| never_ends(*injection));
    let ending = cases.partition_point(|(_, injection)| !never_ends(*injection));
    let mut outcomes = Vec::new();
    for cases in [&cases[..ending], &cases[ending..]] {
        let cases = stream::iter(cases).map(spawn).buffered(CONCURRENT_CASES);
        outcomes.extend(cases.collect::<Vec<_>>().await);
    }
    let mut table: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    for ((operation, injection), outcome) in cases.iter().zip(outcomes) {
        let server = if injection.forwarded {
            "received"
        } else {
            "not received"
        };
        let column = match operation {
            Operation::Submit => format!("{operation:?}, {server}"),
            _ => format!("{operation:?}"),
        };
        table
            .entry(injection.fault.name)
            .or_default()
            .insert(column, outcome.unwrap());
    }
    insta::assert_yaml_snapshot!(table);
}
