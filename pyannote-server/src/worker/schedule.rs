//! Decisions of the workers: which jobs to claim, and which of the claimed jobs computes next.
//!
//! A long job must not make short ones wait, whether it computes, waits, or is only in the queue:
//!
//! - Long jobs never take the last lane, if there are several.
//! - Shorter jobs start first. Waiting makes up for length, so that each job gets its turn.
//! - Few long jobs are claimed ahead. Others are put back into the queue, for other servers, and passed over until there
//!   is a place for them.
//! - A slow host of recordings does not keep the next jobs from being claimed.

use std::cmp::Ordering;
use std::time::Duration;

/// Recordings that are longer than this make a job long.
pub(crate) const MAX_SHORT: Duration = Duration::from_secs(10 * 60);
/// Maximum number of jobs whose recordings are fetched or decoded at the same time. Each may need as much space as the
/// maximum size of a recording.
const MAX_PREPARING: usize = 32;
/// How long it normally takes at most to fetch and decode the recording of a short job.
const SLOW_AFTER: Duration = Duration::from_secs(5);
/// Maximum number of long jobs that have been claimed but do not compute.
const MAX_LONG_AHEAD: usize = 2;
/// Seconds of audio that make up for one second of waiting: about what one lane computes in a second.
const AUDIO_S_PER_WAITING_S: f64 = 50.0;

/// What a worker does with a job.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Stage {
    /// The recording is being fetched and decoded.
    Preparing,
    /// The recording is ready, and the job waits for other jobs.
    Waiting,
    /// The engine processes the job.
    Computing,
}

impl Stage {
    /// All stages, in order.
    pub const ALL: [Self; 3] = [Self::Preparing, Self::Waiting, Self::Computing];

    /// Returns the stage's name in logs and metrics, such as `preparing`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Waiting => "waiting",
            Self::Computing => "computing",
        }
    }
}

/// A claimed job, as far as decisions depend on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) stage: Stage,
    /// How long the job has been in this stage.
    pub(super) elapsed: Duration,
    /// Duration of the recording, once it is known.
    pub(super) audio: Option<Duration>,
}

impl Place {
    fn is_long(&self) -> bool {
        self.audio.is_some_and(|audio| audio > MAX_SHORT)
    }

    /// The lower, the earlier the job starts.
    fn rank(&self) -> f64 {
        let audio_s = self.audio.unwrap_or_default().as_secs_f64();
        audio_s / AUDIO_S_PER_WAITING_S - self.elapsed.as_secs_f64()
    }
}

/// Which jobs may be claimed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Admission {
    Nothing,
    /// Jobs that are not known to be long.
    NotLong,
    Anything,
}

/// Returns which jobs may be claimed in addition to those in `places`. `prepares` is whether jobs have recordings that
/// are fetched and decoded.
pub(super) fn admission(places: &[Place], lanes: usize, prepares: bool) -> Admission {
    // What waits in the queue can be claimed by other servers, so no more than the lanes can take next.
    let limit = match prepares {
        true => lanes,
        false => lanes.saturating_sub(count(places, |place| place.stage == Stage::Computing)),
    };
    let ahead = count(places, |place| match place.stage {
        Stage::Preparing => !place.is_long() && place.elapsed < SLOW_AFTER,
        Stage::Waiting => !place.is_long(),
        Stage::Computing => false,
    });
    let preparing = count(places, |place| place.stage == Stage::Preparing);
    if ahead >= limit || preparing >= MAX_PREPARING {
        Admission::Nothing
    } else if is_full_of_long(places) {
        Admission::NotLong
    } else {
        Admission::Anything
    }
}

/// Returns whether a job with a recording of this duration is put back, since others are in `places`.
pub(super) fn is_put_back(audio: Duration, others: &[Place]) -> bool {
    audio > MAX_SHORT && is_full_of_long(others)
}

/// Returns the index of the job that computes next, if one can.
pub(super) fn next(places: &[Place], lanes: usize) -> Option<usize> {
    let computing = |place: &&Place| place.stage == Stage::Computing;
    if places.iter().filter(computing).count() >= lanes {
        return None;
    }
    let long = count(places, |place| computing(&place) && place.is_long());
    let can_start_long = long < lanes.saturating_sub(1).max(1);
    let waiting = places
        .iter()
        .enumerate()
        .filter(|(_, place)| place.stage == Stage::Waiting && (can_start_long || !place.is_long()));
    // Of equal ones, the first.
    let next = waiting.min_by(|(_, a), (_, b)| {
        let order = a.rank().partial_cmp(&b.rank());
        order.unwrap_or(Ordering::Equal)
    });
    next.map(|(index, _)| index)
}

/// Whether as many long jobs as possible are claimed ahead.
fn is_full_of_long(places: &[Place]) -> bool {
    let ahead = |place: &Place| place.is_long() && place.stage != Stage::Computing;
    count(places, ahead) >= MAX_LONG_AHEAD
}

fn count(places: &[Place], condition: impl Fn(&Place) -> bool) -> usize {
    places.iter().filter(|place| condition(place)).count()
}

#[cfg(test)]
mod tests {
    use super::Stage::{Computing, Preparing, Waiting};
    use super::*;

    const HOUR_S: u64 = 60 * 60;

    /// A job in a stage for `elapsed_s`, with a recording of `audio_s`; 0 is unknown.
    fn place(stage: Stage, elapsed_s: u64, audio_s: u64) -> Place {
        Place {
            stage,
            elapsed: Duration::from_secs(elapsed_s),
            audio: (audio_s > 0).then(|| Duration::from_secs(audio_s)),
        }
    }

    #[test]
    fn no_more_jobs_are_claimed_than_the_lanes_can_take_next() {
        let short = |stage| place(stage, 1, 30);
        let unknown = place(Preparing, 1, 0);
        let slow = place(Preparing, 5, 0);
        let long = |stage| place(stage, 1, HOUR_S);
        use Admission::{Anything, NotLong, Nothing};
        for (places, lanes, expected) in [
            (vec![], 2, Anything),
            (vec![], 0, Nothing),
            // Those that compute do not count: the next ones are prepared meanwhile.
            (vec![short(Computing); 2], 2, Anything),
            (vec![unknown], 2, Anything),
            (vec![unknown; 2], 2, Nothing),
            (vec![short(Waiting); 2], 2, Nothing),
            (vec![unknown, short(Waiting)], 2, Nothing),
            // Nor do those that are slow to fetch, up to a limit.
            (vec![slow; 2], 2, Anything),
            (vec![slow; 31], 2, Anything),
            (vec![slow; 32], 2, Nothing),
            // Long jobs do not keep short ones from being claimed.
            (vec![long(Waiting)], 1, Anything),
            (vec![long(Waiting), long(Preparing)], 1, NotLong),
            (vec![long(Waiting), long(Waiting), unknown], 1, Nothing),
            (vec![long(Computing), long(Computing)], 3, Anything),
        ] {
            assert_eq!(admission(&places, lanes, true), expected, "{places:?}");
        }
        // Without recordings, a job is claimed when it can compute.
        for (places, lanes, expected) in [
            (vec![], 1, Anything),
            (vec![place(Computing, 1, 0)], 1, Nothing),
            (vec![place(Computing, 1, 0)], 2, Anything),
            (
                vec![place(Waiting, 1, 0), place(Computing, 1, 0)],
                2,
                Nothing,
            ),
        ] {
            assert_eq!(admission(&places, lanes, false), expected, "{places:?}");
        }
    }

    #[test]
    fn only_long_jobs_are_put_back_and_only_behind_others() {
        let long = place(Waiting, 1, HOUR_S);
        let computing = place(Computing, 1, HOUR_S);
        for (audio_s, others, expected) in [
            (HOUR_S, vec![], false),
            (HOUR_S, vec![long], false),
            (HOUR_S, vec![long, computing, computing], false),
            (HOUR_S, vec![long, place(Preparing, 1, HOUR_S)], true),
            (601, vec![long, long], true),
            (600, vec![long, long], false),
        ] {
            let audio = Duration::from_secs(audio_s);
            assert_eq!(
                is_put_back(audio, &others),
                expected,
                "{audio_s} {others:?}"
            );
        }
    }

    #[test]
    fn the_shortest_job_computes_next_unless_another_has_waited_long() {
        let short = |elapsed_s| place(Waiting, elapsed_s, 30);
        let long = |elapsed_s| place(Waiting, elapsed_s, HOUR_S);
        let running = |audio_s| place(Computing, 1, audio_s);
        for (places, lanes, expected) in [
            (vec![], 2, None),
            (vec![place(Preparing, 1, 30)], 2, None),
            (vec![short(1)], 0, None),
            (vec![long(1)], 1, Some(0)),
            (vec![long(1)], 2, Some(0)),
            (vec![long(1), short(1)], 2, Some(1)),
            // The last lane is not for long jobs.
            (vec![running(HOUR_S), long(1)], 2, None),
            (vec![running(HOUR_S), long(1)], 3, Some(1)),
            (vec![running(HOUR_S), running(HOUR_S), long(900)], 3, None),
            (vec![running(HOUR_S), long(900), short(0)], 2, Some(2)),
            // Short jobs may take all lanes, but not forever.
            (vec![running(30), long(1), short(0)], 2, Some(2)),
            (vec![running(30), long(70), short(0)], 2, Some(2)),
            (vec![running(30), long(72), short(0)], 2, Some(1)),
            (vec![running(30), running(30), short(0)], 2, None),
            // In the order of their claims, if nothing else decides.
            (vec![short(1), short(1)], 1, Some(0)),
            (vec![short(1), short(2)], 1, Some(1)),
            (vec![place(Waiting, 0, 0), place(Waiting, 0, 0)], 1, Some(0)),
        ] {
            assert_eq!(next(&places, lanes), expected, "{lanes} {places:?}");
        }
    }
}
