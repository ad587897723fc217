//! Recordings: decoding files of every format, and fetching them over HTTP.

mod damaged;
mod fetch;
mod formats;
mod limits;
mod loader;
mod tone;
mod wav;
