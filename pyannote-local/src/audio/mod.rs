//! Recordings: fetched, decoded, and brought to one channel at 16 kHz, which is what an engine hears.
//!
//! [`Loader`] is the [`AudioSource`](crate::worker::AudioSource) of the workers. It finds a recording, either among the
//! uploaded media or with a [`Fetcher`], and decodes it off the asynchronous threads. [`decode`] does the same for one
//! file, and [`Blocks`] does so piece by piece. Each [`AudioError`] says what is wrong in words for who sent the job.

mod blocks;
mod codec;
mod decode;
mod error;
mod fetch;
mod guard;
mod limits;
mod loader;
mod mono;
mod resample;

pub use crate::engine::Recording;
pub use blocks::Blocks;
pub use decode::{decode, decode_within};
pub use error::AudioError;
pub use fetch::{FetchConfig, Fetched, Fetcher};
pub use guard::is_private;
pub use limits::Limits;
pub use loader::{Loader, MediaFiles};
