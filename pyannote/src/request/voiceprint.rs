//! A voiceprint to be made.

use pyannote_api_sys::types;

use super::common::{Common, built, checked, common_setters, submission, to_json};
use super::validate;
use crate::client::Client;
use crate::error::Error;
use crate::media::AudioUrl;
use crate::results::Voiceprint;
use crate::transport::Endpoint;

/// A voiceprint to be made of a recording of one speaker: at most 30 s and 100 MiB.
///
/// ```no_run
/// # async fn run(client: pyannote::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let voiceprint = client.voiceprint("https://example.com/ada.wav").await?;
/// // The service deletes it after 24 h: keep it.
/// std::fs::write("ada.voiceprint", voiceprint.as_base64())?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a request does nothing unless it is submitted or awaited"]
pub struct MakeVoiceprint {
    common: Common,
}

impl MakeVoiceprint {
    pub(crate) fn new(client: Client, audio: AudioUrl) -> Self {
        Self {
            common: Common::new(client, audio),
        }
    }

    common_setters!();

    fn body(&self) -> Result<Vec<u8>, Error> {
        let common = &self.common;
        let mut found = validate::Violations::default();
        found.common(common, &FIELDS);
        found.diarization_only_model(common.model.as_ref());
        checked(found.into_vec())?;
        let request = types::VoiceprintRequest::builder()
            .model(common.model.as_ref().map(|model| model.as_str().into()))
            .url(common.audio.as_str())
            .webhook(common.webhook.clone())
            .webhook_status_only(common.webhook_status_only)
            .extra(common.extra.clone());
        to_json(&built::<types::VoiceprintRequest>(request.try_into())?)
    }
}

/// The fields that have a setter, so that `extra` is not for them.
const FIELDS: [&str; 4] = ["model", "url", "webhook", "webhookStatusOnly"];

submission!(MakeVoiceprint, Voiceprint, Endpoint::Voiceprint);
