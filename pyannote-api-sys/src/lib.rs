//! Raw bindings to the [pyannoteAI](https://www.pyannote.ai) HTTP API, generated from its OpenAPI specification.
//!
//! The API provides speaker diarization (who spoke when), speaker identification with voiceprints, and transcription.
//! This crate contains a type for every schema, a builder for every request, and a method for every operation. Most
//! programs should use the SDK `pyannote` instead, which is built on this crate and adds validation, retries and
//! waiting for jobs. Use this crate directly if you only need the types, or to build your own client.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use pyannote_api_sys::{Client, types::DiarizeRequest};
//!
//! let client = Client::bearer("https://api.pyannote.ai", &std::env::var("PYANNOTEAI_API_KEY")?)?;
//! let request: DiarizeRequest = DiarizeRequest::builder()
//!     .url("https://example.com/meeting.wav")
//!     .try_into()?;
//! let job = client.diarize().body(request).send().await?; // submits a job, which is billed
//! println!("job {} is {}", job.job_id, job.status);
//! # Ok(())
//! # }
//! ```
//!
//! # Modules
//!
//! | module or type | content |
//! | --- | --- |
//! | [`types`], [`builder`], [`Client`] | generated: types of the schemas, request builders, operations |
//! | [`hooks`] | how requests are sent: the [`Executor`](hooks::Executor) trait and [`Client::bearer`] |
//! | [`job`] | [`types::JobBody`], the body of a job whose kind is not known in advance |
//! | [`open_enum`] | enums that keep values missing from the specification |
//! | [`bounded`] | numbers in a range and arrays with a limited length |
//! | [`secret`] | strings that are redacted in debug output |
//! | [`permissions`](permissions()) | the scopes that an API key needs for an operation |
//! | [`speaker_count`] | validation of speaker counts, which no schema can express |
//!
//! # Differences from the published specification
//!
//! The published specification has defects, which are corrected in `openapi/overlay.yaml` of the repository, each with
//! a reason. Most importantly:
//!
//! - Speakers without a match and failed jobs can be deserialized.
//! - Missing and empty fields of an output are distinguished.
//! - `media://` URLs are accepted.
//! - Speaker counts are integers.
//! - Every request type has a map `extra` for fields that the specification does not list yet.
//!
//! # Errors
//!
//! [`Error`] is the error type of progenitor. Its `Display` implementation prints all headers of the response. Do not
//! use [`Error::is_retryable`] to retry a submission: it also returns `true` for failures after which the service may
//! have accepted, and billed, the job.
//!
//! # Features
//!
//! - `rustls` (default) or `native-tls`: TLS backend of the HTTP client.
//! - `schemars` (default): implements `schemars::JsonSchema` for all types.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod bounded;
#[rustfmt::skip]
#[allow(
    irrefutable_let_patterns,
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
mod json_schema;
pub mod open_enum;
mod permissions;
pub mod secret;
pub mod speaker_count;

pub use permissions::permissions;

pub use generated::{ByteStream, Client, ClientInfo, Error, ResponseValue, builder, types};

/// Compiles the examples in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
