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
//! and uses whichever comes first. The receiver can pass its events through any channel whose receiving end is a
//! stream:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use futures_util::stream::{self, Stream};
//! use pyannote::Client;
//! use pyannote::webhook::{Event, Verifier};
//! use tokio::sync::broadcast::{self, error::RecvError};
//!
//! # async fn run(headers: http::HeaderMap, body: Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
//! let (sender, receiver) = broadcast::channel::<Event>(100);
//!
//! // Where jobs are submitted. The receiver above was created before, so it misses no event.
//! let client = Client::from_env()?;
//! let job = client
//!     .diarize("https://example.com/meeting.wav")
//!     .webhook("https://example.com/webhook")
//!     .submit()
//!     .await?;
//! let wait = job.wait_or_event(events(receiver)).timeout(Duration::from_secs(3600));
//!
//! // Where the web server receives a delivery.
//! let verifier = Verifier::new(std::env::var("PYANNOTEAI_WEBHOOK_SECRET")?)?;
//! sender.send(verifier.verify(&headers, &body)?)?;
//!
//! let diarization = wait.await?;
//! println!("{} turns", diarization.turns().len());
//! # Ok(())
//! # }
//!
//! /// The events of a channel until it is closed.
//! fn events(receiver: broadcast::Receiver<Event>) -> impl Stream<Item = Event> + Send {
//!     stream::unfold(receiver, |mut receiver| async move {
//!         loop {
//!             match receiver.recv().await {
//!                 Ok(event) => return Some((event, receiver)),
//!                 Err(RecvError::Lagged(_)) => {}
//!                 Err(RecvError::Closed) => return None,
//!             }
//!         }
//!     })
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
