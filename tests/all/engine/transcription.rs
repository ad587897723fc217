//! The words of the sample recording, through the server and the SDK.

use pyannote::Client;
use pyannote_engine::transcription::Whisper;
use pyannote_server::Server;
use pyannote_server::engine::DiarizerEngine;

use super::{MODELS, assets};

#[tokio::test]
#[ignore = "needs the models: cargo xtask assets"]
async fn words_of_the_sample_have_their_speakers() {
    let whisper = assets().whisper();
    whisper
        .ensure(&mut |progress| eprintln!("{progress}"))
        .unwrap();
    let whisper = Whisper::load_beside(whisper.folder(), &MODELS).unwrap();
    let engine = DiarizerEngine::new(MODELS.clone()).transcriber(whisper);
    let builder = Server::builder().engine(engine).key("test-key");
    let server = builder.start().await.unwrap();
    let builder = Client::builder().api_key("test-key");
    let client = builder.base_url(server.url()).build().unwrap();
    let media = client.upload(assets().sample().wav).await.unwrap();
    let diarization = client.diarize(&media).transcription(true).await.unwrap();
    let warning = diarization.warning().unwrap();
    assert!(
        warning.ends_with("which uses whisper-base instead"),
        "{warning}"
    );
    let words = diarization.words().unwrap();
    assert!(diarization.turns().words(words).unassigned.len() < 3);
    let said: Vec<(&str, &str)> = diarization
        .transcript()
        .unwrap()
        .iter()
        .map(|turn| (turn.speaker.as_str(), turn.text.as_str()))
        .collect();
    let by = |text: &str| {
        let found = said.iter().find(|(_, said)| said.contains(text));
        found.unwrap_or_else(|| panic!("{text}: {said:?}")).0
    };
    // One is from New Jersey, the other one was called a Yankee in Texas.
    assert_eq!(said[0].0, "SPEAKER_00");
    assert_eq!(by("Texas"), by("Yankee"));
    assert_ne!(by("Diane"), by("Yankee"));
    server.stop().await;
}
