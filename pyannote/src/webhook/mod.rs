//! Webhooks: verifying deliveries of pyannoteAI, and decoding their events.
//!
//! [`Verifier`] takes the headers and the raw body of a request, received with any web framework, checks that it is
//! authentic, recent and not a replay, and returns an [`Event`]. [`Signer`] creates deliveries for your own tests. With
//! the feature `axum`, `VerifiedEvent` is an extractor that does all of this.
//!
//! The signature covers the timestamp and the body, and no other headers: [`Delivery::retry`] is not authenticated.
//!
//! # Waiting for an event
//!
//! Deliveries can get lost, and receivers can be down. [`Job::wait_or_event`](crate::Job::wait_or_event) polls as well,
//! and uses whichever comes first. The receiver can pass its events through any channel:
//!
//! ```no_run
//! use pyannote::webhook::{Event, Verifier};
//! use pyannote::{Client, JobId};
//! use tokio::sync::broadcast;
//!
//! # async fn run(headers: http::HeaderMap, body: Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
//! let (events, mut receiver) = broadcast::channel::<Event>(100);
//!
//! // Where jobs are submitted. The receiver above was created before, so it misses no event.
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
//! let verifier = Verifier::new(std::env::var("PYANNOTEAI_WEBHOOK_SECRET")?)?;
//! events.send(verifier.verify(&headers, &body)?)?;
//!
//! let diarization = waiting.await?;
//! println!("{} turns", diarization.turns().len());
//! # Ok(())
//! # }
//!
//! /// The event of one job. If the channel is closed, it never returns, and the job is only polled.
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
mod replay;
mod signature;
mod signer;
mod verifier;

#[cfg(feature = "axum")]
pub use self::axum::{EventRejection, VerifiedEvent};
pub use delivery::{Delivery, Retry, RetryReason};
pub use error::VerifyError;
pub use event::{Event, Outcome};
pub use signer::Signer;
pub use verifier::Verifier;

/// The signature: an HMAC-SHA256 in hex or base64.
const SIGNATURE: &str = "x-signature";
/// When the delivery was signed, in Unix seconds.
const TIMESTAMP: &str = "x-request-timestamp";
/// The number of the retry, 1 to 3; missing on the first delivery.
const RETRY_NUMBER: &str = "x-retry-num";
/// The reason of the retry.
const RETRY_REASON: &str = "x-retry-reason";
