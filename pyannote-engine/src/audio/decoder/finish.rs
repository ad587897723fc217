//! The end of a recording: limits, damage, and what is missing.

use symphonia::core::codecs::audio::well_known::CODEC_ID_ALAC;
use symphonia::core::formats::{FormatId, well_known as formats};

use super::{Decoder, LIMIT_TOLERANCE_S};
use crate::audio::AudioError;
use crate::audio::ffmpeg::{Failure, FfmpegError};
use crate::audio::mpeg::Mpeg;
use crate::audio::time_axis::TimeAxis;

/// Maximum fraction of the packets of a recording that may fail to decode.
const MAX_DAMAGED_FRACTION: f64 = 0.1;
/// Formats in which a gap in the timestamps means that packets are missing.
const GAPS_ARE_LOSSES: [FormatId; 2] = [formats::FORMAT_ID_FLAC, formats::FORMAT_ID_OGG];
/// Minimum gap, in seconds, that is reported: a shorter one may be padding or rounding.
const MIN_REPORTED_GAP_S: f64 = 0.1;

impl Decoder {
    /// Checks the duration with `more_s` seconds that are still to be appended.
    pub(super) fn check_length(&self, more_s: f64) -> Result<(), AudioError> {
        match self.decoded_s() + more_s > self.options.limits.seconds + LIMIT_TOLERANCE_S {
            true => Err(AudioError::TooLong {
                limit: self.options.limits.seconds,
            }),
            false => Ok(()),
        }
    }

    /// Duration, in seconds, by which the last packet may be shorter than its header says: only those of ALAC may.
    fn last_packet_s(&self) -> f64 {
        match self.decoder.codec_params().codec {
            CODEC_ID_ALAC => self.packet_s,
            _ => 0.0,
        }
    }

    /// Flushes the resampler, and checks how much of the recording is missing or damaged.
    pub(super) fn finish(&mut self) -> Result<(), AudioError> {
        for packet in self.mpeg.as_mut().map(Mpeg::finish).unwrap_or_default() {
            self.decode(packet)?;
        }
        if let Some((mut conversion, refusal)) = self.conversion.take() {
            // Before anything else is judged: what is missing may be its fault.
            let finished = match conversion.finish() {
                Ok(_) if self.decoded_s() == 0.0 => {
                    Err(FfmpegError::Failed("it found no audio".to_owned()).into())
                }
                finished => finished,
            };
            let report = finished.map_err(|failure: Failure| failure.into_error(refusal))?;
            self.expected_s = report.expected_s;
            self.warnings.extend(report.warnings);
        }
        self.lanes.finish()?;
        self.check_length(0.0)?;
        let (damaged, packets) = (self.damaged, self.packets);
        if damaged as f64 > packets as f64 * MAX_DAMAGED_FRACTION {
            return Err(AudioError::DamagedPackets { damaged, packets });
        }
        let actual = self.decoded_s();
        if actual == 0.0 {
            return Err(AudioError::Empty);
        }
        if damaged > 0 {
            self.warnings.push(format!(
                "{damaged} of the {packets} packets of the recording are damaged and were replaced by silence"
            ));
        }
        if self.lanes.is_opposite() {
            self.warnings.push(
                "the channels are in opposite phase and cancel each other: only the loudest was used".to_owned(),
            );
        }
        let gaps_s = self.gaps_s + self.axis.as_ref().map_or(0.0, TimeAxis::gaps_s);
        // Others have gaps where nothing was recorded.
        let is_loss = GAPS_ARE_LOSSES.contains(&self.format.format_info().format);
        if is_loss && gaps_s >= MIN_REPORTED_GAP_S {
            self.warnings.push(format!(
                "parts of the recording are missing: {gaps_s:.1} s were replaced by silence"
            ));
        }
        let tolerated = MIN_REPORTED_GAP_S.max(self.last_packet_s());
        match self.expected_s {
            Some(expected) if expected - actual > tolerated => self.warnings.push(format!(
                "the recording is truncated: it ends after {actual:.1} s of {expected:.1} s"
            )),
            _ if self.is_truncated => self.warnings.push(format!(
                "the recording is truncated: the end of the file is missing, after {actual:.2} s"
            )),
            _ => {}
        }
        Ok(())
    }
}
