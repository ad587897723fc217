//! What a client is made of: the builder, the environment, and the checks of both.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use pyannote_api_sys::hooks::is_loopback;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::transport::{
    Clock, Executor, RESERVED_HEADERS, RateLimit, RetryPolicy, Settings, SystemClock,
};

/// The environment variable of the API key, as the provider's Python SDK reads it.
pub(crate) const API_KEY: &str = "PYANNOTEAI_API_KEY";
/// The environment variable of the base URL.
pub(crate) const BASE_URL: &str = "PYANNOTEAI_BASE_URL";
/// The service.
const DEFAULT_BASE_URL: &str = "https://api.pyannote.ai";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(300);

/// Sets up a [`Client`]. Nothing is sent before the first request.
///
/// ```
/// use std::time::Duration;
/// use pyannote::{Client, RetryPolicy};
///
/// let client = Client::builder()
///     .api_key("your key")
///     .attempt_timeout(Duration::from_secs(30))
///     .retry(RetryPolicy::default().max_attempts(3))
///     .build()?;
/// # Ok::<(), pyannote::Error>(())
/// ```
#[must_use]
pub struct ClientBuilder {
    api_key: Option<SecretString>,
    base_url: Option<String>,
    allow_insecure_http: bool,
    connect_timeout: Duration,
    attempt_timeout: Duration,
    total_timeout: Option<Duration>,
    retry: RetryPolicy,
    rate_limit: Option<RateLimit>,
    http: Option<reqwest::Client>,
    headers: Vec<(String, String)>,
    user_agent: Option<String>,
    keep_raw: bool,
    clock: Option<Arc<dyn Clock>>,
}

impl ClientBuilder {
    pub(crate) fn new() -> Self {
        Self {
            api_key: None,
            base_url: None,
            allow_insecure_http: false,
            connect_timeout: CONNECT_TIMEOUT,
            attempt_timeout: ATTEMPT_TIMEOUT,
            total_timeout: Some(TOTAL_TIMEOUT),
            retry: RetryPolicy::default(),
            rate_limit: None,
            http: None,
            headers: Vec::new(),
            user_agent: None,
            keep_raw: false,
            clock: None,
        }
    }

    /// A builder with what the environment says: see [`Client::from_env`].
    pub(crate) fn from_env() -> Result<Self, Error> {
        Self::from_variables(|name| std::env::var_os(name))
    }

    fn from_variables(read: impl Fn(&str) -> Option<std::ffi::OsString>) -> Result<Self, Error> {
        let text = |name: &str| -> Result<Option<String>, Error> {
            let Some(value) = read(name).filter(|value| !value.is_empty()) else {
                return Ok(None);
            };
            // The value is not shown: it may be the key.
            value.into_string().map(Some).map_err(|_| {
                Error::new(
                    ErrorKind::Config,
                    format!("the environment variable {name} is not Unicode"),
                )
            })
        };
        let Some(api_key) = text(API_KEY)? else {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "there is no API key: set the environment variable {API_KEY} to a key from the dashboard"
                ),
            ));
        };
        let builder = Self::new().api_key(api_key);
        Ok(match text(BASE_URL)? {
            Some(url) => builder.base_url(url),
            None => builder,
        })
    }

    /// The API key. It is kept as a secret and sent to the base URL's origin alone.
    pub fn api_key(mut self, key: impl Into<SecretString>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// Where the service is; `https://api.pyannote.ai` unless set. Plain http is for loopback addresses only.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Allows a base URL of plain http on another machine. The API key and the recordings' addresses then cross the
    /// network in the clear.
    pub fn allow_insecure_http(mut self) -> Self {
        self.allow_insecure_http = true;
        self
    }

    /// How long to wait for a connection; 10 s unless set. Without effect on a [`http_client`](Self::http_client) of
    /// your own.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long one attempt may take, up to the last byte of the answer; 60 s unless set. Uploads and downloads have
    /// as much more as their size takes at 100 kB/s, and the body of a job five times as long.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// How long a call may take with all its attempts and the waits between them; 5 min unless set, and `None` for no
    /// limit. A submission that was sent in time is heard out all the same, as long as an attempt may take: cut short,
    /// nobody would know whether it was accepted. A job's end is waited for with [`Wait::timeout`](crate::Wait::timeout) instead.
    pub fn total_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.total_timeout = timeout.into();
        self
    }

    /// When to send a failed request again.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// A limit for every endpoint, each counted for itself. Unless set, the API's documented limits: 100 a minute, 300
    /// for reads of jobs, and what the service says on its answers.
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate_limit = Some(limit);
        self
    }

    /// An HTTP client of your own, for proxies, certificates and the like.
    ///
    /// Let it follow no redirects and retry nothing, as the SDK's own: it would send submissions twice, and the
    /// addresses of recordings elsewhere. Since it might, a submission that finds no connection is not sent again but
    /// ends in [`ErrorKind::OutcomeUnknown`]. Its default headers and cookies also go to pre-signed URLs.
    pub fn http_client(mut self, http: reqwest::Client) -> Self {
        self.http = Some(http);
        self
    }

    /// A header for every request to the service. `Authorization`, `User-Agent` and those that describe the body or the
    /// connection are the client's own.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Who is calling, sent in front of the SDK's own name and version. The provider's edge refuses clients without a
    /// user agent, so one is always sent.
    pub fn user_agent(mut self, agent: impl Into<String>) -> Self {
        self.user_agent = Some(agent.into());
        self
    }

    /// Keeps the body that a result came in, for what the SDK does not know yet: see
    /// [`Diarization::raw`](crate::Diarization::raw). It takes as much memory as the body: 17 MB for 24 h of frame
    /// confidence.
    pub fn keep_raw_bodies(mut self) -> Self {
        self.keep_raw = true;
        self
    }

    /// The clock, for tests that must not sleep.
    #[cfg(any(test, feature = "test-util"))]
    #[doc(hidden)]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] where the key is missing or cannot be sent in a header, the base URL is none or is plain
    /// http to another machine, or a header cannot be sent.
    pub fn build(self) -> Result<Client, Error> {
        let config = |message: String| Error::new(ErrorKind::Config, message);
        let key = self.api_key.as_ref().map(|key| key.expose_secret().trim());
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            return Err(config(
                "there is no API key: set one with .api_key(key)".to_owned(),
            ));
        };
        let mut authorization = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| {
            config(
                "the API key has characters that a header cannot carry: check what was copied"
                    .to_owned(),
            )
        })?;
        authorization.set_sensitive(true);

        let own = concat!("pyannote-rust/", env!("CARGO_PKG_VERSION"));
        let agent = match &self.user_agent {
            Some(agent) => format!("{agent} {own}"),
            None => own.to_owned(),
        };
        let user_agent = HeaderValue::try_from(agent).map_err(|_| {
            config("the user agent has characters that a header cannot carry".to_owned())
        })?;

        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let parsed = HeaderName::try_from(name.as_str())
                .map_err(|_| config(format!("{name:?} is no name of a header")))?;
            if RESERVED_HEADERS.contains(&parsed) {
                return Err(config(format!(
                    "the header {name} is set by the client itself"
                )));
            }
            let mut value = HeaderValue::try_from(value.as_str()).map_err(|_| {
                config(format!(
                    "the value of the header {name} has characters that a header cannot carry"
                ))
            })?;
            // It may be a secret of a gateway in between.
            value.set_sensitive(true);
            headers.insert(parsed, value);
        }

        let base_url = base_url(
            self.base_url.as_deref().unwrap_or(DEFAULT_BASE_URL),
            self.allow_insecure_http,
        )?;
        let custom_http_client = self.http.is_some();
        let http = match self.http {
            Some(http) => http,
            None => own_http(&base_url, self.connect_timeout).map_err(|error| {
                config("the HTTP client cannot be set up".to_owned()).with_source(error)
            })?,
        };
        let settings = Settings {
            base_url,
            allow_insecure_http: self.allow_insecure_http,
            authorization,
            user_agent,
            headers,
            attempt_timeout: self.attempt_timeout,
            total_timeout: self.total_timeout,
            retry: self.retry,
            rate_limit: self.rate_limit,
            clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock::new())),
            custom_http_client,
        };
        Ok(Client::new(Executor::new(settings, http), self.keep_raw))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("api_key", &self.api_key.as_ref().map(|_| "…"))
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// The SDK's own HTTP client.
fn own_http(base_url: &Url, connect_timeout: Duration) -> reqwest::Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .connect_timeout(connect_timeout)
        .redirect(reqwest::redirect::Policy::none());
    let builder = match base_url.scheme() {
        // What is for this machine in the clear must not reach a proxy of the environment.
        "http" if is_loopback(base_url) => builder.no_proxy(),
        _ => builder,
    };
    builder.build()
}

/// A base URL that can be used.
fn base_url(text: &str, allow_insecure_http: bool) -> Result<Url, Error> {
    let refused = |why: String| {
        // The text is not shown: it may hold a password.
        Error::new(
            ErrorKind::Config,
            format!("the base URL cannot be used: {why}"),
        )
    };
    let url = Url::parse(text.trim()).map_err(|error| refused(error.to_string()))?;
    match url.scheme() {
        "https" => {}
        "http" if allow_insecure_http || is_loopback(&url) => {}
        "http" => {
            return Err(refused(
                "it is plain http to another machine, where the API key could be read on the way; use https, or say \
                 .allow_insecure_http()"
                    .to_owned(),
            ));
        }
        scheme => {
            return Err(refused(format!(
                "its scheme {scheme} is neither https nor http"
            )));
        }
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(refused("it names no host".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused(
            "it holds a user name or password; the API key is sent instead".to_owned(),
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("it has a query or a fragment".to_owned()));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(builder: ClientBuilder) -> String {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string()
    }

    fn builder() -> ClientBuilder {
        ClientBuilder::new().api_key("sk-secret")
    }

    #[test]
    fn base_urls() {
        for (url, allowed) in [
            ("https://api.pyannote.ai", true),
            ("https://api.pyannote.ai/", true),
            ("https://gateway.example.com/pyannote", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://localhost", true),
            ("http://api.pyannote.ai", false),
            ("http://127.0.0.1.example.com", false),
            ("http://localhost.example.com", false),
            ("ftp://api.pyannote.ai", false),
            ("api.pyannote.ai", false),
            ("https://user:password@api.pyannote.ai", false),
            ("https://api.pyannote.ai?key=1", false),
            ("", false),
        ] {
            assert_eq!(builder().base_url(url).build().is_ok(), allowed, "{url}");
        }
        builder()
            .base_url("http://10.0.0.1")
            .allow_insecure_http()
            .build()
            .unwrap();
    }

    #[test]
    fn no_secret_is_shown() {
        let client = builder()
            .header("x-gateway", "gateway-secret")
            .build()
            .unwrap();
        for shown in [format!("{client:?}"), format!("{:?}", builder())] {
            assert!(
                !shown.contains("sk-secret") && !shown.contains("gateway-secret"),
                "{shown}"
            );
        }
        let error = message(builder().base_url("https://user:password@host"));
        assert!(!error.contains("password@"), "{error}");
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        assert!(message(ClientBuilder::new()).contains(".api_key(key)"));
        assert!(message(ClientBuilder::new().api_key("  ")).contains(".api_key(key)"));
        assert!(!message(ClientBuilder::new().api_key("se\ncret")).contains("cret"));
        assert!(message(builder().header("Authorization", "x")).contains("Authorization"));
        assert!(message(builder().header("content-length", "3")).contains("content-length"));
        assert!(message(builder().header("bad name", "x")).contains("bad name"));
        assert!(message(builder().header("x-a", "a\nb")).contains("x-a"));
        assert!(message(builder().user_agent("a\nb")).contains("user agent"));
    }

    #[test]
    fn the_environment() {
        let with = |key: &'static str, url: &'static str| {
            ClientBuilder::from_variables(move |name| {
                Some(if name == API_KEY {
                    key.into()
                } else {
                    url.into()
                })
            })
        };
        with("key", "http://127.0.0.1:1").unwrap().build().unwrap();
        with("key", "").unwrap().build().unwrap();
        assert!(with("key", "http://example.com").unwrap().build().is_err());
        let error = with("", "").unwrap_err().to_string();
        assert!(error.contains("PYANNOTEAI_API_KEY"), "{error}");
    }
}
