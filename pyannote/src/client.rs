//! The client: the front door of every operation.

use std::fmt;
use std::sync::Arc;

use pyannote_api_sys::hooks::Inner;

use crate::config::ClientBuilder;
use crate::error::Error;
use crate::job::{Job, JobId, JobKind};
use crate::jobs::Jobs;
use crate::media::{AudioUrl, Download, MediaUrl, Upload, UploadSource};
use crate::request::{Diarize, Identify, MakeVoiceprint};
use crate::transport::{Endpoint, Executor};

/// A client of pyannoteAI, or of a server that speaks the same API.
///
/// Clones share connections, rate limits and the retry budget, and are cheap: clone it into every task.
///
/// ```no_run
/// # async fn run() -> Result<(), pyannote::Error> {
/// use pyannote::Client;
///
/// let client = Client::from_env()?;
/// let diarization = client.diarize("https://example.com/meeting.wav").await?;
/// for turn in diarization.turns() {
///     println!("{:8.3} s  {:8.3} s  {}", turn.start, turn.end, turn.speaker);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    executor: Arc<Executor>,
    raw: pyannote_api_sys::Client,
    keep_raw: bool,
}

impl Client {
    pub(crate) fn new(executor: Executor, keep_raw: bool) -> Self {
        let executor = Arc::new(executor);
        let raw = pyannote_api_sys::Client::new_with_client(
            executor.settings.base_url.as_str().trim_end_matches('/'),
            executor.http.clone(),
            Inner::new(executor.clone()),
        );
        Self {
            executor,
            raw,
            keep_raw,
        }
    }

    /// A client with the API key in the environment variable `PYANNOTEAI_API_KEY`, and the base URL in
    /// `PYANNOTEAI_BASE_URL` if that is set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) where the key is not set, or either cannot be used.
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build()
    }

    /// Sets up a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// Asks the service whether it accepts the API key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unauthorized`](crate::ErrorKind::Unauthorized) where it does not, and any error of a request.
    pub async fn test_key(&self) -> Result<(), Error> {
        self.executor.call(Endpoint::TestKey, "", &[], None).await?;
        Ok(())
    }

    /// Who spoke when. Await it to submit the job and wait for its end, or [`submit`](Diarize::submit) it.
    ///
    /// `audio` is an http(s) URL that the service can fetch, or what [`upload`](Self::upload) returned.
    pub fn diarize(&self, audio: impl Into<AudioUrl>) -> Diarize {
        Diarize::new(self.clone(), audio.into())
    }

    /// Who spoke when, by voiceprint. Add voiceprints with [`Identify::voiceprint`].
    pub fn identify(&self, audio: impl Into<AudioUrl>) -> Identify {
        Identify::new(self.clone(), audio.into())
    }

    /// A voiceprint of the one speaker of a recording of at most 30 s.
    pub fn voiceprint(&self, audio: impl Into<AudioUrl>) -> MakeVoiceprint {
        MakeVoiceprint::new(self.clone(), audio.into())
    }

    /// A job that exists already, by its id: to wait for it in another process, or after an error.
    ///
    /// ```no_run
    /// # async fn run(client: pyannote::Client) -> Result<(), pyannote::Error> {
    /// use pyannote::{Diarization, Job};
    ///
    /// let job: Job<Diarization> = client.job("3c8a89a5-dcc6-4edb-a75d-ffd64739674d");
    /// let diarization = job.wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn job<T: JobKind>(&self, id: impl Into<JobId>) -> Job<T> {
        Job::attached(self.clone(), id.into())
    }

    /// The jobs of the team, newest first.
    pub fn jobs(&self) -> Jobs {
        Jobs::new(self.clone())
    }

    /// Uploads a recording to the team's private storage, from which it is deleted after 24 to 48 h.
    ///
    /// `source` is a path, bytes, or an [`UploadSource`].
    pub fn upload(&self, source: impl Into<UploadSource>) -> Upload {
        Upload::new(self.clone(), source.into())
    }

    /// Downloads a medium of the team's storage to a file, which appears whole or not at all.
    pub fn download(&self, media: &MediaUrl, path: impl Into<std::path::PathBuf>) -> Download {
        Download::new(self.clone(), media.clone(), path.into())
    }

    /// The generated client of every operation, on the same transport: with the key, the rate limits, and retries of
    /// what may be retried. Its types change with the API's specification.
    #[must_use]
    pub fn raw(&self) -> &pyannote_api_sys::Client {
        &self.raw
    }

    pub(crate) fn executor(&self) -> &Executor {
        &self.executor
    }

    pub(crate) fn keeps_raw(&self) -> bool {
        self.keep_raw
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.executor.settings.base_url.as_str())
            .finish_non_exhaustive()
    }
}
