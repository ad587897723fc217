//! The pyannoteAI service, or a server with the same API.

mod code;
mod config;
mod follow;
mod input;
mod keyring;
mod profile;
mod request;

use std::time::Duration;

use pyannote::reqwest;
use pyannote::secrecy::SecretString;
use pyannote::{AudioUrl, Client, ClientBuilder, JobId, JobKind, Request};

use crate::cli::Global;
use crate::error::{ErrorType, Failure, Result};
use crate::input::Input;
use crate::ui::Ui;

pub(crate) use code::{Program, duration};
pub(crate) use config::{Config, StoredKey, StoredProfile, folder as config_folder};
pub(crate) use follow::{AcceptedOutput, end_of_job, interrupted, wait};
pub(crate) use input::{provide, upload};
pub(crate) use keyring::Entry as KeyringEntry;
pub(crate) use profile::{
    BASE_URL_VAR, DEFAULT_BASE_URL, DEFAULT_PROFILE, KEY_VAR, Profile, variable,
};
pub(crate) use request::{RequestArgs, ServiceArgs, parse_seconds};

pub(crate) const USER_AGENT: &str = concat!("pyannote-cli/", env!("CARGO_PKG_VERSION"));

/// Creates a client with the key and the base URL of the environment or of the profile.
pub(crate) fn connect(global: &Global) -> Result<Client> {
    let profile = Profile::load(global.profile.as_deref())?;
    build(builder(profile.base_url(), profile.key()?))
}

/// The settings of every client.
pub(crate) fn builder(base_url: &str, key: SecretString) -> ClientBuilder {
    Client::builder()
        .base_url(base_url)
        .api_key(key)
        .user_agent(USER_AGENT)
        // Results are printed as the service returned them, with fields that the SDK does not know.
        .keep_raw_bodies()
}

/// Creates a client. An invalid key or base URL is an error of the arguments.
pub(crate) fn build(builder: ClientBuilder) -> Result<Client> {
    builder.build().map_err(|error| {
        let mut failure = Failure::from(error);
        failure.error_type = ErrorType::Usage;
        failure
    })
}

/// An HTTP client that sends each request once, and to one server only.
pub(crate) fn http_client(timeout: Duration) -> Result<reqwest::Client> {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .timeout(timeout)
        .user_agent(USER_AGENT)
        .build();
    client.map_err(|error| Failure::of(&error))
}

/// The base URL, unless it is that of pyannoteAI.
fn base_url(global: &Global) -> Result<Option<String>> {
    let profile = Profile::load(global.profile.as_deref())?;
    let url = profile.base_url();
    Ok((url != DEFAULT_BASE_URL).then(|| url.to_owned()))
}

/// Whether the service is pyannoteAI itself, and not another server with the same API.
pub(crate) fn is_pyannoteai(global: &Global) -> Result<bool> {
    let profile = Profile::load(global.profile.as_deref())?;
    let url = reqwest::Url::parse(profile.base_url()).ok();
    let host = url.as_ref().and_then(|url| url.host_str());
    Ok(host.is_some_and(|host| host.ends_with(".pyannote.ai")))
}

/// The JSON form of a job that was not waited for.
#[derive(serde::Serialize, schemars::JsonSchema)]
#[schemars(title = "Job")]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobOutput<'a> {
    job_id: &'a str,
}

/// Prints the id of a job as the result of the command.
fn print_job(id: &JobId, ui: Ui) -> Result<()> {
    if ui.is_json() {
        return ui.print_json(&JobOutput {
            job_id: id.as_str(),
        });
    }
    ui.print(&format!("{id}\n"))
}

/// Uploads a recording, submits a job and waits for its result.
///
/// Returns `None`, and prints the id of the job, if the result is not to be waited for.
pub(crate) fn process<T: JobKind>(
    client: &Client,
    recording: &Input,
    options: &ServiceArgs,
    ui: Ui,
    request: impl Fn(AudioUrl) -> Request<T>,
) -> Result<Option<(JobId, T)>> {
    let request = |url: AudioUrl| options.apply(request(url));
    // An invalid request is found before anything is uploaded.
    request(AudioUrl::from("media://placeholder")).validate()?;
    block_on(async {
        let url = provide(client, recording, ui).await?;
        let job = follow::submit(request(url), ui).await?;
        if options.no_wait {
            print_job(job.id(), ui)?;
            return Ok(None);
        }
        let result = follow::follow(&job, options.timeout, ui).await?;
        Ok(Some((job.id().clone(), result)))
    })
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
