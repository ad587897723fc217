//! Who says what, live: one speech recognizer for all speakers, whose words are assigned to the live turns.
//!
//! ```sh
//! PYANNOTEAI_API_KEY=... cargo run --example live_words --features live -- meeting.f32 words.txt
//! ```
//!
//! `meeting.f32` has the samples: 32-bit floats, little-endian, mono, 16 kHz. The recognizer of this example is a script:
//! each line of `words.txt` has the start and the end of a word in seconds, and the word. Put a real one in its place:
//! it gets the same audio, and its words have times on the same axis.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use futures_util::StreamExt;
use pyannote::Client;
use pyannote::live::{LiveEvent, LiveWords, WordEvent};
use pyannote::output::Word;

/// How often the words are updated.
const INTERVAL: Duration = Duration::from_millis(200);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [audio, words] = &arguments[..] else {
        eprintln!("usage: live_words AUDIO WORDS");
        return ExitCode::from(2);
    };
    let run = async {
        let bytes = std::fs::read(audio)?;
        let samples = bytes.chunks_exact(4);
        let samples = samples
            .map(|s| f32::from_le_bytes([s[0], s[1], s[2], s[3]]))
            .collect();
        let recognizer = Recognizer::parse(&std::fs::read_to_string(words)?)?;
        let client = Client::from_env()?;
        transcribe(&client, samples, recognizer, std::io::stdout()).await
    };
    match run.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints each word with its speaker as soon as it is known, and corrections.
pub(crate) async fn transcribe(
    client: &Client,
    samples: Vec<f32>,
    mut recognizer: Recognizer,
    mut output: impl Write,
) -> Result<(), Box<dyn Error>> {
    let session = client.live().connect().await?;
    let (mut sender, mut events) = session.split();
    tokio::spawn(async move {
        // If this fails, the events have the reason.
        let _ = sender.send(&samples).await;
    });
    let mut words = LiveWords::new();
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Ok(LiveEvent::Reconnected { gap, .. })) => words.restart(gap.end),
                Some(Ok(event)) => {
                    if let Some(event) = event.speaker_event() {
                        words.apply(&event);
                    }
                }
                Some(Err(error)) => return Err(error.into()),
                None => break,
            },
            _ = ticks.tick() => {
                for word in recognizer.words_until(events.position_s()) {
                    words.push(word);
                }
                print(&mut output, words.advance(events.position_s()))?;
            }
        }
    }
    for word in recognizer.words_until(f64::INFINITY) {
        words.push(word);
    }
    print(&mut output, words.finish())?;
    Ok(())
}

fn print(output: &mut impl Write, events: Vec<WordEvent>) -> std::io::Result<()> {
    for event in events {
        let (note, word) = match event {
            WordEvent::Assigned { word, .. } => ("", word),
            WordEvent::Corrected { word, .. } => ("corrected: ", word),
            _ => continue,
        };
        let speaker = word.speaker.as_deref().unwrap_or("?");
        writeln!(output, "{note}{:.2} {speaker}: {}", word.start, word.text)?;
    }
    Ok(())
}

/// A speech recognizer that knows the words in advance.
pub(crate) struct Recognizer {
    /// By their starts, the last one first.
    words: Vec<Word>,
}

impl Recognizer {
    /// How long after its end a word is recognized, in seconds.
    const DELAY_S: f64 = 0.5;

    /// Parses lines with the start and the end of a word, in seconds, and the word.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let parse = |line: &str| {
            let mut fields = line.split_whitespace();
            let start = fields.next()?.parse().ok()?;
            let end = fields.next()?.parse().ok()?;
            Some(Word::new(start, end, fields.next()?))
        };
        let words = text.lines().map(|line| {
            parse(line).ok_or_else(|| format!("not a start, an end and a word: {line:?}"))
        });
        let mut words: Vec<Word> = words.collect::<Result<_, _>>()?;
        words.sort_by(|a, b| b.end.total_cmp(&a.end));
        Ok(Self { words })
    }

    /// The words that are recognized when `now` seconds of audio have arrived, since the last call.
    fn words_until(&mut self, now: f64) -> Vec<Word> {
        let is_known = |word: &Word| word.end + Self::DELAY_S <= now;
        let known = self
            .words
            .iter()
            .rev()
            .take_while(|word| is_known(word))
            .count();
        let mut words = self.words.split_off(self.words.len() - known);
        words.reverse();
        words
    }
}
