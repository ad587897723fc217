//! `pyannote mcp`: the commands as tools of the Model Context Protocol.

use std::path::PathBuf;
use std::process::Stdio;

use clap::Args;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, Implementation, ServerCapabilities, ServerConfig};
use rmcp::{ErrorData, ServerHandler, ServiceExt as _, tool, tool_handler, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::error::{self, Failure};
use crate::service;

const INSTRUCTIONS: &str = "\
Speaker diarization, identification and transcription of recordings. `diarize`, `transcribe` and `identify` upload the \
recording to pyannoteAI and are billed, unless `local` is true: then open models on this machine are used, and nothing \
leaves it. Times are in seconds. Results of jobs are kept for 24 h; `get_job` fetches them again.";

/// Offer the commands to AI assistants, as tools of the Model Context Protocol over standard input and output.
///
/// Each tool runs the command of the same name, with the key of the environment or of the profile.
#[derive(Args)]
#[command(after_help = "\
Configuration of an assistant:
  {\"mcpServers\": {\"pyannote\": {\"command\": \"pyannote\", \"args\": [\"mcp\"]}}}")]
pub(crate) struct Mcp {
    /// Use open models on this machine only: no tool calls the service.
    #[arg(long)]
    local: bool,
}

impl Mcp {
    pub(crate) fn run(self, profile: Option<String>) -> error::Result<()> {
        let tools = Tools {
            program: std::env::current_exe()?,
            is_local: self.local,
            profile,
        };
        service::block_on(async {
            let failed = |error: &(dyn std::error::Error + 'static)| Failure::of(error);
            let service = tools.serve(rmcp::transport::stdio()).await;
            let service = service.map_err(|error| failed(&error))?;
            service.waiting().await.map_err(|error| failed(&error))?;
            Ok(())
        })
    }
}

/// The tools. Each runs the command in a process of its own, which goes on if the call is canceled: a job that was
/// accepted is not lost.
#[derive(Clone, Debug)]
struct Tools {
    program: PathBuf,
    is_local: bool,
    profile: Option<String>,
}

/// A recording, and what is known about its speakers.
#[derive(Deserialize, JsonSchema)]
struct DiarizeParameters {
    /// Path of a file, or an http(s) or media URL.
    recording: String,
    /// Use open models on this machine: nothing is uploaded or billed.
    #[serde(default)]
    local: bool,
    /// Number of speakers, if it is known.
    num_speakers: Option<u32>,
    /// Minimum number of speakers.
    min_speakers: Option<u32>,
    /// Maximum number of speakers.
    max_speakers: Option<u32>,
    /// Model of the service, such as precision-2.
    model: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct TranscribeParameters {
    /// Path of a file, or an http(s) or media URL.
    recording: String,
    /// Use open models on this machine: nothing is uploaded or billed.
    #[serde(default)]
    local: bool,
    /// Number of speakers, if it is known.
    num_speakers: Option<u32>,
    /// Transcription model of the service.
    transcription_model: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct IdentifyParameters {
    /// Path of a file, or an http(s) or media URL.
    recording: String,
    /// Names of stored voiceprints; see `list_voiceprints`.
    voiceprints: Vec<String>,
    /// Minimum score of a match, 0..100.
    threshold: Option<f64>,
    /// Use open models on this machine: nothing is uploaded or billed.
    #[serde(default)]
    local: bool,
}

#[derive(Deserialize, JsonSchema)]
struct ListJobsParameters {
    /// Only jobs with this status: pending, created, running, succeeded, failed or canceled.
    status: Option<String>,
    /// Maximum number of jobs; 20 if it is missing.
    limit: Option<u32>,
}

#[derive(Deserialize, JsonSchema)]
struct JobParameters {
    /// Id of the job.
    id: String,
}

#[derive(Deserialize, JsonSchema)]
struct WaitParameters {
    /// Id of the job.
    id: String,
    /// Maximum time to wait, in seconds.
    timeout: Option<f64>,
}

#[derive(Deserialize, JsonSchema)]
struct ScoreParameters {
    /// Path of the reference: RTTM, a result as JSON, or a folder of them.
    reference: String,
    /// Path of the diarization to be scored, in the same forms.
    hypothesis: String,
    /// Width of the unscored region around each start and end of a reference turn, in seconds.
    collar: Option<f64>,
    /// Do not score overlapped speech.
    #[serde(default)]
    skip_overlap: bool,
}

#[tool_router]
impl Tools {
    /// Find out who spoke when.
    #[tool(annotations(
        read_only_hint = false,
        destructive_hint = false,
        open_world_hint = true
    ))]
    async fn diarize(
        &self,
        Parameters(parameters): Parameters<DiarizeParameters>,
    ) -> Result<CallToolResult, ErrorData> {
        let arguments = Arguments::new(["diarize"])
            .flag("--local", parameters.local || self.is_local)
            .option("--num-speakers", parameters.num_speakers)
            .option("--min-speakers", parameters.min_speakers)
            .option("--max-speakers", parameters.max_speakers)
            .option("--model", parameters.model);
        self.run(arguments, [parameters.recording]).await
    }

    /// Find out who spoke when, and what they said.
    #[tool(annotations(
        read_only_hint = false,
        destructive_hint = false,
        open_world_hint = true
    ))]
    async fn transcribe(
        &self,
        Parameters(parameters): Parameters<TranscribeParameters>,
    ) -> Result<CallToolResult, ErrorData> {
        let transcribe = match parameters.transcription_model {
            Some(model) => format!("--transcribe={model}"),
            None => "--transcribe".to_owned(),
        };
        let arguments = Arguments::new(["diarize", &transcribe])
            .flag("--local", parameters.local || self.is_local)
            .option("--num-speakers", parameters.num_speakers);
        self.run(arguments, [parameters.recording]).await
    }

    /// Find out who spoke when, and identify speakers by stored voiceprints.
    #[tool(annotations(
        read_only_hint = false,
        destructive_hint = false,
        open_world_hint = true
    ))]
    async fn identify(
        &self,
        Parameters(parameters): Parameters<IdentifyParameters>,
    ) -> Result<CallToolResult, ErrorData> {
        let mut arguments = Arguments::new(["identify"])
            .flag("--local", parameters.local || self.is_local)
            .option("--threshold", parameters.threshold);
        for name in parameters.voiceprints {
            arguments = arguments.option("--voiceprint", Some(name));
        }
        self.run(arguments, [parameters.recording]).await
    }

    /// List the voiceprints that are stored on this machine, by name.
    #[tool(annotations(read_only_hint = true))]
    async fn list_voiceprints(&self) -> Result<CallToolResult, ErrorData> {
        self.run(Arguments::new(["voiceprint", "list"]), []).await
    }

    /// List the team's jobs, newest first.
    #[tool(annotations(read_only_hint = true))]
    async fn list_jobs(
        &self,
        Parameters(parameters): Parameters<ListJobsParameters>,
    ) -> Result<CallToolResult, ErrorData> {
        let arguments = Arguments::new(["jobs", "list"])
            .option("--status", parameters.status)
            .option("--limit", parameters.limit);
        self.run_on_service(arguments, []).await
    }

    /// Fetch a job: its status, and its output if it succeeded.
    #[tool(annotations(read_only_hint = true))]
    async fn get_job(
        &self,
        Parameters(parameters): Parameters<JobParameters>,
    ) -> Result<CallToolResult, ErrorData> {
        self.run_on_service(Arguments::new(["jobs", "get"]), [parameters.id])
            .await
    }

    /// Wait for the end of a job, and fetch it.
    #[tool(annotations(read_only_hint = true))]
    async fn wait_for_job(
        &self,
        Parameters(parameters): Parameters<WaitParameters>,
    ) -> Result<CallToolResult, ErrorData> {
        let arguments = Arguments::new(["jobs", "wait"]).option("--timeout", parameters.timeout);
        self.run_on_service(arguments, [parameters.id]).await
    }

    /// Score diarizations against references: diarization error rate (DER) and Jaccard error rate (JER).
    #[tool(annotations(read_only_hint = true))]
    async fn score(
        &self,
        Parameters(parameters): Parameters<ScoreParameters>,
    ) -> Result<CallToolResult, ErrorData> {
        let arguments = Arguments::new(["score"])
            .option("--collar", parameters.collar)
            .flag("--skip-overlap", parameters.skip_overlap);
        self.run(arguments, [parameters.reference, parameters.hypothesis])
            .await
    }
}

#[tool_handler]
impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("pyannote", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }
}

/// The arguments of a command.
struct Arguments(Vec<String>);

impl Arguments {
    fn new<'a>(command: impl IntoIterator<Item = &'a str>) -> Self {
        Self(command.into_iter().map(str::to_owned).collect())
    }

    fn flag(mut self, name: &str, is_set: bool) -> Self {
        if is_set {
            self.0.push(name.to_owned());
        }
        self
    }

    /// An option in one argument, so that its value cannot be another option.
    fn option(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.0.push(format!("{name}={}", value.to_string()));
        }
        self
    }
}

impl Tools {
    async fn run_on_service<const N: usize>(
        &self,
        arguments: Arguments,
        positional: [String; N],
    ) -> Result<CallToolResult, ErrorData> {
        if self.is_local {
            let message = "this server was started with --local, and does not call the service";
            return Ok(CallToolResult::structured_error(
                json!({ "message": message }),
            ));
        }
        self.run(arguments, positional).await
    }

    /// Runs a command, and returns its result or its error.
    async fn run<const N: usize>(
        &self,
        arguments: Arguments,
        positional: [String; N],
    ) -> Result<CallToolResult, ErrorData> {
        let mut command = Command::new(&self.program);
        command.args(arguments.0).arg("--json");
        if let Some(profile) = &self.profile {
            command.arg(format!("--profile={profile}"));
        }
        // Whatever a recording is called, it is not an option. The standard input is that of the protocol.
        command.arg("--").args(positional).stdin(Stdio::null());
        let output = command.output().await.map_err(|error| {
            ErrorData::internal_error(format!("cannot run the command: {error}"), None)
        })?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        let messages: Vec<Value> = stderr
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        if output.status.success() {
            return match serde_json::from_slice::<Value>(&output.stdout) {
                // A structured result is an object.
                Ok(Value::Array(items)) => {
                    Ok(CallToolResult::structured(json!({ "items": items })))
                }
                Ok(result) => Ok(CallToolResult::structured(result)),
                Err(error) => Err(ErrorData::internal_error(
                    format!("the command printed no JSON: {error}"),
                    None,
                )),
            };
        }
        let error = messages
            .iter()
            .rev()
            .find_map(|message| message.get("error").cloned());
        let error = error.unwrap_or_else(|| json!({ "message": stderr.trim() }));
        Ok(CallToolResult::structured_error(error))
    }
}
