//! Raw bindings of the [pyannoteAI](https://www.pyannote.ai) HTTP API: the API exactly as specified, generated.
//!
//! Who spoke when (diarization), who it was (identification by voiceprints) and what they said. This crate is the
//! layer below the SDK `pyannote`, which most programs want instead: it retries, waits for jobs and checks requests.
//! Take this crate alone for the types, or to build a client of your own.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use pyannote_api_sys::{Client, types::DiarizeRequest};
//!
//! let client = Client::bearer("https://api.pyannote.ai", &std::env::var("PYANNOTEAI_API_KEY")?)?;
//! let request: DiarizeRequest = DiarizeRequest::builder()
//!     .url("https://example.com/meeting.wav")
//!     .try_into()?;
//! let job = client.diarize().body(request).send().await?; // accepted, and billed
//! println!("{} is {}", job.job_id, job.status);
//! # Ok(())
//! # }
//! ```
//!
//! # What is where
//!
//! | part | what it holds |
//! | --- | --- |
//! | [`types`], [`builder`], [`Client`] | generated: a type a schema, a builder a request, a method an operation |
//! | [`hooks`] | how a request is sent: the executor seam, and [`Client::bearer`] |
//! | [`job`] | [`types::JobBody`], the body of a job whose kind is not known |
//! | [`open`] | enums that keep values which the specification does not list yet |
//! | [`bounded`] | numbers in a range and arrays of a limited length |
//! | [`secret`] | texts that debug output does not show |
//! | [`speakers`] | the one rule of a request that spans fields and that no schema can express |
//!
//! # What differs from the published specification
//!
//! The specification is generated from as it is published, with the mends of `openapi/overlay.yaml` in the repository;
//! each says why. In short: speakers without a match decode, failed jobs decode, absent and empty parts of an output
//! can be told apart, `media://` URLs are accepted, numbers of speakers are whole, and every request type has a map
//! `extra` for fields that the specification does not know yet.
//!
//! # Errors
//!
//! [`Error`] is progenitor's. Its `Display` prints every header of the answer, and
//! [`Error::is_retryable`] says yes to failures after which the service may have accepted, and billed, the job: do not
//! retry a submission by it.

pub mod bounded;
#[rustfmt::skip]
#[allow(
    missing_docs,
    unreachable_pub,
    unused_imports,
    unused_qualifications,
    clippy::all,
    clippy::unwrap_used,
    rustdoc::bare_urls,
    rustdoc::invalid_html_tags
)]
mod generated;
pub mod hooks;
pub mod job;
pub mod open;
pub mod secret;
pub mod speakers;

pub use generated::{ByteStream, Client, ClientInfo, Error, ResponseValue, builder, types};

/// The examples of the README run, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
