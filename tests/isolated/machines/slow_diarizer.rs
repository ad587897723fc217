//! A diarizer that needs no models.

use std::time::Duration;

use pyannote_engine::{Diarization, DiarizeError, Diarizer, Options, Recording};

/// Long enough that webhooks are not sent most of the time.
const DURATION: Duration = Duration::from_secs(1);

/// Takes a second for any recording.
pub(crate) struct SlowDiarizer;

impl Diarizer for SlowDiarizer {
    fn models(&self) -> &str {
        "no models"
    }

    fn embedding_model(&self) -> &str {
        "none"
    }

    fn diarize(
        &self,
        recording: &Recording,
        _: &mut Options<'_>,
    ) -> Result<Diarization, DiarizeError> {
        assert!(!recording.is_empty());
        std::thread::sleep(DURATION);
        Ok(Diarization::default())
    }

    fn same_speaker_probability(&self, cosine: f32) -> f32 {
        cosine
    }
}
