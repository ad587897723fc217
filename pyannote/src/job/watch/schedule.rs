//! When to read which job, and which page of the listing: a state machine without I/O. This module keeps what is known of
//! the jobs, [`choice`] decides what to do next, and [`sweep`] reads the listing.
//!
//! A few jobs are polled by their ids, each with growing delays. Many jobs would soon exceed the rate limit that way: so
//! their statuses are read from the listing, a hundred at a time, and a job is read when the listing says that it has
//! ended. What the limit of reads has left goes to the jobs that the listing does not show.

mod choice;
mod sweep;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use self::sweep::Listing;
use super::super::progress::poll_delay;
use super::super::{JobId, JobStatus};
use crate::error::ErrorKind;
use crate::transport::{RateLimit, RateWindow};

const MINUTE: Duration = Duration::from_secs(60);
/// Number of consecutive polls that the service rejects, as for an invalid API key, for all waits to end.
const MAX_REJECTIONS: u32 = 3;

/// Something that learns what the listing says of its job.
pub(super) trait Watched: Clone {
    fn see(&self, status: &JobStatus);
}

/// What to do next.
#[derive(Debug)]
pub(super) enum Action<W> {
    /// Poll a job.
    Read {
        key: u64,
        watched: W,
        /// The time limit of the poll; `None` for a poll at the deadline.
        timeout: Option<Duration>,
        is_last: bool,
    },
    /// Read the page of the listing at this cursor.
    List(Option<String>),
    /// These jobs are not watched any more: their time is up.
    Expire(Vec<(u64, W)>),
    /// These jobs are not watched any more: the service rejects every request.
    Reject(ErrorKind, Vec<(u64, W)>),
    /// Ask again after this time, or when something has changed.
    Wait(Option<Duration>),
    /// No job is watched.
    Stop,
}

/// The outcome of a poll.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// The wait for the job has ended.
    Ended,
    /// The service rejects the API key, with this kind of error.
    Rejected {
        kind: ErrorKind,
        /// Whether the wait has ended with it.
        has_ended: bool,
    },
    /// The job has not ended, or the poll failed for another reason.
    Unfinished,
    /// The poll was dropped.
    Aborted,
}

/// The jobs of one caller.
pub(super) struct NewGroup<W> {
    /// Each with its id, and the delay before its first poll.
    pub(super) jobs: Vec<(JobId, W, Duration)>,
    pub(super) timeout: Option<Duration>,
    /// Whether each job is polled once more at the deadline.
    pub(super) polls_at_deadline: bool,
    /// Maximum number of results that are being read or have not been taken.
    pub(super) capacity: usize,
    pub(super) reads_per_minute: Option<u32>,
}

struct Group {
    deadline: Option<Duration>,
    polls_at_deadline: bool,
    capacity: usize,
    used: usize,
    keys: BTreeSet<u64>,
    reads_per_minute: Option<u32>,
    /// Number of jobs in the beginning.
    size: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// To be polled at `due`.
    Due,
    /// Ended according to the listing, and to be read.
    Ended,
    Reading {
        /// Whether the listing says that it has ended.
        has_ended: bool,
    },
}

struct Entry<W> {
    watched: W,
    id: JobId,
    group: u64,
    phase: Phase,
    due: Duration,
    attempt: u32,
    /// Whether the listing shows it as unfinished.
    is_listed: bool,
    /// Whether the listing said that it had ended, and a poll did not.
    is_contradicted: bool,
    /// The page that it was on.
    page: Option<usize>,
    /// The last sweep that found it.
    sweep: u64,
    /// Whether its deadline has passed.
    is_last: bool,
}

pub(super) struct Schedule<W> {
    next_key: u64,
    groups: HashMap<u64, Group>,
    entries: HashMap<u64, Entry<W>>,
    keys_by_id: HashMap<JobId, Vec<u64>>,
    /// Jobs that have ended according to the listing, first come, first served.
    ended: VecDeque<u64>,
    due: BTreeSet<(Duration, u64)>,
    deadlines: BTreeSet<(Duration, u64)>,
    /// Jobs to be polled at their deadline.
    last: VecDeque<u64>,
    /// Number of groups with each number of reads per minute.
    reads_per_minute: BTreeMap<Option<u32>, usize>,
    reads: RateWindow,
    pages: RateWindow,
    /// Whether there are more jobs than can be polled alone, so that they are followed in the listing.
    uses_listing: bool,
    /// When the next job may be polled that the listing does not show, while there are many.
    next_poll: Duration,
    listing: Listing,
    /// Number of consecutive polls that the service rejected.
    rejections: u32,
    /// Set when there are too many of these.
    rejected: Option<ErrorKind>,
}

impl<W> Default for Schedule<W> {
    fn default() -> Self {
        Self {
            next_key: 0,
            groups: HashMap::new(),
            entries: HashMap::new(),
            keys_by_id: HashMap::new(),
            ended: VecDeque::new(),
            due: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            last: VecDeque::new(),
            reads_per_minute: BTreeMap::new(),
            reads: RateWindow::new(RateLimit::off()),
            pages: RateWindow::new(RateLimit::off()),
            uses_listing: false,
            next_poll: Duration::ZERO,
            listing: Listing::default(),
            rejections: 0,
            rejected: None,
        }
    }
}

impl<W: Watched> Schedule<W> {
    /// Adds the jobs of a caller, and returns the key of the group.
    pub(super) fn add(&mut self, group: NewGroup<W>, now: Duration) -> u64 {
        let group_key = self.key();
        let deadline = group.timeout.map(|timeout| now.saturating_add(timeout));
        self.deadlines
            .extend(deadline.map(|deadline| (deadline, group_key)));
        *self
            .reads_per_minute
            .entry(group.reads_per_minute)
            .or_default() += 1;
        let mut keys = BTreeSet::new();
        for (id, watched, delay) in group.jobs {
            let key = self.key();
            keys.insert(key);
            let due = now.saturating_add(delay);
            self.due.insert((due, key));
            self.keys_by_id.entry(id.clone()).or_default().push(key);
            let entry = Entry {
                watched,
                id,
                group: group_key,
                phase: Phase::Due,
                due,
                attempt: 1,
                is_listed: false,
                is_contradicted: false,
                page: None,
                sweep: 0,
                is_last: false,
            };
            self.entries.insert(key, entry);
        }
        self.listing.has_new_jobs = true;
        self.listing.last_change = now;
        let group = Group {
            deadline,
            polls_at_deadline: group.polls_at_deadline,
            capacity: group.capacity,
            used: 0,
            reads_per_minute: group.reads_per_minute,
            size: keys.len(),
            keys,
        };
        self.groups.insert(group_key, group);
        group_key
    }

    /// Returns a key that nothing else has.
    pub(super) fn key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }

    /// Removes a group with all its jobs, and returns these.
    pub(super) fn remove(&mut self, group: u64) -> Vec<(u64, W)> {
        let Some(group_state) = self.groups.remove(&group) else {
            return Vec::new();
        };
        let limit = group_state.reads_per_minute;
        if let Some(count) = self.reads_per_minute.get_mut(&limit) {
            *count -= 1;
            if *count == 0 {
                self.reads_per_minute.remove(&limit);
            }
        }
        if let Some(deadline) = group_state.deadline {
            self.deadlines.remove(&(deadline, group));
        }
        let keys = group_state.keys.into_iter();
        keys.filter_map(|key| Some((key, self.forget(key)?)))
            .collect()
    }

    /// Removes a job.
    fn forget(&mut self, key: u64) -> Option<W> {
        let entry = self.entries.remove(&key)?;
        self.due.remove(&(entry.due, key));
        if let Some(keys) = self.keys_by_id.get_mut(&entry.id) {
            keys.retain(|other| *other != key);
            if keys.is_empty() {
                self.keys_by_id.remove(&entry.id);
            }
        }
        if let Some(group) = self.groups.get_mut(&entry.group) {
            group.keys.remove(&key);
        }
        Some(entry.watched)
    }

    /// Takes the outcome of a poll.
    pub(super) fn report(&mut self, key: u64, verdict: Verdict, now: Duration, random: f64) {
        let Some(entry) = self.entries.get_mut(&key) else {
            return;
        };
        match verdict {
            Verdict::Rejected { kind, .. } => {
                self.rejections += 1;
                self.rejected = Some(kind).filter(|_| self.rejections >= MAX_REJECTIONS);
            }
            Verdict::Ended | Verdict::Unfinished => self.rejections = 0,
            Verdict::Aborted => {}
        }
        match verdict {
            Verdict::Ended
            | Verdict::Rejected {
                has_ended: true, ..
            } => {
                self.forget(key);
                return;
            }
            Verdict::Unfinished | Verdict::Rejected { .. } => {
                entry.is_contradicted |= entry.phase == Phase::Reading { has_ended: true };
                let delay = poll_delay(entry.attempt, random);
                entry.due = now.saturating_add(match self.uses_listing {
                    true => delay.min(self.listing.max_delay(now)),
                    false => delay,
                });
                entry.attempt = entry.attempt.saturating_add(1);
            }
            Verdict::Aborted => entry.due = now,
        }
        entry.is_listed = false;
        entry.phase = Phase::Due;
        self.due.insert((entry.due, key));
        if entry.is_last {
            self.last.push_back(key);
        }
        let group = entry.group;
        self.taken(group);
    }

    /// Makes room for another result of a group.
    pub(super) fn taken(&mut self, group: u64) {
        if let Some(group) = self.groups.get_mut(&group) {
            group.used = group.used.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests;
