//! The judge of a soak test.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Entry, Event, Evidence, Halves, JobRecord, mark_of};
use crate::fault_proxy::{Exchange, Operation};

/// A submission whose response took at most this long, in milliseconds, certainly reached a client that was waiting.
const PROMPT_MS: u64 = 500;

/// What is wrong.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Charge {
    /// The server has a job that the caller does not know, and could not find.
    Lost,
    /// The server has more than one job for one submission.
    Doubled,
    /// The caller waited for longer than is plausible, or never finished.
    Hung,
    /// An accepted job's result did not reach its waiter, or is that of another job.
    WrongResult,
    /// The caller was given a job that the server does not have.
    Phantom,
    /// A redirect was followed.
    Redirected,
    /// The server failed by itself, or did not finish a job.
    Server,
    /// The memory of the submitting program grew.
    Memory,
}

/// An instance of something wrong.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Culprit {
    /// What is wrong.
    pub charge: Charge,
    /// With which submission or job, and how.
    pub detail: String,
}

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.charge, self.detail)
    }
}

/// What a program knows about one submission.
#[derive(Default)]
struct Known<'a> {
    accepted: BTreeSet<&'a str>,
    /// Jobs that the listing had, if the job may exist.
    listed: Option<&'a BTreeSet<String>>,
    dropped: bool,
    failed: Vec<&'a str>,
    problems: Vec<&'a str>,
    delivered: bool,
    hung: bool,
    ended: bool,
    /// Whether a submission was forwarded and answered promptly without a fault.
    answered: bool,
}

/// Returns everything that is wrong, sorted.
#[must_use]
pub fn judge(evidence: &Evidence) -> Vec<Culprit> {
    let known = by_mark(&evidence.entries, &evidence.exchanges);
    let mut culprits = Vec::new();
    let mut report = |charge, detail: String| culprits.push(Culprit { charge, detail });

    let mut jobs_of: BTreeMap<u64, Vec<&JobRecord>> = BTreeMap::new();
    for job in &evidence.jobs {
        match job.mark {
            Some(mark) => jobs_of.entry(mark).or_default().push(job),
            None => report(Charge::Server, format!("job {} has no mark", job.id)),
        }
        if !job.has_ended {
            report(Charge::Server, format!("job {} has not ended", job.id));
        }
    }
    for (mark, jobs) in &jobs_of {
        if jobs.len() > 1 {
            report(
                Charge::Doubled,
                format!("mark {mark} has {} jobs", jobs.len()),
            );
        }
        let unknown = Known::default();
        let known = known.get(mark).unwrap_or(&unknown);
        for job in jobs {
            if let Some(reason) = known.why_lost(&job.id) {
                report(
                    Charge::Lost,
                    format!("mark {mark}, job {}: {reason}", job.id),
                );
            }
        }
    }
    for (mark, known) in &known {
        let jobs = jobs_of.get(mark).map_or(&[][..], Vec::as_slice);
        for id in &known.accepted {
            if !jobs.iter().any(|job| job.id == *id) {
                report(Charge::Phantom, format!("mark {mark} was given job {id}"));
            }
        }
        if known.hung || !known.ended {
            report(Charge::Hung, format!("mark {mark}"));
        } else if !known.accepted.is_empty() && !known.delivered {
            report(
                Charge::WrongResult,
                format!("mark {mark}: no result was delivered"),
            );
        }
        for problem in &known.problems {
            report(Charge::WrongResult, format!("mark {mark}: {problem}"));
        }
    }
    for exchange in &evidence.exchanges {
        if exchange.operation == Operation::OtherOrigin {
            report(Charge::Redirected, format!("at {} ms", exchange.at_ms));
        }
        if let Some(error) = &exchange.server_error {
            report(
                Charge::Server,
                format!("{:?} {}: {error}", exchange.operation, exchange.audio),
            );
        }
    }
    let halves = Halves::of(&evidence.samples);
    if halves.grows() {
        let [first, second] = halves.allocated;
        report(
            Charge::Memory,
            format!("{first} bytes at most in the first half, {second} in the second"),
        );
    }
    culprits.sort();
    culprits
}

/// Sorts the evidence by submission.
fn by_mark<'a>(entries: &'a [Entry], exchanges: &'a [Exchange]) -> BTreeMap<u64, Known<'a>> {
    let mut all: BTreeMap<u64, Known> = BTreeMap::new();
    for entry in entries {
        let known = all.entry(entry.mark).or_default();
        match &entry.event {
            Event::Started => {}
            Event::Accepted { job } => drop(known.accepted.insert(job)),
            Event::Failed { kind, .. } => known.failed.push(kind),
            Event::MayExist { listed, dropped } => {
                known.listed = Some(listed);
                known.dropped = *dropped;
            }
            Event::Delivered { problem } => {
                known.delivered = true;
                known.problems.extend(problem.as_deref());
            }
            Event::Hung => known.hung = true,
            Event::Ended => known.ended = true,
        }
    }
    for exchange in exchanges {
        let is_prompt_answer = exchange.operation == Operation::Submit
            && exchange.fault.is_none()
            && exchange.took_ms <= PROMPT_MS;
        if let Some(known) = mark_of(&exchange.audio).and_then(|mark| all.get_mut(&mark)) {
            known.answered |= is_prompt_answer;
        }
    }
    all
}

impl Known<'_> {
    /// Why the job is lost, if it is.
    fn why_lost(&self, id: &str) -> Option<String> {
        if self.accepted.contains(id) {
            return None;
        }
        match self.listed {
            Some(_) if self.dropped && self.answered => {
                Some("the submission was dropped, and no callback received the job".to_owned())
            }
            Some(listed) if listed.contains(id) => None,
            Some(listed) => Some(format!("is not among the {} listed jobs", listed.len())),
            None if self.failed.is_empty() => Some("nobody knows it".to_owned()),
            None => Some(format!("the caller was told {}", self.failed.join(", "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soak::{Call, Sample, audio_url};

    const AT_MS: u64 = 1_700_000_000_000;

    fn entries(mark: u64, events: impl IntoIterator<Item = Event>) -> Vec<Entry> {
        let events = [Event::Started]
            .into_iter()
            .chain(events)
            .chain([Event::Ended]);
        events
            .map(|event| Entry {
                at_ms: AT_MS,
                mark,
                event,
            })
            .collect()
    }

    fn accepted(job: &str) -> Event {
        Event::Accepted {
            job: job.to_owned(),
        }
    }

    fn delivered(problem: Option<&str>) -> Event {
        Event::Delivered {
            problem: problem.map(str::to_owned),
        }
    }

    fn failed(kind: &str) -> Event {
        Event::Failed {
            call: Call::Submit,
            kind: kind.to_owned(),
        }
    }

    fn may_exist<const N: usize>(listed: [&str; N], dropped: bool) -> Event {
        let listed = listed.map(str::to_owned).into();
        Event::MayExist { listed, dropped }
    }

    fn job(id: &str, mark: u64) -> JobRecord {
        JobRecord {
            id: id.to_owned(),
            mark: Some(mark),
            has_ended: true,
        }
    }

    fn exchange(operation: Operation, mark: u64, fault: Option<&str>) -> Exchange {
        Exchange {
            at_ms: AT_MS,
            operation,
            audio: audio_url(mark),
            fault: fault.map(str::to_owned),
            forwarded: true,
            took_ms: 3,
            server_error: None,
        }
    }

    /// The charges against mark 1 with these events and jobs.
    fn charges<const N: usize>(
        events: impl IntoIterator<Item = Event>,
        jobs: [JobRecord; N],
        fault: Option<&str>,
    ) -> Vec<Charge> {
        let evidence = Evidence {
            entries: entries(1, events),
            exchanges: vec![exchange(Operation::Submit, 1, fault)],
            jobs: jobs.into(),
            samples: Vec::new(),
        };
        judge(&evidence)
            .into_iter()
            .map(|culprit| culprit.charge)
            .collect()
    }

    #[test]
    fn what_a_caller_knows_or_can_find_is_not_lost() {
        let reset = Some("reset");
        for (events, fault) in [
            (vec![accepted("a"), delivered(None)], None),
            (
                vec![failed("Server"), accepted("a"), delivered(None)],
                reset,
            ),
            (
                vec![failed("OutcomeUnknown"), may_exist(["b", "a"], false)],
                reset,
            ),
            (
                vec![failed("OutcomeUnknown"), may_exist(["a"], false)],
                None,
            ),
            (vec![may_exist(["a"], true)], reset),
        ] {
            assert_eq!(
                charges(events.clone(), [job("a", 1)], fault),
                [],
                "{events:?}"
            );
        }
        assert_eq!(charges([failed("RateLimited")], [], None), []);
        assert_eq!(
            charges(
                [failed("OutcomeUnknown"), may_exist(["b"], false)],
                [],
                reset
            ),
            []
        );
    }

    #[test]
    fn lost_jobs_are_detected() {
        let reset = Some("reset");
        for (events, fault) in [
            // Nobody was told.
            (vec![], None),
            // The error says that there is no job.
            (vec![failed("Server")], reset),
            // The listing does not have the job.
            (
                vec![failed("OutcomeUnknown"), may_exist(["b"], false)],
                reset,
            ),
            (vec![may_exist([], true)], reset),
            // The submission was dropped, but its answer arrived: a callback must have been called.
            (vec![may_exist(["a"], true)], None),
        ] {
            assert_eq!(
                charges(events.clone(), [job("a", 1)], fault),
                [Charge::Lost],
                "{events:?}"
            );
        }
        // Another submission's caller was given the job.
        let evidence = Evidence {
            entries: entries(2, [accepted("a"), delivered(None)]),
            jobs: vec![job("a", 1)],
            ..Evidence::default()
        };
        let found: Vec<Charge> = judge(&evidence)
            .iter()
            .map(|culprit| culprit.charge)
            .collect();
        assert_eq!(found, [Charge::Lost, Charge::Phantom]);
    }

    #[test]
    fn doubled_jobs_are_detected() {
        let events = [accepted("a"), accepted("b"), delivered(None)];
        let jobs = [job("a", 1), job("b", 1)];
        assert_eq!(charges(events, jobs.clone(), None), [Charge::Doubled]);
        assert_eq!(
            charges([accepted("b"), delivered(None)], jobs, None),
            [Charge::Lost, Charge::Doubled]
        );
    }

    #[test]
    fn hung_callers_are_detected() {
        assert_eq!(
            charges([accepted("a"), Event::Hung], [job("a", 1)], None),
            [Charge::Hung]
        );
        let mut entries = entries(1, [accepted("a")]);
        entries.retain(|entry| entry.event != Event::Ended);
        let evidence = Evidence {
            entries,
            jobs: vec![job("a", 1)],
            ..Evidence::default()
        };
        assert_eq!(judge(&evidence)[0].charge, Charge::Hung);
    }

    #[test]
    fn missing_and_wrong_results_are_detected() {
        let wrong = [Charge::WrongResult];
        assert_eq!(charges([accepted("a")], [job("a", 1)], None), wrong);
        let other = delivered(Some("the result of 2"));
        assert_eq!(charges([accepted("a"), other], [job("a", 1)], None), wrong);
    }

    #[test]
    fn phantoms_redirects_and_failures_of_the_server_are_detected() {
        let events = [accepted("a"), accepted("x"), delivered(None)];
        assert_eq!(charges(events, [job("a", 1)], None), [Charge::Phantom]);
        let mut failed = exchange(Operation::ReadJob, 1, None);
        failed.server_error = Some("refused".to_owned());
        let evidence = Evidence {
            exchanges: vec![failed, exchange(Operation::OtherOrigin, 1, None)],
            ..Evidence::default()
        };
        let found: Vec<Charge> = judge(&evidence)
            .iter()
            .map(|culprit| culprit.charge)
            .collect();
        assert_eq!(found, [Charge::Redirected, Charge::Server]);
        let unfinished = JobRecord {
            has_ended: false,
            ..job("a", 1)
        };
        let events = [accepted("a"), delivered(None)];
        assert_eq!(charges(events, [unfinished], None), [Charge::Server]);
    }

    #[test]
    fn growth_of_memory_is_detected() {
        let sample = |index: usize| Sample {
            allocated: index << 20,
            resident: None,
        };
        let samples = (0..100).map(sample).collect();
        let evidence = Evidence {
            samples,
            ..Evidence::default()
        };
        assert_eq!(judge(&evidence)[0].charge, Charge::Memory);
    }
}
