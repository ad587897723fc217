//! The options of a request that only the service has.

use std::time::Duration;

use clap::Args;
use pyannote::{JobKind, Request};
use serde_json::Value;

/// Options of the service.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Service")]
pub(crate) struct ServiceArgs {
    /// Model, such as precision-2 or community-1 [default: that of the service].
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// URL to which the service sends the result.
    #[arg(long, value_name = "URL")]
    pub(crate) webhook: Option<String>,
    /// Send the status to the webhook, without the output.
    #[arg(long, requires = "webhook")]
    pub(crate) webhook_status_only: bool,
    /// Field of the request that has no option, as JSON, such as vadSensitivity=0.5; repeatable.
    #[arg(long, value_name = "NAME=JSON", value_parser = parse_extra)]
    pub(crate) extra: Vec<(String, Value)>,
    /// Maximum time to wait for the job, in seconds [default: no limit].
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(crate) timeout: Option<Duration>,
    /// Submit the job and print its id, without waiting for its end.
    #[arg(long)]
    pub(crate) no_wait: bool,
}

impl ServiceArgs {
    /// Returns the first option that was used.
    pub(crate) fn used(&self) -> Option<&'static str> {
        [
            (self.model.is_some(), "--model"),
            (self.webhook.is_some(), "--webhook"),
            (!self.extra.is_empty(), "--extra"),
            (self.timeout.is_some(), "--timeout"),
            (self.no_wait, "--no-wait"),
        ]
        .into_iter()
        .find_map(|(used, name)| used.then_some(name))
    }

    /// Adds the options to a request.
    pub(crate) fn apply<T: JobKind>(&self, mut request: Request<T>) -> Request<T> {
        if let Some(model) = &self.model {
            request = request.model(model.as_str());
        }
        if let Some(webhook) = &self.webhook {
            request = request.webhook(webhook);
        }
        if self.webhook_status_only {
            request = request.webhook_status_only(true);
        }
        for (name, value) in &self.extra {
            request = request.extra(name, value.clone());
        }
        request
    }
}

/// Parses a field of a request.
pub(crate) fn parse_extra(text: &str) -> Result<(String, Value), String> {
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
