//! A retry budget shared by all calls of a client: a token bucket, as in the AWS SDKs.
//!
//! A single failed call may be retried. If every call fails, retries would multiply the load on a service that is
//! already down. Each retry takes tokens from the bucket, each success returns one, and no retry is made while the
//! bucket has too few tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::retry::{Decision, Failure, GiveUp};

/// Tokens in a full bucket: enough for 100 ordinary retries without a single success.
const CAPACITY_TOKENS: u32 = 500;
/// Cost of an ordinary retry.
const RETRY_COST_TOKENS: u32 = 5;
/// Cost of a retry after a timeout. A slow server suffers most from repeated requests.
const TIMEOUT_COST_TOKENS: u32 = 10;
/// Cost of a retry whose time the server set with `Retry-After`. The server asked for this load, and a team at its rate
/// limit makes many such retries in normal operation.
const RETRY_AFTER_COST_TOKENS: u32 = 1;
/// Tokens returned by a success.
const SUCCESS_REFUND_TOKENS: u32 = 1;

/// A token bucket for retries. Clones share the bucket.
#[derive(Clone, Debug)]
pub(crate) struct RetryBudget {
    tokens: Arc<AtomicU32>,
}

impl RetryBudget {
    /// Creates a full bucket.
    pub(crate) fn new() -> Self {
        Self {
            tokens: Arc::new(AtomicU32::new(CAPACITY_TOKENS)),
        }
    }

    /// Pays for a retry. A retry that the bucket cannot pay for becomes [`GiveUp::BudgetExhausted`]; any other decision
    /// is free and returned unchanged.
    pub(crate) fn charge(&self, decision: Decision, failure: &Failure) -> Decision {
        match decision {
            Decision::Retry { .. } if !self.try_take(cost(failure)) => {
                Decision::GiveUp(GiveUp::BudgetExhausted)
            }
            _ => decision,
        }
    }

    /// Takes `cost` tokens, or none and returns false if there are fewer.
    pub(crate) fn try_take(&self, cost: u32) -> bool {
        // Relaxed suffices: no other memory is synchronized through this counter.
        self.tokens
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| {
                tokens.checked_sub(cost)
            })
            .is_ok()
    }

    /// Returns tokens to the bucket after a success, up to its capacity.
    pub(crate) fn refund(&self) {
        let _ = self
            .tokens
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| {
                Some(
                    tokens
                        .saturating_add(SUCCESS_REFUND_TOKENS)
                        .min(CAPACITY_TOKENS),
                )
            });
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new()
    }
}

/// Tokens that a retry after this failure takes.
fn cost(failure: &Failure) -> u32 {
    match failure {
        Failure::Timeout | Failure::Stalled => TIMEOUT_COST_TOKENS,
        Failure::Status {
            retry_after: Some(_),
            ..
        } => RETRY_AFTER_COST_TOKENS,
        Failure::Connect
        | Failure::ProxyAuthentication
        | Failure::ConnectionLost
        | Failure::IncompleteBody
        | Failure::TooLarge { .. }
        | Failure::Unsendable
        | Failure::NoJobId
        | Failure::Undecodable
        | Failure::Status { .. } => RETRY_COST_TOKENS,
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
    fn cost_of_each_failure() {
        let status = |retry_after| Failure::Status {
            status: StatusCode::SERVICE_UNAVAILABLE,
            retry_after,
        };
        let table = [
            (Failure::Connect, 100),
            (Failure::ConnectionLost, 100),
            (Failure::IncompleteBody, 100),
            (status(None), 100),
            (Failure::Timeout, 50),
            (status(Some(Duration::ZERO)), 500),
        ];
        for (failure, retries) in table {
            assert_eq!(retries_until_empty(failure), retries, "{failure:?}");
        }
    }

    #[test]
    fn empty_bucket_refuses_retries_until_refunded() {
        let budget = RetryBudget::new();
        assert!(budget.try_take(CAPACITY_TOKENS));
        assert!(!budget.try_take(1));
        for _ in 0..4 {
            budget.clone().refund();
        }
        assert_eq!(budget.charge(RETRY, &Failure::ConnectionLost), REFUSED);
        budget.refund();
        assert_eq!(budget.charge(RETRY, &Failure::ConnectionLost), RETRY);
        assert_eq!(budget.charge(RETRY, &Failure::ConnectionLost), REFUSED);
    }

    #[test]
    fn refund_does_not_exceed_capacity() {
        let budget = RetryBudget::default();
        budget.refund();
        assert!(!budget.try_take(CAPACITY_TOKENS + 1));
        assert!(!budget.try_take(u32::MAX));
        assert!(
            budget.try_take(CAPACITY_TOKENS),
            "a failed take leaves the tokens"
        );
    }

    #[test]
    fn giving_up_is_free() {
        let budget = RetryBudget::new();
        for reason in [
            GiveUp::NotRetryable,
            GiveUp::OutcomeUnknown,
            GiveUp::AttemptsExhausted,
        ] {
            let decision = Decision::GiveUp(reason);
            assert_eq!(budget.charge(decision, &Failure::Timeout), decision);
        }
        assert!(budget.try_take(CAPACITY_TOKENS));
    }

    #[test]
    fn concurrent_clones_never_take_more_than_the_capacity() {
        let budget = RetryBudget::new();
        let taken: usize = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|_| {
                    let budget = budget.clone();
                    scope.spawn(move || {
                        (0..200)
                            .filter(|_| budget.try_take(RETRY_COST_TOKENS))
                            .count()
                    })
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
