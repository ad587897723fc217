//! The error of decoding a recording.

use super::FfmpegError;
use crate::SpoolError;

/// The reason why a recording cannot be decoded. The cause, if any, is in [`source`](std::error::Error::source).
///
/// Messages contain neither the path nor the URL of the recording: a pre-signed URL is a secret.
///
/// ```
/// use pyannote_engine::audio::AudioError;
///
/// let error = AudioError::UnsupportedCodec("AC-3".to_owned());
/// assert_eq!(error.to_string(), "unsupported codec AC-3: convert the recording, for example to FLAC or WAV");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AudioError {
    /// The file cannot be read.
    #[error("cannot read the recording")]
    Io(#[from] std::io::Error),
    /// The path is a directory, a pipe or a device.
    #[error("the recording is a directory or another kind of special file, not a regular file")]
    NotAFile,
    /// The file is not in a supported audio format.
    #[error("the file is not a recording in a supported format")]
    NotAudio,
    /// The file has no audio track.
    #[error("the file has no audio track")]
    NoAudioTrack,
    /// The file does not have the selected audio track. With its number, and the tracks of the file.
    #[error("the recording has no audio track {number}: it has {tracks}")]
    NoSuchTrack {
        /// The number of the selected track, from 1.
        number: usize,
        /// The numbers of the audio tracks, and their languages if they are known.
        tracks: String,
    },
    /// The end of an MP4 or MOV file is missing, and with it the index: the recorder did not finish the file.
    #[error("the end of the file is missing, and with it the index: the recording cannot be read")]
    NoIndex,
    /// The codec is not supported. With its name.
    #[error("unsupported codec {0}: convert the recording, for example to FLAC or WAV")]
    UnsupportedCodec(String),
    /// The sample rate, in Hz, is not supported.
    #[error("unsupported sample rate {0} Hz: it must be 1,000 to 384,000 Hz")]
    UnsupportedRate(u32),
    /// There are no samples.
    #[error("the recording is empty")]
    Empty,
    /// The file cannot be read further.
    #[error("the recording is corrupted and cannot be read beyond {at:.1} s")]
    Corrupted {
        /// The position of the failure, in seconds.
        at: f64,
    },
    /// Too many packets cannot be decoded.
    #[error("the recording is corrupted: {damaged} of its {packets} packets cannot be decoded")]
    DamagedPackets {
        /// The number of packets that cannot be decoded.
        damaged: u64,
        /// The number of all packets.
        packets: u64,
    },
    /// The recording is too long.
    #[error("the recording is too long: the maximum is {}", duration(*limit))]
    TooLong {
        /// The maximum duration, in seconds.
        limit: f64,
    },
    /// The file is too large.
    #[error("the recording is too large: the maximum is {limit} bytes")]
    TooLarge {
        /// The maximum size, in bytes.
        limit: u64,
    },
    /// The decoders of this crate refuse the recording, and ffmpeg did not decode it either.
    #[error("{refusal}; {ffmpeg}")]
    NoDecoder {
        /// Why the decoders of this crate refuse it.
        refusal: Box<AudioError>,
        /// Why ffmpeg did not decode it.
        #[source]
        ffmpeg: FfmpegError,
    },
    /// The temporary file of a long recording cannot be written.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// Decoding was cancelled.
    #[error("decoding was cancelled")]
    Cancelled,
    /// The decoder failed.
    #[error("the decoder failed")]
    DecoderFailed,
}

impl AudioError {
    /// Whether the reason is that the format is not supported or not understood, so that ffmpeg may help.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::NotAudio
                | Self::NoAudioTrack
                | Self::UnsupportedCodec(_)
                | Self::UnsupportedRate(_)
                | Self::Corrupted { .. }
                | Self::DamagedPackets { .. }
                | Self::DecoderFailed
        )
    }
}

/// A human-readable duration: in hours if it is at least one, or else in seconds.
fn duration(seconds: f64) -> String {
    if seconds >= 3600.0 {
        format!("{} h", seconds / 3600.0)
    } else {
        format!("{seconds} s")
    }
}
