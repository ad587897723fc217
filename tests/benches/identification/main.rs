//! Speaker identification with the engine: `cargo xtask bench identification FOLDER…`.
//!
//! For each speaker with enough speech without overlap, the first half of it is the voiceprint, and the second half is
//! identified among the voiceprints of all recordings with threshold 50. Runs through the SDK and a server. Prints a
//! Markdown table, and exits with 1 if a speaker is mistaken for another.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../recordings.rs"]
mod recordings;
mod speech;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use pyannote::{Client, MediaUrl, Voiceprint};
use pyannote_engine::OpenModels;
use pyannote_server::engine::DiarizerEngine;
use pyannote_server::{RateLimits, Server};

use recordings::Recording;
use speech::Speech;

/// The minimum score of a match, 0..100.
const THRESHOLD: f64 = 50.0;

/// Measures speaker identification across two halves of each recording.
#[derive(Parser)]
#[command(name = "cargo xtask bench identification")]
struct Arguments {
    /// Folders of *.wav files with *.rttm references and optional *.uem scored regions
    folders: Vec<PathBuf>,
    /// Only use recordings whose name starts with this prefix (the sample recording is named "sample")
    #[arg(long, default_value = "", value_name = "PREFIX")]
    only: String,
    /// Passed by `cargo bench` to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// An enrolled speaker.
struct Enrolled {
    label: String,
    speech: Speech,
    voiceprint: Voiceprint,
    /// The second half of the speech.
    second_half: MediaUrl,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let assets = recordings::assets();
    let mut recordings = Recording::all(&assets, &arguments.folders);
    recordings.retain(|recording| recording.name.starts_with(&arguments.only));

    let models = OpenModels::load(&assets).unwrap();
    let server = Server::builder()
        .engine(DiarizerEngine::new(models))
        .key("bench")
        .rate_limits(RateLimits::off())
        .start()
        .await
        .unwrap();
    let client = Client::builder()
        .api_key("bench")
        .base_url(server.url())
        .build()
        .unwrap();
    let enrolled = enroll(&client, recordings).await;
    println!(
        "| speaker | identified speech, s | enrolled speech, s | own score | best other score | match |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | --- |");
    let (mut correct, mut wrong) = (0, 0);
    for speaker in &enrolled {
        let found = identify(&client, speaker, &enrolled).await;
        correct += usize::from(found.is_correct(speaker));
        wrong += usize::from(found.is_wrong(speaker));
        println!("{}", found.row(speaker));
    }
    println!();
    println!(
        "{correct} of {} speakers are identified, {wrong} mistaken for another.",
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
            let [first, second] = speech.halves();
            speech::write(&wav, &first);
            let voiceprint = client
                .voiceprint(client.upload(&wav).await.unwrap())
                .await
                .unwrap();
            speech::write(&wav, &second);
            let second_half = client.upload(&wav).await.unwrap();
            enrolled.push(Enrolled {
                label,
                speech,
                voiceprint,
                second_half,
            });
        }
    }
    enrolled
}

/// The result of an identification.
struct Found {
    own: f64,
    best_other: f64,
    label: Option<String>,
}

/// Identifies the speaker with the most speech in the second half.
async fn identify(client: &Client, speaker: &Enrolled, enrolled: &[Enrolled]) -> Found {
    // Voiceprints of the same speaker in other recordings are left out: a match would be neither correct nor wrong.
    let others = enrolled.iter().filter(|other| {
        other.label == speaker.label || other.speech.speaker != speaker.speech.speaker
    });
    let found = client
        .identify(&speaker.second_half)
        .voiceprints(others.map(|other| (other.label.clone(), other.voiceprint.clone())))
        .threshold(THRESHOLD)
        .await
        .unwrap();
    let speech_s = |name: &str| -> f64 {
        let turns = found.diarization().unwrap().iter();
        turns
            .filter(|turn| turn.speaker == name)
            .map(|turn| turn.end - turn.start)
            .sum()
    };
    let matches = found.matches().unwrap();
    let main_speaker = matches
        .iter()
        .max_by(|a, b| speech_s(&a.speaker).total_cmp(&speech_s(&b.speaker)))
        .unwrap();
    let others = main_speaker
        .confidence
        .iter()
        .filter(|(label, _)| **label != speaker.label);
    Found {
        own: main_speaker.confidence[&speaker.label],
        best_other: others.map(|(_, score)| *score).fold(0.0, f64::max),
        label: main_speaker.matched.clone(),
    }
}

impl Found {
    fn is_correct(&self, speaker: &Enrolled) -> bool {
        self.label.as_ref() == Some(&speaker.label)
    }

    fn is_wrong(&self, speaker: &Enrolled) -> bool {
        self.label.is_some() && !self.is_correct(speaker)
    }

    fn row(&self, speaker: &Enrolled) -> String {
        let [first_s, second_s] = speaker
            .speech
            .halves()
            .map(|samples| speech::seconds(&samples));
        let matched = match &self.label {
            Some(_) if self.is_correct(speaker) => "correct",
            Some(label) => label,
            None => "none",
        };
        format!(
            "| {} | {second_s:.1} | {first_s:.1} | {:.0} | {:.0} | {matched} |",
            speaker.label, self.own, self.best_other
        )
    }
}
