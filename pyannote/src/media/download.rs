//! Downloads from the team's private storage to a file.

use std::future::IntoFuture;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use http::header::ACCEPT_ENCODING;
use http::{HeaderValue, Method, StatusCode};
use reqwest::Request;
use tracing::{Instrument, debug};

use super::atomic_file::AtomicFile;
use super::presigned::PresignedUrl;
use super::progress::Progress;
use super::source::MAX_RECORDING_BYTES;
use super::transfer_timeout::transfer_timeout;
use super::{MediaUrl, storage_error};
use crate::error::{Error, ErrorKind};
use crate::transport::{
    Endpoint, Executor, Failure, Operation, ResponseBody, TransferError, with_deadline,
};

/// A download of a media object to a file. Awaiting it downloads the file and returns the number of bytes.
///
/// The bytes are written to a temporary file in the same directory, which replaces the file once it is complete and
/// synced to disk. Until then, and if the download fails, an existing file is unchanged; no other files are left
/// behind. Attempts are retried as for an [`Upload`](crate::Upload), each from the start, and end if no byte arrives for
/// the client's [`stall_timeout`](crate::ClientBuilder::stall_timeout).
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
/// [`ErrorKind::NotFound`] if the media object does not exist or was deleted, [`ErrorKind::Io`] if the file cannot be
/// written, [`ErrorKind::TooLarge`] if it has more than [`max_bytes`](Self::max_bytes), and any error of a request.
#[derive(Clone, Debug)]
#[must_use = "a download does nothing unless awaited"]
pub struct Download {
    executor: Arc<Executor>,
    media: MediaUrl,
    path: PathBuf,
    max_bytes: u64,
    progress: Option<Progress>,
}

impl Download {
    pub(crate) fn new(executor: Arc<Executor>, media: MediaUrl, path: PathBuf) -> Self {
        Self {
            executor,
            media,
            path,
            max_bytes: MAX_RECORDING_BYTES,
            progress: None,
        }
    }

    /// Sets the limit of the download's size in bytes. Default: 1 GiB, the largest recording that the service accepts.
    pub fn max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// Sets a callback for progress: the bytes received so far and the total, which is 0 while it is unknown.
    ///
    /// Each attempt restarts at 0. Within an attempt the number only increases, and the last call of a successful
    /// download has the total as both arguments. Clones of the download share the callback.
    pub fn on_progress(mut self, callback: impl FnMut(u64, u64) + Send + 'static) -> Self {
        self.progress = Some(Progress::new(callback));
        self
    }

    async fn run(self) -> Result<u64, Error> {
        let executor = &self.executor;
        let mut retry = executor.transfer_retry("download", Operation::Read);
        loop {
            match self.attempt().instrument(retry.span()).await {
                Ok(received) => {
                    retry.succeeded();
                    return Ok(received);
                }
                Err(error) => retry.backoff(error).await?,
            }
        }
    }

    async fn attempt(&self) -> Result<u64, TransferError> {
        let executor = &self.executor;
        let attempt_timeout = executor.settings.attempt_timeout;
        // Created first: if that fails, no request is needed.
        let mut file = AtomicFile::create(&self.path).await?;
        let url = PresignedUrl::request(executor, Endpoint::MediaOutput, &self.media).await?;
        let mut request = Request::new(Method::GET, url.url());
        // The length is checked, so it must be that of the recording and not of a compressed encoding.
        let identity = HeaderValue::from_static("identity");
        request.headers_mut().insert(ACCEPT_ENCODING, identity);
        // The final timeout depends on the length, which the response has. Until then, allow for the largest download.
        *request.timeout_mut() = Some(transfer_timeout(attempt_timeout, self.max_bytes));
        let no_response = async {
            executor.clock().deadline(attempt_timeout).await;
            Failure::Timeout
        };
        let response = executor.send_to_storage(request, no_response).await;
        let response =
            response.map_err(|(failure, error)| storage_error::no_response(failure, error))?;
        let status = response.status();
        let total = response.content_length();
        debug!(status = status.as_u16(), bytes = total, "download response");
        if status != StatusCode::OK {
            return Err(storage_error::error_response(executor, &url, response).await);
        }
        self.check_size(total.unwrap_or(0))?;
        let body_timeout = transfer_timeout(attempt_timeout, total.unwrap_or(self.max_bytes));
        let body = executor.body(response, u64::MAX);
        let receive = self.receive(body, total, &mut file);
        let received = with_deadline(receive, executor.clock().deadline(body_timeout))
            .await
            .ok_or_else(|| storage_error::no_response(Failure::Timeout, None))??;
        file.commit().await?;
        Ok(received)
    }

    async fn receive(
        &self,
        mut body: ResponseBody,
        total: Option<u64>,
        file: &mut AtomicFile,
    ) -> Result<u64, TransferError> {
        let mut received: u64 = 0;
        let report = |received: u64, total: Option<u64>| {
            if let Some(progress) = &self.progress {
                progress.report(received, total.unwrap_or(0));
            }
        };
        report(0, total);
        while let Some(chunk) = body.chunk().await.map_err(storage_error::unreadable)? {
            received += chunk.len() as u64;
            self.check_size(received)?;
            file.write(&chunk).await?;
            report(received, total);
        }
        match total {
            Some(total) if total != received => Err(TransferError::Transient {
                failure: Failure::IncompleteBody,
                error: Error::new(
                    ErrorKind::Network,
                    format!(
                        "the download is incomplete: received {received} of {total} bytes; try again"
                    ),
                ),
            }),
            Some(_) => Ok(received),
            None => {
                report(received, Some(received));
                Ok(received)
            }
        }
    }

    fn check_size(&self, bytes: u64) -> Result<(), Error> {
        if bytes <= self.max_bytes {
            return Ok(());
        }
        let message = format!(
            "the download has more than {} bytes; set a larger limit with .max_bytes()",
            self.max_bytes
        );
        Err(Error::new(ErrorKind::TooLarge, message))
    }
}

impl IntoFuture for Download {
    type Output = Result<u64, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
