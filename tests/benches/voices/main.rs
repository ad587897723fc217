//! How well the local engine knows voices again: `cargo xtask bench voices FOLDER…`.
//!
//! Of each speaker who speaks alone for long enough, one half of that speech becomes a voiceprint, and the other half a
//! recording in which somebody is to be identified, with all voiceprints of all recordings and at threshold 50. All goes
//! through the SDK and a local server. It prints a Markdown table, and ends with 1 if a speaker is taken for another.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../recordings.rs"]
mod recordings;
mod speech;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use pyannote::{Client, MediaUrl, Voiceprint};
use pyannote_engine::OpenModels;
use pyannote_engine::assets::Assets;
use pyannote_server::engine::DiarizerEngine;
use pyannote_server::{RateLimits, Server};

use recordings::Recording;
use speech::Speech;

/// From which score on somebody counts as known.
const THRESHOLD: f64 = 50.0;

/// Measures how well voices are known again.
#[derive(Parser)]
#[command(name = "cargo xtask bench voices")]
struct Arguments {
    /// Folders of *.wav with references (*.rttm) and, if these are not whole, *.uem
    folders: Vec<PathBuf>,
    /// Only recordings whose names start so, the sample's being "sample"
    #[arg(long, default_value = "", value_name = "START")]
    only: String,
    /// What `cargo bench` says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// Somebody who was enrolled.
struct Enrolled {
    label: String,
    speech: Speech,
    voiceprint: Voiceprint,
    /// The other half of the speech.
    other: MediaUrl,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let assets = Assets::locate().unwrap();
    if let Err(error) = assets.ensure(&mut |progress| eprintln!("{progress}")) {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    let mut recordings = vec![Recording::sample(&assets.sample())];
    for folder in &arguments.folders {
        recordings.extend(Recording::of_folder(folder));
    }
    recordings.retain(|recording| recording.name.starts_with(&arguments.only));

    let models = OpenModels::load(&assets).unwrap();
    let server = Server::builder()
        .engine(DiarizerEngine::new(models))
        .key("voices")
        .rate_limits(RateLimits::off())
        .start()
        .await
        .unwrap();
    let client = Client::builder()
        .api_key("voices")
        .base_url(server.url())
        .build()
        .unwrap();
    let enrolled = enroll(&client, recordings).await;
    println!("| speaker | heard, s | enrolled from, s | own score | best other | match |");
    println!("| --- | ---: | ---: | ---: | ---: | --- |");
    let (mut known, mut wrong) = (0, 0);
    for speaker in &enrolled {
        let found = identify(&client, speaker, &enrolled).await;
        known += usize::from(found.is_right(speaker));
        wrong += usize::from(found.is_wrong(speaker));
        println!("{}", found.line(speaker));
    }
    println!();
    println!(
        "{known} of {} are known again, {wrong} taken for another.",
        enrolled.len()
    );
    server.stop().await;
    if wrong == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Enrolls every speaker with enough speech.
async fn enroll(client: &Client, recordings: Vec<Recording>) -> Vec<Enrolled> {
    let folder = tempfile::tempdir().unwrap();
    let wav = folder.path().join("half.wav");
    let mut enrolled = Vec::new();
    for recording in recordings {
        for speech in Speech::of(&recording) {
            let label = format!("{} {}", recording.name, speech.speaker);
            let [one, other] = speech.halves();
            speech::write(&wav, &one);
            let voiceprint = client
                .voiceprint(client.upload(&wav).await.unwrap())
                .await
                .unwrap();
            speech::write(&wav, &other);
            let other = client.upload(&wav).await.unwrap();
            enrolled.push(Enrolled {
                label,
                speech,
                voiceprint,
                other,
            });
        }
    }
    enrolled
}

/// What came of an identification.
struct Found {
    own: f64,
    best_other: f64,
    label: Option<String>,
}

/// Identifies the one who speaks most in the other half.
async fn identify(client: &Client, speaker: &Enrolled, enrolled: &[Enrolled]) -> Found {
    // The same person of another recording is neither a stranger nor the voiceprint that is looked for.
    let others = enrolled.iter().filter(|other| {
        other.label == speaker.label || other.speech.speaker != speaker.speech.speaker
    });
    let found = client
        .identify(&speaker.other)
        .voiceprints(others.map(|other| (other.label.clone(), other.voiceprint.clone())))
        .threshold(THRESHOLD)
        .await
        .unwrap();
    let of = |name: &str| -> f64 {
        let turns = found.diarization().unwrap().iter();
        turns
            .filter(|turn| turn.speaker == name)
            .map(|turn| turn.end - turn.start)
            .sum()
    };
    let matches = found.matches().unwrap();
    let most = matches
        .iter()
        .max_by(|a, b| of(&a.speaker).total_cmp(&of(&b.speaker)))
        .unwrap();
    let others = most
        .confidence
        .iter()
        .filter(|(label, _)| **label != speaker.label);
    Found {
        own: most.confidence[&speaker.label],
        best_other: others.map(|(_, score)| *score).fold(0.0, f64::max),
        label: most.matched.clone(),
    }
}

impl Found {
    fn is_right(&self, speaker: &Enrolled) -> bool {
        self.label.as_ref() == Some(&speaker.label)
    }

    fn is_wrong(&self, speaker: &Enrolled) -> bool {
        self.label.is_some() && !self.is_right(speaker)
    }

    fn line(&self, speaker: &Enrolled) -> String {
        let [one, other] = speaker
            .speech
            .halves()
            .map(|samples| speech::seconds(&samples));
        let matched = match &self.label {
            Some(_) if self.is_right(speaker) => "right",
            Some(label) => label,
            None => "nobody",
        };
        format!(
            "| {} | {other:.1} | {one:.1} | {:.0} | {:.0} | {matched} |",
            speaker.label, self.own, self.best_other
        )
    }
}
