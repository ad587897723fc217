//! The whole table: each kind of operation, each failure, each status.

use proptest::prelude::*;

use super::*;

const RETRY: Option<GiveUp> = None;
const FINAL: Option<GiveUp> = Some(GiveUp::NotRetryable);
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
        total: None,
        random: 0.5,
    }
}

fn reason(policy: &RetryPolicy, attempt: &Attempt) -> Option<GiveUp> {
    match decide(policy, attempt) {
        Decision::Retry { .. } => None,
        Decision::GiveUp(reason) => Some(reason),
    }
}

/// A failure; what it means for a read and an idempotent write; what it means for a submission.
type Row = (Failure, Option<GiveUp>, Option<GiveUp>);

fn table() -> Vec<Row> {
    let soon = Some(secs(1));
    let mut rows = vec![
        (Failure::Connect, RETRY, RETRY),
        (Failure::Timeout, RETRY, UNKNOWN),
        (Failure::Reset, RETRY, UNKNOWN),
        (Failure::Body, RETRY, UNKNOWN),
        (Failure::Unsendable, FINAL, FINAL),
        (status(503, None), RETRY, UNKNOWN),
        (status(503, soon), RETRY, RETRY),
        (status(503, Some(Duration::ZERO)), RETRY, RETRY),
    ];
    // A Retry-After changes nothing for the rest.
    for retry_after in [None, soon] {
        let mut add = |code, repeatable, submission| {
            rows.push((status(code, retry_after), repeatable, submission))
        };
        for code in [100, 101, 200, 201, 202, 204, 300, 302, 303, 304, 305] {
            add(code, FINAL, UNKNOWN);
        }
        for code in [301, 307, 308] {
            add(code, FINAL, FINAL);
        }
        for code in (400..=499).filter(|code| ![408, 429].contains(code)) {
            add(code, FINAL, FINAL);
        }
        add(408, RETRY, UNKNOWN);
        add(429, RETRY, RETRY);
        for code in [500, 502, 504] {
            add(code, RETRY, UNKNOWN);
        }
        for code in (500..=599).filter(|code| ![500, 502, 503, 504].contains(code)) {
            add(code, FINAL, UNKNOWN);
        }
        for code in [600, 999] {
            add(code, FINAL, UNKNOWN);
        }
    }
    rows
}

#[test]
fn every_row() {
    let policy = RetryPolicy::default();
    for (failure, repeatable, submission) in table() {
        for (operation, expected) in [
            (Operation::Read, repeatable),
            (Operation::IdempotentWrite, repeatable),
            (Operation::Submission, submission),
        ] {
            let what = first(operation, failure);
            assert_eq!(
                reason(&policy, &what),
                expected,
                "{operation:?} {failure:?}"
            );
        }
    }
}

#[test]
fn exhaustion_is_ordinary_where_nothing_was_taken_and_never_hides_an_unknown_outcome() {
    let policy = RetryPolicy::default();
    let exhausted = |verdict: Option<GiveUp>, instead: GiveUp| verdict.or(Some(instead));
    for (failure, repeatable, submission) in table() {
        for (operation, verdict) in [
            (Operation::Read, repeatable),
            (Operation::IdempotentWrite, repeatable),
            (Operation::Submission, submission),
        ] {
            let last = Attempt {
                number: 5,
                ..first(operation, failure)
            };
            let late = Attempt {
                elapsed: secs(60),
                total: Some(secs(60)),
                ..first(operation, failure)
            };
            let row = format!("{operation:?} {failure:?}");
            assert_eq!(
                reason(&policy, &last),
                exhausted(verdict, GiveUp::AttemptsExhausted),
                "{row}"
            );
            assert_eq!(
                reason(&policy, &late),
                exhausted(verdict, GiveUp::TimeExhausted),
                "{row}"
            );
            let none = reason(&RetryPolicy::none(), &first(operation, failure));
            assert_eq!(none, exhausted(verdict, GiveUp::AttemptsExhausted), "{row}");
        }
    }
}

#[test]
fn attempts_are_counted_from_one() {
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
            let what = Attempt {
                number,
                ..first(operation, Failure::Connect)
            };
            assert_eq!(reason(&policy, &what), expected, "{number}");
        }
    }
}

#[test]
fn backoff_doubles_up_to_the_maximum_and_is_fully_jittered() {
    let policy = RetryPolicy::default().max_attempts(u32::MAX);
    // attempt, ceiling of the wait in ms
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
    for (number, ceiling) in table {
        for (random, share) in [
            (0.0, 0.0),
            (0.25, 0.25),
            (1.0, 1.0),
            (-3.0, 0.0),
            (7.0, 1.0),
            (f64::NAN, 0.0),
            (f64::INFINITY, 1.0),
        ] {
            let what = Attempt {
                number,
                random,
                ..first(Operation::Read, Failure::Reset)
            };
            let after = Duration::from_millis(ceiling).mul_f64(share);
            assert_eq!(
                decide(&policy, &what),
                Decision::Retry { after },
                "attempt {number}, random {random}"
            );
        }
    }
}

#[test]
fn retry_after_is_a_minimum_with_a_little_on_top() {
    let policy = RetryPolicy::default();
    // attempt, Retry-After in s, random, wait in ms
    let table = [
        (1, 1, 0.0, 1_000),
        (1, 1, 1.0, 1_500),     // at least the base delay on top
        (1, 20, 0.5, 21_000),   // a tenth on top
        (1, 120, 1.0, 128_000), // a tenth, at most the maximum delay
        (4, 1, 1.0, 4_000),     // the backoff is longer
        (1, 0, 1.0, 500),
        (4, 0, 0.5, 2_000),
    ];
    for code in [408, 429, 500, 502, 503, 504] {
        for (number, asked, random, expected) in table {
            let what = Attempt {
                number,
                random,
                ..first(Operation::Read, status(code, Some(secs(asked))))
            };
            let after = Duration::from_millis(expected);
            assert_eq!(
                decide(&policy, &what),
                Decision::Retry { after },
                "{code} {asked} {random}"
            );
        }
    }
}

#[test]
fn a_retry_after_beyond_the_cap_is_handed_to_the_caller() {
    let beyond = secs(120) + Duration::from_nanos(1);
    for operation in OPERATIONS {
        for (asked, expected) in [
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
                let what = first(operation, status(code, Some(asked)));
                assert_eq!(
                    reason(&RetryPolicy::default(), &what),
                    expected,
                    "{operation:?} {code} {asked:?}"
                );
            }
        }
    }
    // Attempts are asked first, the cap before the time; the cap is the policy's own.
    let what = Attempt {
        number: 5,
        ..first(Operation::Read, status(429, Some(beyond)))
    };
    assert_eq!(
        reason(&RetryPolicy::default(), &what),
        Some(GiveUp::AttemptsExhausted)
    );
    let what = Attempt {
        total: Some(secs(1)),
        ..first(Operation::Read, status(429, Some(beyond)))
    };
    assert_eq!(
        reason(&RetryPolicy::default(), &what),
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
fn a_wait_that_would_pass_the_deadline_is_not_begun() {
    // The wait is 250 ms: half of the base delay.
    let table = [
        (None, secs(1_000_000), RETRY),
        (Some(1_000), Duration::ZERO, RETRY),
        (Some(1_000), Duration::from_millis(749), RETRY),
        (
            Some(1_000),
            Duration::from_millis(750),
            Some(GiveUp::TimeExhausted),
        ),
        (
            Some(1_000),
            Duration::from_millis(1_000),
            Some(GiveUp::TimeExhausted),
        ),
        (Some(1_000), Duration::MAX, Some(GiveUp::TimeExhausted)),
    ];
    for operation in OPERATIONS {
        for (total, elapsed, expected) in table {
            let what = Attempt {
                elapsed,
                total: total.map(Duration::from_millis),
                ..first(operation, Failure::Connect)
            };
            assert_eq!(
                reason(&RetryPolicy::default(), &what),
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
        Just(Failure::Reset),
        Just(Failure::Body),
        Just(Failure::Unsendable),
        (100_u16..1_000, any::<Option<Duration>>())
            .prop_map(|(code, retry_after)| status(code, retry_after)),
    ]
}

proptest! {
    #[test]
    fn nothing_panics_and_every_promise_holds(
        (max_attempts, base, max, cap) in any::<(u32, Duration, Duration, Duration)>(),
        operation in proptest::sample::select(&OPERATIONS),
        failure in failures(),
        (number, elapsed, total, random) in any::<(u32, Duration, Option<Duration>, f64)>(),
    ) {
        let policy = RetryPolicy::default().max_attempts(max_attempts).base_delay(base).max_delay(max).retry_after_cap(cap);
        let what = Attempt { operation, failure, number, elapsed, total, random };
        if let Decision::Retry { after } = decide(&policy, &what) {
            prop_assert!(number < max_attempts);
            if let Some(total) = total {
                prop_assert!(elapsed.saturating_add(after) < total);
            }
            let asked = match failure {
                Failure::Status { retry_after, .. } => retry_after.unwrap_or_default(),
                _ => Duration::ZERO,
            };
            prop_assert!(after >= asked && asked <= cap);
            prop_assert!(after <= asked.saturating_add(max));
        }
    }
}
