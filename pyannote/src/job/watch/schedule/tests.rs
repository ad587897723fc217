//! Tests of the decisions, at given times and without I/O.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::json;

use super::*;
use crate::job::list::JobPage;

/// A job that records what the listing says of it.
#[derive(Clone, Debug, Default)]
struct Job(Rc<RefCell<Vec<JobStatus>>>);

impl Watched for Job {
    fn see(&self, status: &JobStatus) {
        self.0.borrow_mut().push(status.clone());
    }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn group(ids: impl IntoIterator<Item = usize>) -> NewGroup<Job> {
    let jobs = ids
        .into_iter()
        .map(|id| (JobId::from(id.to_string()), Job::default(), secs(0)));
    NewGroup {
        jobs: jobs.collect(),
        timeout: None,
        polls_at_deadline: false,
        capacity: usize::MAX,
        reads_per_minute: None,
    }
}

fn page(statuses: impl IntoIterator<Item = (usize, &'static str)>) -> JobPage {
    let items: Vec<_> = statuses
        .into_iter()
        .map(|(id, status)| json!({"id": id.to_string(), "status": status}))
        .collect();
    serde_json::from_value(json!({ "items": items })).unwrap()
}

/// The schedule with the default limits, at a time.
struct Test {
    schedule: Schedule<Job>,
    now: Duration,
}

impl Test {
    fn new() -> Self {
        Self {
            schedule: Schedule::default(),
            now: secs(0),
        }
    }

    fn add(&mut self, group: NewGroup<Job>) -> u64 {
        self.schedule.add(group, self.now)
    }

    fn next(&mut self) -> Action<Job> {
        let [reads, pages] = [self.schedule.budget(Some(150)); 2];
        self.schedule.next(self.now, 1.0, reads, pages)
    }

    /// The keys of the jobs that are read now.
    fn reads(&mut self) -> Vec<u64> {
        std::iter::from_fn(|| match self.next() {
            Action::Read { key, .. } => Some(key),
            _ => None,
        })
        .collect()
    }

    fn report(&mut self, key: u64, verdict: Verdict) {
        self.schedule.report(key, verdict, self.now, 1.0);
    }

    fn take_page(&mut self, page: JobPage) {
        self.schedule.take_page(page, self.now, 1.0, Some(150));
    }
}

#[test]
fn few_jobs_are_polled_alone() {
    let mut test = Test::new();
    test.add(group(0..18));
    let keys = test.reads();
    assert_eq!(keys.len(), 18);
    keys.iter()
        .for_each(|key| test.report(*key, Verdict::Unfinished));
    assert!(
        matches!(test.next(), Action::Wait(Some(delay)) if delay == Duration::from_millis(1_500))
    );
}

#[test]
fn many_jobs_are_followed_in_the_listing() {
    let mut test = Test::new();
    test.add(group(0..19));
    assert!(matches!(test.next(), Action::List(None)));
    assert!(
        matches!(test.next(), Action::Wait(Some(_))),
        "one page at a time"
    );
    let statuses = (0..19).map(|id| (id, if id < 5 { "failed" } else { "running" }));
    test.take_page(page(statuses));
    assert_eq!(test.reads().len(), 5);
    let Action::Wait(Some(delay)) = test.next() else {
        panic!("the next sweep has a time");
    };
    test.now += delay;
    assert!(matches!(test.next(), Action::List(None)));
}

#[test]
fn jobs_that_the_listing_does_not_show_are_polled_evenly() {
    let mut test = Test::new();
    test.add(group(0..1_000));
    assert!(matches!(test.next(), Action::List(None)));
    test.take_page(page([]));
    let mut polled = 0;
    for _ in 0..600 {
        test.now += Duration::from_millis(100);
        for key in test.reads() {
            polled += 1;
            test.report(key, Verdict::Ended);
        }
    }
    assert!((145..=150).contains(&polled), "{polled}");
}

#[test]
fn a_status_that_is_not_known_counts_as_not_listed() {
    let mut test = Test::new();
    test.add(group(0..19));
    assert!(matches!(test.next(), Action::List(None)));
    test.take_page(page(
        (0..19).map(|id| (id, if id == 7 { "archived" } else { "running" })),
    ));
    test.now += secs(1);
    assert_eq!(test.reads().len(), 1);
}

#[test]
fn a_job_that_has_not_ended_after_all_is_polled_alone() {
    let mut test = Test::new();
    test.add(group(0..19));
    let ended = || page((0..19).map(|id| (id, if id == 7 { "succeeded" } else { "running" })));
    assert!(matches!(test.next(), Action::List(None)));
    test.take_page(ended());
    let keys = test.reads();
    assert_eq!(keys.len(), 1);
    test.report(keys[0], Verdict::Unfinished);
    // The listing says the same again, which must not cause a poll each time.
    test.now += secs(1);
    assert!(matches!(test.next(), Action::List(None)));
    test.take_page(ended());
    assert!(test.reads().is_empty());
    test.now += secs(1);
    assert_eq!(test.reads(), keys);
}

#[test]
fn results_wait_for_room() {
    let mut test = Test::new();
    let key = test.add(NewGroup {
        capacity: 2,
        ..group(0..5)
    });
    test.add(group(9..10));
    assert_eq!(test.reads().len(), 3, "one caller does not hold up another");
    test.schedule.taken(key);
    assert_eq!(test.reads().len(), 1);
}

#[test]
fn a_last_poll_is_made_at_the_deadline() {
    let mut test = Test::new();
    test.add(NewGroup {
        timeout: Some(secs(3)),
        polls_at_deadline: true,
        ..group(0..1)
    });
    let Action::Read {
        key,
        timeout,
        is_last,
        ..
    } = test.next()
    else {
        panic!("the first poll is immediate");
    };
    assert_eq!((timeout, is_last), (Some(secs(3)), false));
    // It ends with its timeout.
    assert!(matches!(test.next(), Action::Wait(Some(delay)) if delay == secs(3)));
    test.now = secs(3);
    assert!(
        matches!(test.next(), Action::Wait(None)),
        "it is still being read"
    );
    test.report(key, Verdict::Unfinished);
    let Action::Read {
        timeout, is_last, ..
    } = test.next()
    else {
        panic!("a last poll");
    };
    assert_eq!((timeout, is_last), (None, true));
    test.report(key, Verdict::Ended);
    assert!(matches!(test.next(), Action::Stop));
}

#[test]
fn jobs_without_a_last_poll_expire_together() {
    let mut test = Test::new();
    test.add(NewGroup {
        timeout: Some(secs(3)),
        ..group(0..30)
    });
    test.add(group(30..31));
    test.now = secs(3);
    assert!(matches!(test.next(), Action::Expire(jobs) if jobs.len() == 30));
    assert!(matches!(test.next(), Action::Read { .. }));
}

#[test]
fn a_rejection_that_ends_no_wait_is_polled_again() {
    let kind = ErrorKind::Forbidden;
    let rejected = Verdict::Rejected {
        kind,
        has_ended: false,
    };
    let mut test = Test::new();
    test.add(group(0..1));
    // Never three in a row.
    let verdicts = [rejected, rejected, Verdict::Unfinished];
    for verdict in verdicts.into_iter().cycle().take(30) {
        let [key] = test.reads()[..] else {
            panic!("{verdict:?}");
        };
        test.report(key, verdict);
        test.now += secs(20);
    }
}

#[test]
fn all_waits_end_after_three_rejections_in_a_row() {
    let mut test = Test::new();
    test.add(group(0..10));
    let keys = test.reads();
    let kind = ErrorKind::Unauthorized;
    let rejected = Verdict::Rejected {
        kind,
        has_ended: true,
    };
    test.report(keys[0], rejected);
    test.report(keys[1], rejected);
    test.report(keys[2], Verdict::Ended);
    test.report(keys[3], rejected);
    test.report(keys[4], rejected);
    assert!(matches!(test.next(), Action::Wait(None)));
    test.report(keys[5], rejected);
    assert!(matches!(
        test.next(),
        Action::Reject(ErrorKind::Unauthorized, jobs) if jobs.len() == 4
    ));
    assert!(matches!(test.next(), Action::Stop));
}

#[test]
fn a_poll_that_was_dropped_is_made_again() {
    let mut test = Test::new();
    test.add(group(0..1));
    let keys = test.reads();
    test.report(keys[0], Verdict::Aborted);
    assert_eq!(test.reads(), keys);
}

#[test]
fn a_removed_group_leaves_nothing() {
    let mut test = Test::new();
    let key = test.add(NewGroup {
        timeout: Some(secs(3)),
        polls_at_deadline: true,
        reads_per_minute: Some(7),
        ..group(0..30)
    });
    assert!(!test.reads().is_empty() || matches!(test.next(), Action::Wait(_)));
    assert_eq!(test.schedule.remove(key).len(), 30);
    assert!(matches!(test.next(), Action::Stop));
    let schedule = &test.schedule;
    assert!(schedule.due.is_empty() && schedule.keys_by_id.is_empty());
    assert!(schedule.deadlines.is_empty() && schedule.groups.is_empty());
    assert_eq!(schedule.budget(Some(150)), Some(150));
    assert!(test.schedule.remove(key).is_empty());
}

#[test]
fn callers_share_the_largest_budget() {
    let mut test = Test::new();
    let with_reads = |reads_per_minute| NewGroup {
        reads_per_minute,
        ..group(0..1)
    };
    let small = test.add(with_reads(Some(30)));
    assert_eq!(test.schedule.budget(Some(150)), Some(30));
    assert_eq!(test.schedule.budget(None), Some(30));
    let default = test.add(with_reads(None));
    assert_eq!(test.schedule.budget(Some(150)), Some(150));
    assert_eq!(test.schedule.budget(None), None);
    test.add(with_reads(Some(300)));
    assert_eq!(test.schedule.budget(Some(150)), Some(300));
    test.schedule.remove(default);
    test.schedule.remove(small);
    assert_eq!(test.schedule.budget(None), Some(300));
}

#[test]
fn a_listing_that_cannot_be_used_is_tried_again_later() {
    for (is_transient, delay) in [(true, secs(1)), (false, secs(300))] {
        let mut test = Test::new();
        test.add(group(0..100));
        assert!(matches!(test.next(), Action::List(None)));
        test.schedule.fail_page(is_transient, test.now, 1.0);
        let mut tried = false;
        while test.now < delay + secs(1) {
            match test.next() {
                Action::Read { key, .. } => test.report(key, Verdict::Unfinished),
                Action::List(_) => {
                    tried = true;
                    break;
                }
                Action::Wait(Some(wait)) => test.now += wait,
                action => panic!("{action:?}"),
            }
        }
        assert!(tried && test.now >= delay, "{:?}", test.now);
    }
}
