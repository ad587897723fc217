//! Downloads: from the team's storage to a file, whole or not at all.

use std::future::IntoFuture;
use std::path::PathBuf;
use std::pin::Pin;

use http::header::ACCEPT_ENCODING;
use http::{HeaderValue, Method, StatusCode};
use reqwest::{Request, Response};
use tokio::time::timeout;
use tracing::{Instrument, debug};

use super::allowance::allowance;
use super::presigned::Presigned;
use super::progress::Progress;
use super::source::LARGEST;
use super::target::Target;
use super::{MediaUrl, storage};
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::transport::{Endpoint, Failure, Operation, Stop};

/// A download of a medium to a file. Await it to fetch it: it returns the number of bytes.
///
/// The bytes go to a temporary file in the same folder, which takes the place of the file when all are there and on
/// the disk. A file that was there stays as it was until then, and for good where the download fails; nothing else is
/// left behind. Attempts are repeated as for an [`Upload`](crate::Upload), each from the start.
///
/// ```no_run
/// # async fn run(client: pyannote::Client) -> Result<(), pyannote::Error> {
/// let media = "media://calls/1.wav".parse()?;
/// let bytes = client.download(&media, "1.wav").await?;
/// println!("{bytes} bytes");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`ErrorKind::NotFound`] where there is no such medium (any more), [`ErrorKind::Io`] where the file cannot be
/// written, and any error of a request.
#[derive(Debug)]
#[must_use = "a download does nothing unless it is awaited"]
pub struct Download {
    client: Client,
    media: MediaUrl,
    path: PathBuf,
    progress: Option<Progress>,
}

impl Download {
    pub(crate) fn new(client: Client, media: MediaUrl, path: PathBuf) -> Self {
        Self {
            client,
            media,
            path,
            progress: None,
        }
    }

    /// Calls back with the bytes received so far and the bytes in all, which are 0 while the storage does not say how
    /// many there are.
    ///
    /// Each attempt starts at 0 again, so a retry goes back; within an attempt the number only grows, and the last
    /// call of a successful download says all of all.
    pub fn on_progress(mut self, callback: impl FnMut(u64, u64) + Send + 'static) -> Self {
        self.progress = Some(Progress::new(callback));
        self
    }

    async fn run(self) -> Result<u64, Error> {
        let executor = self.client.executor();
        let mut tries = executor.tries("download", Operation::Read);
        loop {
            match self.attempt().instrument(tries.span()).await {
                Ok(received) => {
                    tries.succeeded();
                    return Ok(received);
                }
                Err(stop) => tries.again(stop).await?,
            }
        }
    }

    async fn attempt(&self) -> Result<u64, Stop> {
        let executor = self.client.executor();
        let attempt_timeout = executor.settings.attempt_timeout;
        // Made first: where that fails, nothing need be asked for.
        let mut target = Target::create(&self.path).await?;
        let url = Presigned::ask(executor, Endpoint::MediaOutput, &self.media).await?;
        let mut request = Request::new(Method::GET, url.url());
        // The length is checked, so it has to be that of the medium and not of a compressed form.
        let identity = HeaderValue::from_static("identity");
        request.headers_mut().insert(ACCEPT_ENCODING, identity);
        // How long it may take is known only with its length. Until then, what the largest one may take.
        *request.timeout_mut() = Some(allowance(attempt_timeout, LARGEST));
        let response = timeout(attempt_timeout, executor.send_to_storage(request))
            .await
            .map_err(|_| storage::late())?
            .map_err(|(failure, cause)| storage::lost(failure, cause))?;
        let status = response.status();
        let total = response.content_length();
        debug!(status = status.as_u16(), bytes = total, "download answered");
        if status != StatusCode::OK {
            return Err(storage::refused(executor, &url, response).await);
        }
        let allowed = allowance(attempt_timeout, total.unwrap_or(LARGEST));
        let received = timeout(allowed, self.receive(response, total, &mut target))
            .await
            .map_err(|_| storage::late())??;
        target.finish().await?;
        Ok(received)
    }

    async fn receive(
        &self,
        mut response: Response,
        total: Option<u64>,
        target: &mut Target,
    ) -> Result<u64, Stop> {
        let mut received: u64 = 0;
        let report = |received: u64, total: Option<u64>| {
            if let Some(progress) = &self.progress {
                progress.report(received, total.unwrap_or(0));
            }
        };
        report(0, total);
        while let Some(chunk) = response.chunk().await.map_err(cut)? {
            target.write(&chunk).await?;
            received = received.saturating_add(chunk.len() as u64);
            report(received, total);
        }
        match total {
            Some(total) if total != received => Err(Stop::Failed {
                failure: Failure::Body,
                error: Error::new(
                    ErrorKind::Network,
                    format!("the storage announced {total} bytes and sent {received}; try again"),
                ),
            }),
            Some(_) => Ok(received),
            None => {
                report(received, Some(received));
                Ok(received)
            }
        }
    }
}

/// The end of an attempt whose answer broke off.
fn cut(cause: reqwest::Error) -> Stop {
    let failure = match cause.is_timeout() {
        true => Failure::Timeout,
        false => Failure::Body,
    };
    storage::lost(failure, cause.without_url())
}

impl IntoFuture for Download {
    type Output = Result<u64, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
