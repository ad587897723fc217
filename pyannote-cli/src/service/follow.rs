//! Submits a job, and follows it until its end.

use std::convert::Infallible;
use std::sync::LazyLock;
use std::time::Duration;

use futures_util::future::{BoxFuture, Shared};
use futures_util::{FutureExt as _, StreamExt as _};
use pyannote::{Job, JobKind, JobStatus, Request};
use serde::Serialize;

use crate::error::{ErrorType, Failure, Result};
use crate::progress;
use crate::ui::Ui;

/// The JSON form of the acceptance of a job, on standard error.
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(title = "Accepted job")]
#[serde(rename_all = "camelCase")]
pub(crate) struct AcceptedOutput<'a> {
    /// Id of the job, which will be billed.
    accepted_job_id: &'a str,
}

/// Submits a job, and prints its id immediately.
///
/// A submission is not interrupted: whether the job was accepted would be unknown.
pub(super) async fn submit<T: JobKind>(request: Request<T>, ui: Ui) -> Result<Job<T>> {
    let mut interrupted = interrupted();
    // From here on, Ctrl-C does not end the process.
    if futures_util::poll!(&mut interrupted).is_ready() {
        return Err(Failure::new(
            ErrorType::Interrupted,
            "interrupted; nothing was submitted",
        ));
    }
    let submission = tokio::spawn(request.submit());
    tokio::pin!(submission);
    let (job, is_interrupted) = tokio::select! {
        job = &mut submission => (job, false),
        () = interrupted => {
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
pub(super) async fn follow<T: JobKind>(
    job: &Job<T>,
    timeout: Option<Duration>,
    ui: Ui,
) -> Result<T> {
    watch(job, async { Ok(wait(job, timeout).await?) }, ui).await
}

/// Waits for the end of a job of any kind, however it ends. Shows its status.
pub(crate) async fn end_of_job<T: JobKind>(
    job: &Job<T>,
    timeout: Option<Duration>,
    ui: Ui,
) -> Result<()> {
    let wait = async {
        match wait(job, timeout).await {
            Err(error) if !error.last_status().is_some_and(JobStatus::is_final) => {
                Err(error.into())
            }
            // Also if its result is of another kind than `T`.
            _ => Ok(()),
        }
    };
    watch(job, wait, ui).await
}

/// Waits for the end of a job.
pub(crate) async fn wait<T: JobKind>(
    job: &Job<T>,
    timeout: Option<Duration>,
) -> std::result::Result<T, pyannote::Error> {
    match timeout {
        Some(timeout) => job.wait().timeout(timeout).await,
        None => job.wait().await,
    }
}

/// Runs a wait for a job. Shows the status of the job, and ends when interrupted.
async fn watch<T: JobKind, R>(
    job: &Job<T>,
    wait: impl Future<Output = Result<R>>,
    ui: Ui,
) -> Result<R> {
    let bar = progress::spinner(ui, format!("job {}", job.id()));
    let show = async {
        if ui.shows_progress() {
            let mut statuses = job.statuses();
            while let Some(Ok(status)) = statuses.next().await {
                bar.set_message(format!("job {}: {status}", job.id()));
            }
        }
        // The wait decides, whatever happens to the statuses.
        std::future::pending::<Infallible>().await
    };
    let result = tokio::select! {
        result = wait => result,
        never = show => match never {},
        () = interrupted() => Err(interrupted_job(job.id().as_str())),
    };
    bar.finish_and_clear();
    result
}

/// Waits for Ctrl-C.
///
/// All waits share one future: none is missed between two of them, and each one ends all.
pub(crate) fn interrupted() -> Shared<BoxFuture<'static, ()>> {
    static INTERRUPTED: LazyLock<Shared<BoxFuture<'static, ()>>> = LazyLock::new(|| {
        let interrupted = async {
            if tokio::signal::ctrl_c().await.is_err() {
                // Without a handler, Ctrl-C ends the process.
                std::future::pending::<()>().await;
            }
        };
        interrupted.boxed().shared()
    });
    INTERRUPTED.clone()
}

fn interrupted_job(id: &str) -> Failure {
    Failure::new(
        ErrorType::Interrupted,
        format!("interrupted; job {id} goes on"),
    )
    .with_job(id)
    .with_hint(format!("to go on: pyannote jobs wait {id}"))
}
