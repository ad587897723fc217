//! Recordings: decoding files of every format, and fetching them over HTTP.

mod containers;
mod damaged;
mod fetch;
mod ffmpeg;
mod formats;
mod headers;
mod levels;
mod limits;
mod loader;
mod riff;
mod times;
mod tone;
mod wav;
