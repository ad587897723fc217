//! How a request of the generated client is sent.
//!
//! Every generated method hands its request to the [`Executor`] inside the client. [`Client::bearer`] brings a plain
//! one, which adds an API key; an SDK brings its own, with retries and rate limits.
//!
//! ```
//! use std::sync::Arc;
//! use pyannote_api_sys::{Client, hooks::{Executor, Inner, ResponseFuture}};
//!
//! /// Counts nothing, logs nothing: only sends.
//! struct Plain(reqwest::Client);
//!
//! impl Executor for Plain {
//!     fn execute<'a>(&'a self, request: reqwest::Request, _operation: &'static str) -> ResponseFuture<'a> {
//!         Box::pin(self.0.execute(request))
//!     }
//! }
//!
//! let http = reqwest::Client::new();
//! let inner = Inner::new(Arc::new(Plain(http.clone())));
//! let client = Client::new_with_client("http://127.0.0.1:8080", http, inner);
//! ```

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use progenitor_client::{ClientHooks, OperationInfo};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Request, Response, Url};

use crate::{Client, Error};

/// How long [`Client::bearer`] waits for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long [`Client::bearer`] waits for the next bytes of an answer. There is no limit on the whole of it, since the
/// body of a long recording takes its time.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// A header that the generator adds to every request, with the version of the specification. The API knows no such
/// header.
const STRAY_HEADER: &str = "api-version";

/// An answer that is on its way.
pub type ResponseFuture<'a> = Pin<Box<dyn Future<Output = reqwest::Result<Response>> + Send + 'a>>;

/// Sends the requests of a client.
pub trait Executor: Send + Sync + 'static {
    /// Sends a request of an operation, which is named by its `operationId` in snake case, such as `get_job_by_id`.
    fn execute<'a>(&'a self, request: Request, operation: &'static str) -> ResponseFuture<'a>;
}

/// What a generated client holds: its executor.
#[derive(Clone)]
pub struct Inner(Arc<dyn Executor>);

impl Inner {
    /// An inner value that sends by `executor`.
    #[must_use]
    pub fn new(executor: Arc<dyn Executor>) -> Self {
        Self(executor)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inner(..)")
    }
}

impl ClientHooks<Inner> for Client {
    async fn pre<E>(&self, request: &mut Request, _: &OperationInfo) -> Result<(), Error<E>> {
        request.headers_mut().remove(STRAY_HEADER);
        Ok(())
    }

    async fn exec(&self, request: Request, info: &OperationInfo) -> reqwest::Result<Response> {
        self.inner.0.execute(request, info.operation_id).await
    }
}

impl Client {
    /// A client that adds an API key to its requests and sends each once: no retries, no redirects. It waits 10 s for a
    /// connection and 60 s for the next bytes of an answer.
    ///
    /// `base_url` is `https://api.pyannote.ai`, or that of a server that speaks the same API. The key goes to its
    /// origin alone.
    ///
    /// # Errors
    ///
    /// [`SetupError`] where the URL is not one, or is plain http to another machine (the key would cross the network
    /// in the clear), or the key is empty or has characters that a header cannot carry.
    pub fn bearer(base_url: &str, api_key: &str) -> Result<Self, SetupError> {
        let base_url = base_url.trim_end_matches('/');
        let url = Url::parse(base_url).map_err(|error| SetupError::BaseUrl(error.to_string()))?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => return Err(SetupError::PlainHttp),
            scheme => {
                return Err(SetupError::BaseUrl(format!(
                    "the scheme {scheme} is neither https nor http"
                )));
            }
        }
        if api_key.trim().is_empty() {
            return Err(SetupError::ApiKey);
        }
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", api_key.trim()))
            .map_err(|_| SetupError::ApiKey)?;
        bearer.set_sensitive(true);
        let http = reqwest::Client::builder();
        let http = match url.scheme() {
            // What is for this machine in the clear must not reach a proxy of the environment.
            "http" => http.no_proxy(),
            _ => http,
        };
        let http = http
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!(
                env!("CARGO_PKG_NAME"),
                "/",
                env!("CARGO_PKG_VERSION")
            ))
            .build()
            .map_err(SetupError::Http)?;
        let executor = Bearer {
            http: http.clone(),
            origin: url.origin().ascii_serialization(),
            bearer,
        };
        Ok(Self::new_with_client(
            base_url,
            http,
            Inner::new(Arc::new(executor)),
        ))
    }
}

/// Whether a URL is on this machine: `localhost`, or a loopback address. There, plain http carries a key safely.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

/// Adds an API key and sends once.
struct Bearer {
    http: reqwest::Client,
    origin: String,
    bearer: HeaderValue,
}

impl Executor for Bearer {
    fn execute<'a>(&'a self, mut request: Request, _: &'static str) -> ResponseFuture<'a> {
        if request.url().origin().ascii_serialization() == self.origin {
            request
                .headers_mut()
                .insert(AUTHORIZATION, self.bearer.clone());
        }
        Box::pin(self.http.execute(request))
    }
}

/// A client could not be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum SetupError {
    /// The base URL is not one, for this reason.
    BaseUrl(String),
    /// The base URL is plain http to another machine.
    PlainHttp,
    /// The API key is empty, or has characters that a header cannot carry.
    ApiKey,
    /// The HTTP client could not be set up.
    Http(reqwest::Error),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BaseUrl(reason) => write!(f, "the base URL cannot be used: {reason}"),
            Self::PlainHttp => f.write_str(
                "the base URL is plain http to another machine, where the API key could be read on the way: use https",
            ),
            Self::ApiKey => f.write_str(
                "the API key is empty or has characters that a header cannot carry: check what was copied",
            ),
            Self::Http(_) => f.write_str("the HTTP client could not be set up"),
        }
    }
}

impl std::error::Error for SetupError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Http(error) => Some(error),
            _ => None,
        }
    }
}
