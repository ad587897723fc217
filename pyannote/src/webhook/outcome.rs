//! How a job ended, for a receiver that does not know what was asked for.

use crate::results::{Diarization, Identification, Voiceprint};

/// How a job ended, as [`Event::outcome`](super::Event::outcome) tells it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// It succeeded, and the output is to be fetched, within 24 h: the webhook was asked for
    /// [the status only](crate::Diarize::webhook_status_only).
    StatusOnly,
    /// It succeeded: who spoke when.
    Diarization(Box<Diarization>),
    /// It succeeded: who spoke when, by voiceprint.
    Identification(Box<Identification>),
    /// It succeeded: a voiceprint.
    Voiceprint(Voiceprint),
    /// It failed.
    Failed {
        /// The service's text, if it gives any: its start, without pre-signed URLs and tokens.
        error: Option<String>,
    },
    /// It ended before its time.
    Canceled {
        /// The service's text, if it gives any: its start, without pre-signed URLs and tokens.
        error: Option<String>,
    },
    /// A status or an output that this version does not know. [`Event::status`](super::Event::status) and
    /// [`Event::raw`](super::Event::raw) have them.
    Other,
}
