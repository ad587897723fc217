//! How the generated client sends requests.
//!
//! Every generated method passes its request to the [`Executor`] of the client. [`Client::bearer`] uses a simple one,
//! which adds an API key and sends each request once. An SDK can provide its own, with retries and rate limits.
//!
//! ```
//! use std::sync::Arc;
//! use pyannote_api_sys::{Client, hooks::{Executor, Inner, ResponseFuture}};
//!
//! /// Prints the name of each operation.
//! struct Logging(reqwest::Client);
//!
//! impl Executor for Logging {
//!     fn execute<'a>(&'a self, request: reqwest::Request, operation: &'static str) -> ResponseFuture<'a> {
//!         println!("{operation}");
//!         Box::pin(self.0.execute(request))
//!     }
//! }
//!
//! let http = reqwest::Client::new();
//! let inner = Inner::new(Arc::new(Logging(http.clone())));
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

/// Connect timeout of [`Client::bearer`].
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Read timeout of [`Client::bearer`], between two reads of a response. There is no total timeout, because the result
/// of a long recording may take minutes to download.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// Header with the version of the specification, which progenitor adds to every request. The API does not define it.
const API_VERSION_HEADER: &str = "api-version";

/// Whether the crate is compiled with TLS. Without it, the HTTP client would send requests to https URLs unencrypted to a
/// proxy.
const HAS_TLS: bool = cfg!(any(
    feature = "native-tls",
    feature = "rustls",
    feature = "rustls-no-provider"
));

/// The future of a response, as returned by [`Executor::execute`].
pub type ResponseFuture<'a> = Pin<Box<dyn Future<Output = reqwest::Result<Response>> + Send + 'a>>;

/// Sends the requests of a [`Client`].
pub trait Executor: Send + Sync + 'static {
    /// Sends a request. `operation` is its `operationId` in snake case, such as `get_job_by_id`.
    fn execute<'a>(&'a self, request: Request, operation: &'static str) -> ResponseFuture<'a>;
}

/// The state of a [`Client`]: its [`Executor`].
#[derive(Clone)]
pub struct Inner(Arc<dyn Executor>);

impl Inner {
    /// Wraps an executor.
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
        request.headers_mut().remove(API_VERSION_HEADER);
        Ok(())
    }

    async fn exec(&self, request: Request, info: &OperationInfo) -> reqwest::Result<Response> {
        self.inner.0.execute(request, info.operation_id).await
    }
}

impl Client {
    /// Creates a client that authenticates with an API key and sends each request once, without retries or redirects.
    ///
    /// `base_url` is `https://api.pyannote.ai`, or the URL of a server with the same API. The key is sent only to the
    /// origin of that URL. The connect timeout is 10 s, and the read timeout 60 s; there is no total timeout.
    ///
    /// ```
    /// use pyannote_api_sys::{Client, hooks::SetupError};
    ///
    /// let client = Client::bearer("https://api.pyannote.ai", "my-key")?;
    /// assert!(matches!(Client::bearer("http://example.com", "my-key"), Err(SetupError::PlainHttp)));
    /// # Ok::<_, SetupError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`SetupError`] if the URL is invalid, if it is plain http to another machine (the key would be sent
    /// unencrypted), if it is https and the crate is compiled without TLS, or if the key is empty or is not a valid header value.
    pub fn bearer(base_url: &str, api_key: &str) -> Result<Self, SetupError> {
        let base_url = base_url.trim_end_matches('/');
        let url = Url::parse(base_url).map_err(|error| SetupError::BaseUrl(error.to_string()))?;
        match url.scheme() {
            "https" if HAS_TLS => {}
            "https" => return Err(SetupError::NoTls),
            "http" if is_loopback(&url) => {}
            "http" => return Err(SetupError::PlainHttp),
            scheme => {
                return Err(SetupError::BaseUrl(format!(
                    "the scheme must be https or http, got {scheme}"
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
            // Unencrypted requests to this machine must not be sent to a proxy configured in the environment.
            "http" => http.no_proxy(),
            _ => http,
        };
        let http = http
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            // By default, it repeats requests that an HTTP/2 server refuses.
            .retry(reqwest::retry::never())
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

/// Whether the host of a URL is this machine: `localhost` or a loopback address. Plain http is safe there.
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

/// Adds an API key and sends each request once.
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

/// An error of [`Client::bearer`].
#[derive(Debug)]
#[non_exhaustive]
pub enum SetupError {
    /// The base URL is invalid, for this reason.
    BaseUrl(String),
    /// The base URL is plain http to another machine.
    PlainHttp,
    /// The base URL is https, and the crate is compiled without TLS.
    NoTls,
    /// The API key is empty, or has characters that are not allowed in a header.
    ApiKey,
    /// The HTTP client could not be created.
    Http(reqwest::Error),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BaseUrl(reason) => write!(f, "invalid base URL: {reason}"),
            Self::PlainHttp => f.write_str(
                "invalid base URL: plain http to another machine would expose the API key; use https",
            ),
            Self::NoTls => f.write_str(
                "invalid base URL: it is https, and this program is compiled without TLS; enable one of the features \
                 `rustls`, `native-tls` and `rustls-no-provider` of the crate `pyannote-api-sys`",
            ),
            Self::ApiKey => f.write_str(
                "invalid API key: it is empty or has characters that are not allowed in a header; check that it was \
                 copied completely",
            ),
            Self::Http(_) => f.write_str("failed to create the HTTP client"),
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

#[cfg(all(
    test,
    not(any(
        feature = "native-tls",
        feature = "rustls",
        feature = "rustls-no-provider"
    ))
))]
mod tests {
    use super::*;

    #[test]
    fn https_is_rejected_without_tls() {
        let client = Client::bearer("https://api.pyannote.ai", "key");
        assert!(matches!(client, Err(SetupError::NoTls)), "{client:?}");
        Client::bearer("http://127.0.0.1:1", "key").unwrap();
    }
}
