//! Turns: who spoke from when to when.

use std::collections::BTreeMap;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// One speaker's turn.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Turn {
    /// Start, in seconds from the start of the recording.
    pub start: f64,
    /// End, in seconds from the start of the recording.
    pub end: f64,
    /// Who speaks: `SPEAKER_00` and so on, or the label of a voiceprint.
    pub speaker: String,
    /// How sure each speaker is to be the one who speaks here, 0..100, by speaker. Only where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<BTreeMap<String, f64>>,
}

impl Turn {
    /// A turn from `start` to `end`, in seconds.
    pub fn new(start: f64, end: f64, speaker: impl Into<String>) -> Self {
        Self {
            start,
            end,
            speaker: speaker.into(),
            confidence: None,
        }
    }

    /// How long the turn is, in seconds; 0 where its end is not after its start.
    #[must_use]
    pub fn duration(&self) -> f64 {
        (self.end - self.start).max(0.0)
    }
}

/// Turns, in the order in which they came. Turns of different speakers may overlap.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Turns(Vec<Turn>);

impl Turns {
    /// The turns as a vector.
    #[must_use]
    pub fn into_vec(self) -> Vec<Turn> {
        self.0
    }
}

impl Deref for Turns {
    type Target = [Turn];

    fn deref(&self) -> &[Turn] {
        &self.0
    }
}

impl From<Vec<Turn>> for Turns {
    fn from(turns: Vec<Turn>) -> Self {
        Self(turns)
    }
}

impl FromIterator<Turn> for Turns {
    fn from_iter<I: IntoIterator<Item = Turn>>(turns: I) -> Self {
        Self(turns.into_iter().collect())
    }
}

impl IntoIterator for Turns {
    type Item = Turn;
    type IntoIter = std::vec::IntoIter<Turn>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Turns {
    type Item = &'a Turn;
    type IntoIter = std::slice::Iter<'a, Turn>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
