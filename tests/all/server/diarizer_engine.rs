//! `DiarizerEngine`, through the server and the SDK.

use pyannote::output::Turns;
use pyannote::{Client, MediaUrl, Model, Voiceprint};
use pyannote_engine::{Community1, Sensitivity, SpeakerBounds};
use pyannote_server::Server;
use pyannote_server::engine::DiarizerEngine;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::fake_diarizer::{FakeDiarizer, meeting, monologue};
use super::wav::tone;
use super::{client, post, server_with, status_and_body};

async fn server(fake: &FakeDiarizer) -> (Server, Client, MediaUrl) {
    let server = server_with(DiarizerEngine::new(fake.clone())).await;
    let client = client(&server);
    let tone = pyannote_tests::fixtures().join("audio/tone.flac");
    let media = client.upload(tone).await.unwrap();
    (server, client, media)
}

/// The speaker of each turn.
fn speakers(turns: &Turns) -> Vec<&str> {
    turns.iter().map(|turn| turn.speaker.as_str()).collect()
}

#[tokio::test]
async fn diarization_with_all_options() {
    let fake = FakeDiarizer::new([meeting()]);
    let (_server, client, media) = server(&fake).await;
    let job = client
        .diarize(&media)
        .model("community-1")
        .num_speakers(2)
        .exclusive(true)
        .confidence(true)
        .turn_level_confidence(true)
        .extra("gain", 3)
        .submit()
        .await
        .unwrap();
    let models = format!(
        "model community-1 is not available on this server, which uses open models instead: fake-segmentation and \
         fake-embedding; to use community-1, {}; then start the server with --models DIR",
        Community1::ACCESS
    );
    assert_eq!(job.warning(), Some(&*models));
    let diarization = job.wait().await.unwrap();
    assert_eq!(diarization.warning(), Some(&*models));
    assert_eq!(fake.calls(), [(8_000, SpeakerBounds::exactly(2))]);
    assert_eq!(speakers(diarization.turns()), ["SPEAKER_00", "SPEAKER_01"]);
    assert_eq!(
        (diarization.turns()[0].start, diarization.turns()[0].end),
        (0.0, 1.5)
    );
    let confidence = diarization.turns()[1].confidence.as_ref().unwrap();
    assert_eq!(
        (confidence["SPEAKER_00"], confidence["SPEAKER_01"]),
        (40.0, 79.5)
    );
    assert_eq!(diarization.exclusive().unwrap()[1].start, 1.25);
    assert_eq!(
        diarization.confidence().unwrap().score,
        [97.0, 87.5, 60.0, 99.0]
    );
}

#[tokio::test]
async fn probabilities_and_sensitivities() {
    let fake = FakeDiarizer::new([meeting(), meeting(), meeting()]);
    let (_server, client, media) = server(&fake).await;
    let diarization = client
        .diarize(&media)
        .model(Model::Precision3)
        .speech_probability(true)
        .crosstalk_probability(true)
        .speaker_probability(true)
        .vad_sensitivity(1.5)
        .crosstalk_sensitivity(-0.5)
        .await
        .unwrap();
    let speech = diarization.speech_probability().unwrap();
    // The recording has 0.5 s, of which each score covers all.
    assert_eq!((speech.score.len(), speech.resolution), (25, 0.02));
    assert!(speech.score.iter().all(|score| *score == 98.0));
    assert_eq!(
        diarization.crosstalk_probability().unwrap().score,
        [0.0; 25]
    );
    let speakers = diarization.speaker_probability().unwrap();
    assert_eq!(speakers.get("SPEAKER_00").unwrap().score, [97.0; 25]);
    assert_eq!(speakers.iter().count(), 2);

    // An identification has the labels of the diarization, also of a speaker with a name.
    let ada = client.voiceprint(&media).await.unwrap();
    let found = client
        .identify(&media)
        .voiceprint("Ada", &ada)
        .speaker_probability(true)
        .crosstalk_sensitivity(5.0)
        .await
        .unwrap();
    assert!(found.turns().iter().any(|turn| turn.speaker == "Ada"));
    let speakers: Vec<&str> = found
        .speaker_probability()
        .unwrap()
        .iter()
        .map(|(speaker, _)| speaker)
        .collect();
    assert_eq!(speakers, ["SPEAKER_00", "SPEAKER_01"]);
    assert!(found.speech_probability().is_none());
    let sensitivity = |vad, crosstalk| Sensitivity { vad, crosstalk };
    assert_eq!(
        fake.sensitivities(),
        [
            sensitivity(1.5, -0.5),
            sensitivity(0.0, 0.0),
            sensitivity(0.0, 5.0)
        ]
    );
}

#[tokio::test]
async fn all_jobs_of_an_accurate_engine_are_accurate() {
    for is_accurate in [true, false] {
        let fake = FakeDiarizer::new([monologue(85.0), meeting(), meeting()]);
        let engine = DiarizerEngine::new(fake.clone()).accurate(is_accurate);
        let server = server_with(engine).await;
        let client = client(&server);
        let tone = pyannote_tests::fixtures().join("audio/tone.flac");
        let media = client.upload(tone).await.unwrap();
        let ada = client.voiceprint(&media).await.unwrap();
        let identify = client.identify(&media).voiceprint("Ada", &ada);
        identify.await.unwrap();
        client.diarize(&media).await.unwrap();
        assert_eq!(fake.accurate(), [is_accurate; 3]);
    }
}

#[tokio::test]
async fn identifies_a_voiceprint_of_the_same_server() {
    let fake = FakeDiarizer::new([monologue(85.0), meeting(), meeting()]);
    let (_server, client, media) = server(&fake).await;
    let ada = client.voiceprint(&media).await.unwrap();
    assert!(ada.warning().unwrap().contains("precision-2"));
    let identify = || client.identify(&media).voiceprint("Ada", &ada);
    let identification = identify().threshold(50.0).await.unwrap();
    assert_eq!(speakers(identification.turns()), ["Ada", "SPEAKER_01"]);
    assert_eq!(
        identification.diarization().unwrap()[0].speaker,
        "SPEAKER_00"
    );
    let matches = identification.matches().unwrap();
    assert_eq!(matches[0].matched.as_deref(), Some("Ada"));
    assert_eq!(
        (matches[0].confidence["Ada"], matches[1].confidence["Ada"]),
        (100.0, 9.0)
    );
    // Without a threshold and not exclusive, both speakers match Ada.
    let identification = identify()
        .exclusive_matching(false)
        .max_speakers(3)
        .await
        .unwrap();
    assert!(
        identification
            .turns()
            .iter()
            .all(|turn| turn.speaker == "Ada")
    );
    let at_most_three = SpeakerBounds {
        min: None,
        max: Some(3),
    };
    assert_eq!(
        fake.calls(),
        [
            (8_000, SpeakerBounds::default()),
            (8_000, SpeakerBounds::default()),
            (8_000, at_most_three)
        ]
    );
}

#[tokio::test]
async fn foreign_voiceprints_are_rejected() {
    let fake = FakeDiarizer::new([monologue(0.0)]);
    let (server, client, media) = server(&fake).await;
    let ada = client.voiceprint(&media).await.unwrap();
    let cloud = Voiceprint::from_base64("U29tZVZvaWNlUHJpbnREYXRhMQ==").unwrap();
    let mut damaged = ada.as_base64().to_owned();
    let half = damaged.len() / 2;
    damaged.replace_range(
        half..=half,
        if damaged[half..].starts_with('A') {
            "B"
        } else {
            "A"
        },
    );
    let damaged = Voiceprint::from_base64(damaged).unwrap();
    let request = client
        .identify(&media)
        .voiceprint("Ada", &ada)
        .voiceprint("Grace", &cloud)
        .voiceprint("Joan", &damaged);
    let error = request.submit().await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::BAD_REQUEST));
    let fields: Vec<(&str, &str)> = error
        .field_errors()
        .iter()
        .map(|error| (error.field.as_str(), error.message.as_str()))
        .collect();
    assert_eq!(
        fields,
        [
            (
                "voiceprints[1].voiceprint",
                "the voiceprint is not from a local engine: voiceprints of the pyannoteAI API cannot be used locally, create a new one"
            ),
            (
                "voiceprints[2].voiceprint",
                "the voiceprint is corrupted: its checksum does not match"
            ),
        ]
    );
    // All violations are reported at once, each once.
    let body = json!({ "voiceprints": [
        { "label": "Ada", "voiceprint": "no base64" },
        { "label": "Ada", "voiceprint": "U29t" },
        { "label": "Joan" },
    ]});
    let response = status_and_body(post(&server, "/v1/identify", &body).await).await;
    let errors = response["body"]["errors"].as_array().unwrap();
    let fields: Vec<&Value> = errors.iter().map(|error| &error["field"]).collect();
    assert_eq!(
        fields,
        [
            "voiceprints[2].voiceprint",
            "url",
            "voiceprints[0].voiceprint",
            "voiceprints[1].label",
            "voiceprints[1].voiceprint"
        ]
    );
}

#[tokio::test]
async fn warnings_about_the_recording_are_returned() {
    let (_server, client, _) = server(&FakeDiarizer::default()).await;
    let mut bytes = tone(16_000, 20);
    bytes.truncate(bytes.len() - 16_000 * 2);
    let media = client.upload(bytes).key("cut.wav").await.unwrap();
    let diarization = client.diarize(&media).await.unwrap();
    let warning = diarization.warning().unwrap();
    assert!(
        warning.ends_with("; the recording is truncated: it ends after 19.0 s of 20.0 s"),
        "{warning}"
    );
}
