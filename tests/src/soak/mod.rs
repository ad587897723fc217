//! The evidence of a soak test, and its judge.
//!
//! Each submission of a soak test has a number, its mark, which is in the URL of its recording and in its result. The
//! program that submits writes down what it learns about each mark (an [`Entry`]), the proxy what happened to each
//! request (an [`Exchange`]), and the server which jobs it has (a [`JobRecord`]). [`judge`] compares the three.

mod judge;
mod memory;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use crate::fault_proxy::Exchange;
pub use judge::{Charge, Culprit, judge};
pub use memory::{Halves, Sample};

/// What the submitting program learned about one mark.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Entry {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// The submission.
    pub mark: u64,
    /// What.
    pub event: Event,
}

/// What a program learns about a submission.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub enum Event {
    /// The submission starts.
    Started,
    /// The job was accepted: `submit` returned it, or a callback received it.
    Accepted {
        /// The id of the job.
        job: String,
    },
    /// A call failed with an error of this kind.
    Failed {
        /// The call.
        call: Call,
        /// The name of the error's kind.
        kind: String,
    },
    /// The job may exist, and the listing since the start of the submission has these jobs.
    MayExist {
        /// The ids.
        listed: BTreeSet<String>,
        /// When the job was created according to the error, in milliseconds since 1970. `None` if there is no error,
        /// because the caller dropped the submission.
        window_ms: Option<[u64; 2]>,
    },
    /// The waiter received the result.
    Delivered {
        /// What is wrong with it.
        problem: Option<String>,
    },
    /// The caller gave up waiting for the SDK.
    Hung,
    /// The caller is done with this submission.
    Ended,
}

/// The calls that fail.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Call {
    /// A submission.
    Submit,
    /// A wait for one job.
    Wait,
    /// A wait for many jobs.
    WaitAll,
    /// The listing.
    List,
}

/// What a callback of the client received.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub enum Callback {
    /// The id of an accepted job.
    Accepted(String),
    /// The error of a submission that may have been accepted.
    OutcomeUnknown,
}

/// A job in the server's own record.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct JobRecord {
    /// The id.
    pub id: String,
    /// The mark of the submission that created it.
    pub mark: Option<u64>,
    /// When it was created, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// Whether it has ended.
    pub has_ended: bool,
}

/// Everything that is known about a soak test.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// What the submitting program learned, in order.
    pub entries: Vec<Entry>,
    /// What the callbacks of its client received.
    pub callbacks: Vec<Callback>,
    /// What happened to the requests.
    pub exchanges: Vec<Exchange>,
    /// The jobs that the server has.
    pub jobs: Vec<JobRecord>,
    /// The memory of the submitting program, in order.
    pub samples: Vec<Sample>,
}

/// The URL of the recording of a submission.
#[must_use]
pub fn audio_url(mark: u64) -> String {
    format!("https://soak.example/{mark}.wav")
}

/// The mark in the URL of a recording.
#[must_use]
pub fn mark_of(url: &str) -> Option<u64> {
    let name = url.strip_prefix("https://soak.example/")?;
    name.strip_suffix(".wav")?.parse().ok()
}
