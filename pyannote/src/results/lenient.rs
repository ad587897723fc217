//! Decodes the parts of an output that has an unexpected form, each by itself, so that an invalid part does not affect the others.
//!
//! Only used if an output cannot be decoded as specified: that is faster.

use std::collections::BTreeMap;

use pyannote_core::{
    FrameScores, IdentifiedTurn, SpeakerMatch, SpeakerScores, TranscriptSegment, Turn,
};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::decode_warning::Warnings;
use crate::json::{fields, for_each_field, for_each_item, number, text, type_name};
use crate::redact::excerpt;

/// Scores of a response. Unlike [`FrameScores`], they are never null: that possibility would cost time for each of
/// millions.
#[derive(Deserialize)]
pub(super) struct Scores {
    score: Curve,
    resolution: f64,
}

impl Scores {
    pub(super) fn into_scores(self) -> FrameScores {
        FrameScores::new(self.score.0, self.resolution)
    }
}

/// Scores by speaker. See [`Scores`].
#[derive(Deserialize)]
pub(super) struct ScoresBySpeaker {
    score: BTreeMap<String, Curve>,
    resolution: f64,
}

impl ScoresBySpeaker {
    pub(super) fn into_scores(self) -> SpeakerScores {
        let speakers = self.score.into_iter();
        SpeakerScores::new(
            speakers.map(|(speaker, curve)| (speaker, curve.0)),
            self.resolution,
        )
    }
}

/// The scores of all frames, in no more memory than they need.
struct Curve(Vec<f32>);

impl<'de> Deserialize<'de> for Curve {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut scores = Vec::deserialize(deserializer)?;
        scores.shrink_to_fit();
        Ok(Self(scores))
    }
}

/// An item of a list in an output.
pub(super) trait Item: Sized {
    /// Decodes the item at `path`. Returns `None` if a required field has an unexpected form.
    fn read(json: &RawValue, path: &str, warnings: &mut Warnings) -> Option<Self>;
}

/// Warns of a part that has another type than expected.
fn unexpected(json: &RawValue, expected: &str, path: &str, warnings: &mut Warnings) {
    let found = type_name(json);
    warnings.add(
        format_args!("{path}"),
        format_args!("expected {expected}, got {found}; it is left out"),
    );
}

/// The fields of an output or of a part of it.
pub(super) struct Fields<'a, const N: usize> {
    path: &'a str,
    names: [&'static str; N],
    values: [Option<&'a RawValue>; N],
}

impl<'a, const N: usize> Fields<'a, N> {
    pub(super) fn of(
        json: &'a RawValue,
        names: [&'static str; N],
        path: &'a str,
        warnings: &mut Warnings,
    ) -> Option<Self> {
        let Some(values) = fields(json, names) else {
            unexpected(json, "an object", path, warnings);
            return None;
        };
        Some(Self {
            path,
            names,
            values,
        })
    }

    /// Returns a field, or `None` if it is missing or null.
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        let index = self.names.iter().position(|known| *known == name)?;
        self.values[index]
    }

    /// A field without which the object is left out.
    pub(super) fn required<T>(
        &self,
        name: &str,
        (expected, decode): Form<T>,
        warnings: &mut Warnings,
    ) -> Option<T> {
        let json = self.get(name);
        let value = json.and_then(decode);
        if value.is_none() {
            let (path, found) = (self.path, json.map_or("nothing", type_name));
            warnings.add(
                format_args!("{path}.{name}"),
                format_args!("expected {expected}, got {found}; `{path}` is left out"),
            );
        }
        value
    }

    /// A field that is left out if it has an unexpected form.
    fn optional<T>(
        &self,
        name: &str,
        (expected, decode): Form<T>,
        warnings: &mut Warnings,
    ) -> Option<T> {
        let json = self.get(name)?;
        let value = decode(json);
        if value.is_none() {
            unexpected(json, expected, &format!("{}.{name}", self.path), warnings);
        }
        value
    }

    /// The field `confidence`: numbers by name.
    fn confidence(&self, warnings: &mut Warnings) -> Option<BTreeMap<String, f64>> {
        let json = self.get("confidence")?;
        let path = format!("{}.confidence", self.path);
        let mut confidence = BTreeMap::new();
        let is_object = for_each_field(json, |name, value| {
            match number(value) {
                Some(number) => drop(confidence.insert(name.to_owned(), number)),
                None => {
                    let path = format!("{path}.{}", excerpt(name.as_bytes()));
                    unexpected(value, "a number", &path, warnings);
                }
            };
        });
        if is_object.is_none() {
            unexpected(json, "an object", &path, warnings);
            return None;
        }
        Some(confidence)
    }

    /// A list, without the items that cannot be decoded. `None` if that is all of them: the list has another form.
    pub(super) fn list<T: Item, L: From<Vec<T>>>(
        &self,
        name: &str,
        warnings: &mut Warnings,
    ) -> Option<L> {
        let json = self.get(name)?;
        let path = format!("{}.{name}", self.path);
        let mut items = Vec::new();
        let mut index = 0_usize;
        let is_list = for_each_item(json, |item| {
            items.extend(T::read(item, &format!("{path}[{index}]"), warnings));
            index += 1;
        });
        if is_list.is_none() {
            unexpected(json, "an array", &path, warnings);
            return None;
        }
        if items.is_empty() && index > 0 {
            let message = format_args!("no item can be decoded; it is left out");
            warnings.add(format_args!("{path}"), message);
            return None;
        }
        Some(items.into())
    }

    /// Scores by frame.
    pub(super) fn scores(&self, name: &str, warnings: &mut Warnings) -> Option<Scores> {
        let path = format!("{}.{name}", self.path);
        let fields = Fields::of(self.get(name)?, ["score", "resolution"], &path, warnings)?;
        let resolution = fields.required("resolution", NUMBER, warnings)?;
        let score = fields.required("score", SCORES, warnings)?;
        let score = curve(score, &format!("{path}.score"), &path, warnings)?;
        Some(Scores { score, resolution })
    }

    /// Scores by speaker and frame. Speakers without any score are left out.
    pub(super) fn scores_by_speaker(
        &self,
        name: &str,
        warnings: &mut Warnings,
    ) -> Option<ScoresBySpeaker> {
        let path = format!("{}.{name}", self.path);
        let fields = Fields::of(self.get(name)?, ["score", "resolution"], &path, warnings)?;
        let resolution = fields.required("resolution", NUMBER, warnings)?;
        fields.required("score", OBJECT, warnings)?;
        let mut score = BTreeMap::new();
        let (expected, decode) = SCORES;
        for_each_field(fields.get("score")?, |speaker, json| {
            let path = format!("{path}.score.{}", excerpt(speaker.as_bytes()));
            match decode(json) {
                Some(scores) => {
                    let scores = curve(scores, &path, &path, warnings);
                    score.extend(scores.map(|scores| (speaker.to_owned(), scores)));
                }
                None => unexpected(json, expected, &path, warnings),
            }
        });
        Some(ScoresBySpeaker { score, resolution })
    }

    /// A text for humans. A value of another type becomes its JSON.
    pub(super) fn message(&self, name: &str) -> Option<String> {
        let json = self.get(name)?;
        Some(text(json).unwrap_or_else(|| json.get().to_owned()))
    }
}

/// What is expected of a value, and how it is decoded.
pub(super) type Form<T> = (&'static str, fn(&RawValue) -> Option<T>);
const NUMBER: Form<f64> = ("a number", number);
const TEXT: Form<String> = ("a string", text);
const OBJECT: Form<()> = ("an object", |json| for_each_field(json, |_, _| {}));
const SCORES: Form<Vec<f32>> = ("an array", |json| {
    let mut scores = Vec::new();
    let score = |item| number(item).map(|score| score as f32);
    for_each_item(json, |item| {
        scores.push(
            score(item)
                .filter(|score| score.is_finite())
                .unwrap_or(f32::NAN),
        );
    })?;
    scores.shrink_to_fit();
    Some(scores)
});

/// The scores of the array at `path`. Frames whose score has an unexpected form have NaN, so that all others keep their
/// time. `None` if no frame has a score: `whole` is then left out.
fn curve(score: Vec<f32>, path: &str, whole: &str, warnings: &mut Warnings) -> Option<Curve> {
    // All at once: there may be millions.
    let missing = score.iter().filter(|score| score.is_nan()).count();
    let total = score.len();
    if missing > 0 && missing == total {
        let message = format_args!("no score is a number; `{whole}` is left out");
        warnings.add(format_args!("{path}"), message);
        return None;
    }
    if let Some(first) = score.iter().position(|score| score.is_nan()) {
        warnings.add(
            format_args!("{path}[{first}]"),
            format_args!(
                "{missing} of {total} scores are not numbers, of which this is the first; they are NaN"
            ),
        );
    }
    Some(Curve(score))
}

impl Item for Turn {
    fn read(json: &RawValue, path: &str, warnings: &mut Warnings) -> Option<Self> {
        let names = ["start", "end", "speaker", "confidence"];
        let fields = Fields::of(json, names, path, warnings)?;
        let start = fields.required("start", NUMBER, warnings)?;
        let end = fields.required("end", NUMBER, warnings)?;
        let mut turn = Self::new(start, end, fields.required("speaker", TEXT, warnings)?);
        turn.confidence = fields.confidence(warnings);
        Some(turn)
    }
}

impl Item for IdentifiedTurn {
    fn read(json: &RawValue, path: &str, warnings: &mut Warnings) -> Option<Self> {
        let names = ["start", "end", "diarizationSpeaker", "match", "confidence"];
        let fields = Fields::of(json, names, path, warnings)?;
        let mut turn = Self::new(
            fields.required("start", NUMBER, warnings)?,
            fields.required("end", NUMBER, warnings)?,
            fields.required("diarizationSpeaker", TEXT, warnings)?,
            fields.optional("match", TEXT, warnings),
        );
        turn.confidence = fields.confidence(warnings);
        Some(turn)
    }
}

impl Item for SpeakerMatch {
    fn read(json: &RawValue, path: &str, warnings: &mut Warnings) -> Option<Self> {
        let fields = Fields::of(json, ["speaker", "match", "confidence"], path, warnings)?;
        let speaker = fields.required("speaker", TEXT, warnings)?;
        let matched = fields.optional("match", TEXT, warnings);
        let confidence = fields.confidence(warnings).unwrap_or_default();
        Some(Self::new(speaker, matched, confidence))
    }
}

impl Item for TranscriptSegment {
    fn read(json: &RawValue, path: &str, warnings: &mut Warnings) -> Option<Self> {
        let fields = Fields::of(json, ["start", "end", "text", "speaker"], path, warnings)?;
        Some(Self::new(
            fields.required("start", NUMBER, warnings)?,
            fields.required("end", NUMBER, warnings)?,
            fields.required("text", TEXT, warnings)?,
            fields.required("speaker", TEXT, warnings)?,
        ))
    }
}
