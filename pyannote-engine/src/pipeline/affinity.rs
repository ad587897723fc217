//! How much speaks for two speakers being one person.
//!
//! Evidence is a logarithm of odds, weighted with the seconds of speech that it rests on. Its mean over many pairs says
//! whether two groups are one person.
//!
//! There is evidence of two kinds. Voices can be compared however far apart they are heard, so there are ever more such
//! pairs in ever longer recordings. Moments can be compared only in windows that have frames in common. So that they are
//! heard in long recordings as much as in short ones, voices count only for so much per second of speech.

use super::frames;
use super::local::Local;
use super::voices::{Voice, cosine};

/// The cosines between voices of the same and of different people: mean and standard deviation.
const SAME: (f32, f32) = (0.62, 0.16);
const DIFFERENT: (f32, f32) = (0.10, 0.13);
/// No pair of voices says more than this.
const MOST: f32 = 8.0;
/// No pair of voices counts for more seconds than this.
pub(super) const ENOUGH: f32 = 4.0;
/// How much all pairs of voices count together, for each second that the less talkative one speaks alone.
const VOICES_COUNT: f32 = 4.0;
/// What it says that two were told apart.
const APART: f32 = -12.0;
/// What it says that two speakers of overlapping windows always speak at the same moments; never at the same moments
/// says as much to the contrary.
pub(super) const AT_ONCE: f32 = 4.0;
/// How much more a second of that counts than a second of voice.
const AT_ONCE_COUNTS: f32 = 2.0;
/// The least seconds in common windows that say anything.
const COMMON: f32 = 0.2;
/// The weight of a pair of which nothing is known. It is not zero, so that pairs without evidence hold a group back.
const UNKNOWN: f32 = 0.02;
/// What having been told apart weighs beyond the seconds of speech.
const WINDOW: f32 = 0.1;

/// A weighted mean of logarithms of odds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Mean {
    /// The logarithms, each multiplied by its weight.
    sum: f32,
    /// The sum of the weights, in seconds.
    weight: f32,
}

impl Mean {
    fn new(odds: f32, weight: f32) -> Self {
        Self {
            sum: odds * weight,
            weight,
        }
    }

    /// The same, with no more than so much weight.
    fn at_most(self, weight: f32) -> Self {
        if self.weight > weight {
            Self::new(self.sum / self.weight, weight)
        } else {
            self
        }
    }
}

impl std::ops::AddAssign for Mean {
    fn add_assign(&mut self, other: Self) {
        self.sum += other.sum;
        self.weight += other.weight;
    }
}

/// What is known of a pair, or of all pairs between two groups.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Evidence {
    /// By their voices.
    voices: Mean,
    /// By the moments at which they speak.
    moments: Mean,
}

impl Evidence {
    /// The logarithm of the odds that two groups are one person, of whom the less talkative one speaks alone for so many
    /// seconds, as [`counted`] counts them.
    pub(super) fn odds(self, seconds: f32) -> f32 {
        let mut mean = self.voices.at_most(VOICES_COUNT * seconds);
        mean += self.moments;
        mean.sum / mean.weight.max(f32::MIN_POSITIVE)
    }

    /// What was found by other means, with the weight of a second.
    #[cfg(test)]
    pub(super) fn found(odds: f32) -> Self {
        Self {
            moments: Mean::new(odds, 1.0),
            ..Self::default()
        }
    }
}

impl std::ops::AddAssign for Evidence {
    fn add_assign(&mut self, other: Self) {
        self.voices += other.voices;
        self.moments += other.moments;
    }
}

/// How many of the seconds count that somebody speaks alone in a window.
pub(super) fn counted(alone: f32) -> f32 {
    alone.clamp(UNKNOWN, ENOUGH)
}

/// What two voices say: the logarithm of how much likelier their cosine is for one person than for two.
pub(super) fn voices(a: &Voice, b: &Voice) -> f32 {
    let normal = |(mean, deviation): (f32, f32), cosine: f32| {
        -0.5 * ((cosine - mean) / deviation).powi(2) - deviation.ln()
    };
    // Further away, the wider of the two curves would have it that opposite voices are one.
    let cosine = cosine(a, b).clamp(-0.9, 1.0);
    (normal(SAME, cosine) - normal(DIFFERENT, cosine)).clamp(-MOST, MOST)
}

/// What is known of two local speakers.
pub(super) fn of(a: &Local, b: &Local) -> Evidence {
    if a.window == b.window {
        return apart(a.alone, b.alone);
    }
    let mut evidence = of_voices(
        (a.voice.as_ref(), counted(a.alone)),
        (b.voice.as_ref(), counted(b.alone)),
    );
    if let Some((share, seconds)) = at_once(a, b) {
        evidence.moments = Mean::new(AT_ONCE * (2.0 * share - 1.0), AT_ONCE_COUNTS * seconds);
    }
    evidence
}

/// What is known of two by their voices, each of which counts for so many seconds.
pub(super) fn of_voices(a: (Option<&Voice>, f32), b: (Option<&Voice>, f32)) -> Evidence {
    let mean = match (a.0, b.0) {
        (Some(x), Some(y)) => Mean::new(voices(x, y), a.1.min(b.1).max(UNKNOWN)),
        _ => Mean::new(0.0, UNKNOWN),
    };
    Evidence {
        voices: mean,
        ..Evidence::default()
    }
}

/// What is known of two who were told apart, each by so many seconds.
pub(super) fn apart(a: f32, b: f32) -> Evidence {
    Evidence {
        moments: Mean::new(APART, a.min(b) + WINDOW),
        ..Evidence::default()
    }
}

/// How much of the time that the less talkative one of two speaks in frames common to their windows, the other one
/// does, too, and how many seconds that time is.
fn at_once(a: &Local, b: &Local) -> Option<(f32, f32)> {
    let (start, end) = (a.first.max(b.first), a.end().min(b.end()));
    if start >= end {
        return None;
    }
    let a = a.activity.get(start - a.first..end - a.first)?;
    let b = b.activity.get(start - b.first..end - b.first)?;
    let both: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    let less = a.iter().sum::<f32>().min(b.iter().sum());
    let seconds = less * frames::STEP as f32;
    (seconds > COMMON).then(|| (both / less, seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EMBEDDING;

    fn at(cosine: f32) -> (Voice, Voice) {
        let (mut a, mut b) = ([0.0; EMBEDDING], [0.0; EMBEDDING]);
        a[0] = 1.0;
        (b[0], b[1]) = (cosine, (1.0 - cosine * cosine).sqrt());
        (a, b)
    }

    #[test]
    fn nearer_voices_say_more() {
        let said = |cosine| {
            let (a, b) = at(cosine);
            voices(&a, &b)
        };
        let cosines = [-0.9, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 1.0];
        assert!(
            cosines
                .windows(2)
                .all(|pair| said(pair[0]) <= said(pair[1]))
        );
        assert!(said(0.2) < 0.0 && said(0.5) > 0.0);
        assert_eq!(said(1.0), MOST);
    }

    #[test]
    fn evidence_is_a_weighted_mean() {
        let (a, b) = at(1.0);
        let mut evidence = of_voices((Some(&a), 3.0), (Some(&b), 1.0));
        evidence += of_voices((None, 3.0), (Some(&b), 3.0));
        assert!((evidence.odds(9.0) - MOST / 1.02).abs() < 1e-4);
        assert_eq!(Evidence::default().odds(9.0), 0.0);
    }

    #[test]
    fn those_who_were_told_apart_stay_so_in_long_recordings() {
        // Two people with similar voices, in a conversation of so many windows.
        let odds = |windows: usize| {
            let (a, b) = at(0.5);
            let mut evidence = Evidence::default();
            for one in 0..windows {
                for other in 0..windows {
                    evidence += match one == other {
                        true => apart(3.0, 3.0),
                        false => of_voices((Some(&a), 3.0), (Some(&b), 3.0)),
                    };
                }
            }
            evidence.odds(windows as f32 * counted(3.0))
        };
        assert!(odds(2) < 0.0 && odds(10) < 1.0);
        assert!(
            (odds(10) - odds(1_000)).abs() < 0.1,
            "{} and {}",
            odds(10),
            odds(1_000)
        );
    }
}
