//! Descriptions of tracks.

use symphonia::core::audio::Channels;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known as id;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};
use symphonia::core::formats::{Track, TrackFlags};

use super::NANOSECONDS;
use super::block::xiph_sizes;
use super::ebml::{children, float, unsigned};
use crate::audio::AudioError;
use crate::audio::raw::{floats, integers};
use crate::audio::wave_format::WaveFormat;
use crate::audio::{codec, opus};

/// The type of audio tracks.
const AUDIO: u64 = 2;

/// A track, and what its blocks need.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) track: Track,
    pub(super) is_audio: bool,
    pub(super) is_enabled: bool,
    /// Duration by which timestamps of the container precede those of the presentation, in nanoseconds.
    pub(super) delay_ns: u64,
    /// Factor of the timestamps of blocks within their cluster.
    pub(super) scale: f64,
    /// Bytes at the start of each frame that are not stored.
    pub(super) prefix: Vec<u8>,
}

impl Entry {
    /// Parses the description of a track.
    pub(super) fn parse(content: &[u8]) -> Self {
        let fields = Fields::parse(content);
        let mut track = Track::new(u32::try_from(fields.number).unwrap_or_default());
        track
            .with_time_base(NANOSECONDS)
            .with_flags(fields.flags)
            .with_language(fields.language.as_deref().unwrap_or("eng"));
        let is_audio = fields.kind == AUDIO;
        let mut delay_ns = fields.delay_ns;
        if is_audio {
            let parameters = fields.parameters();
            let parameters = parameters.unwrap_or_else(|name| codec::unsupported(&name));
            // Old files do not declare the delay of Opus.
            delay_ns = delay_ns.or_else(|| {
                let frames = u64::from(opus::pre_skip(&parameters)?);
                Some(frames * 1_000_000_000 / u64::from(opus::RATE_HZ))
            });
            track.with_codec_params(CodecParameters::Audio(parameters));
        }
        Self {
            number: fields.number,
            track,
            is_audio,
            is_enabled: !fields.is_disabled,
            delay_ns: delay_ns.unwrap_or_default(),
            scale: fields.scale.filter(|scale| *scale > 0.0).unwrap_or(1.0),
            prefix: fields.prefix,
        }
    }
}

/// The elements of a track that matter.
#[derive(Default)]
struct Fields<'a> {
    number: u64,
    kind: u64,
    flags: TrackFlags,
    is_disabled: bool,
    codec: String,
    private: &'a [u8],
    delay_ns: Option<u64>,
    language: Option<String>,
    scale: Option<f64>,
    rate: Option<f64>,
    channels: Option<u16>,
    bits: u64,
    prefix: Vec<u8>,
    /// How frames are encoded in a way that is not supported.
    encoding: Option<&'static str>,
}

fn text(content: &[u8]) -> String {
    let text = String::from_utf8_lossy(content);
    text.trim_end_matches('\0').to_owned()
}

impl<'a> Fields<'a> {
    fn parse(content: &'a [u8]) -> Self {
        // By default, a track is enabled, and a default track.
        let mut fields = Self {
            flags: TrackFlags::DEFAULT,
            ..Self::default()
        };
        for (id, value) in children(content) {
            match id {
                0xd7 => fields.number = unsigned(value),
                0x83 => fields.kind = unsigned(value),
                0xb9 => fields.is_disabled = unsigned(value) == 0,
                0x88 if unsigned(value) == 0 => fields.flags.remove(TrackFlags::DEFAULT),
                0x86 => fields.codec = text(value),
                0x63a2 => fields.private = value,
                0x56aa => fields.delay_ns = Some(unsigned(value)),
                0x22_b59c if fields.language.is_none() => fields.language = Some(text(value)),
                // The newer element takes precedence.
                0x22_b59d => fields.language = Some(text(value)),
                0x23_314f => fields.scale = float(value),
                0xe1 => fields.audio(value),
                0x6d80 => fields.encodings(value),
                _ => {}
            }
        }
        fields
    }

    fn audio(&mut self, content: &[u8]) {
        for (id, value) in children(content) {
            match id {
                0xb5 => self.rate = float(value),
                0x9f => self.channels = u16::try_from(unsigned(value)).ok(),
                0x6264 => self.bits = unsigned(value),
                _ => {}
            }
        }
    }

    /// Only the removal of bytes that all frames start with is supported.
    fn encodings(&mut self, content: &[u8]) {
        for (id, value) in children(content).flat_map(|(_, encoding)| children(encoding)) {
            match id {
                0x5034 => {
                    let (mut algorithm, mut settings) = (0, &[][..]);
                    for (id, value) in children(value) {
                        match id {
                            0x4254 => algorithm = unsigned(value),
                            0x4255 => settings = value,
                            _ => {}
                        }
                    }
                    match algorithm {
                        3 => self.prefix = settings.to_vec(),
                        _ => self.encoding = Some("compressed Matroska"),
                    }
                }
                0x5035 => self.encoding = Some("encrypted Matroska"),
                _ => {}
            }
        }
    }

    /// The codec, if it has a decoder or a name.
    fn codec(&self) -> Option<AudioCodecId> {
        // Of a sample of PCM, or 0, which no codec has.
        let bytes = match self.bits % 8 {
            0 => u32::try_from(self.bits / 8).unwrap_or_default(),
            _ => 0,
        };
        let codec = match self.codec.as_str() {
            "A_PCM/INT/LIT" | "A_PCM/INT/BIG" if bytes == 1 => id::CODEC_ID_PCM_U8,
            "A_PCM/INT/LIT" => integers(bytes, false)?,
            "A_PCM/INT/BIG" => integers(bytes, true)?,
            "A_PCM/FLOAT/IEEE" => floats(bytes, false)?,
            "A_MPEG/L1" => id::CODEC_ID_MP1,
            "A_MPEG/L2" => id::CODEC_ID_MP2,
            "A_MPEG/L3" => id::CODEC_ID_MP3,
            "A_FLAC" => id::CODEC_ID_FLAC,
            "A_ALAC" => id::CODEC_ID_ALAC,
            "A_OPUS" | "A_OPUS/EXPERIMENTAL" => id::CODEC_ID_OPUS,
            "A_VORBIS" => id::CODEC_ID_VORBIS,
            "A_TRUEHD" => id::CODEC_ID_TRUEHD,
            "A_TTA1" => id::CODEC_ID_TTA,
            "A_WAVPACK4" => id::CODEC_ID_WAVPACK,
            "A_MPC" => id::CODEC_ID_MUSEPACK,
            name => match name.split('/').next()? {
                "A_AAC" => id::CODEC_ID_AAC,
                "A_AC3" => id::CODEC_ID_AC3,
                "A_EAC3" => id::CODEC_ID_EAC3,
                "A_DTS" => id::CODEC_ID_DCA,
                _ => return None,
            },
        };
        Some(codec)
    }

    /// The parameters of the codec, or its name if it is not supported.
    fn parameters(&self) -> Result<AudioCodecParameters, String> {
        if let Some(encoding) = self.encoding {
            return Err(encoding.to_owned());
        }
        let mut parameters = AudioCodecParameters::new();
        // The defaults of the specification.
        let rate = self.rate.filter(|rate| *rate >= 1.0).unwrap_or(8_000.0);
        parameters
            .with_sample_rate(rate.round() as u32)
            .with_channels(Channels::Discrete(self.channels.unwrap_or(1).max(1)));
        let extra_data = match self.codec.as_str() {
            // The `fmt ` chunk of WAV.
            "A_MS/ACM" => {
                let format = WaveFormat::parse(self.private, false);
                let format = format.ok_or_else(|| self.codec.clone())?;
                return match format.layout() {
                    Ok(layout) if layout.unit_frames == 1 => Ok(layout.parameters()),
                    Ok(_) => Err("ADPCM in Matroska".to_owned()),
                    Err(AudioError::UnsupportedCodec(name)) => Err(name),
                    Err(_) => Err(self.codec.clone()),
                };
            }
            "A_VORBIS" => vorbis_headers(self.private),
            "A_FLAC" => flac_stream_info(self.private),
            _ => Some(self.private.to_vec()),
        };
        let Some(codec) = self.codec() else {
            return Err(match self.codec.starts_with("A_PCM") {
                true => format!("PCM with {} bits per sample", self.bits),
                false => format!("{} in Matroska", self.codec),
            });
        };
        parameters.for_codec(codec);
        if let Some(data) = extra_data.filter(|data| !data.is_empty()) {
            parameters.with_extra_data(data.into_boxed_slice());
        }
        Ok(parameters)
    }
}

/// The first and the last of the three headers of Vorbis, which is what the decoder needs.
fn vorbis_headers(private: &[u8]) -> Option<Vec<u8>> {
    let (2, mut rest) = private.split_first()? else {
        return None;
    };
    let [first, second] = xiph_sizes(2, &mut rest)?.try_into().ok()?;
    let identification = rest.get(..first)?;
    let setup = rest.get(first.checked_add(second)?..)?;
    Some([identification, setup].concat())
}

/// The stream information of FLAC, without its header.
fn flac_stream_info(private: &[u8]) -> Option<Vec<u8>> {
    let blocks = private.strip_prefix(b"fLaC").unwrap_or(private);
    // The first block, of 34 bytes.
    Some(blocks.get(4..38)?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_vorbis() {
        let private = [&[2, 2, 255, 1][..], b"id", &[b'c'; 256], b"setup"].concat();
        assert_eq!(vorbis_headers(&private).unwrap(), b"idsetup");
        for invalid in [&b""[..], b"\x01\x01a", b"\x02\xff\xff", b"\x02\x05\x05abc"] {
            assert_eq!(vorbis_headers(invalid), None, "{invalid:?}");
        }
    }

    #[test]
    fn flags_are_set_by_default() {
        let entry = Entry::parse(b"\xd7\x81\x03\x83\x81\x02");
        assert!(entry.is_audio && entry.is_enabled);
        assert!(entry.track.flags.contains(TrackFlags::DEFAULT));
        let entry = Entry::parse(b"\x83\x81\x02\xb9\x81\0\x88\x80");
        assert!(!entry.is_enabled && entry.track.flags.is_empty());
    }
}
