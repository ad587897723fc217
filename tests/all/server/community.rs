//! Requests for `community-1`: a server that has its folder, and one that has not.

use pyannote::output::Turns;
use pyannote_engine::{Community1, Diarizer, Embedding, Voiceprint};
use pyannote_server::engine::DiarizerEngine;
use pyannote_tests::{community_folder, fixtures};
use serde_json::json;

use super::fake_diarizer::{FakeDiarizer, meeting, monologue};
use super::{client, post, server_with, status_and_body};

fn community() -> Community1 {
    let folder = tempfile::tempdir().unwrap();
    community_folder::write(folder.path()).unwrap();
    Community1::load(folder.path()).unwrap()
}

/// Start, end and speaker of each turn.
fn spans(turns: &Turns) -> Vec<(f64, f64, &str)> {
    let turns = turns.iter();
    turns
        .map(|turn| (turn.start, turn.end, turn.speaker.as_str()))
        .collect()
}

#[tokio::test]
async fn a_request_runs_the_model_that_it_names() {
    let fake = FakeDiarizer::new([meeting(), meeting()]);
    let engine = DiarizerEngine::new(fake.clone()).model(Community1::NAME, community());
    let server = server_with(engine).await;
    let client = client(&server);
    let media = client
        .upload(fixtures().join("audio/tone.flac"))
        .await
        .unwrap();
    let job = client
        .diarize(&media)
        .model("community-1")
        .num_speakers(1)
        .exclusive(true)
        .confidence(true)
        .turn_level_confidence(true)
        .speech_probability(true)
        .crosstalk_probability(true)
        .speaker_probability(true)
        .submit()
        .await
        .unwrap();
    assert_eq!(job.warning(), None);
    let diarization = job.wait().await.unwrap();
    assert_eq!(diarization.warning(), None);
    assert!(fake.calls().is_empty());
    // With these weights, the recording of 0.5 s is one turn.
    let turn = [(0.031, 0.5, "SPEAKER_00")];
    assert_eq!(spans(diarization.turns()), turn);
    assert_eq!(spans(diarization.exclusive().unwrap()), turn);
    let confidence = diarization.turns()[0].confidence.as_ref().unwrap();
    assert!(confidence["SPEAKER_00"] > 90.0, "{confidence:?}");
    // The turn starts with the second frame of the models.
    let confidence = &diarization.confidence().unwrap().score;
    assert!(
        confidence.len() > 20 && confidence[2..].iter().all(|score| *score > 90.0),
        "{confidence:?}"
    );
    let speech = &diarization.speech_probability().unwrap().score;
    assert!(speech.len() == 25 && speech[12] > 90.0, "{speech:?}");
    let crosstalk = &diarization.crosstalk_probability().unwrap().score;
    assert!(crosstalk.iter().all(|score| *score < 10.0), "{crosstalk:?}");
    let speaker = diarization.speaker_probability().unwrap();
    assert!(speaker.get("SPEAKER_00").unwrap().score[12] > 90.0);

    let diarization = client.diarize(&media).await.unwrap();
    assert_eq!(diarization.turns().len(), 2);
    assert!(
        diarization
            .warning()
            .unwrap()
            .starts_with("model precision-2 is not available")
    );
    assert_eq!(fake.calls().len(), 1);
}

#[tokio::test]
async fn channels_are_diarized_with_the_model_that_is_named() {
    let fake = FakeDiarizer::new([meeting()]);
    let engine = DiarizerEngine::new(fake.clone()).model(Community1::NAME, community());
    let server = server_with(engine).await;
    let client = client(&server);
    let media = client
        .upload(fixtures().join("audio/tone.flac"))
        .await
        .unwrap();
    let diarization = client
        .diarize(&media)
        .model("community-1")
        .extra("channels", true)
        .await
        .unwrap();
    assert_eq!(spans(diarization.turns()), [(0.031, 0.5, "SPEAKER_00")]);
    let warning = diarization.warning().unwrap();
    assert!(warning.contains("one channel"), "{warning}");
    assert!(!warning.contains("not available"), "{warning}");
}

#[tokio::test]
async fn a_server_without_the_folder_says_how_to_get_it() {
    let server = server_with(DiarizerEngine::new(FakeDiarizer::new([meeting()]))).await;
    let client = client(&server);
    let media = client
        .upload(fixtures().join("audio/tone.flac"))
        .await
        .unwrap();
    let job = client
        .diarize(&media)
        .model("community-1")
        .submit()
        .await
        .unwrap();
    let warning = job.warning().unwrap().to_owned();
    for words in [
        "model community-1 is not available on this server, which uses open models instead: fake-segmentation",
        "; to use community-1, accept the conditions of https://huggingface.co/pyannote/speaker-diarization-community-1",
        "(license: CC-BY-4.0)",
        "plda/xvec_transform.npz; then start the server with --models DIR",
    ] {
        assert!(warning.contains(words), "{warning}");
    }
    let diarization = job.wait().await.unwrap();
    assert_eq!(diarization.warning(), Some(&*warning));
    assert_eq!(diarization.turns().len(), 2);
}

/// As in the API, `community-1` neither identifies nor creates voiceprints, so only voiceprints of the default models are
/// of use. Those of community-1, which the engine creates, are refused by their tag.
#[tokio::test]
async fn voiceprints_are_of_the_default_models() {
    let community = community();
    let tag = community.embedding_model().to_owned();
    let fake = FakeDiarizer::new([monologue(0.0)]);
    let server = server_with(DiarizerEngine::new(fake).model(Community1::NAME, community)).await;
    let client = client(&server);
    let media = client
        .upload(fixtures().join("audio/tone.flac"))
        .await
        .unwrap();
    let ada = client.voiceprint(&media).await.unwrap();
    let local = Voiceprint::from_base64(ada.as_base64()).unwrap();
    assert_eq!(local.model(), "fake-embedding");

    let foreign = Voiceprint::new(&tag, Embedding(vec![1.0; 256])).unwrap();
    let request = json!({
        "url": media.as_str(),
        "voiceprints": [{ "label": "Ada", "voiceprint": foreign.to_base64() }],
    });
    let response = status_and_body(post(&server, "/v1/identify", &request).await).await;
    assert_eq!(response["status"], 400, "{response}");
    assert_eq!(
        response["body"]["errors"][0]["message"],
        "the voiceprint is from model wespeaker-resnet34-community-1, but fake-embedding is required: create a new one",
        "{response}"
    );
    for path in ["/v1/identify", "/v1/voiceprint"] {
        let mut request = request.clone();
        request["model"] = json!("community-1");
        request["voiceprints"][0]["voiceprint"] = json!(ada.as_base64());
        let response = status_and_body(post(&server, path, &request).await).await;
        assert_eq!(response["status"], 400, "{path}: {response}");
        let text = response.to_string();
        assert!(
            text.contains("must not be community-1, which supports diarization only"),
            "{text}"
        );
    }
}
