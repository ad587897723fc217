//! Timeouts and intervals of workers.

use std::time::Duration;

/// Timeouts and intervals of workers. The defaults suit a server; tests shorten them.
#[derive(Clone, Debug)]
pub struct Timing {
    /// Maximum processing time of a job; a job that exceeds it fails. Default: 6 h.
    pub time_limit: Duration,
    /// How long a worker holds a job without renewing its lease, before another worker may claim it. The lease is
    /// renewed three times as often. Default: 15 s.
    pub lease: Duration,
    /// How often the store is polled for jobs and webhooks that other processes have queued. Default: 1 s.
    pub poll_interval: Duration,
    /// Delays before the first, second and third retry of fetching a recording, if its host has failed in a way that may be
    /// temporary. A host that asks for it with `Retry-After` gets up to a minute, and an attempt that took long is followed
    /// by the next after three times as long, up to 3 minutes. Default: 1, 5 and 20 s.
    pub fetch_retry_delays: [Duration; 3],
    /// How long [`stop`](super::Workers::stop) waits for jobs that compute and webhooks. Default: 8 s, since service managers
    /// often kill a process 10 s after they have asked it to stop.
    pub grace_period: Duration,
    /// Timeout of a webhook request, redirects included. Default: 10 s.
    pub webhook_timeout: Duration,
    /// Delays before the first, second and third retry of a failed webhook. Default: 0, 1 min and 5 min.
    pub webhook_retry_delays: [Duration; 3],
    /// How long the output of a job is kept after its end. Default: 24 h.
    pub output_retention: Duration,
    /// How long a job is kept after its end, without its request, and a live stream after its end. Default: 30 days.
    pub job_retention: Duration,
    /// How often old outputs, jobs and streams are deleted. Default: 1 min.
    pub sweep_interval: Duration,
    /// How often deleted data are removed from the write-ahead log of SQLite. Default: 5 s.
    pub purge_interval: Duration,
    /// How long a worker tries to write the result of a job while the database cannot be written to, for example because
    /// its disk is full. After that, the job fails for this reason. Default: 1 h.
    pub result_retry_limit: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            time_limit: seconds(6 * 60 * 60),
            lease: seconds(15),
            poll_interval: seconds(1),
            fetch_retry_delays: [1, 5, 20].map(seconds),
            grace_period: seconds(8),
            webhook_timeout: seconds(10),
            webhook_retry_delays: [Duration::ZERO, seconds(60), seconds(5 * 60)],
            output_retention: seconds(24 * 60 * 60),
            job_retention: seconds(30 * 24 * 60 * 60),
            sweep_interval: seconds(60),
            purge_interval: seconds(5),
            result_retry_limit: seconds(60 * 60),
        }
    }
}
