//! Webhooks: is a delivery from pyannoteAI, fresh, and seen for the first time, and what does it say?
//!
//! [`Verifier`] answers that for the headers and the raw body of a request, whatever web framework received it, with an
//! [`Event`]. [`Signer`] makes deliveries for your own tests. With the feature `axum`, `VerifiedEvent` is an extractor
//! that does all of it.
//!
//! The signature covers the timestamp and the body, and no other header: [`Delivery::retry`] is what the sender says,
//! and not proven.
//!
//! # Waiting for an event
//!
//! A delivery can get lost, and a webhook can be down. [`Job::wait_or_event`](crate::Job::wait_or_event) polls as well,
//! and takes what comes first. The receiver hands its events over through any channel:
//!
//! ```no_run
//! use pyannote::webhook::{Event, Verifier};
//! use pyannote::{Client, JobId};
//! use tokio::sync::broadcast;
//!
//! # async fn run(headers: http::HeaderMap, body: Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
//! let (events, mut receiver) = broadcast::channel::<Event>(100);
//!
//! // Where jobs are submitted. The receiver above listens already, so no event is missed.
//! let client = Client::from_env()?;
//! let job = client
//!     .diarize("https://example.com/meeting.wav")
//!     .webhook("https://example.com/webhook")
//!     .submit()
//!     .await?;
//! let id = job.id().clone();
//! let waiting = job.wait_or_event(async move { event_of(&id, &mut receiver).await });
//!
//! // Where the web server receives a delivery.
//! let verifier = Verifier::new(std::env::var("PYANNOTEAI_WEBHOOK_SECRET")?);
//! events.send(verifier.verify_bytes(&headers, body)?)?;
//!
//! let diarization = waiting.await?;
//! println!("{} turns", diarization.turns().len());
//! # Ok(())
//! # }
//!
//! /// The event of one job. It never comes where the channel is closed: the job is then polled alone.
//! async fn event_of(id: &JobId, receiver: &mut broadcast::Receiver<Event>) -> Event {
//!     use broadcast::error::RecvError::Closed;
//!
//!     loop {
//!         match receiver.recv().await {
//!             Ok(event) if event.job_id() == id => return event,
//!             Err(Closed) => return std::future::pending().await,
//!             _ => {}
//!         }
//!     }
//! }
//! ```

#[cfg(feature = "axum")]
mod axum;
mod body;
mod delivery;
mod error;
mod event;
mod outcome;
mod replay;
mod signature;
mod signer;
mod verifier;

#[cfg(feature = "axum")]
pub use self::axum::{EventRejection, VerifiedEvent};
pub use delivery::{Delivery, Retry, RetryReason};
pub use error::VerifyError;
pub use event::Event;
pub use outcome::Outcome;
pub use signer::Signer;
pub use verifier::Verifier;

/// The signature: hex or base64 of an HMAC-SHA256.
const SIGNATURE: &str = "x-signature";
/// When the delivery was signed, in Unix seconds.
const TIMESTAMP: &str = "x-request-timestamp";
/// Which retry this is, 1..3; absent the first time.
const RETRY_NUMBER: &str = "x-retry-num";
/// Why it is retried.
const RETRY_REASON: &str = "x-retry-reason";
