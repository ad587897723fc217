//! Writes an HTML page of a diarization to standard output.
//!
//! ```sh
//! cargo run -p pyannote-core --example html_page -- meeting.rttm meeting.wav transcript.json > meeting.html
//! ```
//!
//! The recording is the URL that the page will play, relative to the page; it is not read. The transcript is a list of
//! `{"start": …, "end": …, "text": …, "speaker": …}`, as the pyannoteAI API returns it. Both are optional.

use anyhow::Context;
use pyannote_core::{HtmlOptions, Transcript, rttm};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments
        .next()
        .context("usage: html_page TURNS.rttm [AUDIO_URL] [TRANSCRIPT.json]")?;
    let recordings = rttm::parse(&std::fs::read_to_string(path)?)?;
    let (name, turns) = recordings
        .first()
        .context("the RTTM file contains no turns")?;

    let mut options = HtmlOptions::default().title(name.as_str());
    for argument in arguments {
        options = if argument.ends_with(".json") {
            let transcript: Transcript = serde_json::from_str(&std::fs::read_to_string(argument)?)?;
            options.transcript(transcript)
        } else {
            options.audio(argument)?
        };
    }
    print!("{}", turns.to_html_with(&options));
    Ok(())
}
