//! What the embedding model hears: the voices of sub-segments of 1.5 s, one every 0.75 s.
//!
//! The costly first part of the model runs once over a stretch of sub-segments that follow on each other.

use std::collections::BTreeMap;
use std::ops::Range;

use super::signal::Signal;
use super::{Models, frames};
use crate::{CancelToken, DiarizeError, SAMPLE_RATE};
use crate::{EMBEDDING, HeadFrames};

/// How many spectra a sub-segment has, and how many it starts after the one before. There is one every 10 ms.
const LENGTH: usize = 150;
const HOP: usize = 75;
/// The samples from one spectrum to the next, and those that one hears.
const SPECTRUM_STEP: usize = 160;
const SPECTRUM: usize = 400;
/// How many sub-segments a stretch has at most: what is held of a stretch is its spectra and what the model makes of them.
const STRETCH: usize = 12;

/// What a voice is: a direction.
pub(super) type Voice = [f32; EMBEDDING];
/// Voices by the index of their sub-segment. They have the length 1.
pub(super) type Voices = BTreeMap<usize, Voice>;

/// How many sub-segments a recording of so many frames has, the last one perhaps a shorter one.
pub(super) fn count(frames: usize) -> usize {
    // The last one has at least half the length.
    let hops = frames as f64 * frames::STEP / hop_seconds();
    ((hops - 1.0).ceil() as usize).max(usize::from(frames > 0))
}

/// The frames of a sub-segment.
pub(super) fn frames_of(index: usize) -> Range<usize> {
    let start = index as f64 * hop_seconds();
    let heard = (LENGTH - 1) * SPECTRUM_STEP + SPECTRUM;
    frames::within(start, start + heard as f64 / f64::from(SAMPLE_RATE))
}

/// The sub-segments of which these frames may have a part.
pub(super) fn around(frames: Range<usize>) -> Range<usize> {
    let start = frames::start(frames.start) / hop_seconds();
    let end = frames::start(frames.end) / hop_seconds();
    (start as usize).saturating_sub(LENGTH.div_ceil(HOP))..end as usize + 1
}

fn hop_seconds() -> f64 {
    (HOP * SPECTRUM_STEP) as f64 / f64::from(SAMPLE_RATE)
}

/// Hears these sub-segments, which are in order.
pub(super) fn hear(
    models: Models<'_>,
    signal: &Signal<'_>,
    needed: &[usize],
    cancel: &CancelToken,
    progress: &mut dyn FnMut(f64),
) -> Result<Voices, DiarizeError> {
    let stretches: Vec<&[usize]> = needed
        .chunk_by(|a, b| a + 1 == *b)
        .flat_map(|run| run.chunks(models.portion(run.len(), STRETCH)))
        .collect();
    let voices = models.all(&stretches, cancel, progress, |stretch| {
        stretch_voices(models, signal, stretch)
    })?;
    Ok(voices.into_iter().flatten().collect())
}

fn stretch_voices(
    models: Models<'_>,
    signal: &Signal<'_>,
    stretch: &[usize],
) -> Vec<(usize, Voice)> {
    let Some(&first) = stretch.first() else {
        return Vec::new();
    };
    let start = first * HOP * SPECTRUM_STEP;
    let spectra = (stretch.len() - 1) * HOP + LENGTH;
    let samples = (spectra - 1) * SPECTRUM_STEP + SPECTRUM;
    // A short recording is made as long as one spectrum; a longer one is not made longer.
    let samples = samples
        .min(signal.len().saturating_sub(start))
        .max(SPECTRUM);
    let mut features = models.fbank.compute(&signal.part(start, samples));
    features.subtract_mean();
    let head: HeadFrames = models.embedder.head(&features);
    let parts: Vec<&[f32]> = (0..stretch.len())
        .map(|n| head.part(n * HOP, LENGTH))
        .collect();
    let voices = models.embedder.body(&parts).into_iter();
    let voices = stretch.iter().zip(voices.map(unit));
    voices
        .filter_map(|(index, voice)| Some((*index, voice?)))
        .collect()
}

/// The same direction, with the length 1; none where there is no direction.
pub(super) fn unit(mut voice: Voice) -> Option<Voice> {
    let length = cosine(&voice, &voice).sqrt();
    (length.is_finite() && length > 0.0).then(|| {
        voice.iter_mut().for_each(|value| *value /= length);
        voice
    })
}

/// Adds a voice, so many times.
pub(super) fn add(sum: &mut Voice, voice: &Voice, times: f32) {
    for (sum, value) in sum.iter_mut().zip(voice) {
        *sum += value * times;
    }
}

/// The cosine of the angle between two voices of length 1.
pub(super) fn cosine(a: &Voice, b: &Voice) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sub_segments_cover_a_recording() {
        assert_eq!(count(0), 0);
        assert_eq!(count(1), 1);
        let frames = frames::count(480_000);
        let last = frames_of(count(frames) - 1);
        assert!(
            last.start < frames && last.end + 50 > frames,
            "{last:?} of {frames}"
        );
    }

    #[test]
    fn all_sub_segments_that_have_a_part_are_found() {
        for frames in [0..1, 0..589, 1_000..1_589, 7_777..7_778] {
            let around = around(frames.clone());
            let overlaps = |index: &usize| {
                let own = frames_of(*index);
                own.start < frames.end && frames.start < own.end
            };
            let found: Vec<usize> = (0..500).filter(overlaps).collect();
            assert!(
                found.iter().all(|index| around.contains(index)),
                "{frames:?}"
            );
            assert!(around.len() <= found.len() + 3, "{around:?} for {found:?}");
        }
    }

    #[test]
    fn a_voice_has_the_length_one() {
        let mut voice = [0.0; EMBEDDING];
        assert_eq!(unit(voice), None);
        (voice[0], voice[1]) = (3.0, 4.0);
        assert_eq!(unit(voice).unwrap()[..2], [0.6, 0.8]);
        voice[2] = f32::NAN;
        assert_eq!(unit(voice), None);
    }
}
