//! When to read which job, and which page of the listing: a state machine without I/O.
//!
//! A few jobs are polled by their ids, each with growing delays. Many jobs would soon exceed the rate limit that way: so
//! their statuses are read from the listing, a hundred at a time, and a job is read when the listing says that it has
//! ended. What the limit of reads has left goes to the jobs that the listing does not show.

mod sweep;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use self::sweep::Listing;
use super::super::progress::poll_delay;
use super::super::{JobId, JobStatus};
use crate::error::ErrorKind;
use crate::transport::{Admission, RateLimit, RateWindow};

const MINUTE: Duration = Duration::from_secs(60);
/// Number of polls of a job in its first minute. As many jobs as have all their polls within the limit are polled alone.
const POLLS_PER_MINUTE: u32 = 8;
/// Delay after which a job is polled even if the listing shows it as unfinished.
const LISTED_POLL_DELAY: Duration = Duration::from_secs(3600);
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
    /// Whether there are more jobs than can be polled alone.
    is_crowded: bool,
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
            is_crowded: false,
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

    /// Reads per minute of each endpoint, if the client allows `default` of them. `None` means no limit.
    pub(super) fn budget(&self, default: Option<u32>) -> Option<u32> {
        // Several callers share the reads of the one that allows the most.
        let set = self.reads_per_minute.keys().next_back().copied().flatten();
        match self.reads_per_minute.contains_key(&None) || set.is_none() {
            true => Some(default?.max(set.unwrap_or_default())),
            false => set,
        }
    }

    /// Returns what to do now. `reads` and `pages` are the reads per minute of the two endpoints.
    pub(super) fn next(
        &mut self,
        now: Duration,
        random: f64,
        reads: Option<u32>,
        pages: Option<u32>,
    ) -> Action<W> {
        if self.entries.is_empty() {
            self.is_crowded = false;
            self.listing = Listing::default();
            return Action::Stop;
        }
        let limit = |limit: Option<u32>| limit.map_or(RateLimit::off(), RateLimit::per_minute);
        self.reads.set_limit(limit(reads));
        self.pages.set_limit(limit(pages));
        if let Some(kind) = self.rejected.take() {
            self.rejections = 0;
            let keys: Vec<u64> = self.entries.keys().copied().collect();
            let rejected = keys.into_iter();
            let rejected = rejected.filter_map(|key| Some((key, self.forget(key)?)));
            return Action::Reject(kind, rejected.collect());
        }
        self.set_crowded(reads, now, random);
        if let Some(expired) = self.pass_deadlines(now) {
            return Action::Expire(expired);
        }
        while let Some(key) = self.last.pop_front() {
            if self.is_waiting(key) {
                // The limit does not hold back the last poll, but it counts.
                let _ = self.reads.try_acquire(now);
                self.reads.release(now);
                return self.read(key, now);
            }
        }
        let mut wake = Wake(None);
        match self.next_read(now, interval(reads), &mut wake) {
            Some(key) => return self.read(key, now),
            None => {
                if let Some(cursor) = self.next_page(now, pages, &mut wake) {
                    return Action::List(cursor);
                }
            }
        }
        if let Some(&(deadline, _)) = self.deadlines.first() {
            wake.at(deadline);
        }
        Action::Wait(wake.0.map(|at| at.saturating_sub(now)))
    }

    /// Decides whether the jobs are polled alone or followed in the listing.
    fn set_crowded(&mut self, reads: Option<u32>, now: Duration, random: f64) {
        let max_alone = reads.map_or(usize::MAX, |reads| (reads / POLLS_PER_MINUTE) as usize);
        // The last jobs of a large group stay in the listing, where they have been found.
        let mut groups = self.groups.values();
        let is_crowded = self.entries.len() > max_alone
            || groups.any(|group| group.size > max_alone && !group.keys.is_empty());
        if is_crowded == self.is_crowded {
            return;
        }
        self.is_crowded = is_crowded;
        if is_crowded {
            // The listing comes first: it may show all jobs.
            self.next_poll = now.saturating_add(interval(reads));
            self.listing.next = self.listing.next.min(now);
        } else {
            self.listing.sweep = None;
            self.unlist(
                |entry| now.saturating_add(poll_delay(entry.attempt, random)),
                |_| true,
            );
        }
    }

    /// Polls jobs alone again that the listing showed, at the time that `due` returns.
    fn unlist(&mut self, due: impl Fn(&Entry<W>) -> Duration, which: impl Fn(&Entry<W>) -> bool) {
        for (key, entry) in &mut self.entries {
            if entry.is_listed && which(entry) {
                entry.is_listed = false;
                if entry.phase == Phase::Due {
                    self.due.remove(&(entry.due, *key));
                    entry.due = due(entry);
                    self.due.insert((entry.due, *key));
                }
            }
        }
    }

    /// Returns the jobs of a group whose deadline has passed without a last poll.
    fn pass_deadlines(&mut self, now: Duration) -> Option<Vec<(u64, W)>> {
        while let Some(&(deadline, group_key)) = self.deadlines.first()
            && deadline <= now
        {
            self.deadlines.pop_first();
            let Some(group) = self.groups.get(&group_key) else {
                continue;
            };
            let keys: Vec<u64> = group.keys.iter().copied().collect();
            if !group.polls_at_deadline {
                let keys = keys.into_iter();
                let expired = keys.filter_map(|key| Some((key, self.forget(key)?)));
                return Some(expired.collect());
            }
            for key in keys {
                if let Some(entry) = self.entries.get_mut(&key) {
                    entry.is_last = true;
                    self.last.push_back(key);
                }
            }
        }
        None
    }

    /// Returns whether a job is watched and not being read.
    fn is_waiting(&self, key: u64) -> bool {
        let entry = self.entries.get(&key);
        entry.is_some_and(|entry| !matches!(entry.phase, Phase::Reading { .. }))
    }

    /// Chooses the next job to be read.
    fn next_read(&mut self, now: Duration, interval: Duration, wake: &mut Wake) -> Option<u64> {
        let entries = &self.entries;
        let is_ended = |key: &u64| {
            entries
                .get(key)
                .is_some_and(|entry| entry.phase == Phase::Ended)
        };
        self.ended.retain(is_ended);
        if let Some(index) = self.ended.iter().position(|key| self.has_room(*key)) {
            return match acquire(&mut self.reads, now, wake) {
                true => self.ended.remove(index),
                false => None,
            };
        }
        let ready = self
            .due
            .iter()
            .take_while(|(due, _)| *due <= now)
            .find(|(_, key)| self.has_room(*key));
        let Some(&(_, key)) = ready else {
            // Those that the listing shows are looked after when there is something to do anyway.
            let after = self.due.range((now, u64::MAX)..).next();
            if let Some(&(due, key)) = after
                && !self.is_listed(key)
            {
                wake.at(due);
            }
            return None;
        };
        // Evenly, so that jobs that end can be read at once.
        if self.is_crowded && now < self.next_poll {
            wake.at(self.next_poll);
            return None;
        }
        if !acquire(&mut self.reads, now, wake) {
            return None;
        }
        self.next_poll = now.saturating_add(interval);
        Some(key)
    }

    fn is_listed(&self, key: u64) -> bool {
        self.entries.get(&key).is_some_and(|entry| entry.is_listed)
    }

    /// Returns whether the caller has room for the result of a job.
    fn has_room(&self, key: u64) -> bool {
        let group = self
            .entries
            .get(&key)
            .and_then(|entry| self.groups.get(&entry.group));
        group.is_some_and(|group| group.used < group.capacity)
    }

    /// Starts to read a job.
    fn read(&mut self, key: u64, now: Duration) -> Action<W> {
        let Some(entry) = self.entries.get_mut(&key) else {
            return Action::Wait(Some(Duration::ZERO));
        };
        self.due.remove(&(entry.due, key));
        let has_ended = entry.phase == Phase::Ended;
        entry.phase = Phase::Reading { has_ended };
        let group = self.groups.get_mut(&entry.group);
        let deadline = group.and_then(|group| {
            group.used += 1;
            group.deadline
        });
        Action::Read {
            key,
            watched: entry.watched.clone(),
            timeout: deadline
                .filter(|_| !entry.is_last)
                .map(|deadline| deadline.saturating_sub(now)),
            is_last: entry.is_last,
        }
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
                entry.due = now.saturating_add(match self.is_crowded {
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

/// The earliest time at which there is something to do.
struct Wake(Option<Duration>);

impl Wake {
    fn at(&mut self, time: Duration) {
        self.0 = Some(self.0.map_or(time, |earlier| earlier.min(time)));
    }
}

fn acquire(window: &mut RateWindow, now: Duration, wake: &mut Wake) -> bool {
    match window.try_acquire(now) {
        Admission::Ready => {
            window.release(now);
            true
        }
        Admission::Wait(wait) => {
            wake.at(now.saturating_add(wait));
            false
        }
    }
}

/// The time between requests that are made evenly.
fn interval(per_minute: Option<u32>) -> Duration {
    per_minute.map_or(Duration::ZERO, |requests| MINUTE / requests.max(1))
}

#[cfg(test)]
mod tests;
