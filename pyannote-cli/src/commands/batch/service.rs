//! A batch on the service.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt as _;
use futures_util::stream;
use pyannote::{AudioUrl, Client, Diarization, ErrorKind, Job};

use super::events::{Event, Reporter};
use super::inputs::Item;
use super::journal::{Entry, Journal, State};
use super::plan::{Candidate, Step, candidates};
use super::{Batch, CONFLICT, fingerprint};
use crate::error::{ErrorType, Failure, Result};
use crate::input::Input;
use crate::result::Document;
use crate::service;
use crate::ui::Ui;

/// Greatest difference between the clocks of this machine and of the service.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(2);
/// Greatest duration of a submission.
const LONGEST_SUBMISSION: TimeDelta = TimeDelta::minutes(5);

struct Run<'a> {
    batch: &'a Batch,
    client: &'a Client,
    journal: Arc<Journal>,
    reporter: &'a Reporter,
    /// Digest of the options of the request.
    request: String,
    ui: Ui,
}

pub(super) fn run(
    batch: &Batch,
    client: &Client,
    items: &[Item],
    journal: Journal,
    reporter: &Reporter,
    request: String,
    ui: Ui,
) -> Result<()> {
    let run = Run {
        batch,
        client,
        journal: Arc::new(journal),
        reporter,
        request,
        ui,
    };
    service::block_on(async {
        run.decide_unknown(items)?;
        let result = tokio::select! {
            // First: an interrupted upload must not count as failed.
            biased;
            () = service::interrupted() => Err(Failure::new(
                ErrorType::Interrupted,
                "interrupted; the jobs that were accepted go on",
            )
            .with_hint("run the same command again to go on")),
            result = run.process_all(items) => result,
        };
        // Submissions that were being sent are answered, and their ids are in the journal.
        client.finish_submissions().await;
        result
    })
}

impl Run<'_> {
    /// Processes all recordings. An error is one that concerns them all, such as an invalid key.
    ///
    /// Recordings whose outcome is unknown come last: meanwhile, their jobs appear in the listing.
    async fn process_all(&self, items: &[Item]) -> Result<()> {
        let mut open = Vec::new();
        let mut others = Vec::new();
        for item in items {
            match self.open_submission(item)? {
                Some(time) => open.push((item, time)),
                None => others.push(item),
            }
        }
        self.process_some(others).await?;
        let not_submitted = self.reconcile(open).await?;
        self.process_some(not_submitted).await
    }

    async fn process_some(&self, items: Vec<&Item>) -> Result<()> {
        let mut ended = stream::iter(items)
            .map(|item| self.process(item))
            .buffer_unordered(self.batch.concurrency.get());
        while let Some(result) = ended.next().await {
            result?;
        }
        Ok(())
    }

    async fn process(&self, item: &Item) -> Result<()> {
        let fingerprint = match fingerprint(item) {
            Ok(fingerprint) => fingerprint,
            Err(failure) => return self.reporter.failed(item, None, &failure.message),
        };
        let entry = self.journal.get(&item.key)?;
        let step = self
            .batch
            .next_step(item, &fingerprint, entry.as_ref(), &self.request);
        match step {
            Step::Skip { other_options } => self.reporter.skipped(item, other_options),
            Step::Follow {
                job_id,
                other_options,
            } => {
                if other_options {
                    let name = &item.name;
                    self.ui.warn(&format!(
                        "{name}: job {job_id} was submitted with other options"
                    ));
                }
                self.follow(item, &self.client.job(job_id)).await
            }
            Step::Conflict => self.reporter.failed(item, None, CONFLICT),
            // Decided elsewhere: see `reconcile`.
            Step::Reconcile => Ok(()),
            Step::Upload => {
                if let Some(id) = entry.as_ref().and_then(Entry::pending_job) {
                    self.ui.warn(&format!(
                        "{}: the file has changed; the result of its earlier content: pyannote jobs wait {id}",
                        item.name
                    ));
                }
                // Only the batch's own progress is shown.
                let url = match service::provide(self.client, &item.input, Ui::silent()).await {
                    Ok(url) => url,
                    Err(failure) => return self.refused(item, failure),
                };
                self.journal.start(&item.key, &fingerprint, &self.request)?;
                if matches!(item.input, Input::File(_)) {
                    self.reporter
                        .report(&Event::Uploaded { file: &item.name })?;
                }
                self.submit(item, url).await
            }
        }
    }

    /// Submits a job. The journal knows of it before it is sent, and of its id before anything else happens.
    async fn submit(&self, item: &Item, url: AudioUrl) -> Result<()> {
        self.journal.submitting(&item.key)?;
        let recorded = Arc::new(Mutex::new(Ok(())));
        let request = self.batch.request(self.client, url).on_accepted({
            let (journal, key, recorded) = (
                Arc::clone(&self.journal),
                item.key.clone(),
                Arc::clone(&recorded),
            );
            move |id| {
                let result = journal.accepted(&key, id.as_str());
                *recorded.lock().unwrap_or_else(PoisonError::into_inner) = result;
            }
        });
        let job = match request.submit().await {
            Ok(job) => job,
            Err(error) if error.kind() == ErrorKind::OutcomeUnknown => {
                return self.unknown(item, &Failure::from(error).message, &[]);
            }
            Err(error) => {
                self.journal.not_submitted(&item.key)?;
                return self.refused(item, error.into());
            }
        };
        let id = job.id().as_str();
        self.reporter.report(&Event::Accepted {
            file: &item.name,
            job_id: id,
        })?;
        let recorded = std::mem::replace(
            &mut *recorded.lock().unwrap_or_else(PoisonError::into_inner),
            Ok(()),
        );
        // Without a journal, nothing more is submitted.
        recorded.map_err(|failure| {
            failure
                .context(format!("{} was accepted as job {id}, but", item.name))
                .with_job(id)
        })?;
        self.follow(item, &job).await
    }

    /// Waits for a job, and writes its results.
    async fn follow(&self, item: &Item, job: &Job<Diarization>) -> Result<()> {
        let id = job.id().as_str();
        let document = match service::wait(job, self.batch.timeout).await {
            Ok(diarization) => Document::of_result(
                job.id(),
                &diarization,
                diarization.raw(),
                diarization.decode_warnings(),
            ),
            Err(error) => {
                if matches!(
                    error.kind(),
                    ErrorKind::JobFailed | ErrorKind::JobCanceled | ErrorKind::OutputGone
                ) {
                    self.journal.failed(&item.key, &error.to_string())?;
                } else if is_access(error.kind()) {
                    return Err(error.into());
                }
                // Otherwise the job goes on, and the next run waits for it.
                let message = Failure::from(error).message;
                return self.reporter.failed(item, Some(id), &message);
            }
        };
        let model = self.batch.options.model.as_deref();
        let written = document.and_then(|document| {
            let document = document.with_request(&item.input, model);
            self.batch.write(item, &document)
        });
        match written {
            Ok(outputs) => {
                self.journal.done(&item.key)?;
                self.reporter.report(&Event::Done {
                    file: &item.name,
                    job_id: Some(id),
                    outputs,
                })
            }
            Err(failure) => self.reporter.failed(item, Some(id), &failure.message),
        }
    }

    /// Records that a recording was not submitted. An error that concerns all recordings ends the batch.
    fn refused(&self, item: &Item, failure: Failure) -> Result<()> {
        match failure.error_type {
            ErrorType::Access => Err(failure),
            _ => self.reporter.failed(item, None, &failure.message),
        }
    }

    fn unknown(&self, item: &Item, message: &str, candidates: &[&Candidate]) -> Result<()> {
        self.reporter.report(&Event::Unknown {
            file: &item.name,
            message,
            candidates: candidates.iter().map(|job| job.id.as_str()).collect(),
        })
    }

    /// Applies `--adopt` and `--resubmit`.
    fn decide_unknown(&self, items: &[Item]) -> Result<()> {
        let find = |name: &str| {
            let is_meant = |item: &&Item| item.name == name || item.key == name;
            let mut found = items.iter().filter(is_meant);
            match (found.next(), found.next()) {
                (Some(item), None) => Ok(item),
                // Names that are not text may look the same.
                (Some(item), Some(other)) => Err(Failure::usage(format!(
                    "{name} may be {} or {}; pass one of them",
                    item.key, other.key
                ))),
                (None, _) => Err(Failure::usage(format!(
                    "{name} is not a recording of this batch"
                ))),
            }
        };
        let check = |item: &Item| match self.journal.get(&item.key)? {
            Some(entry) if entry.state == State::Submitting => Ok(()),
            _ => Err(Failure::usage(format!(
                "the outcome of {} is not unknown",
                item.name
            ))),
        };
        for (name, job_id) in &self.batch.adopt {
            let item = find(name)?;
            check(item)?;
            self.journal.accepted(&item.key, job_id)?;
        }
        for name in &self.batch.resubmit {
            let item = find(name)?;
            check(item)?;
            self.journal.not_submitted(&item.key)?;
        }
        Ok(())
    }

    /// The start of a submission whose answer is not in the journal, because an earlier run was killed.
    fn open_submission(&self, item: &Item) -> Result<Option<DateTime<Utc>>> {
        Ok(self
            .journal
            .get(&item.key)?
            .and_then(|entry| entry.open_since()))
    }

    /// Finds out what became of submissions without an answer. Returns the recordings that were not submitted.
    ///
    /// If the listing has no job around that time that belongs to no recording, nothing was accepted. Otherwise the
    /// outcome stays unknown: jobs of the listing do not say which recording they are of.
    async fn reconcile<'b>(&self, open: Vec<(&'b Item, DateTime<Utc>)>) -> Result<Vec<&'b Item>> {
        let (Some(first), Some(last)) = (
            open.iter().map(|(_, time)| *time).min(),
            open.iter().map(|(_, time)| *time).max(),
        ) else {
            return Ok(Vec::new());
        };
        self.settle(last).await;
        let mut jobs = Vec::new();
        let mut stream = self
            .client
            .jobs()
            .created_after(first - CLOCK_SKEW)
            .stream();
        while let Some(job) = stream.next().await {
            let job = job?;
            jobs.push(Candidate {
                id: job.id.to_string(),
                created_at: job.created_at,
            });
        }
        let known = self.journal.job_ids()?;
        let mut not_submitted = Vec::new();
        for (item, submitted_at) in open {
            let found = candidates(&jobs, &known, submitted_at, CLOCK_SKEW, LONGEST_SUBMISSION);
            if found.is_empty() {
                self.journal.not_submitted(&item.key)?;
                not_submitted.push(item);
            } else {
                let message = "a job may have been submitted and billed when an earlier run ended";
                self.unknown(item, message, &found)?;
            }
        }
        Ok(not_submitted)
    }

    /// Waits until a job that was submitted at `time` must be in the listing.
    async fn settle(&self, time: DateTime<Utc>) {
        let settled = time + TimeDelta::from_std(self.batch.settle).unwrap_or(TimeDelta::zero());
        let remaining = (settled - Utc::now()).to_std().unwrap_or(Duration::ZERO);
        if !remaining.is_zero() {
            self.ui.note(&format!(
                "an earlier run ended during a submission; waiting {} s for the listing of jobs to be complete",
                remaining.as_secs()
            ));
            tokio::time::sleep(remaining).await;
        }
    }
}

/// Whether an error concerns all recordings.
fn is_access(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Unauthorized | ErrorKind::PaymentRequired | ErrorKind::Forbidden
    )
}
