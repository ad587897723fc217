//! Recordings: decoding files of every format, and fetching them over HTTP.

mod damaged;
mod fetch;
mod formats;
mod headers;
mod levels;
mod limits;
mod loader;
mod riff;
mod tone;
mod wav;
