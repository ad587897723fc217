//! How many bytes of a response are read.

use super::endpoint::Endpoint;

/// The largest number of bytes that the client reads of a response.
///
/// The limits protect the memory of a program from a faulty server or proxy. They are far above what the service sends,
/// so there is no need to change them unless an error of kind [`TooLarge`](crate::ErrorKind::TooLarge) asks for it.
///
/// ```
/// use pyannote::{Client, ResponseLimits};
///
/// let client = Client::builder()
///     .api_key("your-key")
///     .response_limits(ResponseLimits::default().job(64 << 20))
///     .build()?;
/// # Ok::<(), pyannote::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ResponseLimits {
    job: u64,
    list: u64,
    other: u64,
}

impl ResponseLimits {
    /// Bytes that are read of the explanation of an error. A longer one is truncated, because the status suffices.
    pub(crate) const ERROR_BYTES: u64 = 1 << 20;

    /// Sets the limit for the body of one job with its output, in bytes. The default is 1 GiB.
    ///
    /// A recording of 24 h with the score curves of eight speakers has 35 million numbers, which are some 700 MB if each
    /// has all 17 digits of a double.
    #[must_use]
    pub fn job(mut self, bytes: u64) -> Self {
        self.job = bytes;
        self
    }

    /// Sets the limit for one page of the list of jobs, in bytes. The default is 16 MiB.
    #[must_use]
    pub fn list(mut self, bytes: u64) -> Self {
        self.list = bytes;
        self
    }

    /// Sets the limit for all other responses, in bytes: to submissions, and with pre-signed URLs. The default is 1 MiB.
    #[must_use]
    pub fn other(mut self, bytes: u64) -> Self {
        self.other = bytes;
        self
    }

    /// The limit for the successful responses of an endpoint.
    pub(crate) fn of(&self, endpoint: Endpoint) -> u64 {
        match endpoint {
            Endpoint::GetJob => self.job,
            Endpoint::ListJobs => self.list,
            _ => self.other,
        }
    }

    /// The method that sets the limit of an endpoint.
    pub(crate) fn setter(endpoint: Endpoint) -> &'static str {
        match endpoint {
            Endpoint::GetJob => "job",
            Endpoint::ListJobs => "list",
            _ => "other",
        }
    }
}

impl Default for ResponseLimits {
    fn default() -> Self {
        Self {
            job: 1 << 30,
            list: 16 << 20,
            other: 1 << 20,
        }
    }
}
