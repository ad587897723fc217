//! The result of one recording, as JSON.

use std::collections::BTreeMap;

use pyannote_core::{IdentifiedTurn, SpeakerMatch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::speakers::milliseconds;
use super::{Output, SpeakerSummary, summarize};
#[cfg(feature = "api")]
use crate::error::{Failure, Result};
use crate::export::stem_of;
#[cfg(feature = "api")]
use crate::input::Input;
use crate::input::STDIN_STEM;
#[cfg(feature = "api")]
use pyannote::{DecodeWarning, JobId};

/// What computed a result.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Backend {
    /// The pyannoteAI service, or a server with the same API.
    Service,
    /// The engine on this machine.
    Local,
}

impl Backend {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Local => "local",
        }
    }
}

/// The result of one recording: who spoke when, who it was, and what they said.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Document {
    /// The recording: a path or a URL without its query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) audio: Option<String>,
    /// Name of the recording in RTTM that was read. It may have dots, but has no extension.
    #[serde(skip)]
    pub(crate) uri: Option<String>,
    /// Duration of the recording, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) duration: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) backend: Option<Backend>,
    /// The model, if one was requested or the engine on this machine was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    /// Id of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) job_id: Option<String>,
    /// Totals per speaker.
    #[serde(default)]
    pub(crate) speakers: Vec<SpeakerSummary>,
    /// Duration of speech by two or more speakers at once, in seconds.
    #[serde(default)]
    pub(crate) overlap: f64,
    /// What may be wrong with the result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
    /// The output of the job, in the form of the API.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub(crate) output: Output,
}

impl Document {
    /// A document with the totals of `output`.
    pub(crate) fn new(output: Output) -> Self {
        let mut document = Self {
            audio: None,
            uri: None,
            duration: None,
            backend: None,
            model: None,
            job_id: None,
            speakers: Vec::new(),
            overlap: 0.0,
            warnings: output.warning.iter().cloned().collect(),
            output,
        };
        document.sum_up();
        document
    }

    /// The document of a result of the service, whose job has the body `body`.
    ///
    /// If the SDK left out parts of the body because they cannot be read, so does the document: its warnings name them.
    #[cfg(feature = "api")]
    pub(crate) fn of_result(
        id: &JobId,
        result: &impl Serialize,
        body: Option<&[u8]>,
        problems: &[DecodeWarning],
    ) -> Result<Self> {
        let id = id.as_str();
        let document = match problems {
            // The body has fields that the SDK does not know.
            [] => Self::of_job(id, body.unwrap_or_default()),
            _ => Self::of_job(id, &serde_json::to_vec(result)?),
        };
        let mut document = document?;
        document
            .warnings
            .extend(problems.iter().map(ToString::to_string));
        Ok(document)
    }

    /// The document of a job that succeeded. `body` is the body of the job.
    #[cfg(feature = "api")]
    pub(crate) fn of_job(id: &str, body: &[u8]) -> Result<Self> {
        let body = str::from_utf8(body).map_err(|error| Failure::of(&error).with_job(id))?;
        let mut document = super::read::parse(body).map_err(|failure| failure.with_job(id))?;
        document.backend = Some(Backend::Service);
        document.job_id = Some(id.to_owned());
        Ok(document)
    }

    /// Sets the recording, and the model if one was requested.
    #[cfg(feature = "api")]
    pub(crate) fn with_request(mut self, recording: &Input, model: Option<&str>) -> Self {
        self.audio = Some(recording.name());
        self.model = model.map(str::to_owned);
        self
    }

    /// The name of files with this result, and of the recording in RTTM, if the recording is known.
    pub(crate) fn stem(&self) -> Option<&str> {
        let audio = match self.named_audio() {
            None => self.audio.as_deref().map(|_| STDIN_STEM),
            audio => audio.map(stem_of),
        };
        self.uri.as_deref().or(audio)
    }

    /// The recording, unless it was the standard input, which has no name.
    pub(crate) fn named_audio(&self) -> Option<&str> {
        self.audio.as_deref().filter(|audio| *audio != "-")
    }

    /// Adds the identification of the speakers.
    pub(crate) fn identify(&mut self, turns: Vec<IdentifiedTurn>, matches: Vec<SpeakerMatch>) {
        self.output.identification = Some(turns);
        self.output.matches = Some(matches);
        self.sum_up();
    }

    /// Renames speakers, by their names in [`Output::named_turns`].
    pub(crate) fn rename(&mut self, names: &BTreeMap<String, String>) {
        self.output.rename(names);
        self.sum_up();
    }

    /// Computes the totals.
    pub(super) fn sum_up(&mut self) {
        let turns = self.output.named_turns();
        self.speakers = summarize(&turns);
        for speaker in &mut self.speakers {
            speaker.channel = self.output.channel(&speaker.speaker);
        }
        self.overlap = milliseconds(turns.overlap_time());
    }
}
