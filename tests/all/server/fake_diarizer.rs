//! A diarizer with scripted results.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use pyannote_engine::output::Turn;
use pyannote_engine::{
    Diarization, DiarizeError, Diarizer, Embedding, Options, Recording, Scores, Sensitivity,
    Speaker, SpeakerBounds,
};

/// Returns the scripted diarizations in order, then empty ones. Clones share the script.
#[derive(Clone, Default)]
pub(crate) struct FakeDiarizer {
    script: Arc<Mutex<VecDeque<Diarization>>>,
    calls: Arc<Mutex<Vec<(usize, SpeakerBounds)>>>,
    sensitivities: Arc<Mutex<Vec<Sensitivity>>>,
    accurate: Arc<Mutex<Vec<bool>>>,
}

impl FakeDiarizer {
    pub(crate) fn new(script: impl IntoIterator<Item = Diarization>) -> Self {
        Self {
            script: Arc::new(Mutex::new(script.into_iter().collect())),
            ..Self::default()
        }
    }

    /// Number of samples and speaker counts of each call.
    pub(crate) fn calls(&self) -> Vec<(usize, SpeakerBounds)> {
        self.calls.lock().unwrap().clone()
    }

    /// The sensitivities of each call.
    pub(crate) fn sensitivities(&self) -> Vec<Sensitivity> {
        self.sensitivities.lock().unwrap().clone()
    }

    /// Whether each call was to be accurate.
    pub(crate) fn accurate(&self) -> Vec<bool> {
        self.accurate.lock().unwrap().clone()
    }
}

impl Diarizer for FakeDiarizer {
    fn models(&self) -> &str {
        "fake-segmentation and fake-embedding"
    }

    fn embedding_model(&self) -> &str {
        "fake-embedding"
    }

    fn diarize(
        &self,
        recording: &Recording,
        options: &mut Options<'_>,
    ) -> Result<Diarization, DiarizeError> {
        let call = (recording.len(), options.speaker_bounds());
        self.calls.lock().unwrap().push(call);
        let sensitivity = options.speech_sensitivity();
        self.sensitivities.lock().unwrap().push(sensitivity);
        self.accurate.lock().unwrap().push(options.is_accurate());
        Ok(self.script.lock().unwrap().pop_front().unwrap_or_default())
    }

    /// The cosine itself, so that tests can predict the scores.
    fn same_speaker_probability(&self, cosine: f32) -> f32 {
        cosine.max(0.0)
    }
}

pub(crate) fn turn(speaker: usize, start: f64, end: f64) -> Turn {
    Turn::new(start, end, name(speaker))
}

/// An embedding of two dimensions by its angle: a difference of 60 degrees is a score of 50.
pub(crate) fn embedding(degrees: f32) -> Embedding {
    let (sin, cos) = degrees.to_radians().sin_cos();
    Embedding(vec![cos, sin])
}

pub(crate) fn speaker(number: usize, degrees: f32, solo_speech_s: f64) -> Speaker {
    Speaker {
        label: name(number),
        embedding: Some(embedding(degrees)),
        solo_speech_s,
        channel: None,
    }
}

/// The label of a speaker, which the engine has to replace.
pub(crate) fn name(speaker: usize) -> String {
    format!("speaker {speaker}")
}

/// A single speaker.
pub(crate) fn monologue(degrees: f32) -> Diarization {
    Diarization {
        turns: [turn(0, 0.0, 1.0)].into(),
        exclusive: [turn(0, 0.0, 1.0)].into(),
        speakers: vec![speaker(0, degrees, 1.0)],
        ..Diarization::default()
    }
}

/// Two speakers at 0 and 90 degrees in four frames of 0.5 s.
///
/// The second speaker starts, and both speak in the third frame.
pub(crate) fn meeting() -> Diarization {
    Diarization {
        turns: [turn(1, 0.000_4, 1.499_6), turn(0, 1.0, 2.0)].into(),
        exclusive: [turn(1, 0.000_4, 1.25), turn(0, 1.25, 2.0)].into(),
        speakers: vec![speaker(0, 0.0, 0.75), speaker(1, 90.0, 1.25)],
        scores: Scores {
            resolution: 0.5,
            speech: vec![0.98, 1.0, 0.9, 0.99],
            overlap: vec![0.0, 0.125, 0.55, 0.02],
            speakers: vec![name(0), name(1)],
            values: vec![0.0, 0.97, 0.125, 1.0, 0.6, 0.8, 0.99, 0.0],
        },
        ..Diarization::default()
    }
}
