//! Fetches recordings from the web into temporary files.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pyannote_engine::audio::{AudioError, Limits};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, Url};
use tempfile::TempPath;
use tokio::io::AsyncWriteExt;

use super::LoadError;
use super::ssrf_guard::{self, PrivateName, Resolver};

/// How recordings are fetched.
///
/// ```
/// use pyannote_server::audio::{FetchConfig, Fetcher};
///
/// let mut config = FetchConfig::default();
/// config.timeout = std::time::Duration::from_secs(60);
/// assert!(!config.allow_private);
/// let fetcher = Fetcher::new(config)?;
/// # Ok::<(), pyannote_server::audio::LoadError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FetchConfig {
    /// Whether recordings may come from this machine and its networks. Whoever may send jobs can then make the server
    /// ask anything there for a file. Not allowed by default.
    pub allow_private: bool,
    /// The largest file, in bytes. 1 GiB by default.
    pub max_bytes: u64,
    /// How many redirects are followed. 5 by default.
    pub max_redirects: usize,
    /// How long a connection may take. 10 s by default.
    pub connect_timeout: Duration,
    /// How long a server may be silent. 60 s by default.
    pub idle_timeout: Duration,
    /// How long it may take in all. 30 min by default.
    pub timeout: Duration,
    /// Where the temporary files are; where the system has them by default.
    pub folder: Option<PathBuf>,
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self {
            allow_private: false,
            max_bytes: Limits::default().bytes,
            max_redirects: 5,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            timeout: Duration::from_secs(30 * 60),
            folder: None,
        }
    }
}

/// A fetched recording, in a temporary file that is gone with it.
#[derive(Debug)]
pub struct Fetched {
    path: TempPath,
    bytes: u64,
}

impl Fetched {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its size, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Fetches recordings from http(s) URLs.
///
/// Nothing is sent that identifies anyone: no credentials, no cookies, no referrer. No proxy of the environment is
/// used, for a proxy would resolve the names itself and reach what must not be reached. The query of a URL, which may
/// be a signature, is in no error and no log.
#[derive(Clone, Debug)]
pub struct Fetcher {
    client: Client,
    config: FetchConfig,
}

impl Fetcher {
    /// A fetcher.
    ///
    /// # Errors
    ///
    /// [`LoadError::Fetch`] where TLS cannot be set up.
    pub fn new(config: FetchConfig) -> Result<Self, LoadError> {
        let (allow_private, max_redirects) = (config.allow_private, config.max_redirects);
        let client = Client::builder()
            .user_agent(concat!("pyannote-server/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Resolver { allow_private })
            .redirect(Policy::custom(move |attempt| {
                follow(attempt, allow_private, max_redirects)
            }))
            .referer(false)
            .no_proxy()
            .connect_timeout(config.connect_timeout)
            .read_timeout(config.idle_timeout)
            .timeout(config.timeout)
            .build()
            .map_err(explain)?;
        Ok(Self { client, config })
    }

    /// Fetches a recording.
    ///
    /// # Errors
    ///
    /// An [`LoadError`]: the URL is none that is fetched or leads to a private address, the server does not answer
    /// with success or in time, or the file is too large.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), pyannote_server::audio::LoadError> {
    /// use pyannote_server::audio::{FetchConfig, Fetcher, decode};
    ///
    /// let fetcher = Fetcher::new(FetchConfig::default())?;
    /// let file = fetcher.fetch("https://example.com/meeting.wav").await?;
    /// let recording = decode(file.path())?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch(&self, url: &str) -> Result<Fetched, LoadError> {
        let url = Url::parse(url).map_err(|_| LoadError::UnsupportedUrl("it is no URL"))?;
        ssrf_guard::check(&url, self.config.allow_private)?;
        let response = self.client.get(url).send().await.map_err(explain)?;
        let status = response.status();
        if !status.is_success() {
            return Err(LoadError::Status(status.as_u16()));
        }
        self.keep(response).await
    }

    /// Writes the body of an answer to a temporary file.
    async fn keep(&self, mut response: Response) -> Result<Fetched, LoadError> {
        let limit = self.config.max_bytes;
        if response
            .content_length()
            .is_some_and(|length| length > limit)
        {
            return Err(AudioError::TooLarge { limit }.into());
        }
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix("recording-");
        let file = match &self.config.folder {
            Some(folder) => builder.tempfile_in(folder)?,
            None => builder.tempfile()?,
        };
        let (file, path) = file.into_parts();
        let mut file = tokio::fs::File::from_std(file);
        let mut bytes = 0;
        while let Some(chunk) = response.chunk().await.map_err(explain)? {
            bytes += chunk.len() as u64;
            // The length may not have been announced, or not truly.
            if bytes > limit {
                return Err(AudioError::TooLarge { limit }.into());
            }
            file.write_all(&chunk).await?;
        }
        file.flush().await?;
        Ok(Fetched { path, bytes })
    }
}

/// Follows a redirect, or not: its target is a stranger's as well.
fn follow(
    attempt: Attempt<'_>,
    allow_private: bool,
    max_redirects: usize,
) -> reqwest::redirect::Action {
    if attempt.previous().len() > max_redirects {
        return attempt.error(LoadError::TooManyRedirects);
    }
    match ssrf_guard::check(attempt.url(), allow_private) {
        Ok(()) => attempt.follow(),
        Err(error) => attempt.error(error),
    }
}

/// What went wrong, without the URL.
fn explain(error: reqwest::Error) -> LoadError {
    let (timed_out, error) = (error.is_timeout(), error.without_url());
    let mut deepest: &(dyn StdError + 'static) = &error;
    loop {
        if let Some(PrivateName(host)) = deepest.downcast_ref() {
            return LoadError::PrivateAddress(host.clone());
        }
        match deepest.downcast_ref() {
            Some(LoadError::TooManyRedirects) => return LoadError::TooManyRedirects,
            Some(LoadError::PrivateAddress(host)) => {
                return LoadError::PrivateAddress(host.clone());
            }
            Some(LoadError::UnsupportedUrl(reason)) => return LoadError::UnsupportedUrl(reason),
            _ => {}
        }
        match deepest.source() {
            Some(source) => deepest = source,
            None => break,
        }
    }
    match timed_out {
        true => LoadError::TimedOut,
        false => LoadError::Fetch(deepest.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::LOCATION;
    use axum::http::{StatusCode, Uri};

    use super::*;

    /// A server that redirects to what the query says. The guard would not let it be asked, so these tests go around
    /// the check of the first URL, and it stands for a public one.
    async fn redirecting() -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(|uri: Uri| async move {
            match uri.query() {
                Some(to) => (StatusCode::FOUND, [(LOCATION, to.to_owned())]),
                None => (StatusCode::OK, [(LOCATION, String::new())]),
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    #[tokio::test]
    async fn a_redirect_to_a_private_address_is_refused() {
        let url = redirecting().await;
        let port = url.rsplit(':').next().unwrap();
        let guarded = Fetcher::new(FetchConfig::default()).unwrap();
        for host in [
            "127.0.0.1",
            "0x7f.1",
            "2130706433",
            "[::ffff:127.0.0.1]",
            "169.254.169.254",
            "localhost",
        ] {
            let url = format!("{url}/?http://{host}:{port}/secret");
            let error = explain(guarded.client.get(url).send().await.unwrap_err());
            let said = format!("{error} {error:?}");
            assert!(
                matches!(error, LoadError::PrivateAddress(_)),
                "{host}: {said}"
            );
            assert!(!said.contains("secret"), "{said}");
        }
        // The server does answer: it is the guard that refuses.
        assert!(guarded.client.get(&url).send().await.is_ok());
    }
}
