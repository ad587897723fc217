//! Fetching of recordings into temporary files.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pyannote_engine::audio::{AudioError, Limits};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, Url};
use tempfile::TempPath;
use tokio::io::AsyncWriteExt;

use super::RecordingError;
use super::ssrf_guard::{self, PrivateName, Resolver};

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
    /// Timeout of the whole request. Default: 30 min.
    pub timeout: Duration,
    /// Directory of the temporary files: fetched recordings, and the samples of those of more than 15 minutes. Default:
    /// that of the system, and for samples that of
    /// [`temporary_folder`](pyannote_engine::audio::DecodeOptions::temporary_folder).
    pub temp_dir: Option<PathBuf>,
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self {
            allow_private_networks: false,
            max_bytes: Limits::default().bytes,
            max_redirects: 5,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            timeout: Duration::from_secs(30 * 60),
            temp_dir: None,
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
            .no_proxy()
            .connect_timeout(config.connect_timeout)
            .read_timeout(config.idle_timeout)
            .timeout(config.timeout)
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
        let url =
            Url::parse(url).map_err(|_| RecordingError::UnsupportedUrl("it is not a valid URL"))?;
        ssrf_guard::check(&url, self.config.allow_private_networks)?;
        let response = self
            .client
            .get(url)
            .send()
            .await
            .map_err(to_recording_error)?;
        let status = response.status();
        if !status.is_success() {
            return Err(RecordingError::Status(status.as_u16()));
        }
        self.save(response).await
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
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix("recording-");
        let file = match &self.config.temp_dir {
            Some(folder) => builder.tempfile_in(folder),
            None => builder.tempfile(),
        };
        let (file, path) = file.map_err(RecordingError::TempFile)?.into_parts();
        let mut file = tokio::fs::File::from_std(file);
        let mut bytes = 0;
        while let Some(chunk) = response.chunk().await.map_err(to_recording_error)? {
            bytes += chunk.len() as u64;
            // The announced length may be missing or wrong.
            if bytes > limit {
                return Err(AudioError::TooLarge { limit }.into());
            }
            file.write_all(&chunk)
                .await
                .map_err(RecordingError::TempFile)?;
        }
        file.flush().await.map_err(RecordingError::TempFile)?;
        Ok(FetchedFile { path, bytes })
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
    match ssrf_guard::check(attempt.url(), allow_private) {
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
    use axum::http::header::LOCATION;
    use axum::http::{StatusCode, Uri};

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
}
