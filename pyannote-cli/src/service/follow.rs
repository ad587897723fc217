//! Submits a job, and follows it until its end.

use std::time::Duration;

use futures_util::StreamExt as _;
use pyannote::{Job, JobKind, Request};
use serde::Serialize;

use crate::error::{ErrorType, Failure, Result};
use crate::progress;
use crate::ui::Ui;

/// The JSON form of the news that a job was accepted, on standard error.
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(title = "Accepted job")]
#[serde(rename_all = "camelCase")]
pub(crate) struct AcceptedOutput<'a> {
    /// Id of the job, which will be billed.
    accepted_job_id: &'a str,
}

/// Submits a job, and tells its id at once.
///
/// A submission is not interrupted: whether the job was accepted would be unknown.
pub(crate) async fn submit<T: JobKind>(request: Request<T>, ui: Ui) -> Result<Job<T>> {
    let submission = tokio::spawn(request.submit());
    tokio::pin!(submission);
    let (job, is_interrupted) = tokio::select! {
        job = &mut submission => (job, false),
        () = interrupted() => {
            ui.note("interrupted; waiting for the answer to the submission");
            (submission.await, true)
        }
    };
    let job = job.map_err(|error| Failure::of(&error))??;
    let id = job.id().as_str();
    if ui.is_json() {
        ui.event(&AcceptedOutput {
            accepted_job_id: id,
        });
    } else {
        ui.note(&format!("accepted as job {id}"));
    }
    if is_interrupted {
        return Err(interrupted_job(id));
    }
    if let Some(warning) = job.warning() {
        ui.warn(warning);
    }
    Ok(job)
}

/// Waits for the end of a job and returns its result. Shows its status.
pub(crate) async fn follow<T: JobKind>(
    job: &Job<T>,
    timeout: Option<Duration>,
    ui: Ui,
) -> Result<T> {
    let id = job.id().as_str();
    let bar = progress::spinner(ui, format!("job {id}"));
    let shown = bar.clone();
    let wait = async {
        let mut wait = job.wait();
        if let Some(timeout) = timeout {
            wait = wait.timeout(timeout);
        }
        if ui.shows_progress() {
            let mut statuses = job.statuses();
            let show = async {
                while let Some(Ok(status)) = statuses.next().await {
                    shown.set_message(format!("job {id}: {status}"));
                }
            };
            // The wait decides, whatever happens to the statuses.
            let wait = wait.into_future();
            tokio::pin!(wait, show);
            tokio::select! {
                result = &mut wait => return result,
                () = show => {}
            }
            return wait.await;
        }
        wait.await
    };
    let result = tokio::select! {
        result = wait => result.map_err(Failure::from),
        () = interrupted() => Err(interrupted_job(id)),
    };
    bar.finish_and_clear();
    result
}

/// Waits for Ctrl-C.
pub(crate) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler, Ctrl-C ends the process.
        std::future::pending::<()>().await;
    }
}

fn interrupted_job(id: &str) -> Failure {
    Failure::new(
        ErrorType::Interrupted,
        format!("interrupted; job {id} goes on"),
    )
    .with_job(id)
    .with_hint(format!("to go on: pyannote jobs wait {id}"))
}
