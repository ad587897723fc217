//! Leakage from one channel into another.
//!
//! The other party of a call is often faintly audible in a channel: crosstalk of lines, echo of a loudspeaker. In one
//! channel alone, it is speech, however faint, and the segmentation model adapts to the level. So leakage must be found
//! by comparing channels.
//!
//! While one party speaks and the other one is silent, leakage is a delayed, attenuated and filtered copy: in each
//! frequency band, the level in one channel minus the earlier level in the other is constant. Nothing else has a
//! constant difference: noise does not follow the other channel, and neither does the speech of the other party.
//! Speakers mostly take turns, so the most frequent difference at the right delay is the gain of the leak. It counts as
//! a leak if most of the frames in which it would be audible agree with it.
//!
//! With the gains, a frame is leakage if the other channels explain most of its energy. In double-talk, a frame has
//! more energy than they explain, at least in some bands, so the speech that is really there is kept.

use super::levels::{BANDS, Frame, Levels, energy};

/// Delays of leakage that are tried, in frames: up to 0.4 s, and slightly negative ones, if channels are not in sync.
const LAGS: std::ops::RangeInclusive<i64> = -3..=24;
/// Maximum number of frames per channel that are used to find leaks, which bounds the time of the search.
const MAX_FRAMES: usize = 6_000;
/// Minimum level above the noise floor, in dB, at which a band is used to find leaks.
const MIN_SOURCE_DB: i32 = 12;
/// Minimum level above the noise floor, in dB, at which leakage is expected to be audible.
const MIN_AUDIBLE_DB: i32 = 9;
/// Range of the gains of leaks, in dB.
const MIN_GAIN_DB: i32 = -55;
const MAX_GAIN_DB: i32 = -4;
/// Maximum deviation of a frame from the gain, in dB.
const TOLERANCE_DB: i32 = 4;
/// Minimum number of frames in which the leakage of a band is expected to be audible: one second.
const MIN_AUDIBLE_FRAMES: u32 = 60;
/// Number of bands, the best ones, of which the fraction of frames that agree is averaged.
const SCORED_BANDS: usize = 4;
/// Minimum average fraction of frames that agree with a leak. Calls of synthetic speech have 0.7 to 1.0 with leakage,
/// and up to 0.2 without.
const MIN_SCORE: f64 = 0.5;
/// Minimum fraction of frames of a band whose gain is used. The others get the median of the gains.
const MIN_BAND_SCORE: f64 = 0.4;

/// Energy that is expected to be explained by a leak, relative to its gain, in dB: gains vary with time and frequency.
const MARGIN_DB: f32 = 6.0;
/// Energy that the noise of a channel explains, relative to its noise floor.
const NOISE_FACTOR: f32 = 4.0;
/// Minimum fraction of the energy of a frame that must not be explained for speech of the channel's own party.
const MIN_OWN_FRACTION: f32 = 0.5;
/// Tolerance of the delay, in frames.
const LAG_TOLERANCE: i64 = 2;
/// Maximum decay of leakage, in dB per frame: 89 dB/s, a reverberation time of 0.7 s.
const DECAY_DB: f32 = 1.5;
/// Minimum number of consecutive frames of own speech.
const MIN_OWN_FRAMES: usize = 3;
/// Number of frames before and after own speech that belong to it.
const HANGOVER_FRAMES: usize = 2;
/// Minimum energy of leakage, relative to the noise floor, that needs to be removed.
const MIN_LEAK_FACTOR: f32 = 0.25;

/// A leak from a channel into another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Leak {
    /// Delay, in frames.
    pub(super) lag: i64,
    /// Gain of each band, in dB.
    pub(super) gains: [f32; BANDS],
}

/// Finds the leak from `source` into `target`.
pub(super) fn find(target: &Levels, source: &Levels) -> Option<Leak> {
    let frames = active_frames(source);
    let mut best: Option<(f64, i64, [BandGain; BANDS])> = None;
    for lag in LAGS {
        let gains =
            std::array::from_fn(|band| Differences::new(target, source, &frames, lag, band).gain());
        let score = score(&gains);
        if best.as_ref().is_none_or(|(highest, ..)| score > *highest) {
            best = Some((score, lag, gains));
        }
    }
    let (_, lag, gains) = best.filter(|(score, ..)| *score >= MIN_SCORE)?;
    let mut known: Vec<f32> = gains
        .iter()
        .filter(|gain| gain.score >= MIN_BAND_SCORE)
        .map(|gain| gain.db)
        .collect();
    known.sort_by(f32::total_cmp);
    let median = *known.get(known.len() / 2)?;
    Some(Leak {
        lag,
        gains: gains.map(|gain| match gain.score >= MIN_BAND_SCORE {
            true => gain.db,
            false => median,
        }),
    })
}

/// Up to [`MAX_FRAMES`] frames in which some band is well above the noise floor, evenly spread.
fn active_frames(source: &Levels) -> Vec<usize> {
    let is_active = |frame: &Frame| {
        let bands = frame.iter().zip(&source.floor);
        bands
            .into_iter()
            .any(|(level, floor)| i32::from(*level) > i32::from(*floor) + MIN_SOURCE_DB)
    };
    let frames = source.frames.iter().enumerate();
    let active: Vec<usize> = frames
        .filter(|(_, frame)| is_active(frame))
        .map(|(index, _)| index)
        .collect();
    let step = active.len().div_ceil(MAX_FRAMES).max(1);
    active.into_iter().step_by(step).collect()
}

/// The most frequent level difference of a band.
#[derive(Clone, Copy, Debug, Default)]
struct BandGain {
    /// Fraction of the frames that agree.
    score: f64,
    db: f32,
}

fn score(gains: &[BandGain; BANDS]) -> f64 {
    let mut scores = gains.map(|gain| gain.score);
    scores.sort_by(|a, b| b.total_cmp(a));
    scores.iter().take(SCORED_BANDS).sum::<f64>() / SCORED_BANDS as f64
}

const LEVELS: usize = 256;
const DIFFERENCES: usize = (MAX_GAIN_DB - MIN_GAIN_DB + 1 + 2 * TOLERANCE_DB) as usize;

/// How often each level of the source and each difference of the target occur together, in one band.
struct Differences {
    /// Number of frames by level and difference.
    counts: Vec<[u32; DIFFERENCES]>,
    /// Number of frames by level, with any difference.
    totals: [u32; LEVELS],
    /// Noise floor of the target.
    floor_db: i32,
}

impl Differences {
    fn new(target: &Levels, source: &Levels, frames: &[usize], lag: i64, band: usize) -> Self {
        let mut counts = vec![[0; DIFFERENCES]; LEVELS];
        let mut totals = [0; LEVELS];
        let min_db = i32::from(source.floor[band]) + MIN_SOURCE_DB;
        for frame in frames {
            let level = i32::from(source.frames[*frame][band]);
            let frame = i64::try_from(*frame).unwrap_or(i64::MAX);
            let difference = i32::from(target.get(frame.saturating_add(lag))[band]) - level;
            // Frames that are louder in the target are those of its own party, who may leak into the source.
            if level <= min_db || difference > MAX_GAIN_DB {
                continue;
            }
            let level = (level - i32::from(i8::MIN)) as usize;
            totals[level] += 1;
            let difference = difference - (MIN_GAIN_DB - TOLERANCE_DB);
            if let Ok(difference) = usize::try_from(difference) {
                counts[level][difference] += 1;
            }
        }
        Self {
            counts,
            totals,
            floor_db: i32::from(target.floor[band]),
        }
    }

    /// The gain with which the greatest fraction of the frames agree in which leakage would be audible.
    fn gain(&self) -> BandGain {
        let mut best = BandGain::default();
        // From low gains to high ones, leakage is audible at lower and lower levels of the source.
        let (mut counts, mut total) = ([0_u32; DIFFERENCES], 0_u32);
        let mut lowest = LEVELS;
        for gain in MIN_GAIN_DB..=MAX_GAIN_DB {
            let min_level = self.floor_db + MIN_AUDIBLE_DB - gain - i32::from(i8::MIN);
            while lowest > 0 && lowest as i32 > min_level + 1 {
                lowest -= 1;
                total += self.totals[lowest];
                for (sum, count) in counts.iter_mut().zip(&self.counts[lowest]) {
                    *sum += count;
                }
            }
            if total < MIN_AUDIBLE_FRAMES {
                continue;
            }
            let first = (gain - MIN_GAIN_DB) as usize;
            let near = &counts[first..=first + 2 * TOLERANCE_DB as usize];
            let agreeing: u32 = near.iter().sum();
            let score = f64::from(agreeing) / f64::from(total);
            if score > best.score {
                let median = median_index(near, agreeing) as i32;
                best = BandGain {
                    score,
                    db: (gain - TOLERANCE_DB + median) as f32,
                };
            }
        }
        best
    }
}

/// The index of the median of a histogram.
fn median_index(counts: &[u32], total: u32) -> usize {
    let mut below = 0;
    let is_median = |count: &u32| {
        below += *count;
        2 * below >= total
    };
    counts.iter().position(is_median).unwrap_or_default()
}

/// Whether each frame of `target` is leakage, given the channels that leak into it.
pub(super) fn leaked_frames(target: &Levels, leaks: &[(Leak, &Levels)]) -> Vec<bool> {
    if leaks.is_empty() {
        return vec![false; target.frames.len()];
    }
    let noise = target.floor.map(|level| energy(f32::from(level)));
    let min_leak = MIN_LEAK_FACTOR * noise.iter().sum::<f32>();
    let mut explained = [f32::NEG_INFINITY; BANDS];
    let (mut is_own, mut is_audible) = (Vec::new(), Vec::new());
    for (at, frame) in (0..).zip(&target.frames) {
        for level in &mut explained {
            *level -= DECAY_DB;
        }
        for (leak, source) in leaks {
            for at in at - leak.lag - LAG_TOLERANCE..=at - leak.lag + LAG_TOLERANCE {
                let levels = source.get(at).into_iter().zip(leak.gains);
                for (explained, (level, gain)) in explained.iter_mut().zip(levels) {
                    *explained = explained.max(f32::from(level) + gain);
                }
            }
        }
        let (mut total, mut own) = (0.0, 0.0);
        for ((level, explained), noise) in frame.iter().zip(explained).zip(noise) {
            let level = energy(f32::from(*level));
            total += level;
            own += (level - energy(explained + MARGIN_DB) - NOISE_FACTOR * noise).max(0.0);
        }
        is_own.push(own > MIN_OWN_FRACTION * total);
        is_audible.push(explained.into_iter().map(energy).sum::<f32>() > min_leak);
    }
    let is_own = widen(&without_short_runs(&is_own));
    let frames = is_audible.iter().zip(is_own);
    frames.map(|(audible, own)| *audible && !own).collect()
}

/// Removes runs of less than [`MIN_OWN_FRAMES`].
fn without_short_runs(is_own: &[bool]) -> Vec<bool> {
    let runs = is_own.chunk_by(|a, b| a == b);
    runs.flat_map(|run| run.iter().map(|own| *own && run.len() >= MIN_OWN_FRAMES))
        .collect()
}

/// Widens runs by [`HANGOVER_FRAMES`] at both ends.
fn widen(is_own: &[bool]) -> Vec<bool> {
    let frames = 0..is_own.len();
    let near = |frame: usize| {
        let end = (frame + HANGOVER_FRAMES + 1).min(is_own.len());
        &is_own[frame.saturating_sub(HANGOVER_FRAMES)..end]
    };
    frames.map(|frame| near(frame).contains(&true)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::levels::SILENCE_DB;

    const FRAMES: usize = 2_000;

    /// A pseudo-random number from 0 to `end`, the same for the same seed.
    fn random(seed: usize, end: u64) -> i8 {
        let mut state = (seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32;
        for shift in [30, 27, 31] {
            state = (state ^ (state >> shift)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        }
        ((state >> 33) % end) as i8
    }

    /// Speech in every second section of `section` frames, from the first one if `party` is 0. Levels vary by 20 dB.
    fn speech(party: usize, section: usize) -> Vec<Frame> {
        let frame = |at: usize| match at / section % 2 == party {
            true => std::array::from_fn(|band| -45 + random(at * 10 + band + 7_777 * party, 20)),
            false => [SILENCE_DB; BANDS],
        };
        (0..FRAMES).map(frame).collect()
    }

    /// The sum of levels: the greatest one.
    fn mix(parts: &[&[Frame]]) -> Levels {
        let frame = |at: usize| {
            std::array::from_fn(|band| {
                let levels = parts.iter().map(|part| part[at][band]);
                levels.fold(SILENCE_DB, i8::max)
            })
        };
        Levels::new((0..FRAMES).map(frame).collect())
    }

    fn delayed(frames: &[Frame], lag: usize, gain: i8) -> Vec<Frame> {
        let frame = |at: usize| match at.checked_sub(lag) {
            Some(at) => frames[at].map(|level| level.saturating_add(gain).max(SILENCE_DB)),
            None => [SILENCE_DB; BANDS],
        };
        (0..FRAMES).map(frame).collect()
    }

    fn noise(level: i8) -> Vec<Frame> {
        let frame = |at: usize| std::array::from_fn(|band| level + random(at * 10 + band, 3));
        (0..FRAMES).map(frame).collect()
    }

    #[test]
    fn delay_and_gain_of_a_leak_are_found() {
        let (a, b) = (speech(0, 100), speech(1, 100));
        let noise = noise(-90);
        for gain in [-15, -25, -35] {
            for lag in [0, 1, 9, 20] {
                let leak_of = |frames| delayed(frames, lag, gain);
                let target = mix(&[&a, &leak_of(&b), &noise]);
                let source = mix(&[&b, &leak_of(&a), &noise]);
                for leak in [find(&target, &source), find(&source, &target)] {
                    let leak = leak.unwrap();
                    assert_eq!(leak.lag, i64::try_from(lag).unwrap());
                    for found in leak.gains {
                        assert!((found - f32::from(gain)).abs() <= 1.0, "{leak:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn there_is_no_leak_without_leakage() {
        let noise = noise(-80);
        // In turns, in sections of different lengths, and one who never speaks.
        for (a, b) in [
            (speech(0, 100), speech(1, 100)),
            (speech(0, 70), speech(1, 110)),
            (speech(0, 100), speech(2, 100)),
        ] {
            let (target, source) = (mix(&[&a, &noise]), mix(&[&b, &noise]));
            assert_eq!(find(&target, &source), None);
            assert_eq!(find(&source, &target), None);
        }
        let empty = Levels::new(Vec::new());
        assert_eq!(find(&empty, &empty), None);
    }

    #[test]
    fn leakage_is_separated_from_the_speech_of_the_party_and_double_talk_is_kept() {
        // Sections of A alone, both, B alone, neither.
        let (a, b) = (speech(0, 200), delayed(&speech(0, 200), 100, 0));
        let other = delayed(&noise(-35), 0, 0);
        let b: Vec<Frame> = b
            .iter()
            .zip(&other)
            .map(|(speech, other)| {
                if speech[0] > SILENCE_DB {
                    *other
                } else {
                    *speech
                }
            })
            .collect();
        let target = mix(&[&a, &delayed(&b, 5, -25), &noise(-90)]);
        let source = mix(&[&b, &noise(-90)]);
        let leak = find(&target, &source).unwrap();
        let leaked = leaked_frames(&target, &[(leak, &source)]);
        for (at, leaked) in leaked.iter().enumerate() {
            // The frames around a change depend on the tolerances.
            match at % 400 {
                5..195 => assert!(!leaked, "own speech, frame {at}"),
                215..300 => assert!(leaked, "leakage, frame {at}"),
                _ => {}
            }
        }
        assert!(!leaked_frames(&target, &[]).contains(&true));
    }

    #[test]
    fn short_runs_are_removed_and_others_widened() {
        let runs = |text: &str| text.chars().map(|c| c == '#').collect::<Vec<_>>();
        let text = |runs: Vec<bool>| {
            let text = runs.iter().map(|run| if *run { '#' } else { '.' });
            text.collect::<String>()
        };
        let cleaned = without_short_runs(&runs("##...#...###....."));
        assert_eq!(text(cleaned.clone()), ".........###.....");
        assert_eq!(text(widen(&cleaned)), ".......#######...");
        assert!(widen(&[]).is_empty());
    }
}
