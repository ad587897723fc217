//! Identification by voiceprint.

use pyannote::output::Turn;

use super::{reference, sample, server};

/// A WAV file with the first or second half of the speech of a speaker without overlap.
fn half(speaker: &str, second: bool) -> tempfile::NamedTempFile {
    let reference = reference();
    let samples = sample();
    let is_only_speaker = |n: usize| {
        let seconds = n as f64 / 16_000.0;
        let speaks = |turn: &&Turn| turn.start <= seconds && seconds < turn.end;
        let mut speaking = reference.iter().filter(speaks);
        speaking.next().is_some_and(|turn| turn.speaker == speaker) && speaking.next().is_none()
    };
    let speech: Vec<f32> = (0..samples.len())
        .filter(|n| is_only_speaker(*n))
        .map(|n| samples[n])
        .collect();
    let (one, other) = speech.split_at(speech.len() / 2);
    let file = tempfile::Builder::new().suffix(".wav").tempfile().unwrap();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut wav = hound::WavWriter::create(file.path(), spec).unwrap();
    for sample in if second { other } else { one } {
        wav.write_sample(*sample).unwrap();
    }
    wav.finalize().unwrap();
    file
}

#[tokio::test]
#[ignore = "needs the models: cargo xtask assets"]
async fn identifies_the_speaker_and_rejects_the_other() {
    let (server, client, _) = server().await;
    let speakers = ["speaker90", "speaker91"];
    let mut voiceprints = Vec::new();
    for speaker in speakers {
        let media = client.upload(half(speaker, false).path()).await.unwrap();
        voiceprints.push(client.voiceprint(&media).await.unwrap());
    }
    for (index, speaker) in speakers.into_iter().enumerate() {
        let media = client.upload(half(speaker, true).path()).await.unwrap();
        let both = speakers.into_iter().zip(&voiceprints);
        let both = both.map(|(label, voiceprint)| (label, voiceprint.clone()));
        let identification = client
            .identify(&media)
            .voiceprints(both)
            .threshold(50.0)
            .await
            .unwrap();
        let matches: Vec<_> = identification
            .matches()
            .unwrap()
            .iter()
            .filter_map(|entry| entry.matched.as_deref())
            .collect();
        assert_eq!(matches, [speaker]);

        let other = &voiceprints[1 - index];
        let identification = client
            .identify(&media)
            .voiceprint("other", other)
            .threshold(50.0)
            .await
            .unwrap();
        let matches = identification.matches().unwrap();
        assert!(!matches.is_empty());
        assert!(
            matches.iter().all(|entry| entry.matched.is_none()),
            "{matches:?}"
        );
    }
    server.stop().await;
}
