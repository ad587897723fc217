//! The output of a job, in the API's form.

use std::collections::BTreeMap;

use pyannote_core::{
    FrameScores, IdentifiedTurn, SpeakerMatch, SpeakerScores, Transcript, Turn, Turns,
};
use serde::de::{DeserializeOwned, Error as _};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// The output of a diarization or an identification, with the field names of the API.
///
/// Fields that the command does not know are kept as they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output {
    pub(crate) turns: Turns,
    pub(crate) exclusive: Option<Turns>,
    pub(crate) words: Option<Transcript>,
    pub(crate) transcript: Option<Transcript>,
    pub(crate) confidence: Option<FrameScores>,
    pub(crate) speech_probability: Option<FrameScores>,
    pub(crate) crosstalk_probability: Option<FrameScores>,
    /// By the labels of `turns`.
    pub(crate) speaker_probability: Option<SpeakerScores>,
    pub(crate) identification: Option<Vec<IdentifiedTurn>>,
    pub(crate) matches: Option<Vec<SpeakerMatch>>,
    /// The number of the channel of each speaker, from 1, if channels were diarized alone. Not part of the API.
    pub(crate) speaker_channels: Option<BTreeMap<String, usize>>,
    pub(crate) warning: Option<String>,
    rest: BTreeMap<String, Box<RawValue>>,
}

const TURNS: &str = "diarization";
const EXCLUSIVE: &str = "exclusiveDiarization";
const WORDS: &str = "wordLevelTranscription";
const TRANSCRIPT: &str = "turnLevelTranscription";
const CONFIDENCE: &str = "confidence";
const SPEECH_PROBABILITY: &str = "speechProbability";
const CROSSTALK_PROBABILITY: &str = "crosstalkProbability";
const SPEAKER_PROBABILITY: &str = "speakerProbability";
const IDENTIFICATION: &str = "identification";
const MATCHES: &str = "voiceprints";
const SPEAKER_CHANNELS: &str = "speakerChannels";
const WARNING: &str = "warning";

impl Output {
    pub(crate) fn new(turns: Turns) -> Self {
        Self {
            turns,
            ..Self::default()
        }
    }

    /// Returns the turns, with the names of identified speakers.
    pub(crate) fn named_turns(&self) -> Turns {
        match &self.identification {
            None => self.turns.clone(),
            Some(turns) => turns
                .iter()
                .map(|turn| {
                    let mut named = Turn::new(turn.start, turn.end, turn.speaker());
                    named.confidence.clone_from(&turn.confidence);
                    named
                })
                .collect(),
        }
    }

    /// Returns the name of an identified speaker, or else its label.
    pub(crate) fn name<'a>(&'a self, label: &'a str) -> &'a str {
        let mut matches = self.matches.iter().flatten();
        matches
            .find(|speaker| speaker.speaker == label)
            .and_then(|speaker| speaker.matched.as_deref())
            .unwrap_or(label)
    }

    /// Returns the channel of a speaker in [`named_turns`](Self::named_turns), if all turns are in one channel.
    pub(crate) fn channel(&self, name: &str) -> Option<usize> {
        let channels = self.speaker_channels.iter().flatten();
        let mut own = channels.filter(|(label, _)| self.name(label) == name);
        let (_, channel) = own.next()?;
        own.all(|(_, other)| other == channel).then_some(*channel)
    }

    /// Returns the transcript with the names of identified speakers: by turn if there is one, else by word.
    pub(crate) fn named_transcript(&self) -> Option<Transcript> {
        let transcript = self.transcript.as_ref().or(self.words.as_ref())?;
        Some(self.with_names(transcript))
    }

    /// Returns the words with the names of identified speakers.
    pub(crate) fn named_words(&self) -> Option<Transcript> {
        Some(self.with_names(self.words.as_ref()?))
    }

    /// Returns the probability of each speaker in each frame, with the names of identified speakers.
    pub(crate) fn named_speaker_probability(&self) -> Option<SpeakerScores> {
        let scores = self.speaker_probability.as_ref()?;
        Some(scores.map_speakers(|label| self.name(label).to_owned()))
    }

    /// Renames speakers, by their names in [`named_turns`](Self::named_turns).
    ///
    /// An identification keeps the labels of the diarization, and the new name becomes the match.
    pub(crate) fn rename(&mut self, names: &BTreeMap<String, String>) {
        let new_name = |name: &str| names.get(name).cloned();
        if let Some(turns) = &mut self.identification {
            for turn in turns {
                turn.matched = new_name(turn.speaker()).or(turn.matched.take());
            }
            for speaker in self.matches.iter_mut().flatten() {
                let name = speaker.matched.as_deref().unwrap_or(&speaker.speaker);
                speaker.matched = new_name(name).or(speaker.matched.take());
            }
            return;
        }
        let rename = |name: &str| new_name(name).unwrap_or_else(|| name.to_owned());
        self.turns = self.turns.map_speakers(rename);
        let by_speaker = self.speaker_probability.as_ref();
        self.speaker_probability = by_speaker.map(|scores| scores.map_speakers(rename));
        if let Some(channels) = &mut self.speaker_channels {
            let renamed = std::mem::take(channels).into_iter();
            *channels = renamed
                .map(|(name, channel)| (rename(&name), channel))
                .collect();
        }
        self.exclusive = self
            .exclusive
            .as_ref()
            .map(|turns| turns.map_speakers(rename));
        for transcript in [&mut self.words, &mut self.transcript] {
            *transcript = transcript
                .as_ref()
                .map(|transcript| map_transcript(transcript, rename));
        }
    }

    fn with_names(&self, transcript: &Transcript) -> Transcript {
        map_transcript(transcript, |label| self.name(label).to_owned())
    }
}

fn map_transcript(transcript: &Transcript, rename: impl Fn(&str) -> String) -> Transcript {
    let segments = transcript.iter().map(|segment| {
        let mut renamed = segment.clone();
        renamed.speaker = rename(&segment.speaker);
        renamed
    });
    segments.collect()
}

impl Serialize for Output {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(TURNS, &self.turns)?;
        let mut entry = Optional(&mut map);
        entry.serialize(EXCLUSIVE, self.exclusive.as_ref())?;
        entry.serialize(IDENTIFICATION, self.identification.as_ref())?;
        entry.serialize(MATCHES, self.matches.as_ref())?;
        entry.serialize(WORDS, self.words.as_ref())?;
        entry.serialize(TRANSCRIPT, self.transcript.as_ref())?;
        entry.serialize(CONFIDENCE, self.confidence.as_ref())?;
        entry.serialize(SPEECH_PROBABILITY, self.speech_probability.as_ref())?;
        entry.serialize(CROSSTALK_PROBABILITY, self.crosstalk_probability.as_ref())?;
        entry.serialize(SPEAKER_PROBABILITY, self.speaker_probability.as_ref())?;
        entry.serialize(SPEAKER_CHANNELS, self.speaker_channels.as_ref())?;
        entry.serialize(WARNING, self.warning.as_ref())?;
        for (name, value) in &self.rest {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Serializes the entries of a map that are there.
struct Optional<'a, M>(&'a mut M);

impl<M: SerializeMap> Optional<'_, M> {
    fn serialize<T: Serialize>(&mut self, name: &str, value: Option<T>) -> Result<(), M::Error> {
        match value {
            Some(value) => self.0.serialize_entry(name, &value),
            None => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for Output {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = BTreeMap::<String, Box<RawValue>>::deserialize(deserializer)?;
        let turns = take(&mut fields, TURNS)?;
        let turns = turns.ok_or_else(|| D::Error::missing_field(TURNS))?;
        Ok(Self {
            turns,
            exclusive: take(&mut fields, EXCLUSIVE)?,
            words: take(&mut fields, WORDS)?,
            transcript: take(&mut fields, TRANSCRIPT)?,
            confidence: take(&mut fields, CONFIDENCE)?,
            speech_probability: take_if_valid(&mut fields, SPEECH_PROBABILITY),
            crosstalk_probability: take_if_valid(&mut fields, CROSSTALK_PROBABILITY),
            speaker_probability: take_if_valid(&mut fields, SPEAKER_PROBABILITY),
            identification: take(&mut fields, IDENTIFICATION)?,
            matches: take(&mut fields, MATCHES)?,
            speaker_channels: take(&mut fields, SPEAKER_CHANNELS)?,
            warning: take(&mut fields, WARNING)?,
            rest: fields,
        })
    }
}

/// Removes a field and decodes it. Null is the same as missing.
fn take<T: DeserializeOwned, E: serde::de::Error>(
    fields: &mut BTreeMap<String, Box<RawValue>>,
    name: &'static str,
) -> Result<Option<T>, E> {
    let Some(json) = fields.remove(name) else {
        return Ok(None);
    };
    serde_json::from_str(json.get()).map_err(|error| E::custom(format!("{name}: {error}")))
}

/// As [`take`], but a field of another form stays where it is.
fn take_if_valid<T: DeserializeOwned>(
    fields: &mut BTreeMap<String, Box<RawValue>>,
    name: &'static str,
) -> Option<T> {
    let value = serde_json::from_str(fields.get(name)?.get()).ok()?;
    fields.remove(name);
    value
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_survive() {
        let json = r#"{"diarization":[{"start":0.5,"end":2.0,"speaker":"SPEAKER_00"}],"confidence":{"score":[99.0],"resolution":0.02},"speakerProbability":{"score":{"SPEAKER_00":[1.50]}}}"#;
        let output: Output = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&output).unwrap(), json);
    }

    #[test]
    fn speakers_are_renamed_everywhere() {
        let json = r#"{"diarization":[{"start":0.0,"end":1.0,"speaker":"S0","confidence":{"S0":90.0,"S1":10.0}}],"exclusiveDiarization":[{"start":0.0,"end":1.0,"speaker":"S0"}],"wordLevelTranscription":[{"start":0.0,"end":1.0,"text":"one","speaker":"S0"}],"speakerProbability":{"score":{"S0":[90.0,3.0]},"resolution":0.02}}"#;
        let mut output: Output = serde_json::from_str(json).unwrap();
        output.rename(&[("S0".to_owned(), "Ada".to_owned())].into());
        let expected = json.replace("\"S0\"", "\"Ada\"");
        assert_eq!(serde_json::to_string(&output).unwrap(), expected);
    }

    #[test]
    fn channels_follow_the_names_of_speakers() {
        let json = r#"{"diarization":[{"start":0.0,"end":1.0,"speaker":"SPEAKER_00"}],"speakerChannels":{"SPEAKER_00":1,"SPEAKER_01":2}}"#;
        let mut output: Output = serde_json::from_str(json).unwrap();
        assert_eq!(output.channel("SPEAKER_01"), Some(2));
        output.rename(&[("SPEAKER_01".to_owned(), "Ada".to_owned())].into());
        assert_eq!(output.channel("Ada"), Some(2));
        assert_eq!(output.channel("SPEAKER_01"), None);
        // A voiceprint that matches in both channels.
        let speaker = |label: &str| {
            SpeakerMatch::new(
                label.to_owned(),
                Some("Grace".to_owned()),
                [("Grace", 90.0)],
            )
        };
        output.matches = Some(vec![speaker("SPEAKER_00"), speaker("Ada")]);
        assert_eq!(output.channel("Grace"), None);
    }

    #[test]
    fn identified_speakers_have_their_names() {
        let json = r#"{"diarization":[{"start":0,"end":1,"speaker":"SPEAKER_00"},{"start":1,"end":2,"speaker":"SPEAKER_01"}],
            "identification":[{"start":0,"end":1,"speaker":"Ada","diarizationSpeaker":"SPEAKER_00","match":"Ada"},
                              {"start":1,"end":2,"speaker":"SPEAKER_01","diarizationSpeaker":"SPEAKER_01","match":null}],
            "voiceprints":[{"speaker":"SPEAKER_00","match":"Ada","confidence":{"Ada":87}}],
            "wordLevelTranscription":[{"start":0,"end":1,"text":"one","speaker":"SPEAKER_00"}]}"#;
        let output: Output = serde_json::from_str(json).unwrap();
        assert_eq!(output.named_turns().speakers(), ["Ada", "SPEAKER_01"]);
        let words = output.named_transcript().unwrap();
        assert_eq!(words.iter().next().unwrap().speaker, "Ada");
        let mut renamed = output.clone();
        let names = [("Ada", "Ada L."), ("SPEAKER_01", "Grace")];
        renamed.rename(
            &names
                .map(|(from, to)| (from.to_owned(), to.to_owned()))
                .into(),
        );
        assert_eq!(renamed.named_turns().speakers(), ["Ada L.", "Grace"]);
        assert_eq!(renamed.name("SPEAKER_00"), "Ada L.");
        assert_eq!(renamed.turns, output.turns);
    }
}
