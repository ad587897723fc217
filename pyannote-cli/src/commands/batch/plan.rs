//! What is to be done for a recording, by its entry in the journal.

use chrono::{DateTime, TimeDelta, Utc};

use super::journal::{Entry, State};

/// The next step for a recording.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// Its results are there.
    Skip {
        /// They were made with other options.
        other_options: bool,
    },
    /// The job exists: wait for it.
    Follow { job_id: String, other_options: bool },
    /// A submission was started, and whether the job exists is not known.
    Reconcile,
    /// Nothing is known about it, but there are files with the names of its results: of another batch, or because the
    /// journal was lost. They are not replaced, and nothing is billed again.
    Conflict,
    /// Upload, unless the service has the same content already, and submit a job.
    Upload,
}

/// Decides the next step. `has_results` says whether the files of the results exist; without an entry, whether any does.
pub(super) fn next_step(
    entry: Option<&Entry>,
    fingerprint: &str,
    request: &str,
    has_results: bool,
    force: bool,
) -> Step {
    let Some(entry) = entry else {
        return match has_results && !force {
            true => Step::Conflict,
            false => Step::Upload,
        };
    };
    let is_same_file = entry.fingerprint == fingerprint;
    let other_options = entry.request != request;
    // Whatever was asked for: a job that may exist is not submitted again.
    if entry.open_since().is_some() {
        return Step::Reconcile;
    }
    match (entry.state, &entry.job_id) {
        (State::Accepted, Some(job_id)) if is_same_file => Step::Follow {
            job_id: job_id.clone(),
            other_options,
        },
        (State::Done, _) if is_same_file && !force && has_results => Step::Skip { other_options },
        (State::Done, Some(job_id)) if is_same_file && !force => Step::Follow {
            job_id: job_id.clone(),
            other_options,
        },
        _ => Step::Upload,
    }
}

/// A job of the listing that may be the one of a submission without an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) id: String,
    pub(super) created_at: Option<DateTime<Utc>>,
}

/// The jobs that a submission may have created: those that were created around it and belong to no other recording.
///
/// `skew` is the greatest difference of the clocks, and `longest` the greatest duration of a submission.
pub(super) fn candidates<'a>(
    jobs: &'a [Candidate],
    known: &[String],
    submitted_at: DateTime<Utc>,
    skew: TimeDelta,
    longest: TimeDelta,
) -> Vec<&'a Candidate> {
    let window = submitted_at - skew..=submitted_at + longest + skew;
    jobs.iter()
        .filter(|job| !known.contains(&job.id))
        // A job without a time may be any.
        .filter(|job| job.created_at.is_none_or(|time| window.contains(&time)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(state: State, job_id: Option<&str>) -> Entry {
        Entry {
            state,
            fingerprint: "1".to_owned(),
            request: "r".to_owned(),
            updated_at: DateTime::UNIX_EPOCH,
            job_id: job_id.map(str::to_owned),
            submitted_at: None,
        }
    }

    #[test]
    fn steps() {
        let follow = |other_options| Step::Follow {
            job_id: "j".to_owned(),
            other_options,
        };
        for (state, job_id, fingerprint, request, has_results, force, expected) in [
            (State::New, None, "1", "r", false, false, Step::Upload),
            (State::New, None, "2", "r", false, false, Step::Upload),
            (
                State::Failed,
                Some("j"),
                "1",
                "r",
                false,
                false,
                Step::Upload,
            ),
            (
                State::Submitting,
                None,
                "1",
                "r",
                false,
                false,
                Step::Reconcile,
            ),
            (
                State::Submitting,
                None,
                "2",
                "s",
                false,
                true,
                Step::Reconcile,
            ),
            (
                State::Accepted,
                None,
                "1",
                "r",
                false,
                false,
                Step::Reconcile,
            ),
            (
                State::Accepted,
                Some("j"),
                "1",
                "r",
                false,
                true,
                follow(false),
            ),
            (
                State::Accepted,
                Some("j"),
                "1",
                "s",
                false,
                false,
                follow(true),
            ),
            (
                State::Accepted,
                Some("j"),
                "2",
                "r",
                false,
                false,
                Step::Upload,
            ),
            (
                State::Done,
                Some("j"),
                "1",
                "r",
                true,
                false,
                Step::Skip {
                    other_options: false,
                },
            ),
            (
                State::Done,
                Some("j"),
                "1",
                "s",
                true,
                false,
                Step::Skip {
                    other_options: true,
                },
            ),
            (
                State::Done,
                Some("j"),
                "1",
                "r",
                false,
                false,
                follow(false),
            ),
            (State::Done, Some("j"), "1", "r", true, true, Step::Upload),
            (State::Done, Some("j"), "2", "r", true, false, Step::Upload),
        ] {
            let entry = entry(state, job_id);
            let step = next_step(Some(&entry), fingerprint, request, has_results, force);
            assert_eq!(
                step, expected,
                "{entry:?} {fingerprint} {request} {has_results} {force}"
            );
        }
        for (has_results, force, expected) in [
            (false, false, Step::Upload),
            (true, false, Step::Conflict),
            (true, true, Step::Upload),
        ] {
            assert_eq!(next_step(None, "1", "r", has_results, force), expected);
        }
    }

    #[test]
    fn jobs_around_a_submission_are_candidates() {
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let job = |id: &str, seconds: Option<i64>| Candidate {
            id: id.to_owned(),
            created_at: seconds.map(at),
        };
        let jobs = [
            job("early", Some(9)),
            job("a", Some(10)),
            job("known", Some(15)),
            job("b", Some(50)),
            job("late", Some(51)),
            job("untimed", None),
        ];
        let (skew, longest) = (TimeDelta::seconds(10), TimeDelta::seconds(20));
        let found = candidates(&jobs, &["known".to_owned()], at(20), skew, longest);
        let ids: Vec<&str> = found.iter().map(|job| job.id.as_str()).collect();
        assert_eq!(ids, ["a", "b", "untimed"]);
    }
}
