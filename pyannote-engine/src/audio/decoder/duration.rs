//! The duration in the header of a file.

use symphonia::core::formats::{FormatReader, Track, well_known as formats};
use symphonia::core::units::TimeBase;

use crate::audio::time_axis::Edit;
use crate::audio::tracks::audio;

/// The duration in the header, in seconds, if it is plausible.
pub(super) fn expected_duration(format: &dyn FormatReader, track: &Track) -> Option<f64> {
    // ADTS has no duration in a header: it would be estimated from the first packets.
    if format.format_info().format == formats::FORMAT_ID_ADTS {
        return None;
    }
    let parameters = audio(track)?;
    let by_frames = || {
        let rate = parameters.sample_rate.filter(|rate| *rate > 0)?;
        Some(track.num_frames? as f64 / f64::from(rate))
    };
    let by_duration = || {
        // The duration of Ogg is that from 0, even if the first packet is later.
        let start = u64::try_from(track.start_ts.get()).unwrap_or_default();
        let duration = track.duration?.get().saturating_sub(start);
        Some(seconds(duration, track.time_base?))
    };
    let by_media = || {
        // The duration of a video may differ from that of its audio track.
        let [_] = format.tracks() else {
            return None;
        };
        let media = format.media_info();
        Some(seconds(media.duration?.get(), media.time_base?))
    };
    let expected = by_duration().or_else(by_frames).or_else(by_media)?;
    (expected > 0.0).then_some(expected)
}

/// The part of a track of `seconds` that an edit list presents, in seconds.
pub(super) fn presented_duration(edits: &[Edit], seconds: f64) -> f64 {
    let end = |edit: &Edit| edit.at_s + edit.duration_s.min((seconds - edit.media_s).max(0.0));
    edits.iter().map(end).reduce(f64::max).unwrap_or(seconds)
}

/// Converts ticks to seconds.
pub(super) fn seconds(ticks: u64, time_base: TimeBase) -> f64 {
    ticks as f64 * f64::from(time_base.numer.get()) / f64::from(time_base.denom.get())
}
