//! SDK for [pyannoteAI](https://www.pyannote.ai): who spoke when, who it was, and what they said.
//!
//! ```no_run
//! # async fn run() -> Result<(), pyannote::Error> {
//! use pyannote::Client;
//!
//! let client = Client::from_env()?; // PYANNOTEAI_API_KEY
//! let media = client.upload("meeting.wav").await?;
//! let diarization = client.diarize(&media).num_speakers(2).exclusive(true).await?;
//! for turn in diarization.turns() {
//!     println!("{:8.3} s to {:8.3} s: {}", turn.start, turn.end, turn.speaker);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Jobs
//!
//! The service works in jobs: a submission is accepted, and billed, at once, and its result comes later. Awaiting a
//! request does both. Where a program may end in between, or has other things to do, it keeps the id:
//!
//! ```no_run
//! # async fn run(client: pyannote::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use pyannote::{Diarization, Job};
//!
//! let job = client.diarize("https://example.com/meeting.wav").submit().await?;
//! std::fs::write("job.txt", job.id().as_str())?;
//! // Later, elsewhere:
//! let job: Job<Diarization> = client.job(std::fs::read_to_string("job.txt")?);
//! let diarization = job.wait().timeout(Duration::from_secs(3600)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A job's output is deleted 24 h after its end, and uploaded recordings after 24 to 48 h: keep what you need.
//! [`Client::wait_all`] waits for many jobs, [`Job::statuses`] tells what one is doing, [`Client::jobs`] lists those of
//! the team, and with a [`webhook`] the service tells of their end itself.
//!
//! # Who it was
//!
//! ```no_run
//! # async fn run(client: pyannote::Client) -> Result<(), pyannote::Error> {
//! let sample = client.upload("ada.wav").await?; // at most 30 s of Ada alone
//! let ada = client.voiceprint(&sample).await?; // keep it: ada.as_base64()
//! let meeting = client.upload("meeting.wav").await?;
//! let found = client.identify(&meeting).voiceprint("Ada", &ada).threshold(50.0).await?;
//! println!("{}", found.turns().to_svg());
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! There is one type, [`Error`]. Its text says what to do, its [`kind`](Error::kind) is for programs. Three of them
//! matter most:
//!
//! - [`Validation`](ErrorKind::Validation): the request breaks rules; [`field_errors`](Error::field_errors) has all of
//!   them, whether they were found here or by the service.
//! - [`OutcomeUnknown`](ErrorKind::OutcomeUnknown): a submission may have been accepted. Look before you submit again.
//! - [`WaitTimeout`](ErrorKind::WaitTimeout): the job goes on. So it does after any other error of a wait;
//!   [`job_id`](Error::job_id) has the id.
//!
//! # What is sent again
//!
//! | after | a read, an upload, a download | a submission |
//! | --- | --- | --- |
//! | no connection | yes | yes |
//! | 429 | yes | yes |
//! | 503 with `Retry-After` | yes | yes |
//! | 408, 500, 502, 504, 503 without | yes | never: `OutcomeUnknown` |
//! | a timeout, a lost connection, a cut answer | yes | never: `OutcomeUnknown` |
//!
//! How often and after how long is set by [`RetryPolicy`]; all clones of a client share one budget of retries, so that a
//! service which is down is not asked ever more. [`RateLimit`] keeps requests under the service's limits.
//!
//! # Newer than this version
//!
//! Models, statuses and fields that this version does not know pass through: [`Model`] takes any name, every request
//! has `.extra(name, value)`, and [`ClientBuilder::keep_raw_bodies`] keeps what results came in.
//! [`Client::raw`] is the generated client of every operation, on the same transport.
//!
//! # Privacy
//!
//! The API key is a secret in memory, and sent to the base URL's origin alone: not to pre-signed URLs, and not across
//! redirects, which are not followed. Plain http is refused but to loopback addresses. No log, error or debug output of
//! the SDK has the key, a pre-signed URL's query or a voiceprint. Spans and events are those of `tracing`, with the
//! operation, attempt and status. Errors of [`Client::raw`] are the generator's own: their text prints headers and bodies.

mod batch;
mod client;
mod config;
mod error;
mod excerpt;
mod job;
mod jobs;
mod media;
mod request;
mod results;
mod transport;
mod wait;
pub mod webhook;

pub use batch::Results;
pub use client::Client;
pub use config::ClientBuilder;
pub use error::{Error, ErrorKind, FieldError};
pub use job::{Job, JobId, JobKind, JobStatus};
pub use jobs::{JobPage, JobSummary, Jobs};
pub use media::{AudioUrl, Download, MediaUrl, Upload, UploadSource};
pub use pyannote_core::{Turn, Turns};
pub use request::{Diarize, Identify, MakeVoiceprint, Model, TranscriptionModel};
pub use results::{Diarization, Identification, Voiceprint};
pub use transport::{RateLimit, RetryPolicy};
pub use wait::Wait;

/// What a job yields, and what can be done with it: the results of jobs, and all of [`pyannote_core`].
pub mod output {
    pub use crate::results::{Diarization, Identification, Voiceprint};
    pub use pyannote_core::*;
}

/// The seam for time, for tests that must not sleep.
#[cfg(feature = "test-util")]
#[doc(hidden)]
pub mod testing {
    use crate::{Error, JobId, JobKind};

    pub use crate::transport::clock::{Clock, Sleep, SystemClock};
    pub use crate::transport::manual_clock::ManualClock;

    /// The result in the body of a job that succeeded; none where it has not ended.
    ///
    /// # Errors
    ///
    /// As a wait for the job.
    pub fn result_of<T: JobKind>(body: bytes::Bytes) -> Result<Option<T>, Error> {
        match crate::job::read(&body, &JobId::from("test"), false)? {
            crate::job::State::Done(result) => Ok(Some(result)),
            crate::job::State::Unfinished(_) => Ok(None),
        }
    }
}

/// The examples of the README run, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
