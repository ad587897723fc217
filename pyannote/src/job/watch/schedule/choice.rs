//! What to do next: which job to poll, or which page of the listing to read, and if neither, how long to wait.

use std::time::Duration;

use super::sweep::Listing;
use super::{Action, Entry, MINUTE, Phase, Schedule, Watched};
use crate::job::progress::poll_delay;
use crate::transport::{Admission, RateLimit, RateWindow};

/// Number of polls of a job in its first minute. Jobs are polled alone if all these polls are within the limit.
const POLLS_PER_MINUTE: u32 = 8;

impl<W: Watched> Schedule<W> {
    /// Reads per minute of each endpoint, if the client allows `default` of them. `None` means no limit.
    pub(in super::super) fn budget(&self, default: Option<u32>) -> Option<u32> {
        // Several callers share the reads of the one that allows the most.
        let set = self.reads_per_minute.keys().next_back().copied().flatten();
        match self.reads_per_minute.contains_key(&None) || set.is_none() {
            true => Some(default?.max(set.unwrap_or_default())),
            false => set,
        }
    }

    /// Returns what to do now. `reads` and `pages` are the reads per minute of the two endpoints.
    pub(in super::super) fn next(
        &mut self,
        now: Duration,
        random: f64,
        reads: Option<u32>,
        pages: Option<u32>,
    ) -> Action<W> {
        if self.entries.is_empty() {
            self.uses_listing = false;
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
        self.choose_mode(reads, now, random);
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
    fn choose_mode(&mut self, reads: Option<u32>, now: Duration, random: f64) {
        let max_alone = reads.map_or(usize::MAX, |reads| (reads / POLLS_PER_MINUTE) as usize);
        // The last jobs of a large group stay in the listing, where they have been found.
        let mut groups = self.groups.values();
        let uses_listing = self.entries.len() > max_alone
            || groups.any(|group| group.size > max_alone && !group.keys.is_empty());
        if uses_listing == self.uses_listing {
            return;
        }
        self.uses_listing = uses_listing;
        if uses_listing {
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
    pub(super) fn unlist(
        &mut self,
        due: impl Fn(&Entry<W>) -> Duration,
        which: impl Fn(&Entry<W>) -> bool,
    ) {
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
            // Jobs that the listing shows can wait until the next sweep.
            let after = self.due.range((now, u64::MAX)..).next();
            if let Some(&(due, key)) = after
                && !self.is_listed(key)
            {
                wake.at(due);
            }
            return None;
        };
        // Evenly, so that jobs that end can be read immediately.
        if self.uses_listing && now < self.next_poll {
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
}

/// The earliest time at which there is something to do.
pub(super) struct Wake(Option<Duration>);

impl Wake {
    pub(super) fn at(&mut self, time: Duration) {
        self.0 = Some(self.0.map_or(time, |earlier| earlier.min(time)));
    }
}

pub(super) fn acquire(window: &mut RateWindow, now: Duration, wake: &mut Wake) -> bool {
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
pub(super) fn interval(per_minute: Option<u32>) -> Duration {
    per_minute.map_or(Duration::ZERO, |requests| MINUTE / requests.max(1))
}
