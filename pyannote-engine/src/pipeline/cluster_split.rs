//! Looks whether somebody who was found is really two people.
//!
//! The segmentation model sometimes takes two people of a window for one. What they say then never becomes a speaker of
//! its own, so clustering cannot help. But the sub-segments of all windows together tell: where their voices fall into
//! two groups that are far apart, each local speaker of that person becomes two, by whose sub-segments are nearest.

use super::local::{self, Local};
use super::voices::{self, Voice, Voices, add, cosine, unit};
use super::{clustering, frames};
use crate::EMBEDDING;

/// How much of a sub-segment somebody has to speak alone for it to be looked at.
const ALONE: f32 = 0.5;
/// How many sub-segments that do not overlap each of the two has at least.
const LEAST: usize = 3;
/// Two people are no nearer to each other, as the cosine of their mean voices.
const NEAREST: f32 = 0.43;
/// How often the sub-segments are divided anew until that changes nothing.
const ROUNDS: usize = 20;
/// The shortest part of a local speaker, in seconds. One that would have less stays whole.
const SHORTEST: f64 = 0.3;

/// The local speakers, some of them divided; none where nobody is two people.
pub(super) fn divided(local: &[Local], labels: &[usize], voices: &Voices) -> Option<Vec<Local>> {
    let divisions: Vec<Option<Division>> = (0..clustering::count(labels))
        .map(|person| {
            let of_person = local.iter().zip(labels);
            let of_person = of_person.filter(|(_, label)| **label == person);
            Division::of(of_person.map(|(local, _)| local), voices)
        })
        .collect();
    let divided: Vec<Option<[Local; 2]>> = local
        .iter()
        .zip(labels)
        .map(|(local, label)| {
            let mut two = divisions.get(*label)?.as_ref()?.divide(local)?;
            local::give_voices(&mut two, voices);
            Some(two)
        })
        .collect();
    divided.iter().any(Option::is_some).then(|| {
        let pairs = local.iter().zip(divided);
        let parts = pairs.map(|(whole, two)| two.map_or_else(|| vec![whole.clone()], Vec::from));
        parts.flatten().collect()
    })
}

/// The sub-segments of a person, in order, each with the one of the two whose voice it is.
struct Division(Vec<(usize, bool)>);

impl Division {
    fn of<'a>(local: impl Iterator<Item = &'a Local>, voices: &Voices) -> Option<Self> {
        let mut indices: Vec<usize> = local
            .flat_map(|local| &local.shares)
            .filter(|(_, share)| *share > ALONE)
            .map(|(index, _)| *index)
            .collect();
        indices.sort_unstable();
        indices.dedup();
        let heard: Vec<(usize, &Voice)> = indices
            .iter()
            .filter_map(|index| Some((*index, voices.get(index)?)))
            .collect();
        let sides = two_groups(&heard)?;
        let indices = heard.iter().map(|(index, _)| *index);
        Some(Self(indices.zip(sides).collect()))
    }

    /// Which of the two a frame belongs to: the one with the nearest sub-segment.
    fn side(&self, frame: usize) -> bool {
        let nearest = self
            .0
            .iter()
            .min_by_key(|(index, _)| middle(*index).abs_diff(frame));
        nearest.is_some_and(|(_, side)| *side)
    }

    /// A local speaker as two; none where one of them would have too little.
    fn divide(&self, local: &Local) -> Option<[Local; 2]> {
        let sides: Vec<bool> = (local.first..local.end())
            .map(|frame| self.side(frame))
            .collect();
        let all: f32 = local.activity.iter().sum();
        let part = |wanted: bool| {
            let frames = local.activity.iter().zip(&sides);
            let activity: Vec<f32> = frames
                .map(|(activity, side)| if *side == wanted { *activity } else { 0.0 })
                .collect();
            let share = activity.iter().sum::<f32>() / all;
            let is_enough = f64::from(share * all) * frames::STEP >= SHORTEST;
            is_enough.then(|| Local {
                activity,
                alone: local.alone * share,
                shares: local
                    .shares
                    .iter()
                    .copied()
                    .filter(|(index, _)| self.side(middle(*index)) == wanted)
                    .collect(),
                ..local.clone()
            })
        };
        Some([part(false)?, part(true)?])
    }
}

/// The frame in the middle of a sub-segment.
fn middle(sub_segment: usize) -> usize {
    let frames = voices::frames_of(sub_segment);
    frames.start.midpoint(frames.end)
}

/// Divides voices, given with their sub-segments, into two groups by their nearest mean, beginning with the two that are
/// the furthest apart. None where the groups are too small or too near to each other to be two people.
fn two_groups(heard: &[(usize, &Voice)]) -> Option<Vec<bool>> {
    let pairs = heard.iter().enumerate().flat_map(|(index, (_, one))| {
        let others = heard.iter().take(index);
        others.map(move |(_, other)| (*one, *other))
    });
    let (one, other) = pairs.min_by(|(a, b), (c, d)| cosine(a, b).total_cmp(&cosine(c, d)))?;
    let mut means = [*one, *other];
    let mut sides: Vec<bool> = Vec::new();
    for _ in 0..ROUNDS {
        let [one, other] = &means;
        let nearer = |(_, voice): &(usize, &Voice)| cosine(voice, other) > cosine(voice, one);
        let before = std::mem::replace(&mut sides, heard.iter().map(nearer).collect());
        if sides == before {
            break;
        }
        let mean = |wanted: bool| {
            let mut sum = [0.0; EMBEDDING];
            let of_side = heard
                .iter()
                .zip(&sides)
                .filter(|(_, side)| **side == wanted);
            of_side.for_each(|((_, voice), _)| add(&mut sum, voice, 1.0));
            unit(sum)
        };
        means = [mean(false)?, mean(true)?];
    }
    let [one, other] = &means;
    let is_large = |wanted: bool| {
        let of_side = heard
            .iter()
            .zip(&sides)
            .filter(|(_, side)| **side == wanted);
        apart(of_side.map(|((index, _), _)| *index)) >= LEAST
    };
    let is_two = is_large(false) && is_large(true) && cosine(one, other) < NEAREST;
    is_two.then_some(sides)
}

/// How many of these sub-segments, which are in order, do not overlap. Each overlaps with the next.
fn apart(indices: impl Iterator<Item = usize>) -> usize {
    let mut last = None;
    indices
        .filter(|index| {
            let is_apart = last.is_none_or(|last| last + 1 < *index);
            if is_apart {
                last = Some(*index);
            }
            is_apart
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A voice at an angle, and a little of something of its own.
    fn voice(angle: f32, own: usize) -> Voice {
        let mut voice = [0.0; EMBEDDING];
        (voice[0], voice[1]) = (angle.cos(), angle.sin());
        voice[2 + own] = 0.3;
        unit(voice).unwrap()
    }

    fn groups(angles: &[f32]) -> Option<Vec<bool>> {
        let voices: Vec<Voice> = angles
            .iter()
            .enumerate()
            .map(|(own, angle)| voice(*angle, own))
            .collect();
        two_groups(&voices.iter().enumerate().collect::<Vec<_>>())
    }

    #[test]
    fn voices_that_are_far_apart_are_two_people() {
        let sides = groups(&[0.0, 0.1, 1.5, 1.4, 0.1, 0.0, 1.5, 0.0, 1.4]).unwrap();
        let first = sides[0];
        let other = !first;
        assert_eq!(
            sides,
            [
                first, first, other, other, first, first, other, first, other
            ]
        );
    }

    #[test]
    fn one_person_stays_one() {
        let near = [0.0, 0.1, 0.6, 0.0, 0.1, 0.6, 0.0, 0.6, 0.1];
        assert_eq!(groups(&near), None);
        let once = [0.0, 0.1, 0.0, 0.1, 1.5, 1.5, 1.5, 0.0, 0.1];
        assert_eq!(groups(&once), None, "three that overlap are too few");
        assert_eq!(groups(&[0.0, 1.5, 0.0, 1.5]), None);
        assert_eq!(groups(&[]), None);
        let same = voice(0.3, 0);
        assert_eq!(two_groups(&[(0, &same), (2, &same), (4, &same)]), None);
    }

    #[test]
    fn a_local_speaker_is_divided_where_the_voice_changes() {
        let voices: Voices = (0..12)
            .map(|index| (index, voice(if index < 6 { 0.0 } else { 1.5 }, index)))
            .collect();
        let local = Local {
            window: 3,
            first: 0,
            activity: vec![1.0; 589],
            alone: 9.9,
            shares: (0..12).map(|index| (index, 1.0)).collect(),
            voice: None,
        };
        let parts = divided(&[local], &[0], &voices).unwrap();
        assert_eq!(parts.len(), 2);
        let active = |part: &Local| {
            part.activity
                .iter()
                .filter(|activity| **activity > 0.0)
                .count()
        };
        assert_eq!(active(&parts[0]) + active(&parts[1]), 589);
        // The sub-segments of the second voice begin at 4.5 s, and the nearest middles part at 4.9 s.
        let change = parts.iter().map(active).min().unwrap();
        assert!((280..300).contains(&change), "{change}");
        let between = cosine(&parts[0].voice.unwrap(), &parts[1].voice.unwrap());
        assert!(between < 0.2, "{between}");
        assert!((parts[0].alone + parts[1].alone - 9.9).abs() < 1e-3);
    }
}
