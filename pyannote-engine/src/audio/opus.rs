//! Decoder of Opus packets, for the codec registry of symphonia.

use std::sync::LazyLock;

use ropus::OpusMSDecoder;
use symphonia::core::audio::{
    AsGenericAudioBufferRef, Audio, AudioBuffer, AudioSpec, Channels, GenericAudioBufferRef,
};
use symphonia::core::codecs::CodecInfo;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{
    AudioCodecParameters, AudioDecoder, AudioDecoderOptions, FinalizeResult,
};
use symphonia::core::codecs::registry::{
    CodecRegistry, RegisterableAudioDecoder, SupportedAudioCodec,
};
use symphonia::core::errors::{Error, Result};
use symphonia::core::packet::PacketRef;

/// The sample rate at which Opus is decoded, in Hz.
pub(super) const RATE_HZ: u32 = 48_000;
/// The maximum duration of a packet, in frames: 120 ms.
const MAX_PACKET_FRAMES: usize = 5_760;

/// The codecs of symphonia, and Opus.
pub(super) static CODECS: LazyLock<CodecRegistry> = LazyLock::new(|| {
    let mut registry = CodecRegistry::new();
    symphonia::default::register_enabled_codecs(&mut registry);
    registry.register_audio_decoder::<OpusDecoder>();
    registry
});

const CODEC: SupportedAudioCodec = SupportedAudioCodec {
    id: CODEC_ID_OPUS,
    info: CodecInfo {
        short_name: "opus",
        long_name: "Opus",
        profiles: &[],
    },
};

/// The identification header of a stream (RFC 7845, section 5.1).
#[derive(Debug, PartialEq)]
struct Head {
    channels: u8,
    /// Frames at the start that are not presented.
    pre_skip: u16,
    /// Gain in dB, in steps of 1/256.
    gain: i16,
    streams: u8,
    coupled_streams: u8,
    /// The decoded channel of each output channel, or 255 for silence.
    mapping: Vec<u8>,
}

impl Head {
    /// Parses a header, or returns `None` if it is invalid. The box `dOps` of MP4, which has version 0, is big-endian.
    fn parse(data: &[u8]) -> Option<Self> {
        let rest = data.strip_prefix(b"OpusHead")?;
        let (version, rest) = rest.split_first()?;
        let u16_at = |at: usize| {
            let bytes = [*rest.get(at)?, *rest.get(at + 1)?];
            Some(match version {
                0 => u16::from_be_bytes(bytes),
                _ => u16::from_le_bytes(bytes),
            })
        };
        let channels = *rest.first()?;
        let (streams, coupled_streams, mapping) = match *rest.get(9)? {
            0 => match channels {
                1 => (1, 0, vec![0]),
                2 => (1, 1, vec![0, 1]),
                _ => return None,
            },
            _ => {
                let mapping = rest.get(12..12 + usize::from(channels))?.to_vec();
                (*rest.get(10)?, *rest.get(11)?, mapping)
            }
        };
        Some(Self {
            channels,
            pre_skip: u16_at(1)?,
            gain: u16_at(7)?.cast_signed(),
            streams,
            coupled_streams,
            mapping,
        })
    }
}

/// The header in the description of a codec, or else one of a stream of one or two channels.
pub(super) fn head(description: &[u8], channels: u32) -> Vec<u8> {
    let at = description
        .windows(8)
        .position(|window| window == b"OpusHead");
    if let Some(head) = at.and_then(|at| description.get(at..)) {
        return head.to_vec();
    }
    let channels = u8::try_from(channels).unwrap_or_default();
    [&b"OpusHead\x01"[..], &[channels], &[0; 9]].concat()
}

/// The number of frames at the start of a stream that are not presented, at 48 kHz, if it is Opus.
pub(super) fn pre_skip(parameters: &AudioCodecParameters) -> Option<u16> {
    if parameters.codec != CODEC_ID_OPUS {
        return None;
    }
    Some(Head::parse(parameters.extra_data.as_deref()?)?.pre_skip)
}

/// Decodes to 48 kHz. The frames at the start that are not presented are returned, too.
struct OpusDecoder {
    parameters: AudioCodecParameters,
    decoder: OpusMSDecoder,
    /// Interleaved samples of a packet.
    samples: Vec<i16>,
    buffer: AudioBuffer<f32>,
}

impl AudioDecoder for OpusDecoder {
    fn reset(&mut self) {
        self.decoder.reset();
    }

    fn codec_info(&self) -> &CodecInfo {
        &CODEC.info
    }

    fn codec_params(&self) -> &AudioCodecParameters {
        &self.parameters
    }

    fn decode_ref(&mut self, packet: &PacketRef<'_>) -> Result<GenericAudioBufferRef<'_>> {
        self.buffer.clear();
        let length = i32::try_from(packet.data.len()).unwrap_or_default();
        if length == 0 {
            return Err(Error::DecodeError("opus: invalid packet length"));
        }
        let frames = self
            .decoder
            .decode(
                Some(packet.data),
                length,
                &mut self.samples,
                MAX_PACKET_FRAMES as i32,
                false,
            )
            .map_err(|_| Error::DecodeError("opus: invalid packet"))?;
        let frames = usize::try_from(frames).unwrap_or_default();
        let channels = self.buffer.spec().channels().count();
        let mut rows = self.samples.chunks_exact(channels);
        self.buffer
            .render_with(Some(frames), |at, planes| -> Result<()> {
                for (plane, sample) in planes.iter_mut().zip(rows.next().unwrap_or_default()) {
                    plane[at] = f32::from(*sample) / 32_768.0;
                }
                Ok(())
            })?;
        Ok(self.buffer.as_generic_audio_buffer_ref())
    }

    fn finalize(&mut self) -> FinalizeResult {
        FinalizeResult::default()
    }

    fn last_decoded(&self) -> GenericAudioBufferRef<'_> {
        self.buffer.as_generic_audio_buffer_ref()
    }
}

impl RegisterableAudioDecoder for OpusDecoder {
    fn try_registry_new(
        parameters: &AudioCodecParameters,
        _: &AudioDecoderOptions,
    ) -> Result<Box<dyn AudioDecoder>> {
        let invalid = Error::DecodeError("opus: invalid header");
        let Some(head) = parameters.extra_data.as_deref().and_then(Head::parse) else {
            return Err(invalid);
        };
        let mut decoder = OpusMSDecoder::new(
            RATE_HZ as i32,
            i32::from(head.channels),
            i32::from(head.streams),
            i32::from(head.coupled_streams),
            &head.mapping,
        )
        .map_err(|_| invalid)?;
        decoder.set_gain(i32::from(head.gain));
        let channels = usize::from(head.channels);
        let spec = AudioSpec::new(RATE_HZ, Channels::Discrete(u16::from(head.channels)));
        Ok(Box::new(Self {
            parameters: parameters.clone(),
            decoder,
            samples: vec![0; MAX_PACKET_FRAMES * channels],
            buffer: AudioBuffer::new(spec, MAX_PACKET_FRAMES),
        }))
    }

    fn supported_codecs() -> &'static [SupportedAudioCodec] {
        &[CODEC]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_ogg_and_mp4_are_parsed() {
        let ogg = b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\xff\0";
        let mp4 = b"OpusHead\0\x02\x01\x38\0\0\xbb\x80\xff\0\0";
        let expected = Head {
            channels: 2,
            pre_skip: 312,
            gain: -256,
            streams: 1,
            coupled_streams: 1,
            mapping: vec![0, 1],
        };
        assert_eq!(Head::parse(ogg).as_ref(), Some(&expected));
        assert_eq!(Head::parse(mp4), Some(expected));
        let surround = b"OpusHead\x01\x03\0\0\x80\xbb\0\0\0\0\x01\x02\x01\0\x02\x01";
        assert_eq!(Head::parse(surround).unwrap().mapping, [0, 2, 1]);
        for invalid in [
            &ogg[..18],
            b"OpusTags\x01\x02\x38\x01\x80\xbb\0\0\0\xff\0".as_slice(),
            &surround[..20],
        ] {
            assert_eq!(Head::parse(invalid), None);
        }
    }
}
