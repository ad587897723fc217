//! The client.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use pyannote_api_sys::hooks::Inner;
use serde_json::{Map, Value};

use crate::builder::ClientBuilder;
use crate::error::{Error, ErrorKind};
use crate::job::{Job, JobId, Jobs, Results, job_json};
use crate::media::{AudioUrl, Download, MediaUrl, Upload, UploadSource};
use crate::request::{Request, SubmitAll};
use crate::results::{Diarization, Identification, JobKind, Voiceprint};
use crate::transport::{Endpoint, Executor, Metrics, RawExecutor};

/// A client of the pyannoteAI API, or of a server with the same API.
///
/// Cloning is cheap, and clones share connections, rate limits and the retry budget.
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
}

impl ClientBuilder {
    /// Creates the client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the API key is missing, or if the key, the base URL, the
    /// proxy or a header is invalid.
    pub fn build(self) -> Result<Client, Error> {
        let executor = Arc::new(self.into_executor()?);
        let raw = pyannote_api_sys::Client::new_with_client(
            executor.settings.base_url.as_str().trim_end_matches('/'),
            executor.http.clone(),
            Inner::new(Arc::new(RawExecutor(Arc::clone(&executor)))),
        );
        Ok(Client { executor, raw })
    }
}

impl Client {
    /// Creates a client with the API key in the environment variable `PYANNOTEAI_API_KEY`, and the base URL in
    /// `PYANNOTEAI_BASE_URL` if that is set.
    ///
    /// [`ClientBuilder::from_env`] does the same, and allows further settings.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the key is not set, or the key or the base URL is invalid.
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build()
    }

    /// Creates a builder.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// Tests whether the service accepts the API key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unauthorized`] if it does not, [`ErrorKind::Decode`] if the response is not that of the service, and
    /// any other error of a request.
    pub async fn test_key(&self) -> Result<(), Error> {
        let response = self.executor.call(Endpoint::TestKey, "", &[], None).await?;
        // The sign-in page of a network, for example, may have status 200.
        let advice = "check the base URL and the proxy, and whether the network requires a sign-in";
        let body: Map<String, Value> =
            response.decode().map_err(|error| error.with_note(advice))?;
        if body.contains_key("status") || body.contains_key("message") {
            return Ok(());
        }
        let message = format!("the response has neither `status` nor `message`; {advice}");
        Err(response.describe(Error::new(ErrorKind::Decode, message).with_body(&response.body)))
    }

    /// Requests a diarization: who spoke when, and optionally what they said.
    ///
    /// `audio` is an http(s) URL that the service can fetch, or the [`MediaUrl`] that [`upload`](Self::upload)
    /// returned. Await the request to submit the job and wait for its end, or [`submit`](Request::submit) it.
    pub fn diarize(&self, audio: impl Into<AudioUrl>) -> Request<Diarization> {
        Request::new(Arc::clone(&self.executor), audio.into())
    }

    /// Requests an identification: who spoke when, with speakers identified by voiceprint.
    ///
    /// Add the voiceprints with [`voiceprint`](Request::voiceprint).
    pub fn identify(&self, audio: impl Into<AudioUrl>) -> Request<Identification> {
        Request::new(Arc::clone(&self.executor), audio.into())
    }

    /// Requests a voiceprint of the only speaker in a recording of at most 30 s and 100 MiB.
    ///
    /// ```no_run
    /// # async fn run(client: pyannote::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let voiceprint = client.voiceprint("https://example.com/ada.wav").await?;
    /// // Store it: the service deletes it after 24 h.
    /// std::fs::write("ada.voiceprint", voiceprint.as_base64())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn voiceprint(&self, audio: impl Into<AudioUrl>) -> Request<Voiceprint> {
        Request::new(Arc::clone(&self.executor), audio.into())
    }

    /// Returns a handle to a job that exists already, by its id: to wait for it in another process, or again after an
    /// error.
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
        Job::existing(Arc::clone(&self.executor), id.into())
    }

    /// Fetches the JSON of a job of any kind and status, as the service sends it, with fields that this version does not
    /// know.
    ///
    /// For programs that archive it, or if a result has [`decode_warnings`](Diarization::decode_warnings). An error that
    /// is about the JSON has it already: [`Error::job_json`].
    ///
    /// ```no_run
    /// # async fn run(client: pyannote::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let json = client.job_json("3c8a89a5-dcc6-4edb-a75d-ffd64739674d").await?;
    /// std::fs::write("job.json", &json)?;
    /// let job: serde_json::Value = serde_json::from_slice(&json)?;
    /// println!("{}", job["output"]["diarization"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The JSON is not interpreted, so a job that failed is not an error here. It may contain a voiceprint; keep it out
    /// of logs.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) if the response is not JSON, and any error of a request.
    pub async fn job_json(&self, id: impl Into<JobId>) -> Result<Bytes, Error> {
        job_json(&self.executor, &id.into()).await
    }

    /// Lists the jobs of the team, newest first.
    pub fn jobs(&self) -> Jobs {
        Jobs::new(Arc::clone(&self.executor))
    }

    /// Live diarization: who is speaking now, from audio that is sent while it is recorded.
    #[cfg(feature = "live")]
    #[cfg_attr(docsrs, doc(cfg(feature = "live")))]
    pub fn live(&self) -> crate::live::Live {
        crate::live::Live::new(Arc::clone(&self.executor))
    }

    /// Waits for any number of jobs. Yields each job's id and result, or error, as it ends.
    ///
    /// [`Results`] says how long it takes to notice the end of a job, and has a timeout and a limit of requests:
    /// `client.wait_all(jobs).timeout(duration)`.
    ///
    /// An error of one job does not affect the others. If the service rejects the API key, each job is yielded with that
    /// error, and goes on.
    ///
    /// ```no_run
    /// # async fn run(client: pyannote::Client) -> Result<(), pyannote::Error> {
    /// use futures_util::StreamExt;
    ///
    /// let mut jobs = Vec::new();
    /// for url in ["https://example.com/a.wav", "https://example.com/b.wav"] {
    ///     jobs.push(client.diarize(url).submit().await?);
    /// }
    /// let mut results = client.wait_all(jobs);
    /// while let Some((id, result)) = results.next().await {
    ///     match result {
    ///         Ok(diarization) => println!("{id}: {} turns", diarization.turns().len()),
    ///         Err(error) => println!("{id}: {error:#}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_all<T: JobKind>(&self, jobs: impl IntoIterator<Item = Job<T>>) -> Results<T> {
        Results::new(Arc::clone(&self.executor), jobs.into_iter().collect())
    }

    /// Submits any number of requests, a few at a time, and yields the key of each one with its job or its error.
    ///
    /// A key is what the program knows a request by, such as a file name or a database id. The iterator is lazy: requests
    /// are taken from it as they are submitted, so it may have millions. Each is submitted as by [`Request::submit`],
    /// except that waiting for the client's own rate limit (100 submissions per minute, unless the service allows more)
    /// does not count toward the total timeout. An error of one request does not affect the others; stop at one that
    /// concerns all of them, such as [`ErrorKind::Unauthorized`](crate::ErrorKind::Unauthorized) or
    /// [`ErrorKind::PaymentRequired`](crate::ErrorKind::PaymentRequired), by dropping the stream.
    ///
    /// If the stream is dropped, requests that were sent are completed in the background, and reported to
    /// [`on_accepted`](Request::on_accepted): see [`Request::submit`]. No others are sent.
    ///
    /// ```no_run
    /// # async fn run(client: pyannote::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use futures_util::StreamExt;
    ///
    /// let urls = std::fs::read_to_string("urls.txt")?;
    /// let requests = urls.lines().map(|url| (url, client.diarize(url)));
    /// let mut submissions = client.submit_all(requests);
    /// while let Some((url, submitted)) = submissions.next().await {
    ///     match submitted {
    ///         Ok(job) => println!("{url}: job {}", job.id()),
    ///         Err(error) => eprintln!("{url}: {error:#}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn submit_all<R, K, T>(&self, requests: R) -> SubmitAll<R::IntoIter, K, T>
    where
        R: IntoIterator<Item = (K, Request<T>)>,
        T: JobKind,
    {
        SubmitAll::new(requests.into_iter())
    }

    /// Waits until every submission that was sent has been answered, and reported to the callbacks, also those whose
    /// future was dropped: see [`Request::submit`]. Returns immediately if there are none.
    ///
    /// Call it before a program ends that may have dropped a submission. A submission that is still being sent when the
    /// tokio runtime shuts down is aborted, and reported to
    /// [`on_outcome_unknown`](ClientBuilder::on_outcome_unknown).
    ///
    /// ```no_run
    /// # async fn run(client: pyannote::Client, ctrl_c: impl Future<Output = ()>) -> Result<(), pyannote::Error> {
    /// tokio::select! {
    ///     job = client.diarize("https://example.com/meeting.wav").submit() => println!("job {}", job?.id()),
    ///     () = ctrl_c => client.finish_submissions().await,
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn finish_submissions(&self) {
        self.executor.finish_submissions().await;
    }

    /// Uploads a recording to the team's private storage, which deletes it after 24 to 48 h.
    ///
    /// `source` is a path, bytes, or an [`UploadSource`].
    pub fn upload(&self, source: impl Into<UploadSource>) -> Upload {
        Upload::new(Arc::clone(&self.executor), source.into())
    }

    /// Downloads media from the team's storage to a file, which is replaced atomically when the download is complete.
    pub fn download(&self, media: &MediaUrl, path: impl Into<PathBuf>) -> Download {
        Download::new(Arc::clone(&self.executor), media.clone(), path.into())
    }

    /// Returns what this client and its clones have done so far, for monitoring. See [`Metrics`] for how to export it.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.executor.counters.snapshot()
    }

    /// Returns the generated client, which has every operation of the API.
    ///
    /// It uses the same transport, with the API key, rate limits and retries. Its types, in [`sys`](crate::sys), change
    /// with the API's specification.
    #[must_use]
    pub fn raw(&self) -> &pyannote_api_sys::Client {
        &self.raw
    }

    #[cfg(test)]
    pub(crate) fn executor(&self) -> &Arc<Executor> {
        &self.executor
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.executor.settings.base_url.as_str())
            .finish_non_exhaustive()
    }
}
