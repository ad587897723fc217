//! Results of recordings: what the commands compute, write and read.

mod document;
mod output;
mod read;
mod speakers;

pub(crate) use document::{Backend, Document};
pub(crate) use output::Output;
pub(crate) use read::{parse, read, read_with_format};
pub(crate) use speakers::{SpeakerSummary, summarize};
