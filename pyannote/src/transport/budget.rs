//! A budget of retries shared by all calls of a client.
//!
//! One failed call may be retried; when everything fails, retries would multiply the load on a server that is down
//! already. Each retry takes tokens from one bucket, successes put a little back, and an empty bucket refuses retries.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::retry::{Decision, Failure, GiveUp};

/// A full bucket: 100 ordinary retries without one success in between.
const CAPACITY: u32 = 500;
/// What an ordinary retry costs.
const RETRY_COST: u32 = 5;
/// What a retry after a timeout costs. A server that is slow suffers most from being asked again.
const TIMEOUT_COST: u32 = 10;
/// What a retry costs whose time the server named itself. It asked for that load, and a team at its rate limit sees
/// many of them while all is well.
const INVITED_COST: u32 = 1;
/// What a success puts back.
const REFUND: u32 = 1;

/// Tokens for retries. Clones share the bucket.
#[derive(Clone, Debug)]
pub(crate) struct RetryBudget {
    tokens: Arc<AtomicU32>,
}

impl RetryBudget {
    /// A full bucket.
    pub(crate) fn new() -> Self {
        Self {
            tokens: Arc::new(AtomicU32::new(CAPACITY)),
        }
    }

    /// Pays for a decided retry. Where the bucket cannot, the retry becomes [`GiveUp::BudgetExhausted`]. Any other
    /// decision costs nothing and stays as it is.
    pub(crate) fn charge(&self, decision: Decision, failure: &Failure) -> Decision {
        match decision {
            Decision::Retry { .. } if !self.try_take(cost(failure)) => {
                Decision::GiveUp(GiveUp::BudgetExhausted)
            }
            _ => decision,
        }
    }

    /// Takes tokens, all or none.
    pub(crate) fn try_take(&self, cost: u32) -> bool {
        // Relaxed suffices: the number guards nothing but itself.
        self.tokens
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| {
                tokens.checked_sub(cost)
            })
            .is_ok()
    }

    /// A request succeeded: puts a little back, never beyond a full bucket.
    pub(crate) fn refund(&self) {
        let _ = self
            .tokens
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| {
                Some(tokens.saturating_add(REFUND).min(CAPACITY))
            });
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new()
    }
}

fn cost(failure: &Failure) -> u32 {
    match failure {
        Failure::Timeout => TIMEOUT_COST,
        Failure::Status {
            retry_after: Some(_),
            ..
        } => INVITED_COST,
        Failure::Connect
        | Failure::Reset
        | Failure::Body
        | Failure::Unsendable
        | Failure::Status { .. } => RETRY_COST,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;

    use super::*;

    const RETRY: Decision = Decision::Retry {
        after: Duration::ZERO,
    };
    const REFUSED: Decision = Decision::GiveUp(GiveUp::BudgetExhausted);

    fn retries_until_empty(failure: Failure) -> u32 {
        let budget = RetryBudget::new();
        let mut retries = 0;
        while budget.charge(RETRY, &failure) == RETRY {
            retries += 1;
            assert!(retries <= 1_000, "the bucket never empties");
        }
        assert_eq!(budget.charge(RETRY, &failure), REFUSED);
        retries
    }

    #[test]
    fn each_failure_has_its_price() {
        let status = |retry_after| Failure::Status {
            status: StatusCode::SERVICE_UNAVAILABLE,
            retry_after,
        };
        let table = [
            (Failure::Connect, 100),
            (Failure::Reset, 100),
            (Failure::Body, 100),
            (status(None), 100),
            (Failure::Timeout, 50),
            (status(Some(Duration::ZERO)), 500),
        ];
        for (failure, retries) in table {
            assert_eq!(retries_until_empty(failure), retries, "{failure:?}");
        }
    }

    #[test]
    fn an_empty_bucket_refuses_until_successes_fill_it() {
        let budget = RetryBudget::new();
        assert!(budget.try_take(CAPACITY));
        assert!(!budget.try_take(1));
        for _ in 0..4 {
            budget.clone().refund();
        }
        assert_eq!(budget.charge(RETRY, &Failure::Reset), REFUSED);
        budget.refund();
        assert_eq!(budget.charge(RETRY, &Failure::Reset), RETRY);
        assert_eq!(budget.charge(RETRY, &Failure::Reset), REFUSED);
    }

    #[test]
    fn a_full_bucket_does_not_overflow() {
        let budget = RetryBudget::default();
        budget.refund();
        assert!(!budget.try_take(CAPACITY + 1));
        assert!(!budget.try_take(u32::MAX));
        assert!(budget.try_take(CAPACITY), "a refused take takes nothing");
    }

    #[test]
    fn giving_up_costs_nothing() {
        let budget = RetryBudget::new();
        for reason in [
            GiveUp::NotRetryable,
            GiveUp::OutcomeUnknown,
            GiveUp::AttemptsExhausted,
        ] {
            let decision = Decision::GiveUp(reason);
            assert_eq!(budget.charge(decision, &Failure::Timeout), decision);
        }
        assert!(budget.try_take(CAPACITY));
    }

    #[test]
    fn clones_in_threads_never_take_more_than_there_is() {
        let budget = RetryBudget::new();
        let taken: usize = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|_| {
                    let budget = budget.clone();
                    scope.spawn(move || (0..200).filter(|_| budget.try_take(RETRY_COST)).count())
                })
                .collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap())
                .sum()
        });
        assert_eq!(taken, 100);
    }
}
