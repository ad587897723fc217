//! Diarizes many recordings, and writes an RTTM file for each as soon as its job ends.
//!
//! ```sh
//! PYANNOTEAI_API_KEY=... cargo run --example batch -- calls/*.wav
//! ```
//!
//! The ids of accepted jobs are stored in `jobs.txt`. If the program was stopped, run it without files to resume.

use std::error::Error;
use std::fs::OpenOptions;
use std::io::Write;
use std::process::ExitCode;

use futures_util::StreamExt;
use pyannote::{Client, Diarization, Job, JobId};

const IDS: &str = "jobs.txt";

#[tokio::main]
async fn main() -> ExitCode {
    let files: Vec<String> = std::env::args().skip(1).collect();
    match run(&files).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(files: &[String]) -> Result<(), Box<dyn Error>> {
    let client = Client::from_env()?;
    let mut jobs: Vec<Job<Diarization>> = Vec::new();
    if files.is_empty() {
        let ids = std::fs::read_to_string(IDS)?;
        jobs.extend(ids.lines().map(|id| client.job(id)));
    }
    for file in files {
        let media = client.upload(file.as_str()).skip_existing(true).await?;
        let job = client.diarize(&media).submit().await?;
        // An accepted job is billed: store its id before anything else can fail.
        store(job.id())?;
        jobs.push(job);
    }

    let mut results = client.wait_all(jobs);
    while let Some((id, result)) = results.next().await {
        match result {
            Ok(diarization) => {
                let rttm = diarization.turns().to_rttm(id.as_str())?;
                std::fs::write(format!("{id}.rttm"), rttm)?;
                println!("{id}: {} turns", diarization.turns().len());
            }
            // An error of one job does not affect the others.
            Err(error) => eprintln!("{id}: {error:#}"),
        }
    }
    Ok(())
}

/// Appends an id to the file, and flushes it to the disk.
fn store(id: &JobId) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(IDS)?;
    writeln!(file, "{id}")?;
    file.sync_all()
}
