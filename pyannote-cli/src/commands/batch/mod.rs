//! `pyannote batch`: many recordings.

mod dry_run;
mod events;
mod inputs;
mod journal;
mod local;
mod plan;
mod service;

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use pyannote::{AudioUrl, Client, Diarization, Request};
use sha2::{Digest as _, Sha256};

use super::channels::ChannelArgs;
use super::transcribe::TranscribeArgs;
use super::turns::TurnArgs;
use crate::cli::Global;
use crate::error::{Failure, Result};
use crate::export::{AudioLink, Format, render, write_file};
use crate::input::{Input, check_file};
use crate::local::{AudioArgs, EngineArgs};
use crate::models::ModelArgs;
use crate::result::Document;
use crate::service::{RequestArgs, parse_seconds};
use crate::ui::Ui;
use events::Reporter;
use inputs::Item;
use journal::{Entry, Journal};
use plan::{Step, next_step};

pub(crate) use dry_run::DryRunOutput;
pub(crate) use events::Event;

/// Diarize many recordings.
///
/// A journal in the output folder records each step before it is taken. A batch that was stopped, or killed, goes on
/// when the same command is run again: nothing is submitted twice, no job is lost, and recordings that are done are
/// skipped. The results of each recording are in a JSON file, and in the other formats that are asked for.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pyannote batch recordings/ -o results -f rttm
  pyannote batch 'calls/**/*.mp3' -o results --num-speakers 2 --json
  find . -name '*.wav' -newer last | pyannote batch --from-stdin -o results
  pyannote batch recordings/ -o results --dry-run --price-per-hour 0.5")]
pub(crate) struct Batch {
    /// Recordings: files, folders with their subfolders, patterns in quotes, or URLs.
    #[arg(value_name = "FILE|DIR|PATTERN|URL")]
    recordings: Vec<PathBuf>,
    /// File with one recording per line, # begins a comment; or with NULs between them, as of `find -print0`.
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
    /// Read such a list from the standard input.
    #[arg(long)]
    from_stdin: bool,
    /// Folder of the results and of the journal.
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// Format of the results besides JSON; repeatable.
    #[arg(long = "format", short, value_name = "FORMAT")]
    formats: Vec<Format>,
    /// Maximum number of recordings that are uploaded and processed at the same time.
    #[arg(long, value_name = "NUMBER", default_value = "8")]
    concurrency: NonZero<usize>,
    /// Do recordings again that are done. They are billed again.
    #[arg(long)]
    force: bool,
    /// Check the recordings, and print their duration and the estimated cost, without doing anything.
    #[arg(long)]
    dry_run: bool,
    /// Price of an hour, for --dry-run.
    #[arg(
        long,
        value_name = "PRICE",
        requires = "dry_run",
        conflicts_with = "prices"
    )]
    price_per_hour: Option<f64>,
    /// TOML file with the price of an hour by model, such as `precision-2 = 0.5` or `default = 0.5`, for --dry-run.
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    prices: Option<PathBuf>,
    /// The job of a recording whose outcome is unknown; repeatable.
    #[arg(long, value_name = "FILE=JOB", value_parser = parse_adopt)]
    adopt: Vec<(String, String)>,
    /// Submit a recording again whose outcome is unknown. It may be billed twice. Repeatable.
    #[arg(long, value_name = "FILE")]
    resubmit: Vec<String>,
    /// Time after which a job that was submitted is in the listing for certain, in seconds.
    #[arg(long, hide = true, default_value = "300", value_parser = parse_seconds)]
    settle: Duration,
    /// Use open models on this machine: no key, no network, no costs.
    #[arg(long)]
    local: bool,
    #[command(flatten)]
    turns: TurnArgs,
    #[command(flatten)]
    transcribe: TranscribeArgs,
    #[command(flatten)]
    options: RequestArgs,
    /// Maximum time to wait for each job, in seconds [default: no limit].
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    timeout: Option<Duration>,
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    channels: ChannelArgs,
    #[command(flatten)]
    audio: AudioArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

fn parse_adopt(text: &str) -> std::result::Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((file, job)) if !file.is_empty() && !job.is_empty() => {
            Ok((file.to_owned(), job.to_owned()))
        }
        _ => Err("must be FILE=JOB".to_owned()),
    }
}

impl Batch {
    pub(crate) fn run(self, ui: Ui, global: &Global) -> Result<()> {
        let subtitles = self
            .formats
            .iter()
            .any(|format| matches!(format, Format::Srt | Format::Vtt));
        if subtitles && !self.transcribe.is_set() {
            return Err(Failure::usage(
                "subtitles need a transcript; pass --transcribe",
            ));
        }
        if self.local {
            crate::local::reject(self.options.used())?;
            crate::models::check(self.options.model.as_deref())?;
        } else {
            self.audio.check_service()?;
            self.channels.check_service()?;
            self.models.check_service()?;
            self.turns.check_service()?;
            self.transcribe.check_service()?;
        }
        if global.show_code {
            return ui.print(&self.code(global)?);
        }
        let items = inputs::expand(&self.recordings, self.list.as_deref(), self.from_stdin)?;
        let client = match self.local {
            true => None,
            // A dry run needs no key.
            false if self.dry_run => None,
            false => Some(crate::service::connect(global)?),
        };
        let request = self.request_digest(client.as_ref())?;
        if self.dry_run {
            return dry_run::run(&self, &items, ui);
        }
        let journal = Journal::open(&self.output)?;
        let reporter = Reporter::new(ui, items.len());
        let result = match &client {
            None => local::run(&self, &items, &journal, &reporter, &request, ui),
            Some(client) => service::run(&self, client, &items, journal, &reporter, request, ui),
        };
        // What ended the whole batch matters more than the recordings that failed.
        let finished = reporter.finish();
        result.and(finished)
    }

    /// The program submits and waits; it keeps no journal.
    fn code(&self, global: &Global) -> Result<String> {
        crate::local::reject(self.local.then_some("--show-code"))?;
        let mut program = crate::service::Program::new(global)?;
        program.import("futures_util::StreamExt as _");
        program.line("let mut requests = Vec::new();");
        program.line("for path in std::env::args().skip(1) {");
        program.line("    let media = client.upload(path.as_str()).skip_existing(true).await?;");
        let mut calls = vec![".diarize(&media)".to_owned()];
        calls.extend(self.turns.setters());
        calls.extend(self.transcribe.setters());
        calls.extend(self.options.setters());
        program.chain(
            "    let request = client",
            &[calls.concat(), ";".to_owned()],
        );
        program.line("    requests.push((path, request));");
        program.line("}");
        let concurrency = self.concurrency;
        program.chain(
            "let mut submissions = client",
            &[
                ".submit_all(requests)".to_owned(),
                format!(".concurrency({concurrency});"),
            ],
        );
        program.line("let mut jobs = Vec::new();");
        program.line("while let Some((path, job)) = submissions.next().await {");
        program.line("    match job {");
        program.line("        Ok(job) => {");
        program.line(r#"            println!("{path}: job {}", job.id());"#);
        program.line("            jobs.push(job);");
        program.line("        }");
        program.line(r#"        Err(error) => eprintln!("{path}: {error:#}"),"#);
        program.line("    }");
        program.line("}");
        program.line("let mut results = client.wait_all(jobs);");
        program.line("while let Some((id, result)) = results.next().await {");
        program.line("    match result {");
        program.line("        Ok(result) => {");
        program.line(r#"            std::fs::write(format!("{id}.json"), pyannote::serde_json::to_string(&result)?)?;"#);
        program.line("        }");
        program.line(r#"        Err(error) => eprintln!("{id}: {error:#}"),"#);
        program.line("    }");
        program.line("}");
        Ok(program.finish())
    }

    /// The request for a recording.
    fn request(&self, client: &Client, url: AudioUrl) -> Request<Diarization> {
        let request = self.transcribe.apply(self.turns.apply(client.diarize(url)));
        match self.local {
            // What the models of the service support does not matter on this machine.
            true => request,
            false => self.options.apply(request),
        }
    }

    /// A digest of the options that results depend on. Fails if they are invalid.
    fn request_digest(&self, client: Option<&Client>) -> Result<String> {
        let offline;
        let client = match client {
            Some(client) => client,
            None => {
                offline = Client::builder().api_key("unused").build()?;
                &offline
            }
        };
        let request = self
            .request(client, AudioUrl::from("media://placeholder"))
            .to_json()?;
        let backend = match self.local {
            true => format!(
                "local{}{}{}{}{}",
                self.models.digest(self.options.model.as_deref()),
                self.audio.digest(),
                self.channels.digest(),
                self.turns.digest(),
                self.transcribe.digest()
            ),
            false => "service".to_owned(),
        };
        Ok(hex::encode(Sha256::digest(format!("{backend} {request}"))))
    }

    /// Decides the next step for a recording.
    fn next_step(
        &self,
        item: &Item,
        fingerprint: &str,
        entry: Option<&Entry>,
        request: &str,
    ) -> Step {
        let mut exist = self.outputs(item).map(|(_, path)| path.exists());
        let has_results = match entry {
            Some(_) => exist.all(|exists| exists),
            None => exist.any(|exists| exists),
        };
        next_step(entry, fingerprint, request, has_results, self.force)
    }

    /// The files of the results of a recording.
    fn outputs<'a>(&'a self, item: &'a Item) -> impl Iterator<Item = (Format, PathBuf)> + 'a {
        let mut formats = vec![Format::Json];
        for format in &self.formats {
            if !formats.contains(format) {
                formats.push(*format);
            }
        }
        formats.into_iter().map(|format| {
            let mut name = self.output.join(&item.stem).into_os_string();
            name.push(".");
            name.push(format.extension());
            (format, name.into())
        })
    }

    /// Writes the results of a recording, and returns their files.
    fn write(&self, item: &Item, document: &Document) -> Result<Vec<String>> {
        let mut outputs = Vec::new();
        for (format, path) in self.outputs(item) {
            write_file(
                &path,
                render(document, format, Some(AudioLink::From(&path)))?.as_bytes(),
            )?;
            outputs.push(path.display().to_string());
        }
        Ok(outputs)
    }
}

/// Why a recording of which the journal knows nothing is left alone.
const CONFLICT: &str = "files with the names of its results exist, but it is not in the journal; \
                        move them away, or pass --force to do all recordings again";

/// Changes with the content of a file: its length and the time of its last change.
fn fingerprint(item: &Item) -> Result<String> {
    let Input::File(path) = &item.input else {
        return Ok(String::new());
    };
    check_file(path)?;
    let file = std::fs::metadata(path).map_err(|error| Failure::reading(path, &error))?;
    let modified = file
        .modified()?
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Ok(format!("{} {}", file.len(), modified.as_nanos()))
}
