//! A diarization: who spoke when.

use pyannote_api_sys::types;
use serde_json::{Map, Value};

use super::common::{
    Common, Speakers, built, checked, common_setters, count, speakers_setters, submission, to_json,
};
use super::model::TranscriptionModel;
use super::validate;
use crate::client::Client;
use crate::error::Error;
use crate::media::AudioUrl;
use crate::results::Diarization;
use crate::transport::Endpoint;

/// A diarization to be submitted: who spoke when, and what they said.
///
/// ```
/// # fn main() -> Result<(), pyannote::Error> {
/// let client = pyannote::Client::builder().api_key("key").build()?;
/// let request = client
///     .diarize("https://example.com/meeting.wav")
///     .model("precision-2")
///     .num_speakers(2)
///     .extra("vadSensitivity", 2);
/// assert_eq!(request.to_json()?["numSpeakers"], 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a request does nothing unless it is submitted or awaited"]
pub struct Diarize {
    common: Common,
    speakers: Speakers,
    transcription: Option<bool>,
    transcription_model: Option<TranscriptionModel>,
    transcription_extra: Map<String, Value>,
}

impl Diarize {
    pub(crate) fn new(client: Client, audio: AudioUrl) -> Self {
        Self {
            common: Common::new(client, audio),
            speakers: Speakers::default(),
            transcription: None,
            transcription_model: None,
            transcription_extra: Map::new(),
        }
    }

    common_setters!();
    speakers_setters!();

    /// Whether to add what was said. `community-1` cannot.
    pub fn transcription(mut self, include: bool) -> Self {
        self.transcription = Some(include);
        self
    }

    /// The model for the transcription; needs [`transcription(true)`](Self::transcription).
    pub fn transcription_model(mut self, model: impl Into<TranscriptionModel>) -> Self {
        self.transcription_model = Some(model.into());
        self
    }

    /// A field of the transcription's configuration that this version does not know yet, such as a language.
    pub fn transcription_extra(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.transcription_extra.insert(name.into(), value.into());
        self
    }

    fn body(&self) -> Result<Vec<u8>, Error> {
        let (common, speakers) = (&self.common, &self.speakers);
        let mut found = validate::Violations::default();
        found.common(common, &FIELDS);
        found.speakers(speakers);
        found.transcription(
            common.model.as_ref(),
            self.transcription,
            self.transcription_model.is_some() || !self.transcription_extra.is_empty(),
        );
        found.extra(
            "transcriptionConfig.",
            &self.transcription_extra,
            &["model"],
        );
        checked(found.into_vec())?;
        let configured = self.transcription_model.is_some() || !self.transcription_extra.is_empty();
        let configuration = types::TranscriptionConfiguration::builder()
            .model(
                self.transcription_model
                    .as_ref()
                    .map(|model| model.as_str().into()),
            )
            .extra(self.transcription_extra.clone());
        let configuration = match configured {
            true => Some(built(configuration.try_into())?),
            false => None,
        };
        let request = types::DiarizeRequest::builder()
            .confidence(speakers.confidence)
            .exclusive(speakers.exclusive)
            .max_speakers(count(speakers.max_speakers))
            .min_speakers(count(speakers.min_speakers))
            .model(common.model.as_ref().map(|model| model.as_str().into()))
            .num_speakers(count(speakers.num_speakers))
            .transcription(self.transcription)
            .transcription_config(configuration)
            .turn_level_confidence(speakers.turn_level_confidence)
            .url(common.audio.as_str())
            .webhook(common.webhook.clone())
            .webhook_status_only(common.webhook_status_only)
            .extra(common.extra.clone());
        to_json(&built::<types::DiarizeRequest>(request.try_into())?)
    }
}

/// The fields that have a setter, so that `extra` is not for them.
const FIELDS: [&str; 12] = [
    "confidence",
    "exclusive",
    "maxSpeakers",
    "minSpeakers",
    "model",
    "numSpeakers",
    "transcription",
    "transcriptionConfig",
    "turnLevelConfidence",
    "url",
    "webhook",
    "webhookStatusOnly",
];

submission!(Diarize, Diarization, Endpoint::Diarize);
