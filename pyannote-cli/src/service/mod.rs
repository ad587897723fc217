//! The pyannoteAI service, or a server with the same API.

mod follow;
mod input;
mod profile;
mod request;

use pyannote::{Client, JobId};

use crate::cli::Global;
use crate::error::{ErrorType, Failure, Result};
use crate::ui::Ui;

pub(crate) use follow::{follow, submit};
pub(crate) use input::provide;
pub(crate) use profile::Profile;
pub(crate) use request::ServiceArgs;

/// Creates a client with the key and the base URL of the environment or of the profile.
pub(crate) fn connect(global: &Global) -> Result<Client> {
    let profile = Profile::load(global.profile.as_deref())?;
    let mut builder = Client::builder()
        .api_key(profile.key)
        .user_agent(concat!("pyannote-cli/", env!("CARGO_PKG_VERSION")))
        // Results are printed as the service returned them, with fields that the SDK does not know.
        .keep_raw_bodies();
    if let Some(url) = profile.base_url {
        builder = builder.base_url(url);
    }
    builder.build().map_err(|error| {
        let mut failure = Failure::from(error);
        failure.error_type = ErrorType::Usage;
        failure
    })
}

/// The JSON form of a job that was not waited for.
#[derive(serde::Serialize, schemars::JsonSchema)]
#[schemars(title = "Job")]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobOutput<'a> {
    job_id: &'a str,
}

/// Prints the id of a job as the result of the command.
pub(crate) fn print_job(id: &JobId, ui: Ui) -> Result<()> {
    if ui.is_json() {
        return ui.print_json(&JobOutput {
            job_id: id.as_str(),
        });
    }
    ui.print(&format!("{id}\n"))
}

/// Runs a command that calls the service.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(future);
    // A thread may still be blocked reading the standard input.
    runtime.shutdown_background();
    result
}
