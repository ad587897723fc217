//! Why a recording cannot be heard.

use std::fmt;

/// Why a recording cannot be heard. The text of it becomes the `output.error` of the job.
///
/// No text holds the path or the query of a URL: a pre-signed one is a secret.
///
/// ```
/// use pyannote_engine::audio::AudioError;
///
/// let error = AudioError::UnsupportedCodec("Opus".to_owned());
/// assert_eq!(error.to_string(), "the recording's codec is not supported: Opus");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum AudioError {
    /// The file cannot be read.
    Io(std::io::Error),
    /// It is no container of audio that is known here.
    NotAudio,
    /// It has no track of audio.
    NoAudioTrack,
    /// Its audio is in a codec that is not decoded here. With the codec's name.
    UnsupportedCodec(String),
    /// Its sample rate, in Hz, is none of a recording of speech.
    UnsupportedRate(u32),
    /// There is no audio in it.
    Empty,
    /// It cannot be read on from this point, in seconds.
    Broken {
        /// Where it breaks off, in seconds.
        at: f64,
    },
    /// Too many of its packets cannot be decoded.
    Damaged {
        /// How many cannot.
        damaged: u64,
        /// How many there are.
        packets: u64,
    },
    /// It ends long before its container says.
    Truncated {
        /// What there is, in seconds.
        found: f64,
        /// What the container says, in seconds.
        promised: f64,
    },
    /// It is longer than allowed.
    TooLong {
        /// What is allowed, in seconds.
        limit: f64,
    },
    /// It is larger than allowed.
    TooLarge {
        /// What is allowed, in bytes.
        limit: u64,
    },
    /// Its samples find no room in memory.
    OutOfMemory,
    /// The decoder broke down over it.
    DecoderFailed,
}

impl fmt::Display for AudioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the recording cannot be read: {error}"),
            Self::NotAudio => f.write_str("the file is no recording in a known format"),
            Self::NoAudioTrack => f.write_str("the file has no audio track"),
            Self::UnsupportedCodec(name) => {
                write!(f, "the recording's codec is not supported: {name}")
            }
            Self::UnsupportedRate(rate) => {
                write!(f, "the recording's sample rate is not supported: {rate} Hz")
            }
            Self::Empty => f.write_str("the recording is empty"),
            Self::Broken { at } => {
                write!(
                    f,
                    "the recording is damaged and cannot be read beyond {at:.1} s"
                )
            }
            Self::Damaged { damaged, packets } => write!(
                f,
                "the recording is damaged: {damaged} of its {packets} packets cannot be decoded"
            ),
            Self::Truncated { found, promised } => write!(
                f,
                "the recording is cut off: it ends after {found:.1} s of {promised:.1} s"
            ),
            Self::TooLong { limit } if *limit >= 3600.0 => write!(
                f,
                "the recording is too long: at most {} h are allowed",
                limit / 3600.0
            ),
            Self::TooLong { limit } => {
                write!(
                    f,
                    "the recording is too long: at most {limit} s are allowed"
                )
            }
            Self::TooLarge { limit } => {
                write!(
                    f,
                    "the recording is too large: at most {limit} bytes are allowed"
                )
            }
            Self::OutOfMemory => f.write_str("there is not enough memory for the recording"),
            Self::DecoderFailed => f.write_str("the decoder failed on the recording"),
        }
    }
}

impl std::error::Error for AudioError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<std::io::Error> for AudioError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}
