//! Speaker identification: which voiceprint each speaker matches.

use std::collections::HashMap;

use pyannote_core::{IdentifiedTurn, SpeakerMatch};

use crate::matching::{self, Matching};
use crate::{Diarization, Diarizer, Embedding};

/// A diarization with the voiceprints that its speakers match: the result of
/// [`Engine::identify`](crate::Engine::identify).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Identification {
    /// The diarization.
    pub diarization: Diarization,
    /// The match and the scores of each speaker, in the order of [`Diarization::speakers`]. Scores are 0..100, rounded
    /// to an integer.
    pub matches: Vec<SpeakerMatch>,
}

impl Identification {
    /// Matches the speakers of a diarization. Speakers without an embedding have no match, and a warning.
    pub(crate) fn compute(
        diarizer: &impl Diarizer,
        mut diarization: Diarization,
        matching: &Matching,
    ) -> Self {
        let probabilities: Vec<Vec<f64>> = diarization
            .speakers
            .iter()
            .map(|speaker| match &speaker.embedding {
                Some(embedding) => compare(diarizer, embedding, matching),
                None => {
                    diarization.warnings.push(format!(
                        "{} has too little speech without overlap to be compared with voiceprints",
                        speaker.label
                    ));
                    Vec::new()
                }
            })
            .collect();
        if !diarizer.is_calibrated() && probabilities.iter().any(|row| !row.is_empty()) {
            diarization.warnings.push(format!(
                "the scores are not calibrated for {}: they order the voiceprints, but a threshold may mean something \
                 else than with other models",
                diarizer.embedding_model()
            ));
        }
        let assigned = matching.assign(&probabilities);
        let speakers = diarization
            .speakers
            .iter()
            .zip(&probabilities)
            .zip(assigned);
        let matches = speakers.map(|((speaker, row), assigned)| {
            let matched = assigned.and_then(|index| matching.voiceprints.get(index));
            let scores = matching.voiceprints.iter().enumerate();
            let scores = scores.map(|(index, (label, _))| {
                let probability = row.get(index).copied().unwrap_or_default();
                (label.clone(), matching::score(probability))
            });
            let matched = matched.map(|(label, _)| label.clone());
            SpeakerMatch::new(speaker.label.clone(), matched, scores)
        });
        Self {
            matches: matches.collect(),
            diarization,
        }
    }

    /// Returns the turns of the diarization with the matches of their speakers.
    ///
    #[cfg_attr(feature = "models", doc = "```no_run")]
    #[cfg_attr(not(feature = "models"), doc = "```ignore")]
    /// # use pyannote_engine::{Engine, Matching, Options, Recording, Voiceprint};
    /// # let engine = Engine::load()?;
    /// # let (recording, ada) = (Recording::default(), Voiceprint::from_base64("")?);
    /// let matching = Matching::new().voiceprint("Ada", ada).threshold(50.0);
    /// let identification = engine.identify(&recording, &matching, Options::new())?;
    /// for turn in identification.turns() {
    ///     println!("{:.1} s: {}", turn.start, turn.speaker());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn turns(&self) -> Vec<IdentifiedTurn> {
        let matches = self.matches.iter();
        let matched: HashMap<&str, &Option<String>> = matches
            .map(|speaker| (speaker.speaker.as_str(), &speaker.matched))
            .collect();
        let turns = self.diarization.turns.iter().map(|turn| {
            let matched = matched.get(turn.speaker.as_str()).copied().cloned();
            let speaker = turn.speaker.clone();
            let mut identified =
                IdentifiedTurn::new(turn.start, turn.end, speaker, matched.flatten());
            identified.confidence.clone_from(&turn.confidence);
            identified
        });
        turns.collect()
    }

    /// Adds the confidence of each speaker to each turn, as [`Diarization::with_turn_confidence`].
    #[must_use]
    pub fn with_turn_confidence(mut self) -> Self {
        self.diarization = self.diarization.with_turn_confidence();
        self
    }
}

/// The probability that each voiceprint is of the same speaker as an embedding.
fn compare(diarizer: &impl Diarizer, embedding: &Embedding, matching: &Matching) -> Vec<f64> {
    let probability = |other: &Embedding| {
        let probability = f64::from(diarizer.same_speaker_probability(embedding.cosine(other)));
        if probability.is_nan() {
            0.0
        } else {
            probability.clamp(0.0, 1.0)
        }
    };
    let voiceprints = matching.voiceprints.iter();
    voiceprints
        .map(|(_, voiceprint)| probability(voiceprint.embedding()))
        .collect()
}
