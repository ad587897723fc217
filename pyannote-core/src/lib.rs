//! What a job yields, and what can be done with it. Pure: text in, text out, no I/O.
//!
//! | form | from turns | from a transcript |
//! | --- | --- | --- |
//! | RTTM, for evaluation tools | [`Turns::to_rttm`], [`rttm::parse()`] | |
//! | subtitles | | [`Transcript::to_srt`], [`Transcript::to_webvtt`] |
//! | plain text | | [`Transcript::to_text`] |
//! | CSV, for tables | [`Turns::to_csv`] | [`Transcript::to_csv`] |
//! | Audacity label track | [`Turns::to_audacity`] | [`Transcript::to_audacity`] |
//! | SVG timeline | [`Turns::to_svg`] | |
//! | JSON | `serde` | `serde` |
//!
//! JSON needs no method of its own: the types are `serde` types, in the form of the API.
//!
//! ```
//! use pyannote_core::Turns;
//!
//! let json = r#"[{"start":0.5,"end":2.0,"speaker":"SPEAKER_00"}]"#;
//! let turns: Turns = serde_json::from_str(json)?;
//! assert_eq!(turns.len(), 1);
//! assert_eq!(serde_json::to_string(&turns)?, json);
//! # Ok::<(), serde_json::Error>(())
//! ```

mod clock;
mod confidence;
mod der;
mod edit;
mod identified;
mod intervals;
mod list;
mod one_line;
mod plain;
pub mod rttm;
mod shown;
mod span;
mod stats;
mod subtitle;
mod svg;
mod table;
mod transcript;
mod turn_words;
mod turns;
mod words;

#[cfg(test)]
mod hostile;

pub use confidence::FrameConfidence;
pub use der::{Der, DerOptions};
pub use identified::{IdentifiedTurn, SpeakerMatch};
pub use span::Span;
pub use subtitle::SubtitleOptions;
pub use svg::SvgOptions;
pub use transcript::{Transcript, TranscriptSegment};
pub use turn_words::{TurnWords, WordsByTurn};
pub use turns::{Turn, Turns};
pub use words::{AttributedWord, AttributedWords, Word};

/// The examples of the README run, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
