//! Counters of a client, for monitoring.

use std::array::from_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

use super::endpoint::Endpoint;
use super::retry::Failure;

/// What a client and its clones have done so far, from [`Client::metrics`](crate::Client::metrics).
///
/// All numbers only increase, apart from [`waits_in_progress`](Self::waits_in_progress). Labels are few and fixed, so
/// they suit any monitoring system:
///
/// ```
/// use std::fmt::Write;
///
/// /// The text format of Prometheus, for the response to a scrape.
/// fn prometheus(metrics: &pyannote::Metrics) -> String {
///     let mut text = String::new();
///     for pyannote::RequestCount { operation, result, count, .. } in &metrics.requests {
///         let labels = format!(r#"operation="{operation}",result="{result}""#);
///         let _ = writeln!(text, "pyannote_requests_total{{{labels}}} {count}");
///     }
///     let _ = writeln!(text, "pyannote_retries_total {}", metrics.retries);
///     let _ = writeln!(text, "pyannote_submissions_unknown_total {}", metrics.submissions_unknown);
///     let _ = writeln!(text, "pyannote_waits_in_progress {}", metrics.waits_in_progress);
///     text
/// }
///
/// let client = pyannote::Client::builder().api_key("your-key").build()?;
/// assert!(prometheus(&client.metrics()).contains("pyannote_retries_total 0"));
/// # Ok::<(), pyannote::Error>(())
/// ```
///
/// With OpenTelemetry, read the metrics in the callback of an observable counter or gauge.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Metrics {
    /// Requests by operation and result; only those that occurred. Each attempt is a request of its own.
    pub requests: Vec<RequestCount>,
    /// Requests and transfers that were repeated after a failure.
    pub retries: u64,
    /// Requests that waited for the client's own rate limit.
    pub rate_limit_waits: u64,
    /// Total time of these waits, in seconds.
    pub rate_limit_wait_s: f64,
    /// Reads of the status of jobs, by waits for their end.
    pub polls: u64,
    /// Jobs whose end is being waited for.
    pub waits_in_progress: u64,
    /// Submissions that the service accepted, and billed.
    pub submissions_accepted: u64,
    /// Submissions that failed with [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown).
    pub submissions_unknown: u64,
    /// Bytes of the bodies of requests, and of uploads.
    pub bytes_sent: u64,
    /// Bytes of the bodies of responses, and of downloads.
    pub bytes_received: u64,
}

/// How often an operation had a result.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RequestCount {
    /// The `operationId` of the API in snake case, such as `diarize` or `get_job_by_id`; `upload` and `download` for
    /// requests to the storage.
    pub operation: &'static str,
    /// `ok`, the status of an error such as `429`, `other_status`, or why there was no complete response: `connect`,
    /// `proxy_authentication`, `timeout`, `stalled`, `connection_lost`, `incomplete_body`, `too_large` or `unsendable`;
    /// `no_job_id` if the response to an accepted submission has none; `undecodable` if the response to a read is
    /// complete, but not as specified. The span of a request has the same value as its `error.type`.
    pub result: &'static str,
    /// The number of requests.
    pub count: u64,
}

const OTHER_STATUS: &str = "other_status";
/// Every value of [`RequestCount::result`].
const RESULTS: [&str; 25] = [
    "ok",
    "400",
    "401",
    "402",
    "403",
    "404",
    "407",
    "408",
    "413",
    "429",
    "500",
    "502",
    "503",
    "504",
    OTHER_STATUS,
    "connect",
    "proxy_authentication",
    "timeout",
    "stalled",
    "connection_lost",
    "incomplete_body",
    "too_large",
    "unsendable",
    "no_job_id",
    "undecodable",
];

/// The name of a failure, one of [`RESULTS`].
pub(crate) fn error_type(failure: &Failure) -> &'static str {
    match failure {
        Failure::Connect => "connect",
        Failure::ProxyAuthentication => "proxy_authentication",
        Failure::Timeout => "timeout",
        Failure::Stalled => "stalled",
        Failure::ConnectionLost => "connection_lost",
        Failure::IncompleteBody => "incomplete_body",
        Failure::TooLarge { .. } => "too_large",
        Failure::Unsendable => "unsendable",
        Failure::NoJobId => "no_job_id",
        Failure::Undecodable => "undecodable",
        Failure::Status { status, .. } => RESULTS
            .into_iter()
            .find(|name| *name == status.as_str())
            .unwrap_or(OTHER_STATUS),
    }
}

/// What requests are sent for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Target {
    Api(Endpoint),
    Upload,
    Download,
}

impl Target {
    const COUNT: usize = Endpoint::ALL.len() + 2;

    fn index(self) -> usize {
        match self {
            Self::Api(endpoint) => endpoint as usize,
            Self::Upload => Self::COUNT - 2,
            Self::Download => Self::COUNT - 1,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Api(endpoint) => endpoint.name(),
            Self::Upload => "upload",
            Self::Download => "download",
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        let endpoints = Endpoint::ALL.into_iter().map(Self::Api);
        endpoints.chain([Self::Upload, Self::Download])
    }
}

/// The counters behind [`Metrics`].
///
/// No memory is synchronized through them, so relaxed atomics suffice.
#[derive(Debug)]
pub(crate) struct Counters {
    /// By [`Target::index`] and position in [`RESULTS`].
    requests: [[AtomicU64; RESULTS.len()]; Target::COUNT],
    retries: AtomicU64,
    rate_limit_waits: AtomicU64,
    rate_limit_wait_us: AtomicU64,
    polls: AtomicU64,
    waits_in_progress: Arc<AtomicU64>,
    submissions_accepted: AtomicU64,
    submissions_unknown: AtomicU64,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
}

/// Counts a wait as in progress until it is dropped.
#[derive(Debug)]
#[must_use = "a wait is in progress until this is dropped"]
pub(crate) struct WaitInProgress(Arc<AtomicU64>);

impl Drop for WaitInProgress {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self {
            requests: from_fn(|_| from_fn(|_| AtomicU64::new(0))),
            retries: AtomicU64::new(0),
            rate_limit_waits: AtomicU64::new(0),
            rate_limit_wait_us: AtomicU64::new(0),
            polls: AtomicU64::new(0),
            waits_in_progress: Arc::default(),
            submissions_accepted: AtomicU64::new(0),
            submissions_unknown: AtomicU64::new(0),
            bytes_sent: AtomicU64::new(0),
            bytes_received: AtomicU64::new(0),
        }
    }

    /// Counts a request that succeeded, or failed in this way.
    pub(crate) fn request(&self, target: Target, failure: Option<&Failure>) {
        let result = failure.map_or(0, |failure| {
            let name = error_type(failure);
            let position = RESULTS.into_iter().position(|result| result == name);
            position.unwrap_or_default()
        });
        add(&self.requests[target.index()][result], 1);
    }

    pub(crate) fn retry(&self) {
        add(&self.retries, 1);
    }

    /// Counts a wait for the rate limit.
    pub(crate) fn rate_limit_wait(&self, time: Duration) {
        add(&self.rate_limit_waits, 1);
        add(&self.rate_limit_wait_us, time.as_micros() as u64);
    }

    /// Counts a read of the status of one or more jobs by a wait.
    pub(crate) fn poll(&self) {
        add(&self.polls, 1);
    }

    /// Counts a job as being waited for until the return value is dropped.
    pub(crate) fn wait(&self) -> WaitInProgress {
        add(&self.waits_in_progress, 1);
        WaitInProgress(Arc::clone(&self.waits_in_progress))
    }

    pub(crate) fn submission_accepted(&self) {
        add(&self.submissions_accepted, 1);
    }

    pub(crate) fn submission_unknown(&self) {
        add(&self.submissions_unknown, 1);
    }

    pub(crate) fn sent(&self, bytes: u64) {
        add(&self.bytes_sent, bytes);
    }

    pub(crate) fn received(&self, bytes: u64) {
        add(&self.bytes_received, bytes);
    }

    pub(crate) fn snapshot(&self) -> Metrics {
        let mut requests = Vec::new();
        for target in Target::all() {
            for (result, count) in RESULTS.into_iter().zip(&self.requests[target.index()]) {
                let (operation, count) = (target.name(), get(count));
                if count > 0 {
                    requests.push(RequestCount {
                        operation,
                        result,
                        count,
                    });
                }
            }
        }
        Metrics {
            requests,
            retries: get(&self.retries),
            rate_limit_waits: get(&self.rate_limit_waits),
            rate_limit_wait_s: get(&self.rate_limit_wait_us) as f64 / 1e6,
            polls: get(&self.polls),
            waits_in_progress: get(&self.waits_in_progress),
            submissions_accepted: get(&self.submissions_accepted),
            submissions_unknown: get(&self.submissions_unknown),
            bytes_sent: get(&self.bytes_sent),
            bytes_received: get(&self.bytes_received),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn every_request_is_counted_with_its_result() {
        let counters = Counters::new();
        let status = |code| Failure::Status {
            status: StatusCode::from_u16(code).unwrap(),
            retry_after: None,
        };
        for (target, failure) in [
            (Target::Api(Endpoint::Diarize), None),
            (Target::Api(Endpoint::Diarize), Some(status(429))),
            (Target::Api(Endpoint::Diarize), Some(status(429))),
            (Target::Api(Endpoint::GetStream), Some(status(418))),
            (Target::Api(Endpoint::TestKey), Some(Failure::Connect)),
            (Target::Upload, Some(Failure::Stalled)),
            (Target::Download, None),
        ] {
            counters.request(target, failure.as_ref());
        }
        let requests = counters.snapshot().requests;
        let requests: Vec<_> = requests
            .iter()
            .map(|count| (count.operation, count.result, count.count))
            .collect();
        assert_eq!(
            requests,
            [
                ("test_key", "connect", 1),
                ("diarize", "ok", 1),
                ("diarize", "429", 2),
                ("get_stream", "other_status", 1),
                ("upload", "stalled", 1),
                ("download", "ok", 1),
            ]
        );
    }

    #[test]
    fn every_failure_has_a_result_of_its_own() {
        let failures = [
            Failure::Connect,
            Failure::ProxyAuthentication,
            Failure::Timeout,
            Failure::Stalled,
            Failure::ConnectionLost,
            Failure::IncompleteBody,
            Failure::TooLarge { max_bytes: 1 },
            Failure::Unsendable,
            Failure::NoJobId,
            Failure::Undecodable,
        ];
        let names: Vec<_> = failures.iter().map(error_type).collect();
        assert_eq!(names[..], RESULTS[RESULTS.len() - failures.len()..]);
    }

    #[test]
    fn waits_are_in_progress_until_they_are_dropped() {
        let counters = Counters::new();
        let waits = (counters.wait(), counters.wait());
        assert_eq!(counters.snapshot().waits_in_progress, 2);
        drop(waits);
        assert_eq!(counters.snapshot().waits_in_progress, 0);
    }

    #[test]
    fn a_snapshot_is_serialized_under_the_names_of_its_fields() {
        let counters = Counters::new();
        counters.request(Target::Upload, None);
        counters.rate_limit_wait(Duration::from_millis(1_500));
        let json = serde_json::to_value(counters.snapshot()).unwrap();
        assert_eq!(json["rate_limit_wait_s"], 1.5);
        assert_eq!(
            json["requests"],
            serde_json::json!([{"operation": "upload", "result": "ok", "count": 1}])
        );
    }
}
