//! How well, how fast and with how much memory the local engine diarizes: `cargo xtask bench der [FOLDER…]`.
//!
//! It prints a Markdown table: one line for the sample recording, and one for each recording of the folders. The
//! diarization error rate has no collar, and overlap counts. Each recording is worked on in processes of its own, with 1
//! and with 2 threads: so the peak of memory is that of one recording.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod child;
#[path = "../recordings.rs"]
mod recordings;
mod table;

use std::collections::BTreeSet;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use clap::Parser;
use pyannote::output::{Der, ScoringOptions, Turn, Turns};
use pyannote_engine::assets::Assets;
use pyannote_engine::{Diarizer, OpenModels, Options};

use child::Work;
use recordings::Recording;
use table::Line;

/// Measures the local engine.
#[derive(Parser)]
#[command(name = "cargo xtask bench der")]
struct Arguments {
    /// Folders of *.wav with references (*.rttm) and, if only parts are scored, *.uem; a file of them may hold several
    /// recordings
    folders: Vec<PathBuf>,
    /// Work on the sample, repeated to so many hours, as well: for speed and memory
    #[arg(long, default_value_t = 0.0)]
    hours: f64,
    /// Only recordings whose names start so
    #[arg(long, default_value = "")]
    only: String,
    /// Work on this recording only, and say how it went, as JSON
    #[arg(long, hide = true)]
    work: Option<String>,
    /// What `cargo bench` says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// The engine, with so many threads.
fn engine(threads: NonZero<usize>) -> impl Fn(&[f32]) -> Turns {
    let models = OpenModels::load_with(&Assets::locate().unwrap(), threads).unwrap();
    move |samples| {
        let found = models.diarize(samples, &mut Options::new());
        let turns = found.unwrap().turns.into_iter();
        let turn = |turn: pyannote_engine::Turn| {
            Turn::new(turn.start, turn.end, format!("SPEAKER_{:02}", turn.speaker))
        };
        Turns::from(turns.map(turn).collect::<Vec<_>>())
    }
}

fn main() {
    let arguments = Arguments::parse();
    if let Some(work) = arguments.work {
        let work: Work = serde_json::from_str(&work).unwrap();
        println!("{}", serde_json::to_string(&work.run(engine)).unwrap());
        return;
    }
    let assets = Assets::locate().unwrap();
    if let Err(error) = assets.ensure(&mut |progress| eprintln!("{progress}")) {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
    let mut recordings = vec![Recording::sample(&assets.sample())];
    for folder in &arguments.folders {
        recordings.extend(Recording::of_folder(folder));
    }
    let sample = recordings[0].wav.clone();
    recordings.retain(|recording| recording.name.starts_with(&arguments.only));
    println!("{}", table::HEAD);
    let mut all = Vec::new();
    for recording in &recordings {
        let [one, two] = child::measure(&recording.wav, 1);
        let mut options = ScoringOptions::new();
        if let Some(scored) = &recording.scored {
            options = options.uem(scored.iter().copied());
        }
        let der = Der::score(&recording.reference, &one.turns, &options);
        let line = Line {
            name: recording.name.clone(),
            speakers: Some((
                speakers(recording, &one.turns),
                speakers(recording, &recording.reference),
            )),
            der: Some(der),
            one,
            two,
        };
        println!("{line}");
        all.push(line);
    }
    println!("{}", Line::sum(&all));
    if arguments.hours > 0.0 {
        println!("{}", long(&sample, arguments.hours));
    }
}

/// The sample, repeated: what it costs, for there is no reference.
fn long(sample: &Path, hours: f64) -> Line {
    // The sample has 30 s.
    let repeat = (hours * 120.0).ceil() as usize;
    let [one, two] = child::measure(sample, repeat);
    Line {
        name: format!("sample × {repeat}"),
        speakers: None,
        der: None,
        one,
        two,
    }
}

/// How many speakers these turns have where a recording is scored.
fn speakers(recording: &Recording, turns: &[Turn]) -> usize {
    let scored = turns
        .iter()
        .filter(|turn| recording.is_scored(turn.start, turn.end));
    scored
        .map(|turn| &turn.speaker)
        .collect::<BTreeSet<_>>()
        .len()
}
