//! Many recordings: submits each, writes the ids down, and writes an RTTM file for each as it is ready.
//!
//! ```sh
//! PYANNOTEAI_API_KEY=... cargo run --example batch -- calls/*.wav
//! ```
//!
//! Where the program was stopped, `cargo run --example batch` without files goes on with the jobs in `jobs.txt`.

use std::io::Write;

use futures_util::StreamExt;
use pyannote::{Client, Diarization, Job};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::from_env()?;
    let files: Vec<String> = std::env::args().skip(1).collect();

    let mut jobs: Vec<Job<Diarization>> = Vec::new();
    if files.is_empty() {
        let ids = std::fs::read_to_string("jobs.txt")?;
        jobs.extend(ids.lines().map(|id| client.job(id)));
    }
    for file in &files {
        let media = client.upload(file.as_str()).skip_existing(true).await?;
        let job = client.diarize(&media).submit().await?;
        // Before the next one: an accepted job is billed, and must not be lost.
        let mut list = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open("jobs.txt")?;
        writeln!(list, "{}", job.id())?;
        list.sync_all()?;
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
            // The others go on.
            Err(error) => eprintln!("{id}: {error}"),
        }
    }
    Ok(())
}
