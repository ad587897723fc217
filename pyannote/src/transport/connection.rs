//! The SDK's own HTTP client: its proxy, certificates and connect timeout.

#[cfg(feature = "live")]
use std::fmt;
use std::time::Duration;

use pyannote_api_sys::hooks::is_loopback;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use crate::builder::{config, parse_absolute_url};
use crate::error::Error;

/// Whether the SDK is compiled with TLS.
///
/// Without it, the HTTP client would send requests to https URLs unencrypted to a proxy.
pub(crate) const HAS_TLS: bool = cfg!(any(
    feature = "native-tls",
    feature = "rustls",
    feature = "rustls-no-provider"
));
/// Why an https URL is invalid without TLS.
pub(crate) const NO_TLS: &str = "it is https, and this program is compiled without TLS; enable one of the features \
                                 `rustls`, `native-tls` and `rustls-no-provider` of the crate `pyannote`";

const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How the SDK's own HTTP client connects.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) connect_timeout: Duration,
    pub(crate) proxy: Proxy,
    /// Each in PEM or DER.
    pub(crate) root_certificates: Vec<Vec<u8>>,
}

#[cfg(feature = "live")]
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection(…)")
    }
}

/// The proxy of the HTTP client.
#[derive(Clone)]
pub(crate) enum Proxy {
    /// That of the environment, except for plain http to a loopback address.
    Environment,
    None,
    /// May contain credentials.
    Url(SecretString),
}

impl Connection {
    pub(crate) fn new() -> Self {
        Self {
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            proxy: Proxy::Environment,
            root_certificates: Vec::new(),
        }
    }

    /// Whether neither the proxy nor certificates are set.
    pub(crate) fn is_default(&self) -> bool {
        matches!(self.proxy, Proxy::Environment) && self.root_certificates.is_empty()
    }

    /// The password of the proxy, if it has one.
    pub(crate) fn proxy_password(&self) -> Option<String> {
        match &self.proxy {
            Proxy::Url(url) => Some(Url::parse(url.expose_secret()).ok()?.password()?.to_owned()),
            Proxy::Environment | Proxy::None => None,
        }
    }

    /// Creates the client. It neither follows redirects nor repeats requests, which the executor decides.
    pub(crate) fn http_client(
        &self,
        base_url: &Url,
        allow_insecure_http: bool,
    ) -> Result<reqwest::Client, Error> {
        self.build(reqwest::Client::builder(), base_url, allow_insecure_http)
    }

    /// Creates a client for WebSockets at `url`, which need HTTP/1.1.
    #[cfg(feature = "live")]
    pub(crate) fn websocket_client(
        &self,
        url: &Url,
        allow_insecure_http: bool,
    ) -> Result<reqwest::Client, Error> {
        let builder = reqwest::Client::builder().http1_only();
        self.build(builder, url, allow_insecure_http)
    }

    fn build(
        &self,
        builder: reqwest::ClientBuilder,
        base_url: &Url,
        allow_insecure_http: bool,
    ) -> Result<reqwest::Client, Error> {
        check_crypto_provider()?;
        let builder = builder
            .connect_timeout(self.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            // By default, it repeats requests that an HTTP/2 server refuses.
            .retry(reqwest::retry::never());
        // By default, the system closes a connection whose peer accepts nothing for 30 s, even if the stall timeout is
        // longer.
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        let builder = builder.tcp_user_timeout(None);
        let is_local = base_url.scheme() == "http" && is_loopback(base_url);
        let builder = match &self.proxy {
            // Unencrypted requests to this machine must not reach a proxy of the environment.
            Proxy::Environment if is_local => builder.no_proxy(),
            Proxy::Environment => builder,
            Proxy::None => builder.no_proxy(),
            Proxy::Url(url) => {
                let url = check_proxy(url.expose_secret(), base_url, allow_insecure_http)?;
                // The error is not a source: it may quote the URL.
                let proxy =
                    reqwest::Proxy::all(url).map_err(|_| config("the proxy URL is invalid"))?;
                builder.proxy(proxy)
            }
        };
        #[cfg(any(
            feature = "native-tls",
            feature = "rustls",
            feature = "rustls-no-provider"
        ))]
        let builder = builder.tls_certs_merge(self.certificates()?);
        let problem = match self.root_certificates.is_empty() {
            true => "the HTTP client could not be created",
            // rustls parses certificates only now.
            false => {
                "the HTTP client could not be created; check the certificates of `.root_certificate(pem_or_der)`"
            }
        };
        builder
            .build()
            .map_err(|error| config(problem).with_source(error))
    }

    #[cfg(any(
        feature = "native-tls",
        feature = "rustls",
        feature = "rustls-no-provider"
    ))]
    fn certificates(&self) -> Result<Vec<reqwest::Certificate>, Error> {
        use reqwest::Certificate;

        const PEM_BEGIN: &[u8] = b"-----BEGIN ";
        /// The tag of an ASN.1 sequence, with which a certificate in DER begins.
        const DER_BEGIN: u8 = 0x30;
        let invalid = |why: &str| {
            config(format!(
                "the certificate of `.root_certificate(pem_or_der)` is invalid: {why}; pass the content of a file with a \
                 certificate in PEM or DER"
            ))
        };
        let mut certificates = Vec::new();
        for bytes in &self.root_certificates {
            let is_pem = bytes
                .windows(PEM_BEGIN.len())
                .any(|window| window == PEM_BEGIN);
            let parsed = match (is_pem, bytes.first()) {
                (true, _) => Certificate::from_pem_bundle(bytes),
                (false, Some(&DER_BEGIN)) => Certificate::from_der(bytes).map(|one| vec![one]),
                (false, Some(_)) => return Err(invalid("it is neither in PEM nor in DER")),
                (false, None) => return Err(invalid("it is empty")),
            };
            let parsed =
                parsed.map_err(|error| invalid("it cannot be decoded").with_source(error))?;
            if parsed.is_empty() {
                return Err(invalid("it has no section CERTIFICATE"));
            }
            certificates.extend(parsed);
        }
        Ok(certificates)
    }
}

/// Fails if rustls has no crypto provider, for lack of which the HTTP client would panic.
fn check_crypto_provider() -> Result<(), Error> {
    #[cfg(all(feature = "rustls-no-provider", not(feature = "rustls")))]
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        return Err(config(
            "rustls has no crypto provider; install one at the start of the program, or enable the feature `rustls`",
        ));
    }
    Ok(())
}

/// Checks the URL of a proxy. The messages do not quote it, since it may contain a password.
fn check_proxy(text: &str, base_url: &Url, allow_insecure_http: bool) -> Result<Url, Error> {
    let invalid = |why: String| config(format!("the proxy URL is invalid: {why}"));
    let url = parse_absolute_url(text, "http://proxy.example.com:8080").map_err(invalid)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid(format!(
            "its scheme must be http or https, got {}",
            url.scheme()
        )));
    }
    if url.scheme() == "https" && !HAS_TLS {
        return Err(invalid(NO_TLS.to_owned()));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(invalid("it has no host".to_owned()));
    }
    // Requests over https are tunneled; those over plain http can be read by the proxy and on the way to it.
    if base_url.scheme() == "http" && !is_loopback(&url) && !allow_insecure_http {
        return Err(invalid(
            "it is on another machine, and the base URL is plain http, which would expose the API key; use https, or \
             call .allow_insecure_http()"
                .to_owned(),
        ));
    }
    Ok(url)
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
    use crate::{Client, ErrorKind};

    #[test]
    fn https_is_rejected_without_tls() {
        let builder = || Client::builder().api_key("key");
        let own = builder().http_client(reqwest::Client::new());
        let local = || builder().base_url("http://127.0.0.1:1");
        for builder in [builder(), own, local().proxy("https://127.0.0.1:2")] {
            let error = builder.build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(
                error.to_string().contains("compiled without TLS"),
                "{error}"
            );
        }
        local().proxy("http://127.0.0.1:2").build().unwrap();
    }
}
