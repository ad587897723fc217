//! What is known of a job that is being waited for: when to poll it, what its polls mean, and how the wait ends.

use std::time::Duration;

use super::{JobId, JobStatus};
use crate::error::{Error, ErrorKind};
use crate::results::body::State;

/// Delay before the first poll of a job that was just submitted, and the minimum delay between polls.
const POLL_DELAY_MIN: Duration = Duration::from_secs(1);
/// Maximum delay between the polls of a job that is polled by itself.
const POLL_DELAY_MAX: Duration = Duration::from_secs(20);
/// Growth of the delay from one poll to the next.
const POLL_DELAY_FACTOR: f64 = 1.5;
/// Time after its submission during which a job may be reported as not found: the service is eventually consistent.
const NOT_FOUND_GRACE: Duration = Duration::from_secs(60);
/// As [`NOT_FOUND_GRACE`], for a job that this client did not submit, from the start of the wait: another process may
/// have submitted it just now.
const NOT_FOUND_GRACE_EXISTING: Duration = Duration::from_secs(10);
/// Number of consecutive polls that must fail, each with its retries, for the wait to fail; for a listing, of pages.
pub(super) const MAX_CONSECUTIVE_FAILURES: u32 = 3;

/// Returns the delay before a poll. `attempt` counts from 0, and `random` is from 0 to 1.
///
/// It grows exponentially up to a maximum. A quarter of it is jitter, so that waits that start together drift apart.
pub(super) fn poll_delay(attempt: u32, random: f64) -> Duration {
    let exponent = i32::try_from(attempt.min(64)).unwrap_or(64);
    let full = POLL_DELAY_MIN.as_secs_f64() * POLL_DELAY_FACTOR.powi(exponent);
    let full = full.min(POLL_DELAY_MAX.as_secs_f64());
    let random = match random.is_finite() {
        true => random.clamp(0.0, 1.0),
        false => 1.0,
    };
    Duration::from_secs_f64(full * (0.75 + 0.25 * random))
}

/// The results of the polls of one job so far.
#[derive(Debug)]
pub(super) struct Progress {
    id: JobId,
    /// When the wait started.
    start: Duration,
    /// When this client submitted the job, if it did.
    submitted: Option<Duration>,
    consecutive_failures: u32,
    has_succeeded: bool,
    /// Whether a poll has started that has not ended yet.
    is_polling: bool,
    last_status: Option<JobStatus>,
    /// The error of the last poll, if it failed.
    last_failure: Option<Error>,
}

impl Progress {
    pub(super) fn new(id: JobId, submitted: Option<Duration>, now: Duration) -> Self {
        Self {
            id,
            start: now,
            submitted,
            consecutive_failures: 0,
            has_succeeded: false,
            is_polling: false,
            last_status: None,
            last_failure: None,
        }
    }

    /// Records that a poll has started.
    pub(super) fn start_poll(&mut self) {
        self.is_polling = true;
    }

    /// Records the status of the job in the listing.
    pub(super) fn see(&mut self, status: &JobStatus) {
        self.succeed(Some(status.clone()));
    }

    /// Takes the result of a poll. Returns what the wait ends with, or `None` if it goes on.
    pub(super) fn take<T>(
        &mut self,
        result: Result<State<T>, Error>,
        now: Duration,
    ) -> Option<Result<T, Error>> {
        self.is_polling = false;
        match result {
            Ok(State::Done(result)) => Some(Ok(result)),
            Ok(State::Unfinished(status)) => {
                self.succeed(status);
                None
            }
            Err(error) => self.fail(error, now).map(Err),
        }
    }

    /// Records a poll that succeeded, and the status in it. Returns whether the status is new.
    pub(super) fn succeed(&mut self, status: Option<JobStatus>) -> bool {
        self.consecutive_failures = 0;
        self.has_succeeded = true;
        self.last_failure = None;
        let is_new = status.is_some() && status != self.last_status;
        if is_new {
            self.last_status = status;
        }
        is_new
    }

    /// Records a poll that failed. Returns the error if the wait ends with it.
    pub(super) fn fail(&mut self, error: Error, now: Duration) -> Option<Error> {
        // The error of a job that ended has its status.
        if error.last_status().is_some() {
            return Some(error);
        }
        let goes_on = match error.kind() {
            ErrorKind::NotFound => self.may_be_found_later(now),
            // Other requests of this client came first: nothing was sent, so nothing failed.
            ErrorKind::RateLimited if error.status().is_none() => true,
            _ => {
                self.consecutive_failures += 1;
                may_pass(&error) && self.consecutive_failures < MAX_CONSECUTIVE_FAILURES
            }
        };
        if goes_on {
            self.last_failure = Some(error);
            return None;
        }
        Some(error.with_job(&self.id, self.last_status.clone()))
    }

    /// Returns whether a job that is reported as not found may be found later.
    fn may_be_found_later(&self, now: Duration) -> bool {
        match self.submitted {
            Some(submitted) => now.saturating_sub(submitted) < NOT_FOUND_GRACE,
            None => now.saturating_sub(self.start) < NOT_FOUND_GRACE_EXISTING,
        }
    }

    /// The error of a wait that ends after `timeout`.
    pub(super) fn timeout_error(&mut self, timeout: Duration) -> Error {
        let seconds = timeout.as_secs_f64();
        if self.is_polling && !self.has_succeeded && self.last_failure.is_none() {
            let message = "the poll did not end before the timeout of the wait";
            self.last_failure = Some(Error::new(ErrorKind::Timeout, message));
        }
        let problem = match (&self.last_failure, &self.last_status) {
            (None, Some(status)) if status.is_final() => {
                format!(
                    "the job ended within {seconds} s, but its result was not read in that time"
                )
            }
            (None, Some(_)) => {
                format!("the job did not end within {seconds} s; it is still running")
            }
            (None, None) if self.has_succeeded => format!(
                "the job was not seen to end within {seconds} s; the service does not say what its status is"
            ),
            (None, None) => format!(
                "the job was not polled within {seconds} s, because the service does not respond or there are too many \
                 jobs for the limit of reads per minute; whether it has ended is not known"
            ),
            (Some(error), None) if error.kind() == ErrorKind::NotFound => {
                format!("the job was not found within {seconds} s; it may not be visible yet")
            }
            (Some(_), _) if !self.has_succeeded => format!(
                "the wait timed out after {seconds} s, and no poll has succeeded; whether the job has ended is not \
                 known"
            ),
            (Some(_), _) => format!(
                "the wait timed out after {seconds} s, and its last poll failed; the job may still be running"
            ),
        };
        let message = format!("{problem}, and client.job(id) can wait for it again");
        let error = match self.last_failure.take() {
            Some(failure) => failure.into_kind(ErrorKind::WaitTimeout, message),
            None => Error::new(ErrorKind::WaitTimeout, message),
        };
        error.with_job(&self.id, self.last_status.clone())
    }
}

/// Returns whether the next read may succeed after this error: a gateway may have replaced one response.
pub(super) fn may_pass(error: &Error) -> bool {
    match error.kind() {
        // The API key, the proxy's password, and the limit of responses stay the same.
        ErrorKind::Unauthorized | ErrorKind::Config | ErrorKind::TooLarge => false,
        _ => error.is_transient() || error.status().is_some(),
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn poll_delays_grow_to_a_maximum() {
        let seconds: Vec<f64> = (0..12)
            .map(|attempt| poll_delay(attempt, 1.0).as_secs_f64())
            .collect();
        assert_eq!(seconds[..4], [1.0, 1.5, 2.25, 3.375]);
        assert!(seconds.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(seconds[11], 20.0);
        assert_eq!(poll_delay(0, 0.0), Duration::from_millis(750));
        for attempt in [0, 63, 64, u32::MAX] {
            for random in [0.0, 1.0, f64::NAN, -1.0, f64::INFINITY] {
                let delay = poll_delay(attempt, random);
                assert!((Duration::from_millis(750)..=POLL_DELAY_MAX).contains(&delay));
            }
        }
    }

    fn progress() -> Progress {
        Progress::new(JobId::from("1"), None, Duration::ZERO)
    }

    /// Number of polls with this error until the wait ends, of at most 50.
    fn tolerated(error: impl Fn() -> Error, now: Duration) -> usize {
        let mut progress = progress();
        (0..50)
            .take_while(|_| progress.fail(error(), now).is_none())
            .count()
    }

    #[test]
    fn errors_that_may_pass_are_tolerated() {
        let status = |kind, status| Error::new(kind, "").with_status(status);
        let too_many = StatusCode::TOO_MANY_REQUESTS;
        for (error, expected) in [
            // Held back by the client's own rate limit.
            (Error::new(ErrorKind::RateLimited, ""), 50),
            (status(ErrorKind::RateLimited, too_many), 2),
            (status(ErrorKind::Server, StatusCode::BAD_GATEWAY), 2),
            (Error::new(ErrorKind::Timeout, ""), 2),
            (status(ErrorKind::Decode, StatusCode::OK), 2),
            (status(ErrorKind::Forbidden, StatusCode::FORBIDDEN), 2),
            (status(ErrorKind::UnexpectedStatus, StatusCode::FOUND), 2),
            (status(ErrorKind::Validation, StatusCode::BAD_REQUEST), 2),
            (status(ErrorKind::Unauthorized, StatusCode::UNAUTHORIZED), 0),
            (status(ErrorKind::TooLarge, StatusCode::OK), 0),
            (
                status(ErrorKind::Config, StatusCode::PROXY_AUTHENTICATION_REQUIRED),
                0,
            ),
            (Error::new(ErrorKind::Validation, ""), 0),
        ] {
            let kind = error.kind();
            let copy = || match error.status() {
                Some(code) => status(kind, code),
                None => Error::new(kind, ""),
            };
            assert_eq!(tolerated(copy, Duration::ZERO), expected, "{kind:?}");
        }
        let ended = || {
            let succeeded = Some(JobStatus::Succeeded);
            Error::new(ErrorKind::Decode, "").with_job(&JobId::from("1"), succeeded)
        };
        assert_eq!(
            tolerated(ended, Duration::ZERO),
            0,
            "the result is undecodable"
        );
    }

    #[test]
    fn a_job_may_be_found_later() {
        let missing = || Error::new(ErrorKind::NotFound, "");
        let s = Duration::from_secs;
        for (submitted, now, expected) in [
            (None, s(9), true),
            (None, s(10), false),
            (Some(s(0)), s(59), true),
            (Some(s(0)), s(60), false),
            (Some(s(100)), s(159), true),
        ] {
            let mut progress = Progress::new(JobId::from("1"), submitted, Duration::ZERO);
            assert_eq!(progress.fail(missing(), now).is_none(), expected, "{now:?}");
        }
    }

    #[test]
    fn a_timeout_says_what_is_known() {
        let fail = |progress: &mut Progress, kind| {
            assert!(
                progress
                    .fail(Error::new(kind, "no"), Duration::ZERO)
                    .is_none()
            );
        };
        let mut cases: Vec<(Progress, &str)> = Vec::new();
        cases.push((progress(), "the job was not polled within 3 s"));
        let mut polling = progress();
        polling.start_poll();
        cases.push((
            polling,
            "the wait timed out after 3 s, and no poll has succeeded",
        ));
        let mut known = progress();
        known.see(&JobStatus::Running);
        cases.push((known, "the job did not end within 3 s; it is still running"));
        let mut known = progress();
        known.see(&JobStatus::Succeeded);
        cases.push((
            known,
            "the job ended within 3 s, but its result was not read",
        ));
        let mut unknown = progress();
        unknown.succeed(None);
        cases.push((
            unknown,
            "the job was not seen to end within 3 s; the service does not say",
        ));
        let mut missing = progress();
        fail(&mut missing, ErrorKind::NotFound);
        cases.push((missing, "the job was not found within 3 s"));
        let mut failed = progress();
        fail(&mut failed, ErrorKind::Timeout);
        cases.push((
            failed,
            "the wait timed out after 3 s, and no poll has succeeded",
        ));
        let mut failed = progress();
        failed.see(&JobStatus::Running);
        fail(&mut failed, ErrorKind::Timeout);
        cases.push((
            failed,
            "the wait timed out after 3 s, and its last poll failed",
        ));
        for (mut progress, expected) in cases {
            let error = progress.timeout_error(Duration::from_secs(3));
            assert_eq!(error.kind(), ErrorKind::WaitTimeout);
            assert!(error.to_string().starts_with(expected), "{error}");
        }
    }
}
