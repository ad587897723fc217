//! Submits a recording, and finds its job if the response was lost: the service bills it, so it must not be submitted
//! twice.
//!
//! ```sh
//! PYANNOTEAI_API_KEY=... cargo run --example find_lost_job -- https://example.com/meeting.wav
//! ```
//!
//! The ids of accepted jobs are stored in `jobs.txt`, the same file as that of the example `batch`. The lost job is the
//! one in the listing that was created at the time of the submission, and whose id is not in the file.

use std::collections::HashSet;
use std::error::Error;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use futures_util::TryStreamExt;
use pyannote::{Client, ClientBuilder, Diarization, Job, JobId, JobSummary};

const IDS: &str = "jobs.txt";
/// How often the listing is read: a new job may be listed with a delay.
const ATTEMPTS: u32 = 10;
const DELAY: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> ExitCode {
    let Some(url) = std::env::args().nth(1) else {
        eprintln!("usage: find_lost_job URL");
        return ExitCode::from(2);
    };
    match run(&url).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(url: &str) -> Result<(), Box<dyn Error>> {
    let client = client(ClientBuilder::from_env()?, IDS.into())?;
    let job = submit_or_find(&client, url, Path::new(IDS), DELAY).await?;
    println!("job {}", job.id());
    println!("{} turns", job.wait().await?.turns().len());
    Ok(())
}

/// A client that stores the id of every accepted job, also of those whose future is dropped.
pub(crate) fn client(builder: ClientBuilder, ids: PathBuf) -> Result<Client, pyannote::Error> {
    builder
        .on_accepted(move |id| {
            if let Err(error) = store(&ids, id) {
                eprintln!("job {id} could not be stored: {error}");
            }
        })
        .build()
}

/// Submits a recording. If it is unknown whether the service accepted the job, looks for the job in the listing.
pub(crate) async fn submit_or_find(
    client: &Client,
    url: &str,
    ids: &Path,
    delay: Duration,
) -> Result<Job<Diarization>, Box<dyn Error>> {
    let error = match client.diarize(url).submit().await {
        Ok(job) => return Ok(job),
        Err(error) => error,
    };
    let Some(window) = error.submission_window() else {
        return Err(error.into());
    };
    eprintln!("{error:#}");
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(delay).await;
        }
        let known = known(ids)?;
        let jobs = client
            .jobs()
            .created_after(window.start)
            .created_before(window.end);
        let mut unknown: Vec<JobSummary> = jobs.stream().try_collect().await?;
        unknown.retain(|job| !known.contains(&job.id));
        match unknown.as_slice() {
            [] => {}
            [job] => {
                store(ids, &job.id)?;
                return Ok(client.job(&job.id));
            }
            // Other programs of the team submit jobs, too: a person, or their records, must decide.
            jobs => {
                let ids: Vec<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
                return Err(
                    format!("one of these jobs may be the lost one: {}", ids.join(", ")).into(),
                );
            }
        }
    }
    // Not a proof: a job that is listed later is not found.
    Err("no job was found, so the service probably did not accept it; check the dashboard before you submit it again".into())
}

/// The ids in the file, which may not exist yet.
fn known(ids: &Path) -> std::io::Result<HashSet<JobId>> {
    match std::fs::read_to_string(ids) {
        Ok(text) => Ok(text.lines().map(JobId::from).collect()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(HashSet::new()),
        Err(error) => Err(error),
    }
}

/// Appends an id to the file, and flushes it to the disk.
fn store(ids: &Path, id: &JobId) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(ids)?;
    writeln!(file, "{id}")?;
    file.sync_all()
}
