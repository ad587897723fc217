//! SDK for [pyannoteAI](https://www.pyannote.ai): who spoke when (speaker diarization), who it was (identification by
//! voiceprint), and what they said (transcription).
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
//! The service processes recordings in jobs: a submission is accepted and billed immediately, and the result is
//! available later. Awaiting a request submits the job and waits for its end. To wait later, or in another process,
//! submit the job and store its id:
//!
//! ```no_run
//! # async fn run(client: pyannote::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use pyannote::{Diarization, Job};
//!
//! let job = client.diarize("https://example.com/meeting.wav").submit().await?;
//! std::fs::write("job.txt", job.id().as_str())?;
//! // Later, or in another process:
//! let job: Job<Diarization> = client.job(std::fs::read_to_string("job.txt")?);
//! let diarization = job.wait().timeout(Duration::from_secs(3600)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! The output of a job is deleted 24 h after its end, and uploaded recordings after 24 to 48 h: store what you need.
//!
//! [`Client::wait_all`] waits for many jobs, [`Job::statuses`] follows the status of one, and [`Client::jobs`] lists
//! the jobs of the team. With a [`webhook`], the service reports the end of a job by itself.
//!
//! # Submissions
//!
//! The service bills every job that it accepts, and has no way to submit one safely a second time. So a submission is
//! repeated only if the service certainly did not accept it, and the id of an accepted job always reaches the program:
//!
//! - **Callbacks** receive the id before the submission returns: [`ClientBuilder::on_accepted`] for all submissions of a
//!   client, [`Request::on_accepted`] for one. Store it there.
//! - **A dropped future** (`tokio::time::timeout`, `select!`, an aborted task) does not lose the job. If the request is
//!   being sent, it is completed in the background, and the callbacks are called. If it waits for the rate limit or for
//!   a retry, nothing is sent. [`Client::finish_submissions`] waits for those in the background, at the end of a program.
//! - **An unknown outcome** is the error [`OutcomeUnknown`](ErrorKind::OutcomeUnknown); if the future was dropped,
//!   [`ClientBuilder::on_outcome_unknown`] receives it. [`Error::submission_window`] says when the job was created, if it
//!   exists: look for it with [`Jobs::created_after`], as the example `find_lost_job` does, before submitting again.
//! - **Many requests** are submitted by [`Client::submit_all`], which waits for the rate limit as long as necessary.
//!
//! # Identification
//!
//! ```no_run
//! # async fn run(client: pyannote::Client) -> Result<(), pyannote::Error> {
//! let sample = client.upload("ada.wav").await?; // at most 30 s, Ada alone
//! let ada = client.voiceprint(&sample).await?; // store ada.as_base64()
//! let meeting = client.upload("meeting.wav").await?;
//! let identification = client.identify(&meeting).voiceprint("Ada", &ada).threshold(50.0).await?;
//! println!("{}", identification.turns().to_svg());
//! # Ok(())
//! # }
//! ```
//!
//! # Live
//!
//! With the feature `live`, `Client::live` says who is speaking while audio is recorded:
//!
//! ```no_run
//! # async fn run(client: pyannote::Client, samples: Vec<f32>) -> Result<(), pyannote::Error> {
//! # #[cfg(feature = "live")] {
//! let mut session = client.live().connect().await?;
//! session.send(&samples).await?; // mono, 16 kHz
//! let turns = session.finish().await?;
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! All operations return the same type, [`Error`]. Its message says what is wrong and how to fix it, and its
//! [`kind`](Error::kind) is for programs. Causes are sources: `{error:#}` prints them, too. The most important kinds:
//!
//! - [`Validation`](ErrorKind::Validation): the request is invalid. [`field_errors`](Error::field_errors) lists all
//!   violations, whether found by the SDK or by the service.
//! - [`OutcomeUnknown`](ErrorKind::OutcomeUnknown): a submission may have been accepted. Look for the job before
//!   submitting it again; see [Submissions](#submissions).
//! - [`WaitTimeout`](ErrorKind::WaitTimeout): the job keeps running, as after any other error of a wait. Its id is
//!   [`job_id`](Error::job_id).
//!
//! [`Error::is_transient`] says whether it makes sense to try again later.
//!
//! # Retries
//!
//! | failure | reads, uploads and downloads | submissions |
//! | --- | --- | --- |
//! | connection failed | retried | retried |
//! | 429 | retried | retried |
//! | 503 with `Retry-After` | retried | retried |
//! | 408, 500, 502, 504, and 503 without `Retry-After` | retried | never: `OutcomeUnknown` |
//! | the body of a job, or a page of the listing, that cannot be decoded | retried | |
//! | timeout, lost connection, truncated response | retried | never: `OutcomeUnknown`, unless the id arrived |
//! | response beyond its [limit](ResponseLimits) | never | never: `OutcomeUnknown` |
//! | 301, 307, 308, and other 4xx | never | never: the job was not accepted |
//! | other redirects and statuses | never | never: `OutcomeUnknown` |
//!
//! Redirects are not followed. A [`Wait`] ends with most failures only if three polls in a row have failed. An upload or a
//! download requests one new pre-signed URL if the storage rejects the first.
//!
//! [`RetryPolicy`] sets the number of attempts and the delays between them. All clones of a client share a retry
//! budget, so that a service that is down does not receive ever more requests. [`RateLimit`] keeps requests below the
//! service's limits.
//!
//! # Limits
//!
//! | limit | default | setting |
//! | --- | --- | --- |
//! | time to connect | 10 s | [`connect_timeout`](ClientBuilder::connect_timeout) |
//! | time without a byte of a body | 30 s | [`stall_timeout`](ClientBuilder::stall_timeout) |
//! | time of one attempt | 60 s, more for large bodies | [`attempt_timeout`](ClientBuilder::attempt_timeout) |
//! | time of a call with its retries | 5 min | [`total_timeout`](ClientBuilder::total_timeout) |
//! | size of a response | 1 GiB for a job, 16 MiB for a page of the list, 1 MiB for others | [`ResponseLimits`] |
//! | requests per minute | those of the service | [`RateLimit`] |
//!
//! # Observability
//!
//! [`Client::metrics`] counts requests by operation and result, retries, waits, submissions and bytes; [`Metrics`] shows
//! how to export them. Each request has a span of `tracing` on level `DEBUG`, whose fields have the names of
//! [OpenTelemetry](https://opentelemetry.io/docs/specs/semconv/http/http-spans/) for HTTP clients:
//!
//! | field | value |
//! | --- | --- |
//! | `otel.kind`, `otel.name`, `otel.status_code` | `client`; method and path, such as `POST /v1/diarize`; `ERROR` after a failure |
//! | `operation` | such as `diarize`, as in [`RequestCount::operation`] |
//! | `http.request.method`, `url.template`, `url.full` | `url.full` without the query |
//! | `server.address`, `server.port` | host and port of the service or the storage |
//! | `http.request.resend_count` | the number of the retry; missing for the first attempt |
//! | `http.response.status_code` | the status, if there was a response |
//! | `error.type` | the status or the kind of the failure, as in [`RequestCount::result`] |
//!
//! A retry is an event on level `WARN`, an accepted job one on level `INFO`. `tracing-opentelemetry` exports the spans of
//! the SDK, as parts of the caller's trace:
//!
//! ```ignore
//! let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("my-app"));
//! let filter = tracing_subscriber::EnvFilter::new("info,pyannote=debug");
//! tracing_subscriber::registry().with(filter).with(layer).init();
//! ```
//!
//! # Forward compatibility
//!
//! Models, statuses and fields that this version does not know are preserved: [`Model`] accepts any name, requests have
//! [`extra`](Request::extra) fields, and [`ClientBuilder::keep_raw_bodies`] keeps the JSON of results. [`Client::raw`]
//! is the generated client of every operation, on the same transport.
//!
//! A result was billed, so a part with an unexpected form does not affect the others: it is left out, and
//! [`decode_warnings`](Diarization::decode_warnings) names it. [`Client::job_json`] fetches the JSON of any job.
//!
//! # Public dependencies
//!
//! Types of [`bytes`], [`chrono`], [`http`], [`reqwest`], [`secrecy`] and [`serde_json`] are part of this crate's API.
//! They are re-exported, so that programs can name them in the matching version. A new incompatible version of one of
//! them is a breaking change of this crate. The exception is [`sys`], the raw bindings: they follow the specification
//! of the API, appear in the signature of [`Client::raw`] only, and may change in any release.
//!
//! Traits of `futures-core` 0.3 (the streams are named types that implement `Stream`), of `tokio` 1 (an
//! [`UploadSource`] can be an `AsyncRead`) and, with the feature `axum`, of `axum` 0.8 are part of the API, too. They
//! are not re-exported, since programs that use them depend on those crates anyway.
//!
//! # Privacy
//!
//! The API key is kept as a secret, and sent to the base URL's origin only: not to pre-signed URLs, and not after
//! redirects, which are not followed. Plain http is rejected except for loopback addresses. Logs, errors and `Debug`
//! output never contain the key, the query of a pre-signed URL or a voiceprint. If a gateway repeats the key in a
//! response, it is removed as it is, in another case, in base64 or hex, and with the usual escapes of URLs, JSON and HTML;
//! in any other encoding, it is not recognized. Errors of [`Client::raw`] are an exception: their messages contain the
//! headers and the body of the response.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod client;
mod error;
mod header;
mod job;
mod json;
#[cfg(feature = "live")]
pub mod live;
mod media;
mod open_enum;
mod redact;
mod request;
mod results;
#[cfg(feature = "test-util")]
#[doc(hidden)]
pub mod testing;
mod transport;
pub mod webhook;

pub use builder::ClientBuilder;
pub use client::Client;
pub use error::{Error, ErrorKind, FieldError};
pub use job::{
    Job, JobId, JobPage, JobStatus, JobStream, JobSummary, Jobs, Results, Statuses, Wait,
};
pub use media::{AudioUrl, Download, MediaUrl, Upload, UploadSource};
pub use pyannote_core::{Turn, Turns};
pub use request::{Model, Request, SubmitAll, TranscriptionModel};
pub use results::{DecodeWarning, Diarization, HasTurns, Identification, JobKind, Voiceprint};
pub use transport::{Metrics, RateLimit, RequestCount, ResponseLimits, RetryPolicy};

pub use pyannote_api_sys as sys;
pub use {bytes, chrono, http, reqwest, secrecy, serde_json};

/// The results of jobs, and all of [`pyannote_core`]: turns, transcripts, metrics and file formats.
pub mod output {
    pub use crate::results::{Diarization, Identification, Voiceprint};
    pub use pyannote_core::*;
}

/// The examples of the README run, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
