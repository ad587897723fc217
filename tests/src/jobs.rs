//! A service whose jobs end at given times, and how soon an ideal client would have their results.
#![expect(
    clippy::unwrap_used,
    reason = "a test cannot continue without its service"
)]

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::{Request, Response};

/// Number of jobs in a page of the listing.
const PAGE_SIZE: usize = 100;

/// A service with the jobs `job-0`, `job-1` and so on, which end at given times of the client's clock.
///
/// The listing has them newest first, the one with the lowest number before all others.
#[derive(Default)]
pub struct JobService {
    /// When each job ends.
    pub ends: Vec<Duration>,
    /// The indices of the jobs that fail.
    pub failing: HashSet<usize>,
    /// Number of newer jobs in the listing that are not waited for.
    pub newer: usize,
    /// Whether the listing has the jobs.
    pub is_unlisted: bool,
    /// The indices of the jobs that the listing shows as running forever.
    pub stale: HashSet<usize>,
    /// An item that the listing has first.
    pub odd_item: Option<Value>,
    /// The requests so far.
    pub log: RequestLog,
}

/// The times at which the service received requests.
#[derive(Clone, Default)]
pub struct RequestLog(Arc<Mutex<Log>>);

#[derive(Default)]
struct Log {
    jobs: Vec<Duration>,
    pages: Vec<Duration>,
}

impl RequestLog {
    /// Number of requests for a job, and for a page of the listing.
    ///
    /// # Panics
    ///
    /// If the service panicked.
    #[must_use]
    pub fn counts(&self) -> [usize; 2] {
        let log = self.0.lock().unwrap();
        [log.jobs.len(), log.pages.len()]
    }

    /// The largest number of requests for a job, and for a page, in any minute.
    ///
    /// # Panics
    ///
    /// If the service panicked.
    #[must_use]
    pub fn most_per_minute(&self) -> [usize; 2] {
        let log = self.0.lock().unwrap();
        [&log.jobs, &log.pages].map(|times| {
            let within = |start: &Duration| {
                let minute = times.iter().skip_while(|time| *time < start);
                minute
                    .take_while(|time| **time - *start < Duration::from_secs(60))
                    .count()
            };
            times.iter().map(within).max().unwrap_or_default()
        })
    }
}

impl JobService {
    /// The response to a request that arrives at `now`.
    ///
    /// # Panics
    ///
    /// If the request is for something else than a job or the listing.
    #[must_use]
    pub fn respond(&self, request: &Request, now: Duration) -> Response {
        let mut log = self.log.0.lock().unwrap();
        if let Some(id) = request.path.strip_prefix("/v1/jobs/") {
            log.jobs.push(now);
            let index: usize = id.strip_prefix("job-").unwrap().parse().unwrap();
            return Response::ok(self.job(index, now).to_string());
        }
        assert_eq!(request.path, "/v2/jobs");
        log.pages.push(now);
        let mut query = request.query.split('&');
        let cursor = query.find_map(|part| part.strip_prefix("cursor="));
        let from = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        Response::ok(self.page(from, now).to_string())
    }

    fn status(&self, index: usize, now: Duration) -> &'static str {
        match self.ends[index] <= now {
            false => "running",
            true if self.failing.contains(&index) => "failed",
            true => "succeeded",
        }
    }

    fn job(&self, index: usize, now: Duration) -> Value {
        let id = format!("job-{index}");
        let status = self.status(index, now);
        let output = match status {
            "succeeded" => json!({"diarization": [{"speaker": id, "start": 0, "end": 1}]}),
            "failed" => json!({"error": "no speech found"}),
            _ => Value::Null,
        };
        json!({"jobId": id, "status": status, "output": output})
    }

    fn page(&self, from: usize, now: Duration) -> Value {
        let listed = match self.is_unlisted {
            true => 0,
            false => self.ends.len(),
        };
        let total = self.newer + listed;
        let items = (from..total.min(from + PAGE_SIZE)).map(|position| {
            let (id, status) = match position.checked_sub(self.newer) {
                None => (format!("other-{position}"), "running"),
                Some(index) if self.stale.contains(&index) => (format!("job-{index}"), "running"),
                Some(index) => (format!("job-{index}"), self.status(index, now)),
            };
            json!({"id": id, "status": status, "createdAt": "2025-11-06T09:07:49Z"})
        });
        let items: Vec<Value> = self.odd_item.clone().into_iter().chain(items).collect();
        let next = (from + PAGE_SIZE < total).then(|| (from + PAGE_SIZE).to_string());
        json!({"items": items, "nextCursor": next})
    }
}

/// How long after the ends of the jobs a client has their results that makes no more than `per_minute` requests to each
/// endpoint, loses no time, and does not know when the jobs end.
///
/// If the listing has the jobs, it reads the pages with unfinished jobs in turn, and then the results, first come, first
/// served. Otherwise, it polls the unfinished jobs in turn.
#[must_use]
pub fn ideal_delays(ends: &[Duration], is_unlisted: bool, per_minute: u32) -> Vec<Duration> {
    let interval = Duration::from_secs(60) / per_minute;
    let mut now = Duration::ZERO;
    if is_unlisted {
        let mut delays = vec![Duration::ZERO; ends.len()];
        let mut waiting: VecDeque<usize> = (0..ends.len()).collect();
        while let Some(index) = waiting.pop_front() {
            match ends[index] <= now {
                true => delays[index] = now - ends[index],
                false => waiting.push_back(index),
            }
            now += interval;
        }
        return delays;
    }
    let indices: Vec<usize> = (0..ends.len()).collect();
    let mut pages: VecDeque<Vec<usize>> = indices.chunks(PAGE_SIZE).map(Vec::from).collect();
    let mut noticed: Vec<(Duration, usize)> = Vec::new();
    while let Some(page) = pages.pop_front() {
        let (ended, waiting): (Vec<_>, Vec<_>) =
            page.into_iter().partition(|index| ends[*index] <= now);
        noticed.extend(ended.into_iter().map(|index| (now, index)));
        if !waiting.is_empty() {
            pages.push_back(waiting);
        }
        now += interval;
    }
    let mut read: Vec<Duration> = Vec::new();
    let mut delays = vec![Duration::ZERO; ends.len()];
    for (time, index) in noticed {
        let earlier = read.len().checked_sub(per_minute as usize);
        let free = earlier.map_or(Duration::ZERO, |earlier| {
            read[earlier] + Duration::from_secs(60)
        });
        let last = read.last().copied().unwrap_or_default();
        let time = time.max(free).max(last);
        read.push(time);
        delays[index] = time - ends[index];
    }
    delays
}

/// The median, the 95th percentile and the maximum, in seconds.
///
/// # Panics
///
/// If there are no delays.
#[must_use]
pub fn quantiles(delays: &[Duration]) -> [f64; 3] {
    let mut delays = delays.to_vec();
    delays.sort_unstable();
    [delays.len() / 2, delays.len() * 95 / 100, delays.len() - 1].map(|at| delays[at].as_secs_f64())
}
