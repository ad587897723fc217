//! How long workers work, wait and hold on.

use std::time::Duration;

/// How long workers work, wait and hold on. The defaults suit a server; tests shorten them.
#[derive(Clone, Debug)]
pub struct Timing {
    /// A job that takes longer fails. 6 h.
    pub time_limit: Duration,
    /// How long a job stays with a worker that says nothing more, before another takes it up. Renewed three times as
    /// often. 15 s.
    pub lease: Duration,
    /// How often the store is asked for jobs and webhooks of other processes. 1 s.
    pub poll: Duration,
    /// How long [`stop`](super::Workers::stop) lets jobs under way go on. 30 s.
    pub grace: Duration,
    /// How long the receiver of a webhook has. 10 s.
    pub webhook_timeout: Duration,
    /// How long after a failed webhook the first, second and third retry come. At once, 1 min, 5 min.
    pub webhook_delays: [Duration; 3],
    /// How often expired outputs are looked for. 1 min.
    pub sweep: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            time_limit: seconds(6 * 60 * 60),
            lease: seconds(15),
            poll: seconds(1),
            grace: seconds(30),
            webhook_timeout: seconds(10),
            webhook_delays: [Duration::ZERO, seconds(60), seconds(5 * 60)],
            sweep: seconds(60),
        }
    }
}
