//! The data model of speaker diarization: turns, words and transcripts, and what can be computed from them.
//!
//! [`Turns`] say who speaks when, [`Transcript`] says who says what. Times are seconds from the start of the recording
//! (`f64`), confidences are 0..100. Nothing in this crate performs I/O.
//!
//! # Measures
//!
//! | measure | method |
//! | --- | --- |
//! | speech time, in total and by speaker | [`Turns::speech_time`], [`Turns::speech_time_by_speaker`] |
//! | overlapped speech | [`Turns::overlap`], [`Turns::overlap_time`] |
//! | silence between turns | [`Turns::gaps`] |
//! | diarization error rate (DER) | [`Der::score`] |
//! | Jaccard error rate (JER) | [`Jer::score`] |
//! | DER, JER and speaker counts of many recordings | [`Evaluation::score`] |
//!
//! # Words
//!
//! [`Turns::assign_words`] assigns the words of any speech recognizer to speakers, and [`LiveWords`] does while they are
//! spoken. [`LiveTurns`] are the turns of a live diarization so far.
//!
//! # Formats
//!
//! | format | from turns | from a transcript |
//! | --- | --- | --- |
//! | RTTM, for evaluation tools | [`Turns::to_rttm`], [`rttm::parse()`] | |
//! | UEM, the scored regions of evaluation tools | [`uem::format()`], [`uem::parse()`] | |
//! | SRT and WebVTT subtitles | | [`Transcript::to_srt`], [`Transcript::to_webvtt`] |
//! | plain text | [`Turns::to_text`] | [`Transcript::to_text`] |
//! | CSV | [`Turns::to_csv`] | [`Transcript::to_csv`] |
//! | Audacity label track | [`Turns::to_audacity`] | [`Transcript::to_audacity`] |
//! | SVG timeline | [`Turns::to_svg`] | |
//! | HTML page that plays the recording | [`Turns::to_html`] | [`HtmlOptions::transcript`] |
//! | OpenAI's `diarized_json` | [`Turns::to_diarized_json`] | [`Transcript::to_diarized_json`] |
//! | JSON | `serde` | `serde` |
//!
//! JSON needs no methods: turns, transcripts and words implement `Serialize` and `Deserialize`, in the form that the
//! pyannoteAI API uses.
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
//!
//! Results may contain anything that JSON can express: reversed or infinite times, empty names, markup. No function
//! panics on such input. Each one documents whether it skips invalid turns or reports them as an error.

mod assign_words;
mod audacity;
mod csv;
mod der;
mod diarized_json;
mod edit;
mod frame_scores;
mod html;
mod identified;
mod interval_index;
mod line_format;
mod list;
mod live;
mod markup;
pub mod rttm;
mod span;
mod stats;
mod subtitle;
mod svg;
mod text;
mod time_format;
mod timeline;
mod transcript;
mod turn_words;
mod turns;
pub mod uem;
mod whitespace;

#[cfg(test)]
mod export_properties;

pub use assign_words::{AttributedWord, AttributedWords, Word};
pub use der::{Der, Evaluation, FileScore, Jer, ScoringOptions};
pub use diarized_json::{DiarizedSegment, DiarizedTranscription};
pub use frame_scores::{FrameScores, SpeakerScores};
pub use html::{HtmlOptions, InvalidAudioUrl};
pub use identified::{IdentifiedTurn, SpeakerMatch};
pub use line_format::ParseLineError;
pub use live::{LiveTurns, LiveWords, SpeakerEvent, WordEvent};
pub use span::Span;
pub use subtitle::SubtitleOptions;
pub use svg::SvgOptions;
pub use transcript::{Transcript, TranscriptSegment};
pub use turn_words::{TurnWords, WordsByTurn};
pub use turns::{Turn, Turns};

/// Runs the examples of the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
