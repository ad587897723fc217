//! Uploads: a key, a pre-signed URL for it, and the bytes put there.

use std::future::IntoFuture;
use std::pin::Pin;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method};
use reqwest::{Body, Request};
use tracing::{Instrument, debug, debug_span};

use super::allowance::allowance;
use super::presigned::Presigned;
use super::progress::Progress;
use super::sending::{Fault, Sending};
use super::source::UploadSource;
use super::{MediaUrl, content_type, probe, storage};
use crate::client::Client;
use crate::error::{Error, ErrorKind, FieldError};
use crate::request::validate;
use crate::transport::{Endpoint, Failure, Operation, Stop};

/// An upload to the team's private storage. Await it to send it.
///
/// Files are read from the disk as they are sent, in constant memory. An attempt that fails for a reason that may pass
/// is made again, from the start and with a fresh pre-signed URL, as the client's
/// [`RetryPolicy`](crate::RetryPolicy) says. Each may take the client's attempt timeout and 1 s for every 100 kB.
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
/// Before anything is sent: [`ErrorKind::Io`] where a file cannot be read, [`ErrorKind::Validation`] for a key that is
/// none, a reader without a key or an empty source, [`ErrorKind::TooLarge`] beyond 1 GiB (1,073,741,824 bytes). Then
/// any error of a request, and [`ErrorKind::Io`] where the source has another length than it had; nothing is stored
/// then.
#[derive(Debug)]
#[must_use = "an upload does nothing unless it is awaited"]
pub struct Upload {
    client: Client,
    source: UploadSource,
    key: Option<String>,
    content_type: Option<String>,
    skip_existing: bool,
    progress: Option<Progress>,
}

impl Upload {
    pub(crate) fn new(client: Client, source: UploadSource) -> Self {
        Self {
            client,
            source,
            key: None,
            content_type: None,
            skip_existing: false,
            progress: None,
        }
    }

    /// The key in the team's storage, without `media://`: letters, digits, `-`, `_`, `.` and `/`, at most 247
    /// characters. What is stored there is replaced.
    ///
    /// Unless set, it is `sha256/`, the SHA-256 of the content in hex, and the file's extension (for bytes, that of
    /// the format that they are in): the same content has the same key under any name with the
    /// same extension.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The media type, such as `audio/wav`. Unless set, it is that of the file's extension or of the format, and
    /// `application/octet-stream` for others.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// Whether to send nothing where the storage has the key already; false unless set.
    ///
    /// With the key that is made of the content, what is stored there is the same. With one of your own, that is for
    /// you to know: only another length is noticed, and uploaded.
    pub fn skip_existing(mut self, skip: bool) -> Self {
        self.skip_existing = skip;
        self
    }

    /// Calls back with the bytes handed to the connection so far and the bytes in all.
    ///
    /// Each attempt starts at 0 again, so a retry goes back; within an attempt the number only grows, and the last
    /// call of a successful upload says all of all. So does the only call for one that
    /// [`skip_existing`](Self::skip_existing) skipped. It is called on the task that sends, and holds it up.
    pub fn on_progress(mut self, callback: impl FnMut(u64, u64) + Send + 'static) -> Self {
        self.progress = Some(Progress::new(callback));
        self
    }

    async fn run(self) -> Result<MediaUrl, Error> {
        let (given, named_type) = self.checked()?;
        let content = self.source.inspect().await?;
        let media = match given {
            Some(media) => media,
            None => MediaUrl::from_key(&self.source.digest_key(&content).await?)?,
        };
        let content_type = named_type.unwrap_or_else(|| {
            HeaderValue::from_static(content_type::content_type(content.extension.as_deref()))
        });
        let executor = self.client.executor();
        if self.skip_existing {
            let span = debug_span!("transfer", operation = "look_for_media");
            let looked = probe::is_stored(executor, &media, content.len);
            if looked.instrument(span).await {
                debug!(bytes = content.len, "stored already, not uploaded");
                if let Some(progress) = &self.progress {
                    progress.report(content.len, content.len);
                }
                return Ok(media);
            }
        }
        let mut tries = executor.tries("upload", Operation::IdempotentWrite);
        loop {
            let attempt = self.attempt(&media, content.len, &content_type);
            match attempt.instrument(tries.span()).await {
                Ok(()) => {
                    tries.succeeded();
                    return Ok(media);
                }
                Err(stop) => tries.again(self.unless_spent(stop)).await?,
            }
        }
    }

    /// The key and the media type that were set, if they can be used.
    fn checked(&self) -> Result<(Option<MediaUrl>, Option<HeaderValue>), Error> {
        let mut violations = Vec::new();
        let mut media = None;
        match &self.key {
            Some(key) => match validate::media_url(&format!("media://{key}")) {
                Ok(()) => media = Some(MediaUrl::from_key(key)?),
                Err(message) => violations.push(FieldError::new("key", message)),
            },
            None if !self.source.has_digest() => violations.push(FieldError::new(
                "key",
                "is missing; a reader is not read before it is sent, so name a key with .key(\"…\")",
            )),
            None => {}
        }
        let mut content_type = None;
        if let Some(text) = &self.content_type {
            match HeaderValue::try_from(text) {
                Ok(value) if !text.trim().is_empty() => content_type = Some(value),
                _ => violations.push(FieldError::new(
                    "contentType",
                    "is no media type; use one such as audio/wav, or leave it out",
                )),
            }
        }
        match violations.is_empty() {
            true => Ok((media, content_type)),
            false => Err(Error::validation("the upload breaks rules", violations)),
        }
    }

    async fn attempt(
        &self,
        media: &MediaUrl,
        len: u64,
        content_type: &HeaderValue,
    ) -> Result<(), Stop> {
        let executor = self.client.executor();
        // Opened first: where that fails, nothing need be asked for.
        let reader = self.source.open(len).await?;
        let url = Presigned::ask(executor, Endpoint::MediaInput, media).await?;
        let mut request = Request::new(Method::PUT, url.url());
        let headers = request.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(len));
        headers.insert(CONTENT_TYPE, content_type.clone());
        *request.timeout_mut() = Some(allowance(executor.settings.attempt_timeout, len));
        let sending = Sending::new(len, self.progress.clone());
        *request.body_mut() = Some(Body::wrap_stream(sending.stream(reader)));
        let sent = executor.send_to_storage(request).await;
        match sending.fault() {
            Some(Fault::Unreadable(error)) => return Err(self.source.unreadable(error).into()),
            Some(Fault::Length) => return Err(self.source.changed(len).into()),
            None => {}
        }
        let response = sent.map_err(|(failure, cause)| storage::lost(failure, cause))?;
        let status = response.status();
        debug!(status = status.as_u16(), bytes = len, "upload answered");
        if !status.is_success() {
            return Err(storage::refused(executor, &url, response).await);
        }
        if !sending.is_complete() {
            return Err(Stop::Failed {
                failure: Failure::Reset,
                error: Error::new(
                    ErrorKind::Network,
                    "the storage answered before it had all the bytes; check a proxy in between, and try again",
                )
                .with_status(status),
            });
        }
        Ok(())
    }

    /// No other attempt with a source that is used up.
    fn unless_spent(&self, stop: Stop) -> Stop {
        match stop {
            Stop::Failed { error, .. } if self.source.is_spent() => Stop::Final(error.noted(
                "the reader can be read only once, so it was not tried again: use UploadSource::reader where it can \
                 be opened again",
            )),
            stop => stop,
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
