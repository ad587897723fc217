//! `pyannote api`: any request to the API.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use pyannote::http::StatusCode;
use pyannote::reqwest::{self, Method, Url};
use pyannote::secrecy::ExposeSecret as _;
use serde::Deserialize;

use crate::cli::Global;
use crate::error::{ErrorType, Failure, Result};
use crate::input::read_text;
use crate::service::{self, Profile};
use crate::ui::Ui;

const TIMEOUT: Duration = Duration::from_secs(300);

/// Send any request to the API, with the key, and print the response.
///
/// The request is sent once, whatever happens.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pyannote api GET '/v2/jobs?limit=5'
  pyannote api POST /v1/diarize --data '{\"url\": \"https://example.com/meeting.wav\"}'")]
pub(crate) struct Api {
    /// Method, such as GET or POST.
    method: String,
    /// Path with query, such as /v1/test.
    path: String,
    /// Body, as JSON.
    #[arg(long, value_name = "JSON", conflicts_with = "data_file")]
    data: Option<String>,
    /// File with the body; `-` is the standard input.
    #[arg(long, value_name = "FILE")]
    data_file: Option<PathBuf>,
}

impl Api {
    pub(crate) fn run(self, ui: Ui, global: &Global) -> Result<()> {
        // Checks the key and the base URL, and refuses plain http to other machines.
        service::connect(global)?;
        let profile = Profile::load(global.profile.as_deref())?;
        let key = profile.key()?;
        let method = Method::from_bytes(self.method.to_ascii_uppercase().as_bytes())
            .map_err(|_| Failure::usage(format!("\"{}\" is not a method", self.method)))?;
        let url = join(profile.base_url(), &self.path)?;
        let body = match (self.data, self.data_file) {
            (Some(data), _) => Some(data),
            (None, Some(path)) => Some(read_text(&path)?),
            (None, None) => None,
        };
        if let Some(body) = &body {
            serde_json::from_str::<serde::de::IgnoredAny>(body)
                .map_err(|error| Failure::usage(format!("the body is not JSON: {error}")))?;
        }
        let is_safe = method.is_safe();
        let exchange = async {
            let client = service::http_client(TIMEOUT)?;
            let mut request = client.request(method, url).bearer_auth(key.expose_secret());
            if let Some(body) = body {
                request = request
                    .header("content-type", "application/json")
                    .body(body);
            }
            let failure = |error: reqwest::Error| {
                let was_sent = !error.is_connect();
                let failure = Failure::of(&error.without_url());
                match was_sent && !is_safe {
                    true => outcome_unknown(&failure.message),
                    false => failure,
                }
            };
            let response = request.send().await.map_err(failure)?;
            let status = response.status();
            let text = response.text().await.map_err(failure)?;
            Ok((status, text))
        };
        let (status, text) = service::block_on(async {
            tokio::select! {
                result = exchange => result,
                () = service::interrupted() => Err(match is_safe {
                    true => Failure::new(ErrorType::Interrupted, "interrupted"),
                    false => outcome_unknown("interrupted"),
                }),
            }
        })?;
        ui.print(&format!("{}\n", text.trim_end()))
            .map_err(|failure| with_accepted_job(failure, &text))?;
        match status {
            status if status.is_success() => Ok(()),
            StatusCode::UNAUTHORIZED | StatusCode::PAYMENT_REQUIRED | StatusCode::FORBIDDEN => Err(
                Failure::new(ErrorType::Access, format!("the service answered {status}")),
            ),
            status if status.is_server_error() && !is_safe => {
                Err(outcome_unknown(&format!("the service answered {status}")))
            }
            status => Err(Failure::failed(format!("the service answered {status}"))),
        }
    }
}

/// Adds the job that was accepted, if the response has its id.
fn with_accepted_job(failure: Failure, response: &str) -> Failure {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Accepted {
        job_id: String,
    }
    match serde_json::from_str(response) {
        Ok(Accepted { job_id }) => {
            let hint = format!("to wait for its result: pyannote jobs wait {job_id}");
            failure.with_job(job_id).with_hint(hint)
        }
        Err(_) => failure,
    }
}

/// The failure of a request that may have had its effect, such as a job that is billed.
fn outcome_unknown(reason: &str) -> Failure {
    Failure::new(
        ErrorType::OutcomeUnknown,
        format!("{reason}; the service may have processed the request"),
    )
    .with_hint("if it was the submission of a job, look for it with `pyannote jobs list` before you send it again")
}

/// The URL of a path of the API. The key is sent to the origin of the base URL only.
fn join(base_url: &str, path: &str) -> Result<Url> {
    if !path.starts_with('/') || path.starts_with("//") {
        return Err(Failure::usage(
            "the path must start with one `/`, as in /v1/test",
        ));
    }
    let base = Url::parse(base_url).map_err(|error| Failure::of(&error))?;
    let url = Url::parse(&format!("{}{path}", base.as_str().trim_end_matches('/')))
        .map_err(|error| Failure::usage(format!("the path is invalid: {error}")))?;
    match url.origin() == base.origin() {
        true => Ok(url),
        false => Err(Failure::usage("the path must not lead to another server")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stays_at_the_origin_of_the_base_url() {
        let url = |path| join("https://api.pyannote.ai/", path).map(|url| url.to_string());
        assert_eq!(
            url("/v2/jobs?limit=5").unwrap(),
            "https://api.pyannote.ai/v2/jobs?limit=5"
        );
        for path in [
            "",
            "v1/test",
            "//evil.example/v1",
            "@evil.example/",
            ".evil.example/",
            "https://evil.example/",
        ] {
            assert!(url(path).is_err(), "{path}");
        }
        let url = join("http://localhost:8000/proxy", "/v1/test").unwrap();
        assert_eq!(url.as_str(), "http://localhost:8000/proxy/v1/test");
    }
}
