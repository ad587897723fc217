//! Audio decoding to mono samples at 16 kHz.
//!
//! The containers are ADTS, AIFF, AU, CAF, FLAC, MKV and WebM, MP4 and MOV, Ogg, Wave64 and WAV; the codecs are AAC
//! (LC, up to two channels), ADPCM, ALAC, FLAC, MP1 to MP3, Opus, PCM and Vorbis.
//!
//! The program `ffmpeg` decodes what these decoders refuse, if it is on the `PATH`: see [`Ffmpeg`].
//!
//! Times are those of the presentation. In MP4, MOV, MKV, WebM and Ogg, the timestamps of packets count: a gap becomes
//! silence, what overlaps is cut, and audio that starts later than the video starts with silence; the earliest track
//! starts at 0. Edit lists, the priming of codecs and the padding at the end are applied. Of several audio tracks, the
//! enabled or default one is decoded, and a warning names the others; [`DecodeOptions::track`] selects one.

mod adts;
mod aiff;
mod au;
mod caf;
mod chunks;
mod codec;
mod decode;
mod decode_options;
mod decoder;
mod demux;
mod downmix;
mod error;
mod ffmpeg;
mod flac;
mod frames;
mod lanes;
mod levels;
mod limits;
mod mkv;
mod mp4;
mod mpeg;
mod ogg;
mod open;
mod opus;
mod raw;
mod resample;
mod riff;
mod tags;
mod time_axis;
mod tracks;
mod wave_format;

pub use crate::Recording;
pub use decode::{decode, decode_channels, decode_with};
pub use decode_options::DecodeOptions;
pub use decoder::{Decoder, header_duration};
pub use error::AudioError;
pub use ffmpeg::{Ffmpeg, FfmpegError};
pub use limits::Limits;
pub use resample::Resampler;
