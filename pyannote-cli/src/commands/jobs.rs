//! `pyannote jobs`: the jobs of the team.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use futures_util::StreamExt as _;
use pyannote::{Client, Diarization, Identification, Job, JobStatus, JobSummary};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::cli::Global;
use crate::error::{ErrorType, Failure, Result};
use crate::export::{OutputArgs, is_directory};
use crate::result::Document;
use crate::service::{self, parse_seconds};
use crate::table::Columns;
use crate::ui::Ui;

/// List the jobs of the team, and fetch or wait for their results.
#[derive(Args)]
pub(crate) struct Jobs {
    #[command(subcommand)]
    command: JobsCommand,
}

#[derive(Subcommand)]
enum JobsCommand {
    /// List jobs, newest first.
    #[command(after_help = "\
Examples:
  pyannote jobs list --status failed
  pyannote jobs list --limit 100 --json")]
    List {
        /// Only jobs with this status: pending, created, running, succeeded, failed or canceled.
        #[arg(long)]
        status: Option<String>,
        /// Maximum number of jobs.
        #[arg(long, value_name = "NUMBER", default_value_t = 20)]
        limit: usize,
    },
    /// Fetch a job: its result, or else its status.
    ///
    /// With --json and without --output, prints the job as the service returns it.
    #[command(after_help = "\
Examples:
  pyannote jobs get 3c8a89a5-dcc6-4edb-a75d-ffd64739674d
  pyannote jobs get 3c8a89a5-dcc6-4edb-a75d-ffd64739674d -o meeting.rttm")]
    Get {
        /// Id of the job.
        id: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Wait for the end of jobs, and fetch their results.
    #[command(after_help = "\
Examples:
  pyannote jobs wait 3c8a89a5-dcc6-4edb-a75d-ffd64739674d
  pyannote jobs wait 3c8a89a5-dcc6-4edb-a75d-ffd64739674d -f rttm -f html -o results/")]
    Wait {
        /// Ids of the jobs.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// Maximum time to wait for each job, in seconds [default: no limit].
        #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
        timeout: Option<Duration>,
        #[command(flatten)]
        output: OutputArgs,
    },
}

impl Jobs {
    pub(crate) fn run(self, ui: Ui, global: &Global) -> Result<()> {
        if global.show_code {
            return ui.print(&self.command.code(global)?);
        }
        let client = service::connect(global)?;
        match self.command {
            JobsCommand::List { status, limit } => {
                service::block_on(list(&client, status, limit, ui))
            }
            JobsCommand::Get { id, output } => {
                check(&output, ui)?;
                let body = service::block_on(async { Ok(client.job_json(id.as_str()).await?) })?;
                present(&client, &id, &body, &output, ui)
            }
            JobsCommand::Wait {
                ids,
                timeout,
                output,
            } => {
                check(&output, ui)?;
                let is_folder = output.output.as_deref().is_some_and(is_directory);
                if ids.len() > 1 && !is_folder && !prints_job(&output, ui) {
                    return Err(Failure::usage(
                        "the results of several jobs need a directory; pass it as --output, with a `/` at its end",
                    ));
                }
                let mut result = Ok(());
                for (index, id) in ids.iter().enumerate() {
                    // A job that fails does not keep the results of the others from being fetched.
                    let waited = service::block_on(wait(&client, id, timeout, ui))
                        .and_then(|body| present(&client, id, &body, &output, ui));
                    let waited = match waited {
                        Err(failure) if failure.error_type == ErrorType::Interrupted => {
                            let remaining = ids[index..].join(" ");
                            return Err(failure
                                .with_hint(format!("to go on: pyannote jobs wait {remaining}")));
                        }
                        waited => waited,
                    };
                    if let (Err(failure), true) = (&waited, result.is_err()) {
                        ui.warn(&failure.message);
                    }
                    result = result.and(waited);
                }
                result
            }
        }
    }
}

impl JobsCommand {
    fn code(&self, global: &Global) -> Result<String> {
        let mut program = service::Program::new(global)?;
        match self {
            Self::List { status, limit } => {
                program.import("futures_util::StreamExt as _");
                let mut calls = vec![".jobs()".to_owned()];
                if let Some(status) = status {
                    program.import("pyannote::JobStatus");
                    calls.push(format!(".status(JobStatus::from({status:?}))"));
                }
                calls.push(format!(".stream().take({limit});"));
                program.chain("let mut jobs = client", &calls);
                program.line("while let Some(job) = jobs.next().await {");
                program.line("    let job = job?;");
                program.line(r#"    println!("{} {}", job.id, job.status);"#);
                program.line("}");
            }
            Self::Get { id, .. } => {
                program.line(&format!("let body = client.job_json({id:?}).await?;"));
                program.line(r#"println!("{}", std::str::from_utf8(&body)?);"#);
            }
            Self::Wait {
                ids,
                timeout,
                output,
            } => {
                program.import("pyannote::{Diarization, Job}");
                let wait = match timeout {
                    Some(timeout) => {
                        format!(".wait().timeout({}).await?;", service::duration(*timeout))
                    }
                    None => ".wait().await?;".to_owned(),
                };
                for id in ids {
                    program.line(&format!("let job: Job<Diarization> = client.job({id:?});"));
                    program.chain("let result = job", std::slice::from_ref(&wait));
                    program.write(output, id, "result.turns()");
                }
            }
        }
        Ok(program.finish())
    }
}

/// Checks the options of the output, unless the job itself is printed as JSON.
fn check(output: &OutputArgs, ui: Ui) -> Result<()> {
    let path = output.output.as_deref();
    let is_voiceprint = path.is_some_and(|path| path.extension() == Some("voiceprint".as_ref()));
    match prints_job(output, ui) || is_voiceprint {
        true => Ok(()),
        false => output.check(ui),
    }
}

/// Whether the job is printed as the service returned it.
fn prints_job(output: &OutputArgs, ui: Ui) -> bool {
    ui.is_json() && output.output.is_none() && output.formats.is_empty()
}

async fn list(client: &Client, status: Option<String>, limit: usize, ui: Ui) -> Result<()> {
    let mut query = client.jobs();
    if let Some(status) = status {
        query = query.status(JobStatus::from(status.as_str()));
    }
    query = query.page_size(u32::try_from(limit).unwrap_or(u32::MAX).clamp(1, 100));
    let mut stream = query.stream().take(limit);
    let mut jobs = Vec::new();
    while let Some(job) = stream.next().await {
        jobs.push(job?);
    }
    if ui.is_json() {
        return ui.print_json(&jobs.iter().map(job_json).collect::<Vec<_>>());
    }
    if jobs.is_empty() {
        ui.note("there are no jobs");
        return Ok(());
    }
    let mut table = Columns::new(&["id", "status", "created", "type", "model"]);
    for job in &jobs {
        let text = |name: &str| {
            job.extra
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        table.row([
            job.id.to_string(),
            job.status.to_string(),
            job.created_at
                .map(|time| time.format("%Y-%m-%d %H:%M:%S").to_string())
                .unwrap_or_default(),
            text("type").to_owned(),
            text("model").to_owned(),
        ]);
    }
    ui.print(&table.to_string())
}

/// A job of the listing, as the service returned it.
fn job_json(job: &JobSummary) -> Value {
    let mut fields = job.extra.clone();
    fields.insert("id".to_owned(), job.id.as_str().into());
    fields.insert("status".to_owned(), job.status.as_str().into());
    if let Some(time) = job.created_at {
        let time = time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        fields.insert("createdAt".to_owned(), time.into());
    }
    Value::Object(fields)
}

/// Waits for the end of a job of any kind, and fetches its body.
async fn wait(
    client: &Client,
    id: &str,
    timeout: Option<Duration>,
    ui: Ui,
) -> Result<pyannote::bytes::Bytes> {
    let job: Job<Diarization> = client.job(id);
    service::end_of_job(&job, timeout, ui).await?;
    Ok(client.job_json(id).await?)
}

/// The fields of a job that its presentation depends on.
#[derive(Deserialize)]
struct Body {
    status: Option<JobStatus>,
    output: Option<Output>,
}

#[derive(Deserialize)]
struct Output {
    voiceprint: Option<String>,
    error: Option<String>,
    identification: Option<IgnoredAny>,
}

/// The result of a job that succeeded, without the parts that cannot be read. Its warnings name them.
async fn readable_parts(client: &Client, id: &str, is_identification: bool) -> Result<Document> {
    if is_identification {
        let job: Job<Identification> = client.job(id);
        let result = job.wait().await?;
        Document::of_result(job.id(), &result, result.raw(), result.decode_warnings())
    } else {
        let job: Job<Diarization> = client.job(id);
        let result = job.wait().await?;
        Document::of_result(job.id(), &result, result.raw(), result.decode_warnings())
    }
}

/// Prints or writes the result of a job, or else its status.
fn present(client: &Client, id: &str, body: &[u8], output: &OutputArgs, ui: Ui) -> Result<()> {
    if prints_job(output, ui) {
        return ui.print(&format!("{}\n", String::from_utf8_lossy(body).trim_end()));
    }
    let job: Body = serde_json::from_slice(body)
        .map_err(|error| Failure::of(&error).context("not a job").with_job(id))?;
    let status = job.status.unwrap_or(JobStatus::Succeeded);
    match (&status, job.output) {
        (JobStatus::Failed, output) => {
            let reason = output.and_then(|output| output.error);
            let reason = reason.unwrap_or_else(|| "no reason given".to_owned());
            Err(Failure::failed(format!("the job failed: {reason}")).with_job(id))
        }
        (JobStatus::Canceled, _) => Err(Failure::failed("the job was canceled").with_job(id)),
        (JobStatus::Succeeded, None) => Err(Failure::failed(
            "the output of the job was deleted: outputs are kept for 24 h",
        )
        .with_job(id)),
        (
            JobStatus::Succeeded,
            Some(Output {
                voiceprint: Some(voiceprint),
                ..
            }),
        ) => {
            match &output.output {
                // Biometric data: only its owner can read the file.
                Some(path) => {
                    let path = match is_directory(path) {
                        true => path.join(format!("{id}.voiceprint")),
                        false => PathBuf::clone(path),
                    };
                    crate::export::write_file_with_mode(&path, voiceprint.as_bytes(), 0o600)?;
                    ui.note(&format!("wrote {}", path.display()));
                    Ok(())
                }
                None => ui.print(&format!("{voiceprint}\n")),
            }
        }
        (JobStatus::Succeeded, Some(Output { identification, .. })) => {
            let document = Document::of_job(id, body).or_else(|_| {
                service::block_on(readable_parts(client, id, identification.is_some()))
            })?;
            output.write(&document, id, ui)
        }
        (status, _) => {
            ui.note(&format!("to wait for it: pyannote jobs wait {id}"));
            ui.print(&format!("{status}\n"))
        }
    }
}
