//! How much speaks for two speakers being one person.
//!
//! Evidence is a logarithm of odds, weighted with the seconds of speech that it rests on. Its mean over many pairs says
//! whether two groups are one person.

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
/// What it says that two speakers are of the same window.
pub(super) const APART: f32 = -12.0;
/// What it says that two speakers of overlapping windows always speak at the same moments; never at the same moments
/// says as much to the contrary.
pub(super) const AT_ONCE: f32 = 4.0;
/// How much more a second of that counts than a second of voice.
const AT_ONCE_COUNTS: f32 = 2.0;
/// The least seconds in common windows that say anything.
const COMMON: f32 = 0.2;
/// The weight of a pair of which nothing is known. It is not zero, so that pairs without evidence hold a group back.
const UNKNOWN: f32 = 0.02;
/// What a pair in a window weighs beyond the seconds of speech.
const WINDOW: f32 = 0.1;

/// What is known of a pair, or of all pairs between two groups.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Evidence {
    /// The logarithms of the odds, each multiplied by its weight.
    pub(super) sum: f32,
    /// The sum of the weights, in seconds.
    pub(super) weight: f32,
}

impl Evidence {
    /// This much, resting on so many seconds.
    pub(super) fn new(odds: f32, weight: f32) -> Self {
        Self {
            sum: odds * weight,
            weight,
        }
    }

    /// The mean.
    pub(super) fn odds(self) -> f32 {
        self.sum / self.weight.max(f32::MIN_POSITIVE)
    }
}

impl std::ops::AddAssign for Evidence {
    fn add_assign(&mut self, other: Self) {
        self.sum += other.sum;
        self.weight += other.weight;
    }
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
    let mut evidence = match (&a.voice, &b.voice) {
        (Some(x), Some(y)) => of_voices((x, a.alone), (y, b.alone)),
        _ => Evidence::new(0.0, UNKNOWN),
    };
    if let Some((share, seconds)) = at_once(a, b) {
        let odds = AT_ONCE * (2.0 * share - 1.0);
        evidence += Evidence::new(odds, AT_ONCE_COUNTS * seconds);
    }
    evidence
}

/// What is known of two that were heard only by their voices, for so many seconds each.
pub(super) fn of_voices(a: (&Voice, f32), b: (&Voice, f32)) -> Evidence {
    Evidence::new(voices(a.0, b.0), a.1.min(b.1).clamp(UNKNOWN, ENOUGH))
}

/// What is known of two who were told apart, and speak alone for so many seconds each.
pub(super) fn apart(a: f32, b: f32) -> Evidence {
    Evidence::new(APART, a.min(b) + WINDOW)
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
    use crate::engine::open::EMBEDDING;

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
        let mut evidence = Evidence::new(3.0, 1.0);
        evidence += Evidence::new(-1.0, 3.0);
        assert_eq!(evidence.odds(), 0.0);
        assert_eq!(Evidence::default().odds(), 0.0);
    }
}
