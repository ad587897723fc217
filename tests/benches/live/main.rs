//! Error rate, latency, speed and memory of live diarization: `cargo xtask bench live [FOLDER…]`.
//!
//! Prints a Markdown table: for the sample recording and each recording of the folders, a row for the diarization of
//! the whole recording and one for each latency. The error rates are those of the accumulated turns, without a collar
//! and with overlapped speech. Audio is pushed in chunks of 100 ms; the latency of an event is the duration of the
//! audio so far, less the time of the event.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod measure;
#[path = "../recordings.rs"]
mod recordings;
#[path = "../scoring.rs"]
mod scoring;
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
    if arguments.streams > 0 {
        streams::parallel(&engine, &sample, arguments.streams);
    }
}
