//! The judge of a soak test.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Call, Callback, Entry, Event, Evidence, Halves, JobRecord, mark_of};
use crate::fault_proxy::{Exchange, Operation};

/// A submission whose response took at most this long, in milliseconds, certainly reached a client that was waiting.
const PROMPT_MS: u64 = 500;

/// The name of the kind of error that says that a job may exist.
const OUTCOME_UNKNOWN: &str = "OutcomeUnknown";

/// What is wrong.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Charge {
    /// The server has a job that the caller does not know, and could not find.
    Lost,
    /// The server has more than one job for one submission.
    Doubled,
    /// A callback of the client was not called.
    Unreported,
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
    /// Jobs that the listing had, if the job may exist, and when it was created according to the error.
    listed: Option<(&'a BTreeSet<String>, Option<[u64; 2]>)>,
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

    let mut dropped = 0;
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
            if let Some(reason) = known.why_lost(job) {
                report(
                    Charge::Lost,
                    format!("mark {mark}, job {}: {reason}", job.id),
                );
            }
            dropped += usize::from(known.was_dropped(job));
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
    for problem in unreported(evidence, dropped) {
        report(Charge::Unreported, problem);
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
            Event::MayExist { listed, window_ms } => known.listed = Some((listed, *window_ms)),
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
    fn why_lost(&self, job: &JobRecord) -> Option<String> {
        if self.accepted.contains(job.id.as_str()) {
            return None;
        }
        match self.listed {
            Some((_, None)) if self.answered => Some(
                "the submission was dropped, and its callback did not receive the job".to_owned(),
            ),
            Some((_, Some([start, end]))) if !(start..end).contains(&job.created_at_ms) => {
                Some("was not created when the error says".to_owned())
            }
            Some((listed, _)) if listed.contains(&job.id) => None,
            Some((listed, _)) => Some(format!("is not among the {} listed jobs", listed.len())),
            None if self.failed.is_empty() => Some("the caller does not know it".to_owned()),
            None => Some(format!("the caller received {}", self.failed.join(", "))),
        }
    }

    /// Whether the submission was dropped, and the job exists all the same.
    fn was_dropped(&self, job: &JobRecord) -> bool {
        matches!(self.listed, Some((_, None))) && !self.accepted.contains(job.id.as_str())
    }
}

/// What the callbacks of the client did not receive.
fn unreported(evidence: &Evidence, dropped: usize) -> Vec<String> {
    let mut received = BTreeSet::new();
    let mut unknown = 0;
    for callback in &evidence.callbacks {
        match callback {
            Callback::Accepted(id) => drop(received.insert(id)),
            Callback::OutcomeUnknown => unknown += 1,
        }
    }
    let mut problems = Vec::new();
    let mut returned = 0;
    for entry in &evidence.entries {
        match &entry.event {
            Event::Accepted { job } if !received.contains(job) => {
                problems.push(format!("mark {}, job {job} was accepted", entry.mark));
            }
            Event::Failed {
                call: Call::Submit,
                kind,
            } if kind == OUTCOME_UNKNOWN => returned += 1,
            _ => {}
        }
    }
    if unknown < returned + dropped {
        problems.push(format!(
            "{unknown} unknown outcomes, but callers received {returned}, and {dropped} submissions were dropped"
        ));
    }
    problems
}

#[cfg(test)]
mod tests;
