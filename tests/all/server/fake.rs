//! A diarizer that hears what a test tells it, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use pyannote_engine::{
    Diarization, DiarizeError, Diarizer, Embedding, Options, Scores, Speaker, SpeakerBounds, Turn,
};

/// Gives the diarizations of its script, and then finds nobody. Clones share the script.
#[derive(Clone, Default)]
pub(crate) struct Fake {
    script: Arc<Mutex<VecDeque<Diarization>>>,
    asked: Arc<Mutex<Vec<(usize, SpeakerBounds)>>>,
}

impl Fake {
    pub(crate) fn new(script: impl IntoIterator<Item = Diarization>) -> Self {
        Self {
            script: Arc::new(Mutex::new(script.into_iter().collect())),
            ..Self::default()
        }
    }

    /// The number of samples and the speakers of each call.
    pub(crate) fn asked(&self) -> Vec<(usize, SpeakerBounds)> {
        self.asked.lock().unwrap().clone()
    }
}

impl Diarizer for Fake {
    fn models(&self) -> &str {
        "fake-segmentation and fake-embedding"
    }

    fn embedding_model(&self) -> &str {
        "fake-embedding"
    }

    fn diarize(
        &self,
        samples: &[f32],
        options: &mut Options<'_>,
    ) -> Result<Diarization, DiarizeError> {
        let asked = (samples.len(), options.speaker_bounds());
        self.asked.lock().unwrap().push(asked);
        Ok(self.script.lock().unwrap().pop_front().unwrap_or_default())
    }

    /// The cosine itself, so that a test can tell the scores.
    fn same_speaker_probability(&self, cosine: f32) -> f32 {
        cosine.max(0.0)
    }
}

pub(crate) fn turn(speaker: usize, start: f64, end: f64) -> Turn {
    Turn {
        speaker,
        start,
        end,
    }
}

/// A voice by its direction in the plane, in degrees: two that are 60 apart are 50 alike.
pub(crate) fn voice(degrees: f32) -> Embedding {
    let (sin, cos) = degrees.to_radians().sin_cos();
    Embedding(vec![cos, sin])
}

pub(crate) fn speaker(degrees: f32, heard: f64) -> Speaker {
    Speaker {
        embedding: Some(voice(degrees)),
        heard,
    }
}

/// One voice alone, all along.
pub(crate) fn alone(degrees: f32) -> Diarization {
    Diarization {
        turns: vec![turn(0, 0.0, 1.0)],
        exclusive: vec![turn(0, 0.0, 1.0)],
        speakers: vec![speaker(degrees, 1.0)],
        ..Diarization::default()
    }
}

/// Two voices, at 0 and 90 degrees, in four frames of half a second: the second begins, and both speak in the third.
pub(crate) fn meeting() -> Diarization {
    Diarization {
        turns: vec![turn(1, 0.000_4, 1.499_6), turn(0, 1.0, 2.0)],
        exclusive: vec![turn(1, 0.000_4, 1.25), turn(0, 1.25, 2.0)],
        speakers: vec![speaker(0.0, 0.75), speaker(90.0, 1.25)],
        scores: Scores {
            resolution: 0.5,
            speech: vec![0.98, 1.0, 0.9, 0.99],
            speakers: 2,
            values: vec![0.0, 0.97, 0.125, 1.0, 0.6, 0.8, 0.99, 0.0],
        },
        warnings: Vec::new(),
    }
}
