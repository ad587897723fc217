//! Table tests of the decision for every operation, failure and status.

use proptest::prelude::*;

use super::*;

const RETRY: Option<GiveUp> = None;
const PERMANENT: Option<GiveUp> = Some(GiveUp::NotRetryable);
const UNKNOWN: Option<GiveUp> = Some(GiveUp::OutcomeUnknown);

const OPERATIONS: [Operation; 3] = [
    Operation::Read,
    Operation::IdempotentWrite,
    Operation::Submission,
];

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn status(code: u16, retry_after: Option<Duration>) -> Failure {
    Failure::Status {
        status: StatusCode::from_u16(code).unwrap(),
        retry_after,
    }
}

fn first(operation: Operation, failure: Failure) -> Attempt {
    Attempt {
        operation,
        failure,
        number: 1,
        elapsed: Duration::ZERO,
        total_timeout: None,
        random: 0.5,
    }
}

fn reason(policy: &RetryPolicy, attempt: &Attempt) -> Option<GiveUp> {
    match decide(policy, attempt) {
        Decision::Retry { .. } => None,
        Decision::GiveUp(reason) => Some(reason),
    }
}

/// A failure, why a read or idempotent write is not retried after it, and why a submission is not; `None` if it is.
type Row = (Failure, Option<GiveUp>, Option<GiveUp>);

fn table() -> Vec<Row> {
    let soon = Some(secs(1));
    let mut rows = vec![
        (Failure::Connect, RETRY, RETRY),
        (Failure::Timeout, RETRY, UNKNOWN),
        (Failure::Stalled, RETRY, UNKNOWN),
        (Failure::ConnectionLost, RETRY, UNKNOWN),
        (Failure::IncompleteBody, RETRY, UNKNOWN),
        (Failure::ProxyAuthentication, PERMANENT, PERMANENT),
        (Failure::Unsendable, PERMANENT, PERMANENT),
        (Failure::NoJobId, PERMANENT, UNKNOWN),
        (Failure::Undecodable, RETRY, UNKNOWN),
        (Failure::TooLarge { max_bytes: 1 }, PERMANENT, UNKNOWN),
        (status(503, None), RETRY, UNKNOWN),
        (status(503, soon), RETRY, RETRY),
        (status(503, Some(Duration::ZERO)), RETRY, RETRY),
    ];
    // `Retry-After` makes no difference for the other statuses.
    for retry_after in [None, soon] {
        let mut add = |code, idempotent, submission| {
            rows.push((status(code, retry_after), idempotent, submission))
        };
        for code in [100, 101, 200, 201, 202, 204, 300, 302, 303, 304, 305] {
            add(code, PERMANENT, UNKNOWN);
        }
        for code in [301, 307, 308] {
            add(code, PERMANENT, PERMANENT);
        }
        for code in (400..=499).filter(|code| ![408, 429].contains(code)) {
            add(code, PERMANENT, PERMANENT);
        }
        add(408, RETRY, UNKNOWN);
        add(429, RETRY, RETRY);
        for code in [500, 502, 504] {
            add(code, RETRY, UNKNOWN);
        }
        for code in (500..=599).filter(|code| ![500, 502, 503, 504].contains(code)) {
            add(code, PERMANENT, UNKNOWN);
        }
        for code in [600, 999] {
            add(code, PERMANENT, UNKNOWN);
        }
    }
    rows
}

#[test]
fn decision_for_every_failure() {
    let policy = RetryPolicy::default();
    for (failure, idempotent, submission) in table() {
        for (operation, expected) in [
            (Operation::Read, idempotent),
            (Operation::IdempotentWrite, idempotent),
            (Operation::Submission, submission),
        ] {
            let attempt = first(operation, failure);
            assert_eq!(
                reason(&policy, &attempt),
                expected,
                "{operation:?} {failure:?}"
            );
        }
    }
}

#[test]
fn exhausted_limits_do_not_hide_permanent_or_unknown_outcomes() {
    let policy = RetryPolicy::default();
    let exhausted = |reason: Option<GiveUp>, limit: GiveUp| reason.or(Some(limit));
    for (failure, idempotent, submission) in table() {
        for (operation, expected) in [
            (Operation::Read, idempotent),
            (Operation::IdempotentWrite, idempotent),
            (Operation::Submission, submission),
        ] {
            let last = Attempt {
                number: 5,
                ..first(operation, failure)
            };
            let late = Attempt {
                elapsed: secs(60),
                total_timeout: Some(secs(60)),
                ..first(operation, failure)
            };
            let row = format!("{operation:?} {failure:?}");
            assert_eq!(
                reason(&policy, &last),
                exhausted(expected, GiveUp::AttemptsExhausted),
                "{row}"
            );
            assert_eq!(
                reason(&policy, &late),
                exhausted(expected, GiveUp::TotalTimeout),
                "{row}"
            );
            let none = reason(&RetryPolicy::none(), &first(operation, failure));
            assert_eq!(
                none,
                exhausted(expected, GiveUp::AttemptsExhausted),
                "{row}"
            );
        }
    }
}

#[test]
fn attempts_are_numbered_from_one() {
    let policy = RetryPolicy::default().max_attempts(3);
    let table = [
        (0, RETRY),
        (1, RETRY),
        (2, RETRY),
        (3, Some(GiveUp::AttemptsExhausted)),
        (u32::MAX, Some(GiveUp::AttemptsExhausted)),
    ];
    for operation in OPERATIONS {
        for (number, expected) in table {
            let attempt = Attempt {
                number,
                ..first(operation, Failure::Connect)
            };
            assert_eq!(reason(&policy, &attempt), expected, "{number}");
        }
    }
}

#[test]
fn backoff_doubles_up_to_the_maximum_with_full_jitter() {
    let policy = RetryPolicy::default().max_attempts(u32::MAX);
    // attempt, maximum delay in ms
    let table = [
        (1, 500),
        (2, 1_000),
        (3, 2_000),
        (4, 4_000),
        (5, 8_000),
        (6, 8_000),
        (40, 8_000),
        (u32::MAX - 1, 8_000),
    ];
    for (number, max_delay) in table {
        for (random, fraction) in [
            (0.0, 0.0),
            (0.25, 0.25),
            (1.0, 1.0),
            (-3.0, 0.0),
            (7.0, 1.0),
            (f64::NAN, 0.0),
            (f64::INFINITY, 1.0),
        ] {
            let attempt = Attempt {
                number,
                random,
                ..first(Operation::Read, Failure::ConnectionLost)
            };
            let after = Duration::from_millis(max_delay).mul_f64(fraction);
            assert_eq!(
                decide(&policy, &attempt),
                Decision::Retry { after },
                "attempt {number}, random {random}"
            );
        }
    }
}

#[test]
fn retry_after_is_the_minimum_delay_with_jitter_on_top() {
    let policy = RetryPolicy::default();
    // attempt, Retry-After in s, random, delay in ms
    let table = [
        (1, 1, 0.0, 1_000),
        (1, 1, 1.0, 1_500),     // the base delay on top
        (1, 20, 0.5, 21_000),   // half of a tenth on top
        (1, 120, 1.0, 128_000), // a tenth, at most the maximum delay
        (4, 1, 1.0, 4_000),     // the backoff is longer
        (1, 0, 1.0, 500),
        (4, 0, 0.5, 2_000),
    ];
    for code in [408, 429, 500, 502, 503, 504] {
        for (number, retry_after, random, expected) in table {
            let attempt = Attempt {
                number,
                random,
                ..first(Operation::Read, status(code, Some(secs(retry_after))))
            };
            let after = Duration::from_millis(expected);
            assert_eq!(
                decide(&policy, &attempt),
                Decision::Retry { after },
                "{code} {retry_after} {random}"
            );
        }
    }
}

#[test]
fn retry_after_beyond_the_cap_gives_up() {
    let beyond = secs(120) + Duration::from_nanos(1);
    for operation in OPERATIONS {
        for (retry_after, expected) in [
            (secs(120), RETRY),
            (
                beyond,
                Some(GiveUp::RetryAfterTooLong {
                    retry_after: beyond,
                }),
            ),
            (
                Duration::MAX,
                Some(GiveUp::RetryAfterTooLong {
                    retry_after: Duration::MAX,
                }),
            ),
        ] {
            for code in [429, 503] {
                let attempt = first(operation, status(code, Some(retry_after)));
                assert_eq!(
                    reason(&RetryPolicy::default(), &attempt),
                    expected,
                    "{operation:?} {code} {retry_after:?}"
                );
            }
        }
    }
    // Attempts are checked before the cap, and the cap before the time.
    let attempt = Attempt {
        number: 5,
        ..first(Operation::Read, status(429, Some(beyond)))
    };
    assert_eq!(
        reason(&RetryPolicy::default(), &attempt),
        Some(GiveUp::AttemptsExhausted)
    );
    let attempt = Attempt {
        total_timeout: Some(secs(1)),
        ..first(Operation::Read, status(429, Some(beyond)))
    };
    assert_eq!(
        reason(&RetryPolicy::default(), &attempt),
        Some(GiveUp::RetryAfterTooLong {
            retry_after: beyond
        })
    );
    let patient = RetryPolicy::default().retry_after_cap(secs(600));
    assert_eq!(
        reason(&patient, &first(Operation::Read, status(429, Some(beyond)))),
        RETRY
    );
}

#[test]
fn delay_must_end_before_the_total_timeout() {
    // The delay is 250 ms, half of the base delay.
    let table = [
        (None, secs(1_000_000), RETRY),
        (Some(1_000), Duration::ZERO, RETRY),
        (Some(1_000), Duration::from_millis(749), RETRY),
        (
            Some(1_000),
            Duration::from_millis(750),
            Some(GiveUp::TotalTimeout),
        ),
        (
            Some(1_000),
            Duration::from_millis(1_000),
            Some(GiveUp::TotalTimeout),
        ),
        (Some(1_000), Duration::MAX, Some(GiveUp::TotalTimeout)),
    ];
    for operation in OPERATIONS {
        for (total, elapsed, expected) in table {
            let attempt = Attempt {
                elapsed,
                total_timeout: total.map(Duration::from_millis),
                ..first(operation, Failure::Connect)
            };
            assert_eq!(
                reason(&RetryPolicy::default(), &attempt),
                expected,
                "{total:?} {elapsed:?}"
            );
        }
    }
}

fn failures() -> impl Strategy<Value = Failure> {
    prop_oneof![
        Just(Failure::Connect),
        Just(Failure::Timeout),
        Just(Failure::Stalled),
        Just(Failure::ConnectionLost),
        Just(Failure::IncompleteBody),
        Just(Failure::ProxyAuthentication),
        Just(Failure::Unsendable),
        Just(Failure::NoJobId),
        Just(Failure::Undecodable),
        any::<u64>().prop_map(|max_bytes| Failure::TooLarge { max_bytes }),
        (100_u16..1_000, any::<Option<Duration>>())
            .prop_map(|(code, retry_after)| status(code, retry_after)),
    ]
}

proptest! {
    #[test]
    fn decisions_respect_the_policy(
        (max_attempts, base, max, cap) in any::<(u32, Duration, Duration, Duration)>(),
        operation in proptest::sample::select(&OPERATIONS),
        failure in failures(),
        (number, elapsed, total_timeout, random) in any::<(u32, Duration, Option<Duration>, f64)>(),
    ) {
        let policy = RetryPolicy::default().max_attempts(max_attempts).base_delay(base).max_delay(max).retry_after_cap(cap);
        let attempt = Attempt { operation, failure, number, elapsed, total_timeout, random };
        if let Decision::Retry { after } = decide(&policy, &attempt) {
            prop_assert!(number < max_attempts);
            if let Some(total) = total_timeout {
                prop_assert!(elapsed.saturating_add(after) < total);
            }
            let retry_after = match failure {
                Failure::Status { retry_after, .. } => retry_after.unwrap_or_default(),
                _ => Duration::ZERO,
            };
            prop_assert!(after >= retry_after && retry_after <= cap);
            prop_assert!(after <= retry_after.saturating_add(max));
        }
    }
}
