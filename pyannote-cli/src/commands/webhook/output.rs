//! What is printed for each request.

use chrono::{DateTime, Local, Utc};
use pyannote::webhook::{Event, Outcome};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::table::printable;

/// A line of `pyannote webhook listen`.
#[derive(JsonSchema, Serialize)]
#[schemars(title = "Webhook event")]
#[serde(
    tag = "event",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub(crate) enum WebhookOutput {
    /// The receiver is ready.
    Listening { url: String },
    /// An authentic delivery was received.
    Delivery(Box<DeliveryOutput>),
    /// A request was rejected.
    Rejected {
        /// Status of the response.
        status: u16,
        reason: String,
    },
    /// A delivery was passed on, and answered.
    Forwarded {
        job_id: String,
        /// Status of the answer.
        status: u16,
        /// Time until the answer, in milliseconds.
        elapsed_ms: u64,
    },
    /// A delivery could not be passed on.
    NotForwarded { job_id: String, reason: String },
}

/// An authentic delivery.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeliveryOutput {
    job_id: String,
    /// How the job ended.
    status: String,
    /// What the delivery contains: diarization, identification, voiceprint, error, or nothing but the status.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    /// When the delivery was signed.
    signed_at: DateTime<Utc>,
    /// Number of the retry, if it is one, which is not covered by the signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<u8>,
    /// Why the delivery before failed, which is not covered by the signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_reason: Option<String>,
    /// Size of the body.
    bytes: usize,
    /// The body as it was received, with --print-bodies.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    body: Option<Box<RawValue>>,
}

impl DeliveryOutput {
    pub(super) fn new(event: &Event, with_body: bool) -> Self {
        let delivery = event.delivery();
        let retry = delivery.retry.as_ref();
        // Strings in JSON have no raw line breaks, so these are between values, where a blank means the same.
        let body =
            with_body.then(|| String::from_utf8_lossy(event.raw()).replace(['\n', '\r'], " "));
        Self {
            job_id: event.job_id().to_string(),
            status: event.status().to_string(),
            output: output(event),
            signed_at: delivery.timestamp.into(),
            retry: retry.map(|retry| retry.number),
            retry_reason: retry.map(|retry| retry.reason.to_string()),
            bytes: event.raw().len(),
            // It was parsed before.
            body: body.and_then(|body| RawValue::from_string(body).ok()),
        }
    }
}

/// What a delivery contains.
fn output(event: &Event) -> Option<String> {
    Some(match event.outcome() {
        Ok(Outcome::StatusOnly) => return None,
        Ok(Outcome::Diarization(result)) => format!("diarization, {} turns", result.turns().len()),
        Ok(Outcome::Identification(result)) => {
            format!("identification, {} turns", result.turns().len())
        }
        Ok(Outcome::Voiceprint(_)) => "voiceprint".to_owned(),
        Ok(Outcome::Failed { error } | Outcome::Canceled { error }) => {
            format!("error: {}", error?)
        }
        Ok(_) => return event.has_output().then(|| "unknown output".to_owned()),
        Err(error) => format!("undecodable output: {error}"),
    })
}

impl WebhookOutput {
    /// The event as text: one line, and the body.
    pub(super) fn to_text(&self) -> String {
        let now = Local::now().format("%H:%M:%S");
        match self {
            Self::Listening { url } => format!("listening on {url}\n"),
            Self::Delivery(delivery) => {
                let mut text = format!(
                    "{now}  {:<9}  {}  {}",
                    printable(&delivery.status),
                    printable(&delivery.job_id),
                    printable(delivery.output.as_deref().unwrap_or("status only"))
                );
                if let (Some(number), Some(reason)) = (delivery.retry, &delivery.retry_reason) {
                    text += &format!("  (retry {number}: {})", printable(reason));
                }
                text.push('\n');
                if let Some(body) = &delivery.body {
                    text += &printable(body.get());
                    text.push('\n');
                }
                text
            }
            Self::Rejected { status, reason } => {
                format!("{now}  rejected   {status}: {}\n", printable(reason))
            }
            Self::Forwarded {
                job_id,
                status,
                elapsed_ms,
            } => format!(
                "{now}  forwarded  {}  {status} in {elapsed_ms} ms\n",
                printable(job_id)
            ),
            Self::NotForwarded { job_id, reason } => format!(
                "{now}  forwarded  {}  failed: {}\n",
                printable(job_id),
                printable(reason)
            ),
        }
    }
}
