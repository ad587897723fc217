//! Recordings: decoding files of every format, and fetching them over HTTP.

mod caf;
mod cancel;
mod channels;
mod comparison;
mod containers;
mod cut;
mod damaged;
mod fetch;
mod ffmpeg;
mod formats;
mod headers;
mod levels;
mod limits;
mod loader;
mod matroska;
mod mutations;
mod quicktime;
mod raw;
mod riff;
mod streams;
mod times;
mod tone;
pub(crate) mod wav;
