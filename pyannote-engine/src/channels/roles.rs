//! Which channels are silent, and which repeat another one.

use super::levels::{Frame, Levels, energy};

/// Maximum level of a silent channel, in dB.
const MAX_SILENCE_DB: i8 = -85;
/// Minimum level above the noise floor of a channel, in dB, of the frames that are compared.
const MIN_COMPARED_DB: f32 = 15.0;
/// Differences of delay that are tried, in frames.
const LAGS: std::ops::RangeInclusive<i64> = -2..=2;
/// Maximum deviation of a frame from the median level difference, in dB, of channels with the same content.
const TOLERANCE_DB: f32 = 3.0;
/// Minimum fraction of such frames. Two parties at different levels in two channels have up to 0.6.
const MIN_SAME_FRACTION: f64 = 0.8;
/// Maximum median level difference, in dB. A quieter copy is leakage into the channel of a party who never speaks.
const MAX_LEVEL_DIFFERENCE_DB: f32 = 10.0;

/// What a channel contains.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    Distinct,
    Silent,
    /// Nearly the same as a channel before it, which is distinct.
    CopyOf(usize),
}

/// The role of each channel.
pub(super) fn roles(channels: &[Levels]) -> Vec<Role> {
    let totals: Vec<Vec<f32>> = channels.iter().map(totals).collect();
    let mut roles: Vec<Role> = Vec::new();
    for (index, levels) in channels.iter().enumerate() {
        let mut before = (0..index).filter(|before| roles[*before] == Role::Distinct);
        let role = if is_silent(levels) {
            Role::Silent
        } else if let Some(before) = before.find(|before| is_copy(&totals[index], &totals[*before]))
        {
            Role::CopyOf(before)
        } else {
            Role::Distinct
        };
        roles.push(role);
    }
    roles
}

fn is_silent(levels: &Levels) -> bool {
    levels
        .frames
        .iter()
        .flatten()
        .all(|level| *level <= MAX_SILENCE_DB)
}

/// The level of all bands together.
fn totals(levels: &Levels) -> Vec<f32> {
    let total = |frame: &Frame| {
        let energies = frame.iter().map(|level| energy(f32::from(*level)));
        10.0 * energies.sum::<f32>().log10()
    };
    levels.frames.iter().map(total).collect()
}

/// Whether two channels have the same content: whatever is in one is in the other, at the same level difference.
fn is_copy(a: &[f32], b: &[f32]) -> bool {
    let min = |totals: &[f32]| percentile(totals.to_vec(), 10) + MIN_COMPARED_DB;
    let (min_a, min_b) = (min(a), min(b));
    LAGS.into_iter().any(|lag| {
        let (skip_a, skip_b) = match usize::try_from(lag) {
            Ok(lag) => (lag, 0),
            Err(_) => (0, lag.unsigned_abs() as usize),
        };
        let pairs = a.iter().skip(skip_a).zip(b.iter().skip(skip_b));
        let compared = pairs.filter(|(a, b)| **a > min_a || **b > min_b);
        let differences: Vec<f32> = compared.map(|(a, b)| a - b).collect();
        if differences.is_empty() {
            return false;
        }
        let median = percentile(differences.clone(), 50);
        let is_same = |difference: &&f32| (**difference - median).abs() <= TOLERANCE_DB;
        let same = differences.iter().filter(is_same).count();
        median.abs() <= MAX_LEVEL_DIFFERENCE_DB
            && same as f64 >= MIN_SAME_FRACTION * differences.len() as f64
    })
}

/// A percentile of levels, or 0 if there are none.
fn percentile(mut levels: Vec<f32>, percent: usize) -> f32 {
    let index = levels.len() * percent / 100;
    match index < levels.len() {
        true => *levels.select_nth_unstable_by(index, f32::total_cmp).1,
        false => 0.0,
    }
}

/// Human-readable warnings about the channels.
pub(super) fn warnings(roles: &[Role]) -> Vec<String> {
    let with = |is: &dyn Fn(Role) -> bool| {
        let channels = roles.iter().enumerate();
        channels
            .filter(|(_, role)| is(**role))
            .map(|(index, _)| index)
            .collect::<Vec<_>>()
    };
    let mut warnings = Vec::new();
    let distinct = with(&|role| role == Role::Distinct);
    for &original in &distinct {
        let copies = with(&|role| role == Role::CopyOf(original));
        if !copies.is_empty() {
            let same = [&[original][..], &copies].concat();
            warnings.push(format!(
                "{} are nearly identical and were used only once: the recording does not have one party per channel",
                names(&same)
            ));
        }
    }
    let silent = with(&|role| role == Role::Silent);
    if !silent.is_empty() {
        let verb = if silent.len() == 1 { "is" } else { "are" };
        warnings.push(format!("{} {verb} silent", names(&silent)));
    }
    if is_single(roles) {
        warnings.push(
            "there is only one channel to diarize, so speakers were distinguished by their voices"
                .to_owned(),
        );
    }
    warnings
}

/// Whether the recording has only one channel, or several with the same content: it has no channel per party.
pub(super) fn is_single(roles: &[Role]) -> bool {
    let distinct = roles.iter().filter(|role| **role == Role::Distinct).count();
    distinct == 1 && !roles.contains(&Role::Silent)
}

/// Channels by their numbers, from 1.
fn names(channels: &[usize]) -> String {
    let numbers: Vec<String> = channels
        .iter()
        .map(|index| (index + 1).to_string())
        .collect();
    match numbers.as_slice() {
        [number] => format!("channel {number}"),
        [first @ .., last] => format!("channels {} and {last}", first.join(", ")),
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::levels::BANDS;

    fn levels(level: impl Fn(usize) -> i8) -> Levels {
        Levels::new((0..1_000).map(|at| [level(at); BANDS]).collect())
    }

    /// A level that varies, of speech in sections of 100 frames: one party, the other one, and nobody.
    fn speech(at: usize, party: usize) -> i8 {
        match at / 100 % 3 == party {
            true => -30 - i8::try_from(at * 7 % 23).unwrap(),
            false => -90,
        }
    }

    fn roles_of(channels: &[&dyn Fn(usize) -> i8]) -> Vec<Role> {
        roles(&channels.iter().map(levels).collect::<Vec<_>>())
    }

    #[test]
    fn copies_at_another_level_or_slightly_later_are_found() {
        let a = |at| speech(at, 0);
        let b = |at| speech(at, 1);
        let both = |at| speech(at, 0).max(speech(at, 1));
        let quieter = |at| speech(at, 0).max(speech(at, 1)) - 6;
        let later = |at: usize| both(at.saturating_sub(1));
        let leak = |at: usize| speech(at, 0) - 25;
        let rounding = |_| -90;
        use Role::*;
        for (channels, expected) in [
            (
                &[&a as &dyn Fn(usize) -> i8, &b][..],
                &[Distinct, Distinct][..],
            ),
            (&[&both, &both], &[Distinct, CopyOf(0)]),
            (&[&a, &both, &quieter], &[Distinct, Distinct, CopyOf(1)]),
            (&[&rounding, &later, &both], &[Silent, Distinct, CopyOf(1)]),
            (&[&both, &a], &[Distinct, Distinct]),
            // The other party never speaks.
            (&[&a, &leak], &[Distinct, Distinct]),
            (&[], &[]),
        ] {
            assert_eq!(roles_of(channels), expected);
        }
        assert_eq!(roles(&[Levels::new(Vec::<Frame>::new())]), [Silent]);
    }

    #[test]
    fn warnings_name_the_channels() {
        use Role::*;
        for (roles, expected) in [
            (&[Distinct, Distinct][..], &[][..]),
            (
                &[Distinct, Silent, Silent],
                &["channels 2 and 3 are silent"],
            ),
            (&[Silent], &["channel 1 is silent"]),
            (
                &[Distinct],
                &[
                    "there is only one channel to diarize, so speakers were distinguished by their voices",
                ],
            ),
            (
                &[Distinct, CopyOf(0), Distinct, CopyOf(0)],
                &[
                    "channels 1, 2 and 4 are nearly identical and were used only once: the recording does not have \
                   one party per channel",
                ],
            ),
            (
                &[Distinct, CopyOf(0)],
                &[
                    "channels 1 and 2 are nearly identical and were used only once: the recording does not have \
                     one party per channel",
                    "there is only one channel to diarize, so speakers were distinguished by their voices",
                ],
            ),
        ] {
            assert_eq!(warnings(roles), expected);
        }
    }
}
