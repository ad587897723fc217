//! `channels: true`: calls with one party per channel.

use pyannote::{Client, MediaUrl};
use pyannote_engine::SpeakerBounds;
use pyannote_server::Server;
use pyannote_server::engine::DiarizerEngine;
use serde_json::{Value, json};

use super::fake_diarizer::{FakeDiarizer, monologue};
use super::server_with;

/// One second of two tones, in turns: the first channel first.
fn call() -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
    for n in 0..16_000 {
        let sample = if n % 20 < 10 { 8_000 } else { -8_000 };
        for is_speaking in [n < 8_000, n >= 8_000] {
            writer
                .write_sample(if is_speaking { sample } else { 0_i16 })
                .unwrap();
        }
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

async fn server(fake: &FakeDiarizer) -> (Server, Client, MediaUrl) {
    let server = server_with(DiarizerEngine::new(fake.clone())).await;
    let client = Client::builder()
        .api_key(server.api_key())
        .base_url(server.url())
        .keep_raw_bodies()
        .build()
        .unwrap();
    let media = client.upload(call()).key("call.wav").await.unwrap();
    (server, client, media)
}

fn output(body: &[u8]) -> Value {
    serde_json::from_slice::<Value>(body).unwrap()["output"].take()
}

#[tokio::test]
async fn each_channel_is_diarized_and_named() {
    let fake = FakeDiarizer::new([monologue(0.0), monologue(90.0)]);
    let (server, client, media) = server(&fake).await;
    let request = client
        .diarize(&media)
        .extra("channels", true)
        .exclusive(true);
    let diarization = request.await.unwrap();
    let one = SpeakerBounds {
        min: None,
        max: Some(1),
    };
    assert_eq!(fake.calls(), [(16_000, one), (16_000, one)]);
    assert_eq!(diarization.turns().speakers(), ["SPEAKER_00", "SPEAKER_01"]);
    let output = output(diarization.raw().unwrap());
    assert_eq!(
        output["speakerChannels"],
        json!({ "SPEAKER_00": 1, "SPEAKER_01": 2 })
    );
    // Both turns are in the same second.
    assert_eq!(output["exclusiveDiarization"].as_array().unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn speakers_of_channels_are_identified() {
    let fake = FakeDiarizer::new([monologue(90.0), monologue(0.0), monologue(90.0)]);
    let (server, client, media) = server(&fake).await;
    let ada = client.voiceprint(&media).await.unwrap();
    let found = client
        .identify(&media)
        .voiceprint("Ada", &ada)
        .threshold(50.0)
        .extra("channels", true)
        .extra("speakersPerChannel", 2)
        .await
        .unwrap();
    let speakers: Vec<&str> = found
        .turns()
        .iter()
        .map(|turn| turn.speaker.as_str())
        .collect();
    assert_eq!(speakers, ["SPEAKER_00", "Ada"]);
    let calls = fake.calls();
    assert_eq!(calls[1..], [(16_000, SpeakerBounds::exactly(2)); 2]);
    let output = output(found.raw().unwrap());
    assert_eq!(
        output["speakerChannels"],
        json!({ "SPEAKER_00": 1, "SPEAKER_01": 2 })
    );
    server.stop().await;
}

#[tokio::test]
async fn invalid_fields_are_rejected_and_the_downmix_is_the_default() {
    let fake = FakeDiarizer::default();
    let (server, client, media) = server(&fake).await;
    for (name, value, field) in [
        ("channels", json!("yes"), "channels"),
        ("speakersPerChannel", json!(2), "speakersPerChannel"),
        ("channels", json!(true), "numSpeakers"),
    ] {
        let request = client.diarize(&media).num_speakers(2).extra(name, value);
        let error = request.submit().await.unwrap_err();
        assert_eq!(error.field_errors()[0].field, field);
    }
    for request in [
        client.diarize(&media),
        client.diarize(&media).extra("channels", false),
    ] {
        let diarization = request.await.unwrap();
        assert_eq!(
            output(diarization.raw().unwrap()).get("speakerChannels"),
            None
        );
    }
    assert_eq!(fake.calls().len(), 2);
    server.stop().await;
}
