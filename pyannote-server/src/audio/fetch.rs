//! Fetching of recordings into temporary files.
//!
//! Files are fetched as they are stored: compression is not asked for, but gzip is decoded. A server that fails is not asked
//! again here: the job waits for that in the queue.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use http::header::{ACCEPT_ENCODING, RETRY_AFTER};
use pyannote_engine::audio::{AudioError, Limits};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, Url};
use tempfile::TempPath;

use super::RecordingError;
use super::content_encoding::{ContentEncoding, gunzip};
use super::failure::Failure;
use super::url_policy;
use crate::disk_space::MinFree;
use crate::pace::Pace;
use crate::recording_file::{RecordingFile, TempFiles};
use crate::ssrf_guard::{PrivateName, Resolver};

/// Options of a [`Fetcher`].
///
/// ```
/// use pyannote_server::audio::{FetchConfig, Fetcher};
///
/// let mut config = FetchConfig::default();
/// config.timeout = std::time::Duration::from_secs(60);
/// assert!(!config.allow_private_networks);
/// let fetcher = Fetcher::new(config)?;
/// # Ok::<(), pyannote_server::audio::RecordingError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FetchConfig {
    /// Whether recordings may be fetched from loopback and private addresses. Anyone who can submit jobs can then make
    /// the server send requests to hosts on its own network. Default: `false`.
    pub allow_private_networks: bool,
    /// Maximum size of a file, in bytes. Default: 1 GiB.
    pub max_bytes: u64,
    /// Maximum number of redirects. Default: 5.
    pub max_redirects: usize,
    /// Timeout of connecting. Default: 10 s.
    pub connect_timeout: Duration,
    /// Timeout of waiting for more data. Default: 60 s.
    pub idle_timeout: Duration,
    /// Minimum rate at which a body arrives, on average over every `idle_timeout`. Default: 8 KiB/s. At less than 6 KiB/s,
    /// not even an hour of well compressed speech (11 MB) would arrive before `timeout`. A host that is asked for 8
    /// recordings at the same time, as many as the server asks one for, needs 0.5 Mbit/s.
    pub min_bytes_per_s: u64,
    /// Timeout of all. Default: 30 min.
    pub timeout: Duration,
    /// Directory of the temporary files: fetched recordings, and the samples of those of more than 15 minutes. Default:
    /// that of the system, and for samples that of
    /// [`temporary_folder`](pyannote_engine::audio::DecodeOptions::temporary_folder).
    pub temp_dir: Option<PathBuf>,
    /// Space on the disk that these files leave free, in bytes; at most a fortieth of the disk. A recording that needs it
    /// waits. Samples are taken into account only with `temp_dir`. Default: 512 MiB.
    pub free_bytes: u64,
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self {
            allow_private_networks: false,
            max_bytes: Limits::default().bytes,
            max_redirects: 5,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            min_bytes_per_s: 8 << 10,
            timeout: Duration::from_secs(30 * 60),
            temp_dir: None,
            free_bytes: 512 << 20,
        }
    }
}

impl FetchConfig {
    /// Where the temporary files are.
    pub(super) fn temp_files(&self) -> TempFiles {
        TempFiles {
            folder: self.temp_dir.clone(),
            min_free: MinFree {
                bytes: self.free_bytes,
                divisor: 40,
            },
        }
    }
}

/// A fetched recording, in a temporary file that is deleted on drop.
#[derive(Debug)]
pub struct FetchedFile {
    path: TempPath,
    bytes: u64,
}

impl FetchedFile {
    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the size of the file, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Fetches recordings from http(s) URLs.
///
/// Requests carry no credentials, cookies or referrer. The proxy settings of the environment are ignored, because a
/// proxy would resolve host names itself and could reach private addresses. Errors and logs never contain the query of
/// a URL, which may be a signature.
#[derive(Clone, Debug)]
pub struct Fetcher {
    client: Client,
    config: FetchConfig,
}

impl Fetcher {
    /// Creates a fetcher.
    ///
    /// # Errors
    ///
    /// Returns [`RecordingError::Fetch`] if TLS cannot be set up.
    pub fn new(config: FetchConfig) -> Result<Self, RecordingError> {
        let (allow_private, max_redirects) = (config.allow_private_networks, config.max_redirects);
        let client = Client::builder()
            .user_agent(concat!("pyannote-server/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Resolver { allow_private })
            .redirect(Policy::custom(move |attempt| {
                follow_redirect(attempt, allow_private, max_redirects)
            }))
            .referer(false)
            // Whatever other crates enable.
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .no_proxy()
            .connect_timeout(config.connect_timeout)
            .read_timeout(config.idle_timeout)
            .build()
            .map_err(to_recording_error)?;
        Ok(Self { client, config })
    }

    /// Fetches a recording.
    ///
    /// # Errors
    ///
    /// Returns [`RecordingError`] if the URL is unsupported or leads to a private address, if the server does not
    /// respond successfully and in time, or if the file is too large.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), pyannote_server::audio::RecordingError> {
    /// use pyannote_engine::audio::decode;
    /// use pyannote_server::audio::{FetchConfig, Fetcher};
    ///
    /// let fetcher = Fetcher::new(FetchConfig::default())?;
    /// let file = fetcher.fetch("https://example.com/meeting.wav").await?;
    /// let recording = decode(file.path())?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch(&self, url: &str) -> Result<FetchedFile, RecordingError> {
        let fetched = self.try_fetch(url).await;
        fetched.map_err(|failure| failure.error)
    }

    pub(super) async fn try_fetch(&self, url: &str) -> Result<FetchedFile, Failure> {
        let url =
            Url::parse(url).map_err(|_| RecordingError::UnsupportedUrl("it is not a valid URL"))?;
        url_policy::check(&url, self.config.allow_private_networks)?;
        match tokio::time::timeout(self.config.timeout, self.request(url)).await {
            Ok(result) => result,
            Err(_) => Err(RecordingError::TimedOut.into()),
        }
    }

    async fn request(&self, url: Url) -> Result<FetchedFile, Failure> {
        // Servers are not asked for recordings that cannot be stored.
        drop(self.temp_file(0)?);
        let request = self.client.get(url).header(ACCEPT_ENCODING, "identity");
        let response = request.send().await.map_err(to_recording_error)?;
        let status = response.status();
        if !status.is_success() {
            let retry_after = response.headers().get(RETRY_AFTER);
            let retry_after_s = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
            return Err(Failure {
                error: RecordingError::Status(status.as_u16()),
                retry_after: retry_after_s.map(Duration::from_secs),
            });
        }
        let encoding = ContentEncoding::of(response.headers())?;
        let file = self.save(response).await?;
        match encoding {
            ContentEncoding::Identity => Ok(file),
            ContentEncoding::Gzip => Ok(self.decompress(file).await?),
        }
    }

    /// Writes the body of a response to a temporary file.
    async fn save(&self, mut response: Response) -> Result<FetchedFile, RecordingError> {
        let limit = self.config.max_bytes;
        if response
            .content_length()
            .is_some_and(|length| length > limit)
        {
            return Err(AudioError::TooLarge { limit }.into());
        }
        let mut file = self.temp_file(response.content_length().unwrap_or(0))?;
        let mut bytes = 0;
        let mut pace = Pace::new(self.config.min_bytes_per_s, self.config.idle_timeout);
        loop {
            let start = Instant::now();
            let chunk = response.chunk().await.map_err(to_recording_error)?;
            let Some(chunk) = chunk else { break };
            bytes += chunk.len() as u64;
            if pace.is_too_slow(chunk.len() as u64, start.elapsed()) {
                return Err(RecordingError::TooSlow {
                    bytes: pace.min_bytes(),
                    window: pace.window(),
                });
            }
            // The announced length may be missing or wrong.
            if bytes > limit {
                return Err(AudioError::TooLarge { limit }.into());
            }
            file = file.append(chunk).await.map_err(RecordingError::TempFile)?;
        }
        let path = file.into_path();
        Ok(FetchedFile { path, bytes })
    }

    async fn decompress(&self, compressed: FetchedFile) -> Result<FetchedFile, RecordingError> {
        let mut file = self.temp_file(0)?;
        let max_bytes = self.config.max_bytes;
        let decompress = move || {
            let bytes = gunzip(compressed.path(), &mut file, max_bytes)?;
            let path = file.into_path();
            Ok(FetchedFile { path, bytes })
        };
        let task = tokio::task::spawn_blocking(decompress);
        task.await.map_err(|_| AudioError::DecoderFailed)?
    }

    /// Creates a temporary file, if there is space for the bytes that are announced.
    fn temp_file(&self, announced_bytes: u64) -> Result<RecordingFile, RecordingError> {
        let file = self.config.temp_files().create(announced_bytes);
        file.map_err(RecordingError::TempFile)
    }
}

/// Follows a redirect, unless its target must not be fetched.
fn follow_redirect(
    attempt: Attempt<'_>,
    allow_private: bool,
    max_redirects: usize,
) -> reqwest::redirect::Action {
    if attempt.previous().len() > max_redirects {
        return attempt.error(RecordingError::TooManyRedirects);
    }
    match url_policy::check(attempt.url(), allow_private) {
        Ok(()) => attempt.follow(),
        Err(error) => attempt.error(error),
    }
}

/// Converts an error of the HTTP client, and removes the URL. Recognizes the errors of the redirect policy and the
/// resolver among the causes.
fn to_recording_error(error: reqwest::Error) -> RecordingError {
    let error = error.without_url();
    let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(current) = cause {
        if let Some(PrivateName(host)) = current.downcast_ref() {
            return RecordingError::PrivateAddress(host.clone());
        }
        match current.downcast_ref() {
            Some(RecordingError::TooManyRedirects) => return RecordingError::TooManyRedirects,
            Some(RecordingError::PrivateAddress(host)) => {
                return RecordingError::PrivateAddress(host.clone());
            }
            Some(RecordingError::UnsupportedUrl(reason)) => {
                return RecordingError::UnsupportedUrl(reason);
            }
            _ => {}
        }
        cause = current.source();
    }
    match error.is_timeout() {
        true => RecordingError::TimedOut,
        false => RecordingError::Fetch(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::http::header::LOCATION;
    use axum::http::{StatusCode, Uri};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Starts a server that redirects to the URL in the query. It stands for a public server: the tests bypass the
    /// check of the first URL, which is on loopback.
    async fn redirect_server() -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(|uri: Uri| async move {
            match uri.query() {
                Some(target) => (StatusCode::FOUND, [(LOCATION, target.to_owned())]),
                None => (StatusCode::OK, [(LOCATION, String::new())]),
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    #[tokio::test]
    async fn rejects_redirects_to_private_addresses() {
        let url = redirect_server().await;
        let port = url.rsplit(':').next().unwrap();
        let fetcher = Fetcher::new(FetchConfig::default()).unwrap();
        for host in [
            "127.0.0.1",
            "0x7f.1",
            "2130706433",
            "[::ffff:127.0.0.1]",
            "169.254.169.254",
            "localhost",
        ] {
            let url = format!("{url}/?http://{host}:{port}/secret");
            let error = to_recording_error(fetcher.client.get(url).send().await.unwrap_err());
            let text = format!("{error} {error:?}");
            assert!(
                matches!(error, RecordingError::PrivateAddress(_)),
                "{host}: {text}"
            );
            assert!(!text.contains("secret"), "{text}");
        }
        // The server itself is reachable: only the redirects were rejected.
        assert!(fetcher.client.get(&url).send().await.is_ok());
    }

    /// A server that answers each connection with the next of these texts, and then closes it. Returns its URL, and the
    /// requests.
    async fn scripted_server(responses: Vec<Vec<u8>>) -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/a.wav?secret", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&requests);
        tokio::spawn(async move {
            for response in responses {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let length = connection.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(&request[..length]).to_lowercase();
                received.lock().unwrap().push(request);
                connection.write_all(&response).await.unwrap();
            }
        });
        (url, requests)
    }

    fn response(headers: &str, body: &[u8]) -> Vec<u8> {
        let head = format!(
            "HTTP/1.1 {headers}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    }

    fn fetcher() -> Fetcher {
        Fetcher::new(FetchConfig {
            allow_private_networks: true,
            max_bytes: 2_000,
            ..FetchConfig::default()
        })
        .unwrap()
    }

    #[tokio::test]
    async fn files_are_asked_for_as_they_are_stored() {
        let (url, requests) = scripted_server(vec![response("200 OK", &[7; 1_000])]).await;
        let file = fetcher().fetch(&url).await.unwrap();
        assert_eq!(std::fs::read(file.path()).unwrap(), [7; 1_000]);
        let requests = requests.lock().unwrap();
        let identity = "accept-encoding: identity";
        assert!(requests.iter().all(|request| request.contains(identity)));
    }

    #[tokio::test]
    async fn a_failure_has_the_delay_that_the_server_asked_for() {
        for (header, expected_s) in [("Retry-After: 7", Some(7)), ("Retry-After: soon", None)] {
            let failed = response(&format!("503 Service Unavailable\r\n{header}"), b"");
            let (url, _) = scripted_server(vec![failed]).await;
            let failure = fetcher().try_fetch(&url).await.unwrap_err();
            assert!(matches!(failure.error, RecordingError::Status(503)));
            assert_eq!(failure.retry_after, expected_s.map(Duration::from_secs));
        }
    }

    #[tokio::test]
    async fn gzip_is_decoded_up_to_the_limit() {
        let gzip = |bytes: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
            std::io::Write::write_all(&mut encoder, bytes).unwrap();
            encoder.finish().unwrap()
        };
        let encoded = |body: &[u8]| response("200 OK\r\nContent-Encoding: gzip", body);
        let (url, _) = scripted_server(vec![encoded(&gzip(&[7; 2_000]))]).await;
        let file = fetcher().fetch(&url).await.unwrap();
        assert_eq!(file.bytes(), 2_000);
        assert_eq!(std::fs::read(file.path()).unwrap(), [7; 2_000]);
        // A small file may contain much more.
        let too_large = AudioError::TooLarge { limit: 2_000 }.to_string();
        let broken = "cannot decompress the recording, which the server sent with gzip";
        for (body, message) in [
            (gzip(&[7; 2_001]), &*too_large),
            (b"no gzip".to_vec(), broken),
            (gzip(&[7; 500])[..20].to_vec(), broken),
        ] {
            let (url, _) = scripted_server(vec![encoded(&body)]).await;
            let error = fetcher().fetch(&url).await.unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
