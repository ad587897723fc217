//! Subtitles of a transcript: SRT and WebVTT.
//!
//! Both are written from the same cues (`cue`), which are made of single words (`word`), so that a transcript of words
//! and one of whole turns give subtitles of the same kind.

mod cue;
mod options;
mod srt;
mod webvtt;
mod word;

pub use options::SubtitleOptions;

#[cfg(test)]
mod sample;
