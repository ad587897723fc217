//! Decoding with the program ffmpeg, for what the decoders here refuse.
//!
//! ffmpeg reads one file and writes WAV to a pipe: nothing is written to disk, and it ends with this process. It runs
//! without a shell, the network, other files, the environment, or standard input.

mod conversion;
mod error;
mod log;
mod output;
mod program;

pub(super) use conversion::{Conversion, Failure};
pub use error::FfmpegError;
pub use program::Ffmpeg;
