//! The builder of a client, and the environment variables that configure it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use pyannote_api_sys::hooks::is_loopback;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, ErrorKind};
use crate::header;
use crate::job::JobId;
use crate::redact::{Protected, protect};
use crate::transport::{
    Clock, Connection, Executor, HAS_TLS, NO_TLS, Proxy, RateLimit, ResponseLimits, RetryPolicy,
    Settings, SubmissionHooks, SystemClock,
};

/// Environment variable of the API key, the same as that of the provider's Python SDK.
const API_KEY_VAR: &str = "PYANNOTEAI_API_KEY";
/// Environment variable of the base URL.
const BASE_URL_VAR: &str = "PYANNOTEAI_BASE_URL";
const DEFAULT_BASE_URL: &str = "https://api.pyannote.ai";

/// A header of at least this length that a user adds may be a secret.
const MIN_SECRET_HEADER_BYTES: usize = 16;

const DEFAULT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
const DEFAULT_STALL_TIMEOUT: Duration = Duration::from_secs(30);
const DEFAULT_TOTAL_TIMEOUT: Duration = Duration::from_secs(300);

/// Configures a [`Client`](crate::Client).
///
/// ```
/// use std::time::Duration;
/// use pyannote::{Client, RetryPolicy};
///
/// let client = Client::builder()
///     .api_key("your-key")
///     .attempt_timeout(Duration::from_secs(30))
///     .retry(RetryPolicy::default().max_attempts(3))
///     .build()?;
/// # Ok::<(), pyannote::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    api_key: Option<SecretString>,
    base_url: Option<String>,
    allow_insecure_http: bool,
    attempt_timeout: Duration,
    stall_timeout: Duration,
    total_timeout: Option<Duration>,
    retry: RetryPolicy,
    rate_limit: RateLimit,
    wait_reads_per_minute: Option<u32>,
    response_limits: ResponseLimits,
    connection: Connection,
    http: Option<reqwest::Client>,
    headers: Vec<(String, String)>,
    user_agent: Option<String>,
    keep_raw_bodies: bool,
    submission_hooks: SubmissionHooks,
    clock: Option<Arc<dyn Clock>>,
}

impl ClientBuilder {
    pub(crate) fn new() -> Self {
        Self {
            api_key: None,
            base_url: None,
            allow_insecure_http: false,
            attempt_timeout: DEFAULT_ATTEMPT_TIMEOUT,
            stall_timeout: DEFAULT_STALL_TIMEOUT,
            total_timeout: Some(DEFAULT_TOTAL_TIMEOUT),
            retry: RetryPolicy::default(),
            rate_limit: RateLimit::default(),
            wait_reads_per_minute: None,
            response_limits: ResponseLimits::default(),
            connection: Connection::new(),
            http: None,
            headers: Vec::new(),
            user_agent: None,
            keep_raw_bodies: false,
            submission_hooks: SubmissionHooks::default(),
            clock: None,
        }
    }

    /// Creates a builder with the API key in the environment variable `PYANNOTEAI_API_KEY`, and the base URL in
    /// `PYANNOTEAI_BASE_URL` if that is set. Empty variables count as unset.
    ///
    /// ```no_run
    /// use pyannote::{ClientBuilder, RateLimit};
    ///
    /// let client = ClientBuilder::from_env()?.rate_limit(RateLimit::per_minute(50)).build()?;
    /// # Ok::<(), pyannote::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the API key is not set, or a variable is not Unicode.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(|name| std::env::var_os(name))
    }

    fn from_variables(read: impl Fn(&str) -> Option<std::ffi::OsString>) -> Result<Self, Error> {
        let text = |name: &str| -> Result<Option<String>, Error> {
            let Some(value) = read(name).filter(|value| !value.is_empty()) else {
                return Ok(None);
            };
            // The message does not quote the value, which may be the key.
            value
                .into_string()
                .map(Some)
                .map_err(|_| config(format!("the environment variable {name} is not Unicode")))
        };
        let Some(api_key) = text(API_KEY_VAR)? else {
            return Err(config(format!(
                "the API key is missing; set the environment variable {API_KEY_VAR} to a key from the dashboard"
            )));
        };
        let builder = Self::new().api_key(api_key);
        Ok(match text(BASE_URL_VAR)? {
            Some(url) => builder.base_url(url),
            None => builder,
        })
    }

    /// Sets the API key, without `Bearer`. It is kept as a secret, and sent to the base URL's origin only.
    ///
    /// Whitespace around it is removed. The rest must be visible ASCII characters, or [`build`](Self::build) fails.
    pub fn api_key(mut self, key: impl Into<SecretString>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// Sets the base URL of the service, without the API's version. The default is `https://api.pyannote.ai`.
    ///
    /// Plain http is allowed for loopback addresses only, unless [`allow_insecure_http`](Self::allow_insecure_http) is
    /// set. A URL that ends with `/v1` is invalid, since the client adds the version to each request.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Allows plain http to other machines. The API key and the URLs of recordings then cross the network unencrypted.
    pub fn allow_insecure_http(mut self) -> Self {
        self.allow_insecure_http = true;
        self
    }

    /// Sets the timeout for establishing a connection. The default is 10 s.
    ///
    /// Has no effect with an [`http_client`](Self::http_client) of your own.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connection.connect_timeout = timeout;
        self
    }

    /// Sets the timeout of one attempt, up to the last byte of the response. The default is 60 s.
    ///
    /// Uploads and downloads get additional time for their size, at 100 kB/s, and fetching the body of a job gets five
    /// times the timeout.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// Sets the longest time in which no byte of a recording or of a response is transferred. The default is 30 s.
    ///
    /// An attempt that stalls ends, and is retried like one that timed out. So a transfer on a connection that no longer
    /// works ends early, however long its attempt may take. The storage must respond to an upload within this time after
    /// the last byte. The time that the service needs to begin its response is limited by
    /// [`attempt_timeout`](Self::attempt_timeout) instead.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.stall_timeout = timeout;
        self
    }

    /// Sets the timeout of a call, with all its attempts and the delays between them. The default is 5 min; `None`
    /// means no limit.
    ///
    /// It does not cut short the attempt of a submission, because whether the job was accepted would then be unknown.
    /// The timeout of waiting for the end of a job is [`Wait::timeout`](crate::Wait::timeout).
    pub fn total_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.total_timeout = timeout.into();
        self
    }

    /// Sets the retry policy.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets the rate limit of each endpoint. The default is [`RateLimit::default`]: the API's documented limits,
    /// adjusted to what the service says in its responses.
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate_limit = limit;
        self
    }

    /// Sets how many requests per minute all waits of the client together make to each of the two endpoints that they
    /// read, a job and the listing of jobs. The default is half of the rate limit, 150 by the documented one: the other
    /// half remains for the rest of the program. 0 counts as 1.
    ///
    /// [`Results`](crate::Results) says what it means for the time until the end of a job is noticed.
    pub fn wait_reads_per_minute(mut self, reads: u32) -> Self {
        self.wait_reads_per_minute = Some(reads.max(1));
        self
    }

    /// Sets how many bytes of a response are read. A longer response is an error of kind [`ErrorKind::TooLarge`].
    pub fn response_limits(mut self, limits: ResponseLimits) -> Self {
        self.response_limits = limits;
        self
    }

    /// Sends all requests, uploads and downloads through an http or https proxy, whose URL may contain a user name and
    /// a password. It replaces the proxies of the environment, including its exceptions.
    ///
    /// The default is to use the proxies in the environment variables `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and
    /// `NO_PROXY`, or those of the system, except for plain http to a loopback address.
    ///
    /// ```
    /// let client = pyannote::Client::builder()
    ///     .api_key("your-key")
    ///     .proxy("http://user:password@proxy.example.com:8080")
    ///     .build()?;
    /// # Ok::<(), pyannote::Error>(())
    /// ```
    pub fn proxy(mut self, url: impl Into<SecretString>) -> Self {
        self.connection.proxy = Proxy::Url(url.into());
        self
    }

    /// Uses no proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.connection.proxy = Proxy::None;
        self
    }

    /// Trusts a certificate in addition to those of the system: of a certificate authority, such as that of a company's
    /// proxy, or of a server that signed its own. `pem_or_der` is the content of a file with one certificate in binary
    /// (DER), or with any number of them as text (PEM).
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = pyannote::Client::builder()
    ///     .api_key("your-key")
    ///     .root_certificate(std::fs::read("company-ca.pem")?)
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(any(
        feature = "native-tls",
        feature = "rustls",
        feature = "rustls-no-provider"
    ))]
    #[cfg_attr(
        docsrs,
        doc(cfg(any(
            feature = "native-tls",
            feature = "rustls",
            feature = "rustls-no-provider"
        )))
    )]
    pub fn root_certificate(mut self, pem_or_der: impl Into<Vec<u8>>) -> Self {
        self.connection.root_certificates.push(pem_or_der.into());
        self
    }

    /// Sets the HTTP client, for settings that this builder does not have, such as a client certificate.
    ///
    /// Disable its redirects and retries, as in the SDK's own: they could send a submission twice, and the URLs of
    /// recordings to other servers. Because it may follow redirects, a submission that cannot connect is not retried,
    /// but fails with [`ErrorKind::OutcomeUnknown`]. Its default headers and cookies are also sent to pre-signed URLs.
    /// For live streams, it must use HTTP/1.1: see [`reqwest::ClientBuilder::http1_only`].
    ///
    /// Cannot be combined with [`proxy`](Self::proxy), [`no_proxy`](Self::no_proxy) or
    /// [`root_certificate`](Self::root_certificate): configure the client instead.
    pub fn http_client(mut self, http: reqwest::Client) -> Self {
        self.http = Some(http);
        self
    }

    /// Adds a header to every request to the service.
    ///
    /// `Authorization`, `Proxy-Authorization`, `User-Agent`, and headers that describe the body or the connection
    /// cannot be set.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the user agent, to which the SDK's own name and version are appended.
    pub fn user_agent(mut self, agent: impl Into<String>) -> Self {
        self.user_agent = Some(agent.into());
        self
    }

    /// Keeps the body from which a result was decoded, which includes fields that this version does not know: see
    /// [`Diarization::raw`](crate::Diarization::raw).
    ///
    /// It takes as much memory as the body: 17 MB for 24 h of frame confidence.
    pub fn keep_raw_bodies(mut self) -> Self {
        self.keep_raw_bodies = true;
        self
    }

    /// Sets a callback that receives the id of every job that the service accepts, and bills, before the submission
    /// returns: also if the future of the submission was dropped while the request was being sent, and for submissions
    /// through [`Client::raw`](crate::Client::raw).
    ///
    /// Store the id there, so that no job is lost if the program is stopped. [`Request::on_accepted`] does the same for
    /// one request, and is called first. Callbacks run in a task of the SDK, whose work waits for them. A panic is logged
    /// and has no other effect.
    ///
    /// ```
    /// use std::io::Write;
    ///
    /// let ids = std::fs::File::create(tempfile::tempdir()?.path().join("jobs.txt"))?;
    /// let client = pyannote::Client::builder()
    ///     .api_key("your-key")
    ///     .on_accepted(move |id| {
    ///         if let Err(error) = writeln!(&ids, "{id}").and_then(|()| ids.sync_all()) {
    ///             eprintln!("job {id} was not stored: {error}");
    ///         }
    ///     })
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [`Request::on_accepted`]: crate::Request::on_accepted
    pub fn on_accepted(mut self, callback: impl Fn(&JobId) + Send + Sync + 'static) -> Self {
        self.submission_hooks.on_accepted = Some(Arc::new(callback));
        self
    }

    /// Sets a callback that receives the error of every submission that the service may have accepted, and billed, also
    /// if the future of the submission was dropped, or if the runtime shut down before the response arrived.
    ///
    /// The kind of the error is [`ErrorKind::OutcomeUnknown`], and [`Error::submission_window`] says when the job was
    /// created if it exists. The SDK logs a warning as well. The callback runs as that of
    /// [`on_accepted`](Self::on_accepted) does.
    ///
    /// ```
    /// let client = pyannote::Client::builder()
    ///     .api_key("your-key")
    ///     .on_outcome_unknown(|error| eprintln!("look for a job: {error:#}"))
    ///     .build()?;
    /// # Ok::<(), pyannote::Error>(())
    /// ```
    pub fn on_outcome_unknown(mut self, callback: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        self.submission_hooks.on_outcome_unknown = Some(Arc::new(callback));
        self
    }

    /// Sets the clock, for tests that must not sleep.
    #[cfg(any(test, feature = "test-util"))]
    #[doc(hidden)]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Creates the transport of a client.
    pub(crate) fn into_executor(self) -> Result<Executor, Error> {
        let base_url = check_base_url(
            self.base_url.as_deref().unwrap_or(DEFAULT_BASE_URL),
            self.allow_insecure_http,
        )?;
        let authorization = self.authorization()?;
        let user_agent = self.agent()?;
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let (name, value) = header::parse(name, value).map_err(config)?;
            headers.insert(name, value);
        }
        let protected = self.protected_secrets();
        let custom_http_client = self.http.is_some();
        let http = match &self.http {
            Some(_) if !self.connection.is_default() => {
                return Err(config(
                    "`proxy`, `no_proxy` and `root_certificate` cannot be combined with `http_client`; configure that \
                     client",
                ));
            }
            Some(http) => http.clone(),
            None => self
                .connection
                .http_client(&base_url, self.allow_insecure_http)?,
        };
        let settings = Settings {
            base_url,
            allow_insecure_http: self.allow_insecure_http,
            authorization,
            protected,
            user_agent,
            headers,
            attempt_timeout: self.attempt_timeout,
            stall_timeout: self.stall_timeout,
            total_timeout: self.total_timeout,
            retry: self.retry,
            rate_limit: self.rate_limit,
            wait_reads_per_minute: self.wait_reads_per_minute,
            response_limits: self.response_limits,
            clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock::new())),
            #[cfg(feature = "live")]
            connection: self.connection,
            custom_http_client,
            keep_raw_bodies: self.keep_raw_bodies,
            submission_hooks: self.submission_hooks,
        };
        Ok(Executor::new(settings, http))
    }

    fn authorization(&self) -> Result<HeaderValue, Error> {
        let key = self.api_key.as_ref().map(|key| key.expose_secret().trim());
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            return Err(config("the API key is missing; set it with .api_key(key)"));
        };
        // The messages do not quote the key.
        let first_word = key.split_whitespace().next().unwrap_or_default();
        if first_word.eq_ignore_ascii_case("bearer") {
            return Err(config(
                "the API key must not start with `Bearer`, which the client adds to each request; set the key alone",
            ));
        }
        let invalid = || {
            config(
                "the API key must consist of visible ASCII characters without spaces; check how it was copied",
            )
        };
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid());
        }
        let mut authorization =
            HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| invalid())?;
        authorization.set_sensitive(true);
        Ok(authorization)
    }

    /// Keeps the API key, and other secrets that a gateway or a proxy may repeat, out of errors and logs.
    fn protected_secrets(&self) -> Vec<Protected> {
        let key = self
            .api_key
            .as_ref()
            .map(|key| key.expose_secret().trim().to_owned());
        // Shorter values are names and modes; a token is longer.
        let headers = self.headers.iter().map(|(_, value)| value.clone());
        let headers = headers.filter(|value| value.len() >= MIN_SECRET_HEADER_BYTES);
        let password = self.connection.proxy_password();
        key.into_iter()
            .chain(headers)
            .chain(password)
            .filter_map(|secret| protect(&secret))
            .collect()
    }

    fn agent(&self) -> Result<HeaderValue, Error> {
        let own = concat!("pyannote-rust/", env!("CARGO_PKG_VERSION"));
        let agent = match &self.user_agent {
            Some(agent) => format!("{agent} {own}"),
            None => own.to_owned(),
        };
        HeaderValue::try_from(agent)
            .map_err(|_| config("the user agent has characters that are not allowed in headers"))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("api_key", &self.api_key.as_ref().map(|_| "…"))
            .field("retry", &self.retry)
            .field("rate_limit", &self.rate_limit)
            .finish_non_exhaustive()
    }
}

pub(crate) fn config(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message)
}

/// Parses an absolute URL. The error says why it is invalid without quoting it, and names `example` as a valid one.
pub(crate) fn parse_absolute_url(text: &str, example: &str) -> Result<Url, String> {
    let text = text.trim();
    Url::parse(text).map_err(|error| match text.contains("://") {
        true => error.to_string(),
        false => format!("it is not an absolute URL, such as {example}"),
    })
}

fn check_base_url(text: &str, allow_insecure_http: bool) -> Result<Url, Error> {
    // The message does not quote the URL, which may contain a password.
    let invalid = |why: String| config(format!("the base URL is invalid: {why}"));
    let url = parse_absolute_url(text, DEFAULT_BASE_URL).map_err(invalid)?;
    match url.scheme() {
        "https" if HAS_TLS => {}
        "https" => return Err(invalid(NO_TLS.to_owned())),
        "http" if allow_insecure_http || is_loopback(&url) => {}
        "http" => {
            return Err(invalid(
                "it is plain http to another machine, which would expose the API key; use https, or call \
                 .allow_insecure_http()"
                    .to_owned(),
            ));
        }
        scheme => {
            return Err(invalid(format!(
                "its scheme must be https or http, got {scheme}"
            )));
        }
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(invalid("it has no host".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(
            "it must not have a user name or password; requests are authorized by the API key"
                .to_owned(),
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("it must not have a query or fragment".to_owned()));
    }
    let path = url.path().trim_end_matches('/').to_ascii_lowercase();
    if let Some(version) = ["/v1", "/v2"]
        .iter()
        .find(|version| path.ends_with(*version))
    {
        return Err(invalid(format!(
            "it must not end with {version}, which the client adds to each request; remove it"
        )));
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
    fn validates_base_urls() {
        for (url, allowed) in [
            ("https://api.pyannote.ai", true),
            ("https://api.pyannote.ai/", true),
            ("https://gateway.example.com/pyannote", true),
            ("https://api.pyannote.ai/v1", false),
            ("https://api.pyannote.ai/v1/", false),
            ("https://api.pyannote.ai/V1", false),
            ("https://gateway.example.com/pyannote/v2", false),
            ("https://gateway.example.com/v1/pyannote", true),
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
    fn debug_output_and_errors_contain_no_secrets() {
        let with_secrets = || {
            builder()
                .header("x-gateway", "gateway-secret")
                .proxy("http://user:proxy-secret@127.0.0.1:1")
        };
        let client = with_secrets().build().unwrap();
        let output = format!(
            "{client:?} {:?} {:?} {:?} {:?}",
            with_secrets(),
            client.jobs(),
            client.upload("a.wav"),
            client.diarize("https://example.com/a.wav")
        );
        for secret in ["sk-secret", "gateway-secret", "proxy-secret"] {
            assert!(!output.contains(secret), "{output}");
        }
        let error = message(builder().base_url("https://user:password@host"));
        assert!(!error.contains("password@"), "{error}");
    }

    #[test]
    fn rejects_invalid_keys_headers_and_agents() {
        assert!(message(ClientBuilder::new()).contains(".api_key(key)"));
        assert!(message(ClientBuilder::new().api_key("  ")).contains(".api_key(key)"));
        for (key, expected) in [
            ("se\ncret", "visible ASCII characters without spaces"),
            ("se cret", "visible ASCII characters without spaces"),
            ("sécret", "visible ASCII characters without spaces"),
            ("se\0cret", "visible ASCII characters without spaces"),
            ("Bearer secret", "must not start with `Bearer`"),
            ("bearer\tsecret", "must not start with `Bearer`"),
            ("Bearer ", "must not start with `Bearer`"),
        ] {
            let error = message(ClientBuilder::new().api_key(key));
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("cret"), "{error}");
        }
        ClientBuilder::new()
            .api_key(" sk-secret\n")
            .build()
            .unwrap();
        assert!(
            message(builder().header("Proxy-Authorization", "x")).contains("Proxy-Authorization")
        );
        assert!(message(builder().header("Authorization", "x")).contains("Authorization"));
        assert!(message(builder().header("content-length", "3")).contains("content-length"));
        assert!(message(builder().header("bad name", "x")).contains("bad name"));
        assert!(message(builder().header("x-a", "a\nb")).contains("x-a"));
        assert!(message(builder().user_agent("a\nb")).contains("user agent"));
    }

    #[test]
    fn reads_the_environment() {
        let with = |key: &'static str, url: &'static str| {
            ClientBuilder::from_variables(move |name| {
                Some(if name == API_KEY_VAR {
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

    #[test]
    fn explains_that_the_base_url_has_no_version() {
        for url in ["https://api.pyannote.ai/v1", "https://api.pyannote.ai/V1/"] {
            let error = message(builder().base_url(url));
            assert!(error.contains("must not end with /v1"), "{error}");
        }
    }

    #[test]
    fn explains_that_the_base_url_must_be_absolute() {
        for url in ["", "  ", "api.pyannote.ai", "/pyannote"] {
            assert_eq!(
                message(builder().base_url(url)),
                "the base URL is invalid: it is not an absolute URL, such as https://api.pyannote.ai"
            );
        }
        assert_eq!(
            message(builder().base_url("https://[::")),
            "the base URL is invalid: invalid IPv6 address"
        );
    }

    #[test]
    fn clones_have_the_same_configuration() {
        let original = builder()
            .base_url("https://gateway.example.com/v1")
            .proxy("http://127.0.0.1:1");
        assert_eq!(message(original.clone()), message(original.clone()));
        original
            .clone()
            .base_url("https://gateway.example.com")
            .build()
            .unwrap();
        assert!(message(original).contains("must not end with /v1"));
    }

    #[test]
    fn validates_proxies() {
        for (base_url, proxy, expected) in [
            (
                "https://api.pyannote.ai",
                "http://proxy.example.com:8080",
                None,
            ),
            (
                "https://api.pyannote.ai",
                "https://u:p4ss@proxy.example.com",
                None,
            ),
            ("http://127.0.0.1:1", "http://127.0.0.1:2", None),
            (
                "http://127.0.0.1:1",
                "http://u:p4ss@proxy.example.com",
                Some("on another machine"),
            ),
            (
                "https://api.pyannote.ai",
                "socks5://u:p4ss@host",
                Some("got socks5"),
            ),
            ("https://api.pyannote.ai", "u:p4ss@host", Some("got u")),
            ("https://api.pyannote.ai", "http://u:p4ss@", Some("invalid")),
            (
                "https://api.pyannote.ai",
                " ",
                Some("it is not an absolute URL, such as http://proxy.example.com:8080"),
            ),
        ] {
            let result = builder().base_url(base_url).proxy(proxy).build();
            let Some(expected) = expected else {
                result.unwrap();
                continue;
            };
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let text = format!("{error:#} {error:?}");
            assert!(text.contains(expected), "{text}");
            assert!(!text.contains("p4ss"), "{text}");
        }
        let own = || builder().http_client(reqwest::Client::new());
        assert!(message(own().proxy("http://127.0.0.1:1")).contains("http_client"));
        assert!(message(own().no_proxy()).contains("http_client"));
        builder().no_proxy().build().unwrap();
    }
}
