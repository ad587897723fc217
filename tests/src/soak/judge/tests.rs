use super::*;
use crate::soak::{Sample, audio_url};

const AT_MS: u64 = 1_700_000_000_000;

/// A fault after which the caller cannot know what the server did.
const RESET: Option<&str> = Some("reset");

fn accepted(job: &str) -> Event {
    Event::Accepted {
        job: job.to_owned(),
    }
}

fn delivered(problem: Option<&str>) -> Event {
    Event::Delivered {
        problem: problem.map(str::to_owned),
    }
}

fn failed(kind: &str) -> Event {
    Event::Failed {
        call: Call::Submit,
        kind: kind.to_owned(),
    }
}

/// An unknown outcome, and the jobs that the listing has.
fn unknown<const N: usize>(listed: [&str; N]) -> Vec<Event> {
    let listed = listed.map(str::to_owned).into();
    let window_ms = Some([AT_MS - 1_000, AT_MS + 1_000]);
    vec![
        failed(OUTCOME_UNKNOWN),
        Event::MayExist { listed, window_ms },
    ]
}

/// A submission that was dropped, and the jobs that the listing has.
fn dropped<const N: usize>(listed: [&str; N]) -> Vec<Event> {
    let listed = listed.map(str::to_owned).into();
    vec![Event::MayExist {
        listed,
        window_ms: None,
    }]
}

fn job(id: &str, mark: u64) -> JobRecord {
    JobRecord {
        id: id.to_owned(),
        mark: Some(mark),
        created_at_ms: AT_MS,
        has_ended: true,
    }
}

fn exchange(operation: Operation, mark: u64, fault: Option<&str>) -> Exchange {
    Exchange {
        at_ms: AT_MS,
        operation,
        audio: audio_url(mark),
        fault: fault.map(str::to_owned),
        forwarded: true,
        took_ms: 3,
        server_error: None,
    }
}

/// Mark 1 with these events, the callbacks that belong to them, these jobs, and a submission with this fault.
fn evidence<const N: usize>(
    events: Vec<Event>,
    jobs: [JobRecord; N],
    fault: Option<&str>,
) -> Evidence {
    let callback = |event: &Event| match event {
        Event::Accepted { job } => Some(Callback::Accepted(job.clone())),
        Event::MayExist { .. } => Some(Callback::OutcomeUnknown),
        _ => None,
    };
    let callbacks = events.iter().filter_map(callback).collect();
    let events = [Event::Started]
        .into_iter()
        .chain(events)
        .chain([Event::Ended]);
    let entry = |event| Entry {
        at_ms: AT_MS,
        mark: 1,
        event,
    };
    Evidence {
        entries: events.map(entry).collect(),
        callbacks,
        exchanges: vec![exchange(Operation::Submit, 1, fault)],
        jobs: jobs.into(),
        samples: Vec::new(),
    }
}

fn charges(evidence: &Evidence) -> Vec<Charge> {
    judge(evidence)
        .iter()
        .map(|culprit| culprit.charge)
        .collect()
}

#[test]
fn what_a_caller_knows_or_can_find_is_not_lost() {
    for (events, fault) in [
        (vec![accepted("a"), delivered(None)], None),
        (
            vec![failed("Server"), accepted("a"), delivered(None)],
            RESET,
        ),
        (unknown(["b", "a"]), RESET),
        (unknown(["a"]), None),
        (dropped(["a"]), RESET),
    ] {
        assert_eq!(
            charges(&evidence(events.clone(), [job("a", 1)], fault)),
            [],
            "{events:?}"
        );
    }
    for events in [
        vec![failed("RateLimited")],
        unknown(["b"]),
        dropped(["b"]),
        dropped([]),
    ] {
        assert_eq!(
            charges(&evidence(events.clone(), [], RESET)),
            [],
            "{events:?}"
        );
    }
}

#[test]
fn lost_jobs_are_detected() {
    for (events, fault) in [
        // The caller received nothing.
        (vec![], None),
        // The error says that there is no job.
        (vec![failed("Server")], RESET),
        // The listing does not have the job.
        (unknown(["b"]), RESET),
        (dropped([]), RESET),
        // The submission was dropped, but its answer arrived: the callback must have been called.
        (dropped(["a"]), None),
    ] {
        let evidence = evidence(events.clone(), [job("a", 1)], fault);
        assert_eq!(charges(&evidence), [Charge::Lost], "{events:?}");
    }
    // The error says that the job was created at another time.
    let late = JobRecord {
        created_at_ms: AT_MS + 1_000,
        ..job("a", 1)
    };
    assert_eq!(
        charges(&evidence(unknown(["a"]), [late], RESET)),
        [Charge::Lost]
    );
    // Another submission's caller was given the job.
    let other = evidence(vec![accepted("a"), delivered(None)], [job("a", 2)], None);
    assert_eq!(charges(&other), [Charge::Lost, Charge::Phantom]);
}

#[test]
fn callbacks_that_are_not_called_are_detected() {
    for (events, fault) in [
        (vec![accepted("a"), delivered(None)], None),
        (unknown(["a"]), RESET),
        (dropped(["a"]), RESET),
    ] {
        let mut evidence = evidence(events.clone(), [job("a", 1)], fault);
        evidence.callbacks.clear();
        assert_eq!(charges(&evidence), [Charge::Unreported], "{events:?}");
    }
}

#[test]
fn doubled_jobs_are_detected() {
    let jobs = [job("a", 1), job("b", 1)];
    let both = vec![accepted("a"), accepted("b"), delivered(None)];
    assert_eq!(
        charges(&evidence(both, jobs.clone(), None)),
        [Charge::Doubled]
    );
    let one = vec![accepted("b"), delivered(None)];
    assert_eq!(
        charges(&evidence(one, jobs, None)),
        [Charge::Lost, Charge::Doubled]
    );
}

#[test]
fn hung_callers_are_detected() {
    let hung = vec![accepted("a"), Event::Hung];
    assert_eq!(
        charges(&evidence(hung, [job("a", 1)], None)),
        [Charge::Hung]
    );
    let mut silent = evidence(vec![accepted("a")], [job("a", 1)], None);
    silent.entries.retain(|entry| entry.event != Event::Ended);
    assert_eq!(charges(&silent), [Charge::Hung]);
}

#[test]
fn missing_and_wrong_results_are_detected() {
    let other = delivered(Some("the result of 2"));
    for events in [vec![accepted("a")], vec![accepted("a"), other]] {
        let evidence = evidence(events.clone(), [job("a", 1)], None);
        assert_eq!(charges(&evidence), [Charge::WrongResult], "{events:?}");
    }
}

#[test]
fn phantoms_redirects_and_failures_of_the_server_are_detected() {
    let phantom = vec![accepted("a"), accepted("x"), delivered(None)];
    assert_eq!(
        charges(&evidence(phantom, [job("a", 1)], None)),
        [Charge::Phantom]
    );
    let events = vec![accepted("a"), delivered(None)];
    let unfinished = JobRecord {
        has_ended: false,
        ..job("a", 1)
    };
    assert_eq!(
        charges(&evidence(events, [unfinished], None)),
        [Charge::Server]
    );
    let mut failed = exchange(Operation::ReadJob, 1, None);
    failed.server_error = Some("refused".to_owned());
    let exchanges = vec![failed, exchange(Operation::OtherOrigin, 1, None)];
    let evidence = Evidence {
        exchanges,
        ..Evidence::default()
    };
    assert_eq!(charges(&evidence), [Charge::Redirected, Charge::Server]);
}

#[test]
fn growth_of_memory_is_detected() {
    let sample = |index: usize| Sample {
        ended: index as u64,
        allocated: index << 20,
        resident: None,
    };
    let samples = (0..100).map(sample).collect();
    assert_eq!(
        charges(&Evidence {
            samples,
            ..Evidence::default()
        }),
        [Charge::Memory]
    );
}
