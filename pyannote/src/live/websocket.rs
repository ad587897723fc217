//! Opening a WebSocket through the HTTP client, with its proxy, certificates and TLS.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use reqwest::{Upgraded, Url};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::error::{Error, ErrorKind};
use crate::redact::{MIN_SECRET_BYTES, Protected, protect};
use crate::transport::{
    Executor, PROXY_AUTHENTICATION_REQUIRED, SecretUrl, is_proxy_authentication, with_deadline,
};

/// Maximum size of a message of the service, in bytes.
const MAX_MESSAGE_BYTES: usize = 1 << 20;
/// Maximum number of bytes that are read of a response that does not open a WebSocket.
const MAX_BODY_BYTES: u64 = 4_096;

pub(super) type Socket = WebSocketStream<Upgraded>;

/// The URL of a stream, which contains a single-use token.
pub(super) struct SocketUrl {
    /// With the scheme of HTTP.
    url: Url,
    /// Keeps the token out of errors and logs.
    #[expect(dead_code, reason = "it protects the token until it is dropped")]
    token: Vec<Protected>,
}

impl fmt::Debug for SocketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SocketUrl(…)")
    }
}

impl SocketUrl {
    pub(super) fn parse(text: &str, allow_insecure_http: bool) -> Result<Self, Error> {
        let mut url = SecretUrl::WEB_SOCKET.parse(text, allow_insecure_http)?;
        let scheme = match url.scheme() {
            "wss" => "https",
            _ => "http",
        };
        // Cannot fail: all of these schemes have a host.
        let _ = url.set_scheme(scheme);
        let values = url.query_pairs().map(|(_, value)| value.into_owned());
        let segments = url.path_segments().into_iter().flatten();
        let token = values
            .chain(url.query().map(str::to_owned))
            // A token may be in the path, too; what is shorter is the name of an operation.
            .chain(
                segments
                    .filter(|segment| segment.len() >= 2 * MIN_SECRET_BYTES)
                    .map(str::to_owned),
            )
            .filter_map(|secret| protect(&secret))
            .collect();
        Ok(Self { url, token })
    }
}

/// Opens the WebSocket. Waits at most the client's attempt timeout.
pub(super) async fn open(executor: &Arc<Executor>, url: &SocketUrl) -> Result<Socket, Error> {
    let timeout = executor.settings.attempt_timeout;
    let deadline = executor.clock().deadline(timeout);
    let socket = with_deadline(handshake(executor, url), deadline).await;
    socket.unwrap_or_else(|| {
        let message = format!(
            "the live service did not open the WebSocket within {} s; increase `.attempt_timeout(duration)` if it needs \
             longer to start",
            timeout.as_secs_f64()
        );
        Err(Error::new(ErrorKind::Timeout, message))
    })
}

async fn handshake(executor: &Arc<Executor>, url: &SocketUrl) -> Result<Socket, Error> {
    let key = STANDARD.encode(uuid::Uuid::new_v4().as_bytes());
    let accept = derive_accept_key(key.as_bytes());
    let request = http_client(executor, &url.url)?
        .get(url.url.clone())
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, key)
        .header(USER_AGENT, executor.settings.user_agent.clone());
    // The error of the HTTP client quotes the URL.
    let response = request.send().await.map_err(|error| {
        let error = error.without_url();
        match (is_proxy_authentication(&error), error.is_connect()) {
            (true, _) => Error::new(ErrorKind::Config, PROXY_AUTHENTICATION_REQUIRED),
            (false, true) => Error::new(
                ErrorKind::Connect,
                "the connection to the live service could not be established",
            ),
            (false, false) => Error::new(
                ErrorKind::Network,
                "the connection to the live service was lost",
            ),
        }
        .with_source(error)
    })?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(refused(executor, response).await);
    }
    if !is_websocket(response.headers(), &accept) {
        let message = "the live service did not open a WebSocket; check the proxy, and whether the network allows WebSockets";
        return Err(
            Error::new(ErrorKind::Decode, message).with_status(StatusCode::SWITCHING_PROTOCOLS)
        );
    }
    let upgraded = response.upgrade().await.map_err(|error| {
        Error::new(
            ErrorKind::Network,
            "the connection to the live service was lost",
        )
        .with_source(error.without_url())
    })?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await)
}

/// The HTTP client for `url`: the user's, or one that is like the SDK's own.
fn http_client(executor: &Executor, url: &Url) -> Result<reqwest::Client, Error> {
    let settings = &executor.settings;
    match settings.custom_http_client {
        true => Ok(executor.http.clone()),
        false => settings
            .connection
            .websocket_client(url, settings.allow_insecure_http),
    }
}

/// Whether the response is to the handshake with the key from which `accept` was derived.
fn is_websocket(headers: &HeaderMap, accept: &str) -> bool {
    let has_token = |name, token: &str| {
        let values = headers
            .get_all(name)
            .iter()
            .filter_map(|value: &HeaderValue| value.to_str().ok());
        let mut tokens = values.flat_map(|value| value.split(','));
        tokens.any(|value| value.trim().eq_ignore_ascii_case(token))
    };
    has_token(UPGRADE, "websocket")
        && has_token(CONNECTION, "upgrade")
        && headers
            .get(SEC_WEBSOCKET_ACCEPT)
            .is_some_and(|value| value == accept)
}

/// The error for a response that does not open a WebSocket.
async fn refused(executor: &Executor, response: reqwest::Response) -> Error {
    let status = response.status();
    let (kind, message) = match status {
        StatusCode::UNAUTHORIZED => (
            ErrorKind::Unauthorized,
            "the live service does not accept the token of the stream",
        ),
        StatusCode::PAYMENT_REQUIRED => (
            ErrorKind::PaymentRequired,
            "the team has no credit or subscription",
        ),
        StatusCode::FORBIDDEN => (ErrorKind::Forbidden, "the live service refuses the stream"),
        StatusCode::NOT_FOUND => (ErrorKind::NotFound, "the stream does not exist"),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            (ErrorKind::Config, PROXY_AUTHENTICATION_REQUIRED)
        }
        StatusCode::TOO_MANY_REQUESTS => (ErrorKind::RateLimited, "there are too many streams"),
        status if status.is_server_error() => {
            (ErrorKind::Server, "the live service, or a proxy, failed")
        }
        _ => (
            ErrorKind::UnexpectedStatus,
            "the response does not open a WebSocket; check the proxy, and whether the network allows WebSockets",
        ),
    };
    let error =
        Error::new(kind, format!("{message} (HTTP {})", status.as_u16())).with_status(status);
    let (body, _) = executor.body(response, MAX_BODY_BYTES).read().await;
    error.with_body(&body)
}
