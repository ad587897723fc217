//! Who it was: the speakers of a recording, and the voiceprints of a request.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::Found;
use super::matching::{Matching, score};
use super::schema::{Identified, Match, Output, Segment};
use crate::engine::{Diarizer, Embedding, EngineError, voiceprint};
use crate::violation::Violation;

/// What an identification is asked for.
pub(in crate::engine) struct Identify {
    matching: Matching,
    /// The voices, by label.
    voices: Vec<(String, Embedding)>,
}

impl Identify {
    /// The voiceprints that cannot be used, with their fields. None where the request holds no list of them.
    pub(in crate::engine) fn check(
        request: &Map<String, Value>,
        model: &str,
    ) -> Option<Vec<Violation>> {
        let entries = request.get("voiceprints")?.as_array()?;
        let refused = entries.iter().enumerate().filter_map(|(index, entry)| {
            let text = entry.get("voiceprint")?.as_str()?;
            let error = voiceprint::decode(text, model).err()?;
            let field = format!("voiceprints[{index}].voiceprint");
            Some(Violation::new(field, error.to_string()))
        });
        Some(refused.collect())
    }

    /// Reads a request that was checked, perhaps by a server with another model.
    pub(super) fn read(request: &Map<String, Value>, model: &str) -> Result<Self, EngineError> {
        let entries = request.get("voiceprints").and_then(Value::as_array);
        let mut voices = Vec::new();
        for entry in entries.into_iter().flatten() {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
            let label = text("label");
            let voice = voiceprint::decode(text("voiceprint"), model).map_err(|error| {
                EngineError(format!(
                    "the voiceprint of {label:?} cannot be used: it {error}"
                ))
            })?;
            voices.push((label.to_owned(), voice));
        }
        Ok(Self {
            matching: Matching::read(request),
            voices,
        })
    }

    /// The output of the identification, made of that of the diarization.
    pub(super) fn answer(
        self,
        diarizer: &impl Diarizer,
        found: Found,
        warnings: &mut Vec<String>,
    ) -> Output {
        let speakers = found.names.speakers();
        let probabilities: Vec<Vec<f64>> = speakers
            .iter()
            .map(|speaker| {
                let heard = found.diarization.speakers.get(*speaker);
                match heard.and_then(|heard| heard.embedding.as_ref()) {
                    Some(voice) => self.compare(diarizer, voice),
                    None => {
                        let name = found.names.of(*speaker);
                        warnings.push(format!(
                            "{name} speaks too little to be compared with voiceprints"
                        ));
                        Vec::new()
                    }
                }
            })
            .collect();
        let assigned = self.matching.assign(&probabilities);
        let mut matches = Vec::new();
        let mut labels = HashMap::new();
        for ((speaker, row), voiceprint) in speakers.iter().zip(&probabilities).zip(assigned) {
            let label = voiceprint.and_then(|index| self.voices.get(index));
            let label = label.map(|(label, _)| label.clone());
            let all = self.voices.iter().enumerate();
            matches.push(Match {
                speaker: found.names.of(*speaker),
                label: label.clone(),
                confidence: all
                    .map(|(index, (label, _))| {
                        let probability = row.get(index).copied().unwrap_or(0.0);
                        (label.clone(), score(probability))
                    })
                    .collect(),
            });
            labels.insert(found.names.of(*speaker), label);
        }
        let segments = found.output.diarization.iter().flatten();
        let identified = segments.map(|segment| {
            let label = labels.get(&segment.speaker).cloned().flatten();
            let speaker = label.as_ref().unwrap_or(&segment.speaker).clone();
            Identified {
                segment: Segment {
                    speaker,
                    ..segment.clone()
                },
                diarization_speaker: segment.speaker.clone(),
                label,
            }
        });
        Output {
            identification: Some(identified.collect()),
            voiceprints: Some(matches),
            ..found.output
        }
    }

    /// How likely each voiceprint is of the same person as a voice.
    fn compare(&self, diarizer: &impl Diarizer, voice: &Embedding) -> Vec<f64> {
        let same = |(_, other): &(String, Embedding)| {
            let probability = f64::from(diarizer.same_speaker_probability(voice.cosine(other)));
            if probability.is_nan() {
                0.0
            } else {
                probability.clamp(0.0, 1.0)
            }
        };
        self.voices.iter().map(same).collect()
    }
}
