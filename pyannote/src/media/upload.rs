//! Uploads to the team's private storage.

use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method};
use reqwest::{Body, Request};
use tracing::{Instrument, debug, debug_span};

use super::chunks::Chunks;
use super::content_key::{content_key, unique_key};
use super::content_type::content_type;
use super::exists::exists;
use super::presigned::PresignedUrl;
use super::progress::Progress;
use super::source::{SourceInfo, UploadSource};
use super::stall::{Phase, StallLimits};
use super::transfer_timeout::transfer_timeout;
use super::upload_body::UploadBody;
use super::{MediaUrl, storage_error, url};
use crate::error::{Error, ErrorKind, FieldError};
use crate::transport::{Endpoint, Executor, Failure, Operation, TransferError, with_deadline};

/// An upload to the team's private storage. Awaiting it sends the recording and returns its URL.
///
/// Files are read while they are sent, in constant memory. An attempt that fails for a transient reason is retried from
/// the start with a new pre-signed URL, according to the client's [`RetryPolicy`](crate::RetryPolicy). A pre-signed URL
/// that the storage rejects, since it may have expired, is replaced once.
///
/// An attempt ends if neither the connection nor the source makes progress for the client's
/// [`stall_timeout`](crate::ClientBuilder::stall_timeout), or if the storage does not respond for that long after the last
/// byte. It may take the client's attempt timeout plus 1 s for every 100 kB.
///
/// The last bytes are held back until the source is known to be unchanged. So if a file changes while it is uploaded,
/// as its length or the time of its last modification shows, the upload fails and nothing is stored.
///
/// ```no_run
/// # async fn run(client: pyannote::Client) -> Result<(), pyannote::Error> {
/// let media = client
///     .upload("meeting.wav")
///     .skip_existing(true)
///     .on_progress(|sent, total| println!("{sent} of {total} bytes"))
///     .await?;
/// let diarization = client.diarize(&media).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Before anything is sent: [`ErrorKind::Io`] if a file cannot be read, [`ErrorKind::Validation`] for an invalid key or an
/// empty source, [`ErrorKind::TooLarge`] beyond 1 GiB (1,073,741,824 bytes). After that, any
/// error of a request, and [`ErrorKind::Io`] if the source changes.
#[derive(Clone, Debug)]
#[must_use = "an upload does nothing unless awaited"]
pub struct Upload {
    executor: Arc<Executor>,
    source: UploadSource,
    key: Option<String>,
    content_type: Option<String>,
    skip_existing: bool,
    progress: Option<Progress>,
}

/// What an upload sends.
#[derive(Debug)]
struct Content {
    info: SourceInfo,
    /// The SHA-256 in hex, if it is part of the key.
    digest: Option<String>,
    content_type: HeaderValue,
}

impl Upload {
    pub(crate) fn new(executor: Arc<Executor>, source: UploadSource) -> Self {
        Self {
            executor,
            source,
            key: None,
            content_type: None,
            skip_existing: false,
            progress: None,
        }
    }

    /// Sets the key in the team's storage, without `media://`: letters, digits, `-`, `_`, `.` and `/`, at most 247
    /// characters. An existing object with this key is replaced.
    ///
    /// Default: a new key for each upload, with the file's extension (for bytes, that of the detected format), or with
    /// [`skip_existing`](Self::skip_existing), a digest of the content.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets the content type, such as `audio/wav`. Default: that of the file's extension or of the detected format,
    /// and `application/octet-stream` for others.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// Whether to send nothing if the storage already has an object with the key. Default: false.
    ///
    /// The default key then is `sha256/`, the SHA-256 of the content in hex, and the extension. So the same content has the
    /// same key, whatever the file is called, and is uploaded once. The content is read twice: for the digest, and to send
    /// it. Both times the digest is computed, and if they differ, nothing is stored.
    ///
    /// With your own key, that an existing object has the same content is up to you: only a different length is detected,
    /// and uploaded, as is an object whose length the storage does not report.
    pub fn skip_existing(mut self, skip: bool) -> Self {
        self.skip_existing = skip;
        self
    }

    /// Sets a callback for progress: the bytes handed to the connection so far and the total.
    ///
    /// Each attempt restarts at 0. Within an attempt the number only increases, and the last call of a successful
    /// upload has the total as both arguments, as does the only call if [`skip_existing`](Self::skip_existing) skipped
    /// the upload. The callback runs on the task that sends, and must not block it. Clones of the upload
    /// share it.
    pub fn on_progress(mut self, callback: impl FnMut(u64, u64) + Send + 'static) -> Self {
        self.progress = Some(Progress::new(callback));
        self
    }

    async fn run(self) -> Result<MediaUrl, Error> {
        let (media, content_type_header) = self.validate()?;
        let info = self.source.inspect().await?;
        let extension = info.extension.as_deref();
        let (media, digest) = match media {
            Some(media) => (media, None),
            None if !self.skip_existing => (MediaUrl::from_key(&unique_key(extension))?, None),
            None => {
                let digest = self.source.digest(&info).await;
                let digest = digest.map_err(|error| self.source.error(error, info.len))?;
                let key = content_key(&digest, extension);
                (MediaUrl::from_key(&key)?, Some(digest))
            }
        };
        let content_type = content_type_header
            .unwrap_or_else(|| HeaderValue::from_static(content_type(extension)));
        let content = Content {
            info,
            digest,
            content_type,
        };
        let info = &content.info;
        let executor = &self.executor;
        if self.skip_existing {
            let span = debug_span!("transfer", operation = "check_media");
            if exists(executor, &media, info.len).instrument(span).await {
                debug!(bytes = info.len, "media exists, upload skipped");
                if let Some(progress) = &self.progress {
                    progress.report(info.len, info.len);
                }
                return Ok(media);
            }
        }
        let mut retry = executor.transfer_retry("upload", Operation::IdempotentWrite);
        loop {
            let attempt = self.attempt(&media, &content);
            match attempt.instrument(retry.span()).await {
                Ok(()) => {
                    retry.succeeded();
                    return Ok(media);
                }
                Err(error) => retry.backoff(self.final_if_consumed(error)).await?,
            }
        }
    }

    /// Checks the key and the content type, if set.
    fn validate(&self) -> Result<(Option<MediaUrl>, Option<HeaderValue>), Error> {
        let mut field_errors = Vec::new();
        let mut media = None;
        match &self.key {
            Some(key) => match url::validate_media_url(&format!("media://{key}")) {
                Ok(()) => media = Some(MediaUrl::from_key(key)?),
                Err(message) => field_errors.push(FieldError::new("key", message)),
            },
            None if self.skip_existing && !self.source.has_content_key() => {
                field_errors.push(FieldError::new(
                    "key",
                    "is missing; the content of a reader is not read in advance, so set one with .key(\"…\"), or omit \
                     .skip_existing(true)",
                ));
            }
            None => {}
        }
        let mut content_type = None;
        if let Some(text) = &self.content_type {
            match HeaderValue::try_from(text) {
                Ok(value) if !text.trim().is_empty() => content_type = Some(value),
                _ => field_errors.push(FieldError::new(
                    "contentType",
                    "is not a valid content type; set one such as audio/wav, or omit it",
                )),
            }
        }
        match field_errors.is_empty() {
            true => Ok((media, content_type)),
            false => Err(Error::validation("the upload is invalid", field_errors)),
        }
    }

    async fn attempt(&self, media: &MediaUrl, content: &Content) -> Result<(), TransferError> {
        let executor = &self.executor;
        let settings = &executor.settings;
        let len = content.info.len;
        // Opened first: if that fails, no request is needed.
        let chunks = self.open(content).await?;
        let url = PresignedUrl::request(executor, Endpoint::MediaInput, media).await?;
        let mut request = Request::new(Method::PUT, url.url());
        let headers = request.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(len));
        headers.insert(CONTENT_TYPE, content.content_type.clone());
        *request.timeout_mut() = Some(transfer_timeout(settings.attempt_timeout, len));
        let body = UploadBody::new(len, self.progress.clone(), Arc::clone(&settings.clock));
        // Bytes in memory cannot change.
        let digest = content.digest.clone().filter(|_| self.source.is_file());
        let stream = body.stream(chunks, digest);
        *request.body_mut() = Some(Body::wrap_stream(stream));
        let limits = StallLimits {
            // The SDK's own client has a connect timeout. After that, an upload may only wait for others to end, since
            // HTTP/2 limits how many share a connection.
            connect: match settings.custom_http_client {
                true => settings.attempt_timeout,
                false => Duration::MAX,
            },
            stall: settings.stall_timeout,
        };
        let result = executor
            .send_to_storage(request, body.stalled(limits))
            .await;
        executor.counters.sent(body.sent());
        if let Some(error) = body.take_error() {
            return Err(self.source.error(error, len).into());
        }
        let response = match result {
            Ok(response) => response,
            Err((Failure::Stalled, _)) if body.phase() == Phase::Source => {
                return Err(self.source_stalled());
            }
            Err((failure, error)) => return Err(storage_error::no_response(failure, error)),
        };
        let status = response.status();
        debug!(status = status.as_u16(), bytes = len, "upload response");
        if !status.is_success() {
            return Err(storage_error::error_response(executor, &url, response).await);
        }
        if !body.is_complete() {
            return Err(TransferError::Transient {
                failure: Failure::ConnectionLost,
                error: Error::new(
                    ErrorKind::Network,
                    "the storage responded before it received the whole recording; check the proxy, and try again",
                )
                .with_status(status),
            });
        }
        Ok(())
    }

    async fn open(&self, content: &Content) -> Result<Chunks, TransferError> {
        let settings = &self.executor.settings;
        let open = self.source.open(&content.info, content.digest.as_deref());
        match with_deadline(open, settings.clock.deadline(settings.stall_timeout)).await {
            Some(Ok(chunks)) => Ok(chunks),
            Some(Err(error)) => Err(self.source.error(error, content.info.len).into()),
            None => Err(self.source_stalled()),
        }
    }

    fn source_stalled(&self) -> TransferError {
        let stall_timeout = self.executor.settings.stall_timeout;
        TransferError::Transient {
            failure: Failure::Stalled,
            error: self.source.stalled_error(stall_timeout),
        }
    }

    /// Rules out a retry if the source can be read only once and was read.
    fn final_if_consumed(&self, error: TransferError) -> TransferError {
        match self.source.is_consumed() {
            true => error.into_permanent(
                "not retried, because the reader can be read only once; use UploadSource::reader if it can be opened \
                 again",
            ),
            false => error,
        }
    }
}

impl IntoFuture for Upload {
    type Output = Result<MediaUrl, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
