//! Error rate, latency, speed and memory of live diarization: `cargo xtask bench live [FOLDER…]`.
//!
//! Prints a Markdown table: for the sample recording and each recording of the folders, a row for the diarization of
//! the whole recording and one for each latency. The error rates are those of the accumulated turns, without a collar
//! and with overlapped speech. Audio is pushed in chunks of 100 ms; the latency of an event is the duration of the
//! audio so far, less the time of the event.
//!
//! With `--server`, the audio is also streamed through a server with the SDK, in real time: the latency of an event is
//! then the time from its audio to its arrival.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod measure;
#[path = "../recordings.rs"]
mod recordings;
#[path = "../scoring.rs"]
mod scoring;
mod server;
mod streams;

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use pyannote_engine::{Engine, LiveOptions, OpenModels};

use measure::{HEADER, Measured};
use recordings::Recording;

/// Measures error rate, latency, speed and memory of live diarization.
#[derive(Parser)]
#[command(name = "cargo xtask bench live")]
struct Arguments {
    /// Folders of *.wav files with *.rttm references and optional *.uem scored regions
    folders: Vec<PathBuf>,
    /// Only use recordings whose name starts with this prefix
    #[arg(long, default_value = "")]
    only: String,
    /// The latencies, in seconds
    #[arg(long, value_delimiter = ',', default_values_t = [0.5, 1.0, 2.0, 5.0])]
    latency: Vec<f64>,
    /// Also measure the memory of a stream of this many hours: the sample, repeated
    #[arg(long, default_value_t = 0.0)]
    hours: f64,
    /// Also measure whether this many streams at once keep real time, with the sample
    #[arg(long, default_value_t = 0)]
    streams: usize,
    /// Also stream through a server in real time: each recording, or as many streams at once as --streams
    #[arg(long)]
    server: bool,
    /// Meanwhile, the server diarizes a recording of this many hours
    #[arg(long, requires = "server", default_value_t = 0.0)]
    job_hours: f64,
    /// Passed by `cargo bench` to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let assets = recordings::assets();
    let mut recordings = Recording::all(&assets, &arguments.folders);
    let sample = pyannote_engine::audio::decode(&recordings[0].wav)
        .unwrap()
        .samples(..)
        .unwrap();
    recordings.retain(|recording| recording.name.starts_with(&arguments.only));
    let engine = Engine::new(OpenModels::load_with(&assets, NonZero::<usize>::MIN).unwrap());

    println!("{HEADER}");
    let mut modes = vec![None];
    for latency in &arguments.latency {
        modes.push(Some(
            LiveOptions::new().latency(Duration::from_secs_f64(*latency)),
        ));
    }
    let mut totals = vec![Measured::default(); modes.len()];
    for recording in &recordings {
        for (options, total) in modes.iter().zip(&mut totals) {
            let measured = Measured::of(&engine, recording, options.as_ref());
            println!("{}", measured.row(&recording.name, options.as_ref()));
            total.add(measured);
        }
    }
    for (options, total) in modes.iter().zip(&totals) {
        println!("{}", total.row("all", options.as_ref()));
    }
    if arguments.hours > 0.0 {
        streams::long(&engine, &sample, arguments.hours);
    }
    if arguments.server {
        let load = server::Load {
            recordings: &recordings,
            streams: arguments.streams,
            job_hours: arguments.job_hours,
        };
        for latency in &arguments.latency {
            let engine = Engine::builder().assets(assets.clone()).load().unwrap();
            let options = LiveOptions::new().latency(Duration::from_secs_f64(*latency));
            server::measure(engine, &options, &load);
        }
    } else if arguments.streams > 0 {
        streams::parallel(&engine, &sample, arguments.streams);
    }
}
