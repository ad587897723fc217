//! Transcription with Whisper base, on real and on synthetic audio:
//!
//! ```text
//! cargo test -p pyannote-engine --lib -- --ignored
//! ```
//!
//! The first run downloads the model.

use std::sync::LazyLock;

use super::{TranscriptionOptions, Whisper};
use crate::assets::Assets;
use crate::{CancelToken, DiarizeError, Engine, Options, Recording, SAMPLE_RATE};

/// What is said in the sample recording, according to the reference of pyannote.audio (`NOTICE` has its license).
const REFERENCE: &str = "hello hello oh hello i didn't know you were there neither did i okay then i thought you know i \
    heard a beep this is diane in new jersey and i'm sheila in texas originally from chicago oh i'm originally from \
    chicago also i'm in new jersey now though well there isn't that much difference at least you know they all call me \
    a yankee down here so what can i say oh i don't hear that in new jersey now";

/// Starts of the turns in the sample's reference, in seconds, with their first words.
const TURN_STARTS: [(f64, &str); 6] = [
    (6.68, "Hello."),
    (8.436, "Oh,"),
    (12.542, "This"),
    (17.789, "Oh,"),
    (21.935, "Well,"),
    (24.058, "At"),
];

static WHISPER: LazyLock<Whisper> = LazyLock::new(|| {
    let assets = Assets::locate().unwrap().whisper();
    assets
        .ensure(&mut |progress| eprintln!("{progress}"))
        .unwrap();
    Whisper::load(assets.folder()).unwrap()
});

/// The sample recording, or a part of it.
fn sample(seconds: std::ops::Range<f64>) -> Recording {
    let assets = Assets::locate().unwrap();
    assert!(assets.ready(), "run `cargo xtask assets` first");
    let file = std::fs::read(assets.sample().wav).unwrap();
    let (values, _) = file[104..].as_chunks::<2>();
    let index = |seconds: f64| (seconds * f64::from(SAMPLE_RATE)) as usize;
    let values = &values[index(seconds.start)..index(seconds.end)];
    let samples = values
        .iter()
        .map(|bytes| f32::from(i16::from_le_bytes(*bytes)) / 32_768.0);
    Recording::new(samples.collect())
}

/// Substitutions, deletions and insertions between words, ignoring case and punctuation.
fn errors(expected: &str, found: &str) -> usize {
    let words = |text: &str| -> Vec<String> {
        let text = text.to_lowercase();
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '\'');
        words
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (expected, found) = (words(expected), words(found));
    let mut row: Vec<usize> = (0..=found.len()).collect();
    for word in &expected {
        let mut next = vec![row[0] + 1];
        for (column, other) in found.iter().enumerate() {
            let substituted = row[column] + usize::from(word != other);
            next.push(substituted.min(row[column + 1] + 1).min(next[column] + 1));
        }
        row = next;
    }
    row[found.len()]
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn the_sample_is_transcribed_with_word_times() {
    let recording = sample(0.0..30.0);
    let speech = [(6.7, 17.9), (18.05, 30.0)];
    let mut fractions = Vec::new();
    let options = TranscriptionOptions::new().on_progress(|fraction| fractions.push(fraction));
    let transcription = WHISPER.transcribe(&recording, &speech, options).unwrap();
    assert_eq!(transcription.language.as_deref(), Some("en"));
    assert_eq!(fractions, [1.0]);
    let words = &transcription.words;
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let errors = errors(REFERENCE, &texts.join(" "));
    println!("{errors} errors: {}", texts.join(" "));
    // 81 words; faster-whisper with the same model has 13 to 16 errors.
    assert!(errors <= 14, "{errors} errors");
    for word in words {
        assert!(
            6.4 <= word.start && word.start <= word.end && word.end <= 30.0,
            "{word:?}"
        );
        assert!((0.0..=1.0).contains(&word.probability), "{word:?}");
        assert_eq!(word.text, word.text.trim());
    }
    assert!(words.windows(2).all(|pair| pair[0].start <= pair[1].start));
    for (start, text) in TURN_STARTS {
        let distances = words.iter().filter(|word| word.text == text);
        let nearest = distances
            .map(|word| (word.start - start).abs())
            .fold(f64::INFINITY, f64::min);
        assert!(nearest < 0.4, "{text} at {start} s: {nearest} s");
    }
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn silence_and_noise_have_no_words() {
    let engine = Engine::builder().offline().load().unwrap();
    let mut state = 1_u32;
    let mut noise = |level: f32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        level * ((state >> 8) as f32 / 8_388_608.0 - 1.0)
    };
    let len = 20 * SAMPLE_RATE as usize;
    let tone =
        |n: usize| 0.3 * (n as f32 * 440.0 * std::f32::consts::TAU / SAMPLE_RATE as f32).sin();
    for (name, samples) in [
        ("silence", vec![0.0; len]),
        ("quiet noise", (0..len).map(|_| noise(0.001)).collect()),
        ("loud noise", (0..len).map(|_| noise(0.3)).collect()),
        ("a tone", (0..len).map(tone).collect()),
        (
            "the start of the sample, where nobody speaks",
            sample(0.0..6.0).samples(..).unwrap(),
        ),
    ] {
        let recording = Recording::new(samples);
        let turns = engine.diarize(&recording, Options::new()).unwrap().turns;
        let speech: Vec<_> = turns.iter().map(|turn| (turn.start, turn.end)).collect();
        let options = TranscriptionOptions::new();
        let transcription = WHISPER.transcribe(&recording, &speech, options).unwrap();
        assert_eq!(transcription.words, [], "{name}");
    }
    // Even if they are said to be speech.
    for samples in [vec![0.0; len], vec![1e-6; len]] {
        let options = TranscriptionOptions::new();
        let transcription = WHISPER.transcribe(&Recording::new(samples), &[(0.0, 20.0)], options);
        assert_eq!(transcription.unwrap().words, []);
    }
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn results_are_reproducible_and_cancellation_and_unknown_languages_are_errors() {
    let recording = sample(6.5..12.0);
    let token = CancelToken::new();
    token.cancel();
    let options = TranscriptionOptions::new()
        .language("en")
        .cancel_token(&token);
    let cancelled = WHISPER.transcribe(&recording, &[(0.0, 5.0)], options);
    assert_eq!(cancelled, Err(DiarizeError::Cancelled));
    let options = TranscriptionOptions::new().language("xx");
    let error = WHISPER
        .transcribe(&recording, &[(0.0, 5.0)], options)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("`language` must be one of en, zh, de, "),
        "{error}"
    );
    let options = || TranscriptionOptions::new().language("en");
    let [once, again] = [options(), options()].map(|options| {
        let words = WHISPER.transcribe(&recording, &[(0.0, 2.0)], options);
        words.unwrap()
    });
    assert_eq!(once, again);
    assert!(!once.words.is_empty());
    let none = WHISPER
        .transcribe(&recording, &[], TranscriptionOptions::new())
        .unwrap();
    assert_eq!((none.words.len(), none.language), (0, None));
    assert!(WHISPER.languages().iter().any(|code| code == "de"));
    assert_eq!(WHISPER.name(), "whisper-base");
}

#[test]
fn folders_without_a_model_have_errors_that_name_the_file() {
    let folder = tempfile::TempDir::new().unwrap();
    let error = || {
        let error = Whisper::load(folder.path()).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        format!("{error}: {source}")
    };
    assert!(
        error().contains("config.json: the folder of a transcription model"),
        "{}",
        error()
    );
    std::fs::write(folder.path().join("config.json"), "{}").unwrap();
    assert!(error().contains("vocabulary.json"), "{}", error());
    std::fs::write(folder.path().join("vocabulary.txt"), "a\nb\n").unwrap();
    assert!(error().ends_with("<|endoftext|> is missing"), "{}", error());
    let special =
        "a\n<|endoftext|>\n<|startoftranscript|>\n<|transcribe|>\n<|nospeech|>\n<|notimestamps|>\n";
    std::fs::write(folder.path().join("vocabulary.txt"), special).unwrap();
    assert!(error().contains("model.bin"), "{}", error());
    std::fs::write(folder.path().join("model.bin"), [6, 0, 0, 0]).unwrap();
    assert!(error().ends_with("truncated after 4 bytes"), "{}", error());
}
