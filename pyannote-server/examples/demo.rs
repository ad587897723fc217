//! Diarizes a recording on this machine: starts a server with the open models, and sends it the recording with the SDK,
//! as it would send it to pyannoteAI.
//!
//! ```sh
//! cargo run --release -p pyannote-server --example demo                  # a 30 s sample
//! cargo run --release -p pyannote-server --example demo -- meeting.wav   # your own recording
//! ```
//!
//! It needs no API key. The first run downloads the models (82 MB, with pip from Python 3).

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use pyannote::output::{Der, ScoringOptions, Turns, rttm};
use pyannote::{Client, Diarization};
use pyannote_engine::assets::Assets;
use pyannote_engine::{OpenModels, SAMPLE_RATE};
use pyannote_server::Server;
use pyannote_server::engine::DiarizerEngine;
use serde::Deserialize;

/// Width of the timeline, in characters.
const TIMELINE_CHARS: usize = 72;

#[tokio::main]
async fn main() -> ExitCode {
    match demo().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn demo() -> Result<(), Box<dyn Error>> {
    // Downloads the models on the first run, then reads them from the cache directory.
    let assets = Assets::locate()?;
    assets.ensure(&mut |progress| eprintln!("{progress}"))?;
    let models = OpenModels::load(&assets)?;

    // Starts a server on a free port.
    let server = Server::builder()
        .engine(DiarizerEngine::new(models))
        .key("throw-away-key")
        .start()
        .await?;

    // From here on, only the base URL and the API key differ from using pyannoteAI itself.
    let client = Client::builder()
        .base_url(server.url())
        .api_key(server.api_key())
        .keep_raw_bodies() // for the job's timestamps, below
        .build()?;
    let argument = std::env::args_os().nth(1).map(PathBuf::from);
    let is_sample = argument.is_none();
    let recording = argument.unwrap_or_else(|| assets.sample().wav);
    let media = client.upload(&recording).await?;
    let diarization = client.diarize(&media).await?; // submits the job and waits for it
    server.stop().await;

    let turns = diarization.turns();
    let seconds = duration(&recording)?;
    println!("{}\n", recording.display());
    for turn in turns {
        println!("{:9.3} {:9.3}  {}", turn.start, turn.end, turn.speaker);
    }
    print_timeline(turns, seconds);
    if let Some(warning) = diarization.warning() {
        println!("warning: {warning}");
    }
    if is_sample {
        print_der(&std::fs::read_to_string(assets.sample().rttm)?, turns)?;
    }
    print_speed(&diarization, seconds)
}

/// Prints a line for each speaker, which marks their turns.
fn print_timeline(turns: &Turns, seconds: f64) {
    let column = seconds / TIMELINE_CHARS as f64;
    println!();
    for speaker in turns.speakers() {
        let speaks = |at: f64| {
            let mut turns = turns.iter().filter(|turn| turn.speaker == speaker);
            turns.any(|turn| turn.start <= at && at < turn.end)
        };
        let line = (0..TIMELINE_CHARS).map(|index| match speaks((index as f64 + 0.5) * column) {
            true => '█',
            false => '·',
        });
        println!("{speaker}  {}", line.collect::<String>());
    }
    println!();
}

/// Prints the diarization error rate against the reference annotation.
fn print_der(reference: &str, turns: &Turns) -> Result<(), Box<dyn Error>> {
    let references = rttm::parse(reference)?;
    let (_, reference) = references.first().ok_or("the reference is empty")?;
    let der = Der::score(reference, turns, &ScoringOptions::new()); // no collar, with overlapped speech
    println!(
        "DER:    {:.1} %: {:.2} s missed, {:.2} s false alarm, {:.2} s confusion, of {:.2} s of speech",
        100.0 * der.rate(),
        der.missed_detection,
        der.false_alarm,
        der.confusion,
        der.total
    );
    Ok(())
}

/// Prints the processing time of the job, by the server's timestamps. The SDK polls only about once per second.
fn print_speed(diarization: &Diarization, seconds: f64) -> Result<(), Box<dyn Error>> {
    /// Timestamps of a job.
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Times {
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
    }
    let body = diarization.raw().ok_or("the response body was not kept")?;
    let times: Times = serde_json::from_slice(body)?;
    let job_seconds = (times.updated_at - times.created_at).as_seconds_f64();
    println!(
        "speed:  {seconds:.1} s of audio in {job_seconds:.2} s, {:.0} times real time: from submission to\n        result, \
including decoding, without loading the models and uploading the recording",
        seconds / job_seconds
    );
    Ok(())
}

/// Duration of a recording, in seconds.
fn duration(recording: &Path) -> Result<f64, Box<dyn Error>> {
    let samples = pyannote_engine::audio::decode(recording)?.samples;
    Ok(samples.len() as f64 / f64::from(SAMPLE_RATE))
}
