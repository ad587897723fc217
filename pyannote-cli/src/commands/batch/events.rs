//! The output of a batch while it runs: events as JSON, or one progress display and a line per result.

use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;
use schemars::JsonSchema;
use serde::Serialize;

use super::inputs::Item;
use crate::error::{ErrorType, Failure, Result};
use crate::progress;
use crate::ui::Ui;

/// An event of a batch: one line of standard output with `--json`.
#[derive(JsonSchema, Serialize)]
#[schemars(title = "Batch event")]
#[serde(
    tag = "event",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Event<'a> {
    /// A file was uploaded, unless the service had it already.
    Uploaded { file: &'a str },
    /// A job was accepted, and will be billed.
    Accepted { file: &'a str, job_id: &'a str },
    /// The results of a recording are written.
    Done {
        file: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        job_id: Option<&'a str>,
        /// The files of the results.
        outputs: Vec<String>,
    },
    /// The results of a recording were there already.
    Skipped { file: &'a str, reason: &'a str },
    /// A recording failed.
    Failed {
        file: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        job_id: Option<&'a str>,
        message: &'a str,
    },
    /// A job may have been submitted, and billed, for a recording, but its id is not known.
    Unknown {
        file: &'a str,
        message: &'a str,
        /// Ids of the jobs that it may be.
        candidates: Vec<&'a str>,
    },
    /// The end of the batch.
    Summary(Summary),
}

/// The numbers of recordings.
#[derive(Clone, Copy, Debug, Default, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    pub(super) total: usize,
    pub(super) done: usize,
    pub(super) skipped: usize,
    pub(super) failed: usize,
    pub(super) unknown: usize,
}

/// Prints the events, and counts them.
pub(super) struct Reporter {
    ui: Ui,
    bar: ProgressBar,
    summary: Mutex<Summary>,
}

impl Reporter {
    pub(super) fn new(ui: Ui, total: usize) -> Self {
        Self {
            ui,
            bar: progress::count(ui, total),
            summary: Mutex::new(Summary {
                total,
                ..Summary::default()
            }),
        }
    }

    pub(super) fn summary(&self) -> Summary {
        *self.summary.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn report(&self, event: &Event<'_>) -> Result<()> {
        let summary = {
            let mut summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
            match event {
                Event::Done { .. } => summary.done += 1,
                Event::Skipped { .. } => summary.skipped += 1,
                Event::Failed { .. } => summary.failed += 1,
                Event::Unknown { .. } => summary.unknown += 1,
                Event::Uploaded { .. } | Event::Accepted { .. } | Event::Summary(_) => {}
            }
            *summary
        };
        let ended = summary.done + summary.skipped + summary.failed + summary.unknown;
        self.bar.set_position(ended as u64);
        self.bar.set_message(counts(summary));
        self.print(event)
    }

    pub(super) fn skipped(&self, item: &Item, other_options: bool) -> Result<()> {
        self.report(&Event::Skipped {
            file: &item.name,
            reason: match other_options {
                false => "done",
                true => "done with other options; --force does it again",
            },
        })
    }

    pub(super) fn failed(&self, item: &Item, job_id: Option<&str>, message: &str) -> Result<()> {
        self.report(&Event::Failed {
            file: &item.name,
            job_id,
            message,
        })
    }

    fn print(&self, event: &Event<'_>) -> Result<()> {
        let ui = self.ui;
        if ui.is_json() {
            return ui.print_json(event);
        }
        match event {
            Event::Uploaded { .. } => {}
            Event::Accepted { file, job_id } => {
                ui.note(&format!("{file}: accepted as job {job_id}"))
            }
            Event::Done { outputs, .. } => {
                ui.print(
                    &outputs
                        .iter()
                        .map(|path| format!("{path}\n"))
                        .collect::<String>(),
                )?;
            }
            Event::Skipped { file, reason } => ui.note(&format!("{file}: {reason}")),
            Event::Failed { file, message, .. } if names(message, file) => ui.warn(message),
            Event::Failed { file, message, .. } => ui.warn(&format!("{file}: {message}")),
            Event::Unknown {
                file,
                message,
                candidates,
            } => {
                ui.warn(&format!("{file}: {message}"));
                if !candidates.is_empty() {
                    ui.warn(&format!(
                        "{file}: it may be job {}",
                        candidates.join(" or ")
                    ));
                }
            }
            Event::Summary(summary) => ui.note(&counts(*summary)),
        }
        Ok(())
    }

    /// Prints the summary, and returns the failure if some recordings have no results.
    pub(super) fn finish(&self) -> Result<()> {
        let summary = self.summary();
        self.bar.finish_and_clear();
        self.report(&Event::Summary(summary))?;
        if summary.unknown > 0 {
            return Err(Failure::new(
                ErrorType::OutcomeUnknown,
                format!(
                    "{} of {} recordings may have been submitted or not",
                    summary.unknown, summary.total
                ),
            )
            .with_hint("run the same command again to see which jobs they may be; then pass --adopt FILE=JOB, or --resubmit FILE to pay again"));
        }
        if summary.failed > 0 {
            return Err(Failure::new(
                ErrorType::Partial,
                format!("{} of {} recordings failed", summary.failed, summary.total),
            )
            .with_hint("run the same command again to try them again"));
        }
        Ok(())
    }
}

/// Whether a message says already which file it is about.
fn names(message: &str, file: &str) -> bool {
    let starts = ["", "cannot read "].map(|verb| message.strip_prefix(verb)?.strip_prefix(file));
    starts
        .into_iter()
        .flatten()
        .any(|rest| rest.starts_with([' ', ':']))
}

fn counts(summary: Summary) -> String {
    let mut text = format!("{} done", summary.done);
    for (number, what) in [
        (summary.skipped, "skipped"),
        (summary.failed, "failed"),
        (summary.unknown, "unknown"),
    ] {
        if number > 0 {
            text += &format!(", {number} {what}");
        }
    }
    text
}
