//! Checks of the API key and of the connection to the service. No request costs anything.

use std::time::{Duration, Instant, SystemTime};

use pyannote::http::{HeaderMap, StatusCode, header};
use pyannote::reqwest::{self, Method, Url};
use pyannote::secrecy::{ExposeSecret as _, SecretString};

use super::report::{Check, Report};
use super::{clock, proxy};
use crate::cli::Global;
use crate::error::{Failure, Result, chain};
use crate::service::{self, KEY_VAR, Profile};

const TIMEOUT: Duration = Duration::from_secs(15);
const LOGIN: &str = "store another key with `pyannote login`";

/// A recording that does not exist: a URL for it is created, but nothing is uploaded.
const MEDIA: &str = r#"{"url":"media://pyannote-doctor"}"#;

pub(super) fn check(report: &mut Report, global: &Global) -> Result<()> {
    for check in proxy::check(|name| std::env::var(name).ok()) {
        report.add(check)?;
    }
    let profile = match Profile::load(global.profile.as_deref()) {
        Ok(profile) => profile,
        Err(failure) => return report.add(failed("API key", failure)),
    };
    let key = match profile.key() {
        Ok(key) => Some(key),
        Err(failure) => {
            report.add(failed("API key", failure))?;
            None
        }
    };
    let base_url = profile.base_url();
    // The rules for base URLs and keys are those of the client. The messages quote neither.
    let placeholder = || SecretString::from("placeholder".to_owned());
    if let Err(failure) = service::build(service::builder(base_url, placeholder())) {
        return report.add(Check::fail(
            "base URL",
            failure.message,
            "correct PYANNOTEAI_BASE_URL, or the profile with `pyannote login --base-url URL`",
        ));
    }
    let key = match key {
        Some(key) => match service::build(service::builder(base_url, key.clone())) {
            Ok(_) => Some(key),
            Err(failure) => {
                report.add(Check::fail("API key", failure.message, LOGIN))?;
                None
            }
        },
        None => None,
    };
    if let (Some(key), Some(source)) = (&key, profile.key_source()) {
        report.add(key_text(key.expose_secret(), &source))?;
    }
    service::block_on(async { online(report, base_url, key).await })
}

fn failed(name: &'static str, failure: Failure) -> Check {
    let remedy = failure.hint.unwrap_or_else(|| LOGIN.to_owned());
    Check::fail(name, failure.message, remedy)
}

/// Whether the key was copied without blanks around it, which the client removes, but other programs may not.
fn key_text(key: &str, source: &str) -> Check {
    const NAME: &str = "API key";
    match key.trim() == key {
        true => Check::ok(NAME, format!("from {source}")),
        false => Check::warn(
            NAME,
            format!("from {source}; there are blanks or line breaks around it"),
            format!("remove them from {KEY_VAR}; other programs may not ignore them"),
        ),
    }
}

/// A response, without its body.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    /// When the request was sent.
    sent: SystemTime,
    elapsed: Duration,
}

/// Sends requests once, without redirects.
struct Connection<'a> {
    http: reqwest::Client,
    base_url: &'a str,
    key: Option<SecretString>,
}

impl Connection<'_> {
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&'static str>,
    ) -> std::result::Result<Answer, reqwest::Error> {
        let url = format!("{}{path}", self.base_url.trim_end_matches('/'));
        let mut request = self.http.request(method, url);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.expose_secret().trim());
        }
        if let Some(body) = body {
            request = request
                .header(header::CONTENT_TYPE, "application/json")
                .body(body);
        }
        let (sent, start) = (SystemTime::now(), Instant::now());
        let response = request.send().await.map_err(reqwest::Error::without_url)?;
        Ok(Answer {
            status: response.status(),
            headers: response.headers().clone(),
            sent,
            elapsed: start.elapsed(),
        })
    }
}

/// The checks that need a connection. They end when there is none, or when the key is not accepted.
async fn online(report: &mut Report, base_url: &str, key: Option<SecretString>) -> Result<()> {
    let http = service::http_client(TIMEOUT)?;
    let has_key = key.is_some();
    let connection = Connection {
        http,
        base_url,
        key,
    };
    let answer = match connection.send(Method::GET, "/v1/test", None).await {
        Ok(answer) => answer,
        Err(error) => {
            return report.add(unreachable(base_url, &chain(&error), error.is_timeout()));
        }
    };
    let reached = reached(base_url, &answer);
    let is_api = reached.remedy.is_none();
    report.add(reached)?;
    report.add(clock::check(
        &answer.headers,
        answer.sent + answer.elapsed / 2,
    ))?;
    if !has_key || !is_api {
        return Ok(());
    }
    let (accepted, check) = accepted(answer.status);
    report.add(check)?;
    if !accepted {
        return Ok(());
    }
    let requests = [
        ("jobs:read", Method::GET, "/v2/jobs?limit=1", None),
        ("media:read", Method::POST, "/v1/media/output", Some(MEDIA)),
        ("media:write", Method::POST, "/v1/media/input", Some(MEDIA)),
    ];
    let mut statuses = vec![answer.status];
    let mut answers = Vec::new();
    for (scope, method, path, body) in requests {
        match connection.send(method, path, body).await {
            Ok(answer) => {
                answers.push((scope, answer.status));
                statuses.push(answer.status);
            }
            Err(error) => {
                return report.add(unreachable(base_url, &chain(&error), error.is_timeout()));
            }
        }
    }
    report.add(scopes(&answers))?;
    report.add(credit(&statuses))
}

/// The scopes that can be checked without a submission, from the status of a request that needs each.
fn scopes(answers: &[(&str, StatusCode)]) -> Check {
    const NAME: &str = "scopes";
    let with = |matches: fn(StatusCode) -> bool| {
        let scopes = answers.iter().filter(|(_, status)| matches(*status));
        scopes
            .map(|(scope, _)| *scope)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let missing = with(|status| status == StatusCode::FORBIDDEN);
    if !missing.is_empty() {
        return Check::fail(
            NAME,
            format!("the key lacks {missing}"),
            "create a key with these scopes in the dashboard of pyannoteAI",
        );
    }
    let unknown =
        with(|status| status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS);
    if !unknown.is_empty() {
        return Check::warn(
            NAME,
            format!("{unknown} cannot be checked: the service is busy or has a failure"),
            "try again later",
        );
    }
    let present = with(|_| true);
    Check::ok(
        NAME,
        format!("{present}; jobs:write is not checked, since a job would be billed"),
    )
}

fn credit(statuses: &[StatusCode]) -> Check {
    const NAME: &str = "credit";
    match statuses.contains(&StatusCode::PAYMENT_REQUIRED) {
        false => Check::ok(
            NAME,
            "nothing was refused; only a submission, which is billed, shows whether there is credit",
        ),
        true => Check::fail(
            NAME,
            "the team has no credit and no active subscription",
            "add credit in the dashboard of pyannoteAI",
        ),
    }
}

fn unreachable(base_url: &str, error: &str, is_timeout: bool) -> Check {
    let lower = error.to_lowercase();
    let remedy = if lower.contains("certificate") {
        "check the clock of this machine, and whether a proxy replaces certificates; its root certificate must be \
         installed in the system"
    } else if lower.contains("dns error") || lower.contains("lookup") {
        "check the base URL, the network and the name server"
    } else if is_timeout {
        "check the network, the firewall and the proxy"
    } else if is_loopback(base_url) {
        "start the server, for example with `pyannote serve`, or correct the base URL"
    } else {
        "check the base URL, the network, the firewall and the proxy"
    };
    Check::fail("connection", format!("{base_url}: {error}"), remedy)
}

fn is_loopback(base_url: &str) -> bool {
    let url = Url::parse(base_url).ok();
    let host = url.as_ref().and_then(Url::host_str);
    host.is_some_and(|host| host == "localhost" || host == "[::1]" || host.starts_with("127."))
}

/// Whether what answered is the API.
fn reached(base_url: &str, answer: &Answer) -> Check {
    const NAME: &str = "connection";
    let status = answer.status;
    if status.is_redirection() || status == StatusCode::NOT_FOUND {
        return Check::fail(
            NAME,
            format!("{base_url} answers {status}, so it is not the pyannoteAI API"),
            "correct the base URL; that of the service is https://api.pyannote.ai",
        );
    }
    if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        return Check::fail(
            NAME,
            format!("the proxy answers {status}"),
            "add user name and password to the variable of the proxy",
        );
    }
    let protection = match base_url.starts_with("https:") {
        true => "over TLS",
        false => "over plain http",
    };
    Check::ok(
        NAME,
        format!(
            "{base_url} answers {protection} in {} ms",
            answer.elapsed.as_millis()
        ),
    )
}

/// Whether the service accepts the key, and whether other checks make sense.
fn accepted(status: StatusCode) -> (bool, Check) {
    const NAME: &str = "access";
    match status {
        status if status.is_success() => (true, Check::ok(NAME, "the service accepts the key")),
        StatusCode::PAYMENT_REQUIRED => (true, Check::ok(NAME, "the service knows the key")),
        StatusCode::UNAUTHORIZED => (
            false,
            Check::fail(NAME, "the service does not accept the key", LOGIN),
        ),
        StatusCode::FORBIDDEN => (
            false,
            Check::fail(
                NAME,
                "the service refuses the key",
                "check the key and its team in the dashboard of pyannoteAI",
            ),
        ),
        status => (
            false,
            Check::fail(
                NAME,
                format!("the service answers {status}"),
                "try again later",
            ),
        ),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn a_scope_is_missing_after_403_and_unknown_after_a_failure() {
        for (status, expected, words) in [
            (
                200,
                Status::Ok,
                "jobs:read, media:read; jobs:write is not checked",
            ),
            (404, Status::Ok, "media:read"),
            (403, Status::Fail, "lacks media:read"),
            (429, Status::Warn, "media:read cannot be checked"),
            (503, Status::Warn, "media:read cannot be checked"),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let check = scopes(&[("jobs:read", StatusCode::OK), ("media:read", status)]);
            assert_eq!(check.status, expected, "{check:?}");
            assert!(check.message.contains(words), "{check:?}");
        }
    }

    #[test]
    fn remedies_of_a_connection_that_fails() {
        for (base_url, error, is_timeout, words) in [
            (
                "https://a",
                "invalid peer certificate: Expired",
                false,
                "clock",
            ),
            ("https://a", "dns error: no such host", false, "name server"),
            ("https://a", "operation timed out", true, "firewall"),
            (
                "http://127.0.0.1:1",
                "Connection refused",
                false,
                "pyannote serve",
            ),
            ("https://a", "Connection refused", false, "proxy"),
        ] {
            let check = unreachable(base_url, error, is_timeout);
            assert!(check.remedy.unwrap().contains(words), "{error}");
        }
    }

    #[test]
    fn blanks_around_a_key_are_a_warning() {
        assert_eq!(key_text("sk", "a file").status, Status::Ok);
        let check = key_text("sk\n", "a file");
        assert_eq!(check.status, Status::Warn);
        assert!(!check.message.contains("sk"), "{check:?}");
    }
}
