//! Decisions of the workers: which jobs to claim, and which of the claimed jobs computes next.
//!
//! A long job must not make short ones wait, whether it computes, waits, or is only in the queue:
//!
//! - Long jobs never take the last lane, if there are several.
//! - Shorter jobs start first. Waiting makes up for length, so that each job gets its turn.
//! - Few long jobs are claimed ahead. Others are put back into the queue, for other servers, and passed over until there
//!   is a place for them.
//! - Recordings that were uploaded, and those that are fetched from other hosts, are claimed independently: whatever other
//!   hosts do, it does not keep the former from being claimed. `host_shares` shares the places for the latter.

use std::cmp::Ordering;
use std::time::Duration;

use crate::host_shares::{self, Transfer};
use crate::store::{Busy, ClaimFilter, Sources};

/// Recordings that are longer than this make a job long.
pub(crate) const MAX_SHORT: Duration = Duration::from_secs(10 * 60);
/// Maximum number of jobs whose uploaded recordings are decoded at the same time. Each may need as much space as the
/// maximum size of a recording.
const MAX_DECODES: usize = 8;
/// Maximum number of jobs whose recordings are fetched from other hosts, and then decoded, at the same time.
const MAX_FETCHES: usize = 24;
/// How long it normally takes at most to fetch and decode the recording of a short job.
const SLOW_AFTER: Duration = Duration::from_secs(5);
/// How many recordings per lane are fetched at the same time, without the slow ones. More than the lanes can take next,
/// since some of them may turn out to be slow.
const FETCHES_PER_LANE: usize = 4;
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
pub(super) struct Place<'a> {
    pub(super) stage: Stage,
    /// How long the job has been in this stage.
    pub(super) elapsed: Duration,
    /// Duration of the recording, once it is known.
    pub(super) audio: Option<Duration>,
    pub(super) team: &'a str,
    /// Host that the recording is fetched from, unless it was uploaded.
    pub(super) host: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn is_long(&self) -> bool {
        self.audio.is_some_and(|audio| audio > MAX_SHORT)
    }

    /// Whether the job may soon compute: it is not long, and not slow to fetch.
    fn comes_soon(&self) -> bool {
        let is_slow = self.stage == Stage::Preparing && self.elapsed >= SLOW_AFTER;
        self.stage != Stage::Computing && !self.is_long() && !is_slow
    }

    /// The fetch of the recording, if there is one.
    fn fetch(&self) -> Option<Transfer<'a>> {
        let host = self.host.filter(|_| self.stage == Stage::Preparing)?;
        Some(Transfer {
            team: self.team,
            host,
        })
    }

    /// The lower, the earlier the job starts.
    fn rank(&self) -> f64 {
        let audio_s = self.audio.unwrap_or_default().as_secs_f64();
        audio_s / AUDIO_S_PER_WAITING_S - self.elapsed.as_secs_f64()
    }
}

/// Returns which jobs may be claimed in addition to those in `places`: filters to try one after another. `prepares` is
/// whether jobs have recordings that are fetched and decoded.
pub(super) fn admission(places: &[Place<'_>], lanes: usize, prepares: bool) -> Vec<ClaimFilter> {
    let max_audio = match is_full_of_long(places) {
        true => MAX_SHORT,
        false => Duration::MAX,
    };
    let may_decode = match prepares {
        true => may_decode(places, lanes),
        false => count(places, |_| true) < lanes,
    };
    let busy = match prepares {
        true => busy(places, lanes),
        false => may_decode.then(Busy::default),
    };
    let sources = match (may_decode, busy) {
        // The common case: one query, and the order of submission.
        (true, Some(busy)) if busy.is_empty() => vec![Sources::Any],
        (may_decode, busy) => {
            let stored = may_decode.then_some(Sources::Stored);
            stored
                .into_iter()
                .chain(busy.map(Sources::Remote))
                .collect()
        }
    };
    let filters = sources
        .into_iter()
        .map(|sources| ClaimFilter { max_audio, sources });
    filters.collect()
}

/// Whether another job with an uploaded recording may be claimed. What waits in the queue can be claimed by other
/// servers, so no more than the lanes can take next.
fn may_decode(places: &[Place<'_>], lanes: usize) -> bool {
    let is_stored = |place: &Place<'_>| place.host.is_none();
    let soon = count(places, |place| is_stored(place) && place.comes_soon());
    let decodes = |place: &Place<'_>| is_stored(place) && place.stage == Stage::Preparing;
    soon < lanes && count(places, decodes) < MAX_DECODES
}

/// From where no more recordings may be fetched, or `None` if from nowhere.
fn busy(places: &[Place<'_>], lanes: usize) -> Option<Busy> {
    let is_ready = |place: &Place<'_>| place.host.is_some() && place.stage == Stage::Waiting;
    if count(places, |place| is_ready(place) && place.comes_soon()) >= lanes {
        return None;
    }
    let all: Vec<_> = places.iter().filter_map(Place::fetch).collect();
    let soon = places.iter().filter(|place| place.comes_soon());
    let soon: Vec<_> = soon.filter_map(Place::fetch).collect();
    let mut busy = host_shares::busy(&all, MAX_FETCHES)?;
    let of_soon = host_shares::busy(&soon, FETCHES_PER_LANE * lanes)?;
    busy.teams.extend(of_soon.teams);
    busy.hosts.extend(of_soon.hosts);
    Some(busy)
}

/// Returns whether a job with a recording of this duration is put back, since others are in `places`.
pub(super) fn is_put_back(audio: Duration, others: &[Place<'_>]) -> bool {
    audio > MAX_SHORT && is_full_of_long(others)
}

/// Returns the index of the job that computes next, if one can.
pub(super) fn next(places: &[Place<'_>], lanes: usize) -> Option<usize> {
    let computing = |place: &&Place<'_>| place.stage == Stage::Computing;
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
fn is_full_of_long(places: &[Place<'_>]) -> bool {
    let ahead = |place: &Place<'_>| place.is_long() && place.stage != Stage::Computing;
    count(places, ahead) >= MAX_LONG_AHEAD
}

fn count(places: &[Place<'_>], condition: impl Fn(&Place<'_>) -> bool) -> usize {
    places.iter().filter(|place| condition(place)).count()
}

#[cfg(test)]
mod tests {
    use super::Stage::{Computing, Preparing, Waiting};
    use super::*;

    const HOUR_S: u64 = 60 * 60;

    /// A job in a stage for `elapsed_s`, with an uploaded recording of `audio_s`; 0 is unknown.
    fn place(stage: Stage, elapsed_s: u64, audio_s: u64) -> Place<'static> {
        Place {
            stage,
            elapsed: Duration::from_secs(elapsed_s),
            audio: (audio_s > 0).then(|| Duration::from_secs(audio_s)),
            team: "ada",
            host: None,
        }
    }

    /// The same, with a recording of another host.
    fn remote(place: Place<'static>, team: &'static str, host: &'static str) -> Place<'static> {
        Place {
            team,
            host: Some(host),
            ..place
        }
    }

    /// What [`admission`] returns, as text: `any`, `stored`, `remote` and what is busy, and `short` if only those.
    fn admitted(places: &[Place<'_>], lanes: usize, prepares: bool) -> String {
        let filters = admission(places, lanes, prepares)
            .into_iter()
            .map(|filter| {
                let short = match filter.max_audio {
                    MAX_SHORT => "short ",
                    _ => "",
                };
                match filter.sources {
                    Sources::Any => format!("{short}any"),
                    Sources::Stored => format!("{short}stored"),
                    Sources::Remote(busy) => {
                        let hosts = busy
                            .hosts
                            .iter()
                            .map(|(team, host)| format!("{team}:{host}"));
                        let busy: Vec<_> = busy.teams.iter().cloned().chain(hosts).collect();
                        format!("{short}remote -{}", busy.join(" -"))
                    }
                }
            });
        filters.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn no_more_jobs_are_claimed_than_the_lanes_can_take_next() {
        let short = |stage| place(stage, 1, 30);
        let unknown = place(Preparing, 1, 0);
        let slow = place(Preparing, 5, 0);
        let long = |stage| place(stage, 1, HOUR_S);
        for (places, lanes, expected) in [
            (vec![], 2, "any"),
            (vec![], 0, ""),
            // Those that compute do not count: the next ones are prepared meanwhile.
            (vec![short(Computing); 2], 2, "any"),
            (vec![unknown], 2, "any"),
            (vec![unknown; 2], 2, "remote -"),
            (vec![short(Waiting); 2], 2, "remote -"),
            (vec![unknown, short(Waiting)], 2, "remote -"),
            // Nor do those that are slow to decode, up to a limit.
            (vec![slow; 2], 2, "any"),
            (vec![slow; 7], 2, "any"),
            (vec![slow; 8], 2, "remote -"),
            // Long jobs do not keep short ones from being claimed.
            (vec![long(Waiting)], 1, "any"),
            (vec![long(Waiting), long(Preparing)], 1, "short any"),
            (
                vec![long(Waiting), long(Waiting), unknown],
                1,
                "short remote -",
            ),
            (vec![long(Computing), long(Computing)], 3, "any"),
        ] {
            assert_eq!(admitted(&places, lanes, true), expected, "{places:?}");
        }
        // Without recordings, a job is claimed when it can compute.
        for (places, lanes, expected) in [
            (vec![], 1, "any"),
            (vec![place(Computing, 1, 0)], 1, ""),
            (vec![place(Computing, 1, 0)], 2, "any"),
            (vec![place(Waiting, 1, 0), place(Computing, 1, 0)], 2, ""),
            (vec![remote(place(Computing, 1, 0), "ada", "a")], 1, ""),
        ] {
            assert_eq!(admitted(&places, lanes, false), expected, "{places:?}");
        }
    }

    #[test]
    fn hosts_that_hang_keep_neither_uploads_nor_other_hosts_from_being_claimed() {
        let young = |team, host| remote(place(Preparing, 1, 0), team, host);
        let slow = |team, host| remote(place(Preparing, 5, 0), team, host);
        let ready = |team, host| remote(place(Waiting, 9, 30), team, host);
        for (places, expected) in [
            (vec![young("ada", "a")], "any"),
            // Of those that are not known to be slow, there are 8 places at 2 lanes.
            (vec![young("ada", "a"); 3], "stored, remote -ada:a"),
            (
                vec![
                    young("ada", "a"),
                    young("ada", "b"),
                    young("ada", "c"),
                    young("ada", "d"),
                ],
                "stored, remote -ada:a -ada:b -ada:c -ada:d",
            ),
            (
                vec![
                    young("ada", "a"),
                    young("ada", "b"),
                    young("ada", "c"),
                    young("ada", "d"),
                    young("ada", "e"),
                    young("ada", "f"),
                ],
                "stored, remote -ada -ada:a -ada:b -ada:c -ada:d -ada:e -ada:f",
            ),
            (vec![young("ada", "a"); 8], "stored"),
            // Of all of them, 24.
            (vec![slow("ada", "a"); 7], "any"),
            (vec![slow("ada", "a"); 8], "stored, remote -ada:a"),
            (
                [vec![slow("ada", "a"); 8], vec![slow("ada", "b"); 4]].concat(),
                "stored, remote -ada:a -ada:b",
            ),
            (
                [vec![slow("ada", "a"); 8], vec![slow("ada", "b"); 10]].concat(),
                "stored, remote -ada -ada:a -ada:b",
            ),
            (
                [vec![slow("ada", "a"); 8], vec![young("bob", "a"); 3]].concat(),
                "stored, remote -ada:a -bob:a",
            ),
            (vec![slow("ada", "a"); 24], "stored"),
            // No more are fetched than the lanes can take next.
            (vec![ready("ada", "a")], "any"),
            (vec![ready("ada", "a"), ready("bob", "b")], "stored"),
            // Uploads do not keep others from being fetched.
            (
                vec![
                    place(Waiting, 1, 30),
                    place(Waiting, 1, 30),
                    young("ada", "a"),
                ],
                "remote -",
            ),
        ] {
            assert_eq!(admitted(&places, 2, true), expected, "{places:?}");
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
