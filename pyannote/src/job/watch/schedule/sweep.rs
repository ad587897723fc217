//! Reading the listing: when, how far, and what its pages say of the jobs.

use std::time::Duration;

use super::choice::{Wake, acquire, interval};
use super::{MINUTE, Phase, Schedule, Watched};
use crate::job::JobStatus;
use crate::job::list::{JobPage, MAX_PAGE_SIZE};
use crate::job::page::Pages;
use crate::job::progress::poll_delay;

/// Limits of the maximum delay between two readings of the listing, unless its pages take longer within the limit. In
/// between, it is a [`QUIET_FACTOR`]th of the time since a job last ended: after ten quiet minutes, it is 10 s.
const MAX_SWEEP_DELAY: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(20)];
const QUIET_FACTOR: u32 = 60;
/// Delay after which a job is polled even if the listing shows it as unfinished: the listing may be out of date.
const LISTED_POLL_DELAY: Duration = Duration::from_secs(600);
/// Delay after which a listing that cannot be used is tried again.
const LISTING_RETRY: Duration = Duration::from_secs(300);
/// Delays after which the listing is searched for jobs that its first pages do not show: if there are new ones, and if
/// there are none.
const SEARCH_DELAYS: [Duration; 2] = [MINUTE, Duration::from_secs(600)];
/// Number of pages that are read beyond those in which the jobs were: newer jobs push them back.
const EXTRA_PAGES: usize = 2;

/// The state of reading the listing.
#[derive(Default)]
pub(super) struct Listing {
    /// Number of sweeps so far.
    number: u64,
    /// Start of the next sweep.
    pub(super) next: Duration,
    pub(super) sweep: Option<Sweep>,
    /// Number of sweeps since a job last ended.
    quiet: u32,
    /// When a job was last added, or ended.
    pub(super) last_change: Duration,
    consecutive_failures: u32,
    /// Start of the last search.
    searched: Option<Duration>,
    /// Whether there are new jobs since the last search.
    pub(super) has_new_jobs: bool,
}

impl Listing {
    /// Schedules the sweep after this one.
    fn finish(&mut self, sweep: &Sweep, now: Duration, random: f64, per_minute: Option<u32>) {
        if sweep.is_search {
            self.searched = Some(sweep.start);
            self.has_new_jobs = false;
        }
        if sweep.has_ended {
            self.last_change = now;
            self.quiet = 0;
        }
        let pages = u32::try_from(sweep.count).unwrap_or(u32::MAX);
        let delay = interval(per_minute).saturating_mul(pages);
        let quiet_delay = poll_delay(self.quiet, random).min(self.max_delay(now));
        self.next = sweep.start.saturating_add(delay.max(quiet_delay));
        self.quiet = self.quiet.saturating_add(1);
    }

    /// The maximum delay between two sweeps.
    pub(super) fn max_delay(&self, now: Duration) -> Duration {
        let [min, max] = MAX_SWEEP_DELAY;
        let quiet = now.saturating_sub(self.last_change);
        (quiet / QUIET_FACTOR).clamp(min, max)
    }
}

/// One reading of the listing.
pub(super) struct Sweep {
    start: Duration,
    pages: Pages,
    /// Number of pages so far.
    count: usize,
    max_pages: usize,
    /// The sweep does not continue for jobs that were on this page or later ones.
    depth: usize,
    is_search: bool,
    has_ended: bool,
}

impl<W: Watched> Schedule<W> {
    /// Chooses the next page of the listing.
    pub(super) fn next_page(
        &mut self,
        now: Duration,
        pages_per_minute: Option<u32>,
        wake: &mut Wake,
    ) -> Option<Option<String>> {
        if !self.uses_listing {
            return None;
        }
        if self.listing.sweep.is_none() {
            if now < self.listing.next {
                wake.at(self.listing.next);
                return None;
            }
            // All that is left is to be read.
            if self.due.is_empty() {
                return None;
            }
            self.start_sweep(now, pages_per_minute);
        }
        let sweep = self.listing.sweep.as_mut()?;
        // While a page is being read, there is no next one.
        sweep.pages.next.as_ref()?;
        match acquire(&mut self.pages, now, wake) {
            true => sweep.pages.next.take(),
            false => None,
        }
    }

    fn start_sweep(&mut self, now: Duration, pages_per_minute: Option<u32>) {
        let page_of = |count: usize| count.div_ceil(MAX_PAGE_SIZE as usize);
        let waiting = || {
            let entries = self.entries.values();
            entries.filter(|entry| entry.phase == Phase::Due)
        };
        let unlocated = waiting().filter(|entry| entry.page.is_none()).count();
        let located = waiting().filter_map(|entry| entry.page).collect();
        let depth = worthwhile_pages(located, unlocated, self.ended.len());
        let listing = &mut self.listing;
        let is_search = match listing.searched {
            None => true,
            Some(searched) => {
                let delay = SEARCH_DELAYS[usize::from(!listing.has_new_jobs)];
                unlocated > 0 && now.saturating_sub(searched) >= delay
            }
        };
        let max_pages = match is_search {
            // Half of a minute's pages, so that the jobs on the first pages do not wait long.
            true => page_of(self.entries.len() * 2)
                .max(pages_per_minute.map_or(usize::MAX, |pages| pages as usize / 2)),
            false => depth.max(page_of(unlocated)),
        };
        listing.number += 1;
        listing.sweep = Some(Sweep {
            start: now,
            pages: Pages::new(None),
            count: 0,
            max_pages: max_pages.saturating_add(EXTRA_PAGES),
            depth: if is_search { usize::MAX } else { depth },
            is_search,
            has_ended: false,
        });
    }

    /// Takes a page of the listing.
    pub(in super::super) fn take_page(
        &mut self,
        page: JobPage,
        now: Duration,
        random: f64,
        pages_per_minute: Option<u32>,
    ) {
        let Some(sweep) = &mut self.listing.sweep else {
            return;
        };
        let number = self.listing.number;
        for job in sweep.pages.turn(page) {
            for key in self.keys_by_id.get(&job.id).into_iter().flatten() {
                let Some(entry) = self.entries.get_mut(key) else {
                    continue;
                };
                entry.page = Some(sweep.count);
                // A status that this version does not know may be final.
                if matches!(job.status, JobStatus::Other(_)) {
                    continue;
                }
                entry.sweep = number;
                if entry.phase != Phase::Due {
                    continue;
                }
                if !job.status.is_final() {
                    entry.watched.see(&job.status);
                    if !entry.is_listed {
                        entry.is_listed = true;
                        self.due.remove(&(entry.due, *key));
                        entry.due = now.saturating_add(LISTED_POLL_DELAY);
                        self.due.insert((entry.due, *key));
                    }
                } else if !entry.is_contradicted {
                    entry.watched.see(&job.status);
                    sweep.has_ended = true;
                    self.due.remove(&(entry.due, *key));
                    entry.phase = Phase::Ended;
                    self.ended.push_back(*key);
                }
            }
        }
        sweep.count += 1;
        self.rejections = 0;
        self.listing.consecutive_failures = 0;
        let depth = sweep.depth;
        let is_complete = || {
            let mut entries = self.entries.values();
            !entries.any(|entry| {
                entry.phase == Phase::Due
                    && entry.sweep != number
                    && entry.page.is_none_or(|page| page < depth)
            })
        };
        if sweep.pages.next.is_some() && sweep.count < sweep.max_pages && !is_complete() {
            return;
        }
        if let Some(sweep) = self.listing.sweep.take() {
            self.listing.finish(&sweep, now, random, pages_per_minute);
        }
        self.unlist(|_| now, |entry| entry.sweep != number);
    }

    /// Takes the failure to read a page: until the listing works again, jobs are polled by their ids.
    pub(in super::super) fn fail_page(&mut self, is_transient: bool, now: Duration, random: f64) {
        let listing = &mut self.listing;
        if listing.sweep.take().is_none() {
            return;
        }
        let delay = match is_transient {
            true => poll_delay(listing.consecutive_failures, random),
            false => LISTING_RETRY,
        };
        listing.consecutive_failures = listing.consecutive_failures.saturating_add(1);
        listing.next = now.saturating_add(delay);
        self.unlist(|_| now, |_| true);
    }
}

/// Returns how many pages of the listing are worth reading each time.
///
/// `pages` are those on which jobs were found, and `unlocated` is the number of jobs that were not found. The jobs on
/// the pages that are read are seen as often as these are; all others take turns at being polled by their ids, after the
/// `results` that are to be read. The number with the shortest delays in total is returned.
fn worthwhile_pages(mut pages: Vec<usize>, unlocated: usize, results: usize) -> usize {
    pages.sort_unstable();
    // Total delay if so many pages are read. Polls count twice, since those that fill the limit also delay results.
    let cost = |depth: usize| {
        let seen = pages.partition_point(|page| *page < depth);
        let polled = (pages.len() - seen + unlocated) as u64;
        (seen as u64) * (depth as u64) + polled * (2 * polled + results as u64)
    };
    let depths = pages.iter().map(|page| page + 1);
    let best = std::iter::once(0)
        .chain(depths)
        .min_by_key(|depth| cost(*depth));
    best.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_if_they_shorten_the_delays() {
        for (pages, unlocated, results, expected) in [
            (vec![], 0, 0, 0),
            (vec![], 1_000, 0, 0),
            // All on the first pages.
            ((0..1_000).map(|job| job / 100).collect(), 0, 0, 10),
            // Three far behind them are polled.
            (
                (0..1_000).map(|job| job / 100).chain([150; 3]).collect(),
                0,
                0,
                10,
            ),
            ((0..1_000).map(|job| job / 100).collect(), 50, 0, 10),
            // Many far behind are not.
            (vec![20; 25], 0, 0, 21),
            (vec![20; 10], 0, 0, 0),
            (vec![0; 2], 0, 0, 1),
            // If there are results to be read, polls would wait.
            (vec![20; 10], 0, 100, 21),
        ] {
            assert_eq!(worthwhile_pages(pages, unlocated, results), expected);
        }
    }
}
