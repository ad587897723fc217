//! The streams of the SDK: named types that can be stored, and polled without being pinned first.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::{JobStatus, JobSummary};
use crate::error::Error;

/// Defines a stream as an opaque struct.
macro_rules! stream {
    ($(#[$meta:meta])* $name:ident of $item:ty) => {
        $(#[$meta])*
        #[must_use = "a stream does nothing unless it is polled"]
        pub struct $name(Pin<Box<dyn Stream<Item = $item> + Send>>);

        impl $name {
            pub(super) fn new(stream: impl Stream<Item = $item> + Send + 'static) -> Self {
                Self(Box::pin(stream))
            }
        }

        impl Stream for $name {
            type Item = $item;

            fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
                self.0.as_mut().poll_next(cx)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

stream! {
    /// The statuses of a job; see [`Job::statuses`](crate::Job::statuses).
    Statuses of Result<JobStatus, Error>
}

stream! {
    /// The jobs of a listing; see [`Jobs::stream`](crate::Jobs::stream).
    JobStream of Result<JobSummary, Error>
}
