//! An identification: who spoke when, by voiceprint.

use pyannote_api_sys::types;
use serde_json::{Map, Value};

use super::common::{
    Common, Speakers, built, checked, common_setters, count, speakers_setters, submission, to_json,
};
use super::validate;
use crate::client::Client;
use crate::error::Error;
use crate::media::AudioUrl;
use crate::results::{Identification, Voiceprint};
use crate::transport::Endpoint;

/// An identification to be submitted: who spoke when, by voiceprint.
///
/// ```no_run
/// # async fn run(client: pyannote::Client, ada: pyannote::Voiceprint) -> Result<(), pyannote::Error> {
/// let found = client
///     .identify("https://example.com/meeting.wav")
///     .voiceprint("Ada", &ada)
///     .threshold(50.0)
///     .await?;
/// for turn in found.turns() {
///     println!("{} speaks at {} s", turn.speaker, turn.start);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a request does nothing unless it is submitted or awaited"]
pub struct Identify {
    common: Common,
    speakers: Speakers,
    voiceprints: Vec<(String, Voiceprint)>,
    threshold: Option<f64>,
    exclusive_matching: Option<bool>,
    matching_extra: Map<String, Value>,
}

impl Identify {
    pub(crate) fn new(client: Client, audio: AudioUrl) -> Self {
        Self {
            common: Common::new(client, audio),
            speakers: Speakers::default(),
            voiceprints: Vec::new(),
            threshold: None,
            exclusive_matching: None,
            matching_extra: Map::new(),
        }
    }

    common_setters!();
    speakers_setters!();

    /// Adds a person to look for: 1 to 50 in all, each with a label of its own, of 1 to 100 characters, which does not
    /// start with `SPEAKER_`.
    pub fn voiceprint(mut self, label: impl Into<String>, voiceprint: &Voiceprint) -> Self {
        self.voiceprints.push((label.into(), voiceprint.clone()));
        self
    }

    /// Adds people to look for.
    pub fn voiceprints<L: Into<String>>(
        mut self,
        voiceprints: impl IntoIterator<Item = (L, Voiceprint)>,
    ) -> Self {
        let voiceprints = voiceprints.into_iter();
        self.voiceprints
            .extend(voiceprints.map(|(label, voiceprint)| (label.into(), voiceprint)));
        self
    }

    /// How well a voiceprint must match, 0..100. Unless set, 0: the best voiceprint matches, however badly, also where
    /// its person does not speak at all. Enrolled voices score about 78 to 90, strangers 16 to 48.
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = Some(threshold);
        self
    }

    /// Whether a voiceprint matches one speaker at most; the service's default is that it does.
    pub fn exclusive_matching(mut self, exclusive: bool) -> Self {
        self.exclusive_matching = Some(exclusive);
        self
    }

    /// A field of the matching options that this version does not know yet.
    pub fn matching_extra(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.matching_extra.insert(name.into(), value.into());
        self
    }

    fn body(&self) -> Result<Vec<u8>, Error> {
        let (common, speakers) = (&self.common, &self.speakers);
        let mut found = validate::Violations::default();
        found.common(common, &FIELDS);
        found.diarization_only_model(common.model.as_ref());
        found.speakers(speakers);
        found.voiceprints(&self.voiceprints);
        found.threshold(self.threshold);
        found.extra(
            "matching.",
            &self.matching_extra,
            &["exclusive", "threshold"],
        );
        checked(found.into_vec())?;

        let mut voiceprints: Vec<types::Voiceprint> = Vec::with_capacity(self.voiceprints.len());
        for (label, voiceprint) in &self.voiceprints {
            let voiceprint = types::Voiceprint::builder()
                .label(label.as_str())
                .voiceprint(voiceprint.as_base64());
            voiceprints.push(built(voiceprint.try_into())?);
        }
        let matched = self.threshold.is_some()
            || self.exclusive_matching.is_some()
            || !self.matching_extra.is_empty();
        let threshold = self
            .threshold
            .map(|threshold| types::MatchingOptionsThreshold::try_from(threshold as f32));
        let matching = types::MatchingOptions::builder()
            .exclusive(self.exclusive_matching)
            .threshold(built(threshold.transpose())?)
            .extra(self.matching_extra.clone());
        let matching = match matched {
            true => Some(built(matching.try_into())?),
            false => None,
        };
        let request = types::IdentifyRequest::builder()
            .confidence(speakers.confidence)
            .exclusive(speakers.exclusive)
            .matching(matching)
            .max_speakers(count(speakers.max_speakers))
            .min_speakers(count(speakers.min_speakers))
            .model(common.model.as_ref().map(|model| model.as_str().into()))
            .num_speakers(count(speakers.num_speakers))
            .turn_level_confidence(speakers.turn_level_confidence)
            .url(common.audio.as_str().to_owned())
            .voiceprints(voiceprints)
            .webhook(common.webhook.clone())
            .webhook_status_only(common.webhook_status_only)
            .extra(common.extra.clone());
        to_json(&built::<types::IdentifyRequest>(request.try_into())?)
    }
}

/// The fields that have a setter, so that `extra` is not for them.
const FIELDS: [&str; 12] = [
    "confidence",
    "exclusive",
    "matching",
    "maxSpeakers",
    "minSpeakers",
    "model",
    "numSpeakers",
    "turnLevelConfidence",
    "url",
    "voiceprints",
    "webhook",
    "webhookStatusOnly",
];

submission!(Identify, Identification, Endpoint::Identify);
