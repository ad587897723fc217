//! The options of requests.

use std::time::Duration;

use clap::Args;
use pyannote::{JobKind, Request};
use serde_json::Value;

/// The options of every request.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RequestArgs {
    /// Model, such as precision-2 or community-1 [default: that of the service]. With --local, only community-1, for which
    /// --models has the folder [default: other open models].
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Field of the request that has no option, as JSON, such as language='"en"'; repeatable.
    #[arg(long, value_name = "NAME=JSON", value_parser = parse_extra)]
    extra: Vec<(String, Value)>,
}

impl RequestArgs {
    /// Returns the first option that was used and that is only for the service.
    pub(crate) fn used(&self) -> Option<&'static str> {
        (!self.extra.is_empty()).then_some("--extra")
    }

    /// Adds the options to a request.
    pub(crate) fn apply<T: JobKind>(&self, mut request: Request<T>) -> Request<T> {
        if let Some(model) = &self.model {
            request = request.model(model.as_str());
        }
        for (name, value) in &self.extra {
            request = request.extra(name, value.clone());
        }
        request
    }

    /// The calls that add the options to a request.
    pub(crate) fn setters(&self) -> Vec<String> {
        let model = self.model.iter().map(|model| format!(".model({model:?})"));
        let extra = self
            .extra
            .iter()
            .map(|(name, value)| format!(".extra({name:?}, pyannote::serde_json::json!({value}))"));
        model.chain(extra).collect()
    }
}

/// The options of a request for one recording.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Service")]
pub(crate) struct ServiceArgs {
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    /// URL to which the service sends the result.
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// Send the status to the webhook, without the output.
    #[arg(long, requires = "webhook")]
    webhook_status_only: bool,
    /// Maximum time to wait for the job, in seconds [default: no limit].
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(crate) timeout: Option<Duration>,
    /// Submit the job and print its id, without waiting for its end.
    #[arg(long)]
    pub(crate) no_wait: bool,
}

impl ServiceArgs {
    /// Returns the first option that was used and that is only for the service.
    pub(crate) fn used(&self) -> Option<&'static str> {
        let own = [
            (self.webhook.is_some(), "--webhook"),
            (self.timeout.is_some(), "--timeout"),
            (self.no_wait, "--no-wait"),
        ];
        let own = own
            .into_iter()
            .find_map(|(used, name)| used.then_some(name));
        self.request.used().or(own)
    }

    /// Adds the options to a request.
    pub(crate) fn apply<T: JobKind>(&self, request: Request<T>) -> Request<T> {
        let mut request = self.request.apply(request);
        if let Some(webhook) = &self.webhook {
            request = request.webhook(webhook);
        }
        if self.webhook_status_only {
            request = request.webhook_status_only(true);
        }
        request
    }

    /// The calls that add the options to a request.
    pub(crate) fn setters(&self) -> Vec<String> {
        let mut calls = self.request.setters();
        if let Some(webhook) = &self.webhook {
            // A webhook may have a token in its query.
            let url = webhook.split(['?', '#']).next().unwrap_or_default();
            calls.push(format!(".webhook({url:?})"));
        }
        if self.webhook_status_only {
            calls.push(".webhook_status_only(true)".to_owned());
        }
        calls
    }
}

/// Parses a field of a request.
fn parse_extra(text: &str) -> Result<(String, Value), String> {
    let (name, json) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("must be NAME=JSON")?;
    let value = serde_json::from_str(json).map_err(|error| {
        format!("not JSON: {error}; put texts in quotes, as in name='\"text\"'")
    })?;
    Ok((name.to_owned(), value))
}

/// Parses a duration in seconds.
pub(crate) fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "must be a number of seconds")?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
