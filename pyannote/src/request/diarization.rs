//! The setters of requests for diarization, and those that identification shares.

use serde_json::Value;

use super::Request;
use super::model::TranscriptionModel;
use crate::results::{Diarization, HasTurns};

impl<T: HasTurns> Request<T> {
    /// Sets the number of speakers, if it is known: at least 1, and without a minimum or maximum. The default is to
    /// estimate it.
    pub fn num_speakers(mut self, speakers: u32) -> Self {
        self.fields.turns.num_speakers = Some(speakers);
        self
    }

    /// Sets the minimum number of speakers, at least 1.
    pub fn min_speakers(mut self, speakers: u32) -> Self {
        self.fields.turns.min_speakers = Some(speakers);
        self
    }

    /// Sets the maximum number of speakers, at least 1.
    pub fn max_speakers(mut self, speakers: u32) -> Self {
        self.fields.turns.max_speakers = Some(speakers);
        self
    }

    /// Sets whether each turn includes the confidence of every speaker, 0..100.
    pub fn turn_level_confidence(mut self, include: bool) -> Self {
        self.fields.turns.turn_level_confidence = Some(include);
        self
    }

    /// Sets whether to include exclusive diarization: turns without overlap, one speaker at a time.
    pub fn exclusive(mut self, include: bool) -> Self {
        self.fields.turns.exclusive = Some(include);
        self
    }

    /// Sets whether to include the confidence of each frame, 0..100: 4.3 million numbers for 24 h. `precision-3` does
    /// not support it.
    pub fn confidence(mut self, include: bool) -> Self {
        self.fields.turns.confidence = Some(include);
        self
    }

    /// Sets whether to include the probability of speech in each frame, 0..100: 4.3 million numbers for 24 h.
    ///
    /// ```no_run
    /// # async fn run(client: pyannote::Client) -> Result<(), pyannote::Error> {
    /// let diarization = client
    ///     .diarize("https://example.com/meeting.wav")
    ///     .model("precision-3")
    ///     .speech_probability(true)
    ///     .speaker_probability(true)
    ///     .await?;
    /// if let Some(speech) = diarization.speech_probability() {
    ///     println!("speech at 10 s: {:?} %", speech.at(10.0));
    /// }
    /// for (speaker, probability) in diarization.speaker_probability().into_iter().flat_map(|all| all.iter()) {
    ///     println!("{speaker} from 10 to 11 s: {:?} %", probability.mean(10.0, 11.0));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn speech_probability(mut self, include: bool) -> Self {
        self.fields.turns.speech_probability = Some(include);
        self
    }

    /// Sets whether to include the probability of overlapping speech in each frame, 0..100: 4.3 million numbers for
    /// 24 h.
    pub fn crosstalk_probability(mut self, include: bool) -> Self {
        self.fields.turns.crosstalk_probability = Some(include);
        self
    }

    /// Sets whether to include the probability of each speaker in each frame, 0..100: 4.3 million numbers per speaker
    /// for 24 h.
    pub fn speaker_probability(mut self, include: bool) -> Self {
        self.fields.turns.speaker_probability = Some(include);
        self
    }

    /// Sets the sensitivity of speech detection, -5..5. The higher it is, the more speech is found; the service's
    /// default is 0.
    ///
    /// It is a feature of `precision-3`: set that [model](Self::model), unless it is the default of the service.
    pub fn vad_sensitivity(mut self, sensitivity: f64) -> Self {
        self.fields.turns.vad_sensitivity = Some(sensitivity);
        self
    }

    /// Sets the sensitivity of the detection of overlapping speech, -5..5. The higher it is, the more overlap is found;
    /// the service's default is 0.
    ///
    /// It is a feature of `precision-3`. See [`vad_sensitivity`](Self::vad_sensitivity).
    pub fn crosstalk_sensitivity(mut self, sensitivity: f64) -> Self {
        self.fields.turns.crosstalk_sensitivity = Some(sensitivity);
        self
    }
}

impl Request<Diarization> {
    /// Sets whether to include a transcription. `community-1` does not support it.
    pub fn transcription(mut self, include: bool) -> Self {
        self.fields.transcription.include = Some(include);
        self
    }

    /// Sets the transcription model. Requires [`transcription(true)`](Self::transcription).
    pub fn transcription_model(mut self, model: impl Into<TranscriptionModel>) -> Self {
        self.fields.transcription.model = Some(model.into());
        self
    }

    /// Sets a field of `transcriptionConfig` that this version does not know, such as a language.
    pub fn transcription_extra(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let extra = &mut self.fields.transcription.extra;
        extra.insert(name.into(), value.into());
        self
    }
}
