//! The JSON of each request, minimal and full, and requests deserialized from JSON.

use std::num::NonZeroU64;

use pyannote_api_sys::types::{
    CreateStream, DiarizeRequest, GetMediaUploadUrl, IdentifyRequest, IdentifyRequestVoiceprints,
    MatchingOptions, TranscriptionConfiguration, Voiceprint, VoiceprintRequest,
};
use pyannote_tests::body;
use serde_json::{Map, Value, json};

fn extra() -> Map<String, Value> {
    let Value::Object(extra) = json!({ "musicProbability": true, "gain": -2 }) else {
        unreachable!()
    };
    extra
}

fn voiceprints() -> IdentifyRequestVoiceprints {
    let voiceprint: Voiceprint = Voiceprint::builder()
        .label("Ada")
        .voiceprint("U29tZUJhc2U2NERhdGE=")
        .try_into()
        .unwrap();
    vec![voiceprint].try_into().unwrap()
}

#[test]
fn diarize() {
    let minimal: DiarizeRequest = DiarizeRequest::builder()
        .url("https://example.com/a.wav")
        .try_into()
        .unwrap();
    insta::assert_json_snapshot!(minimal, @r#"
    {
      "url": "https://example.com/a.wav"
    }
    "#);
    let full: DiarizeRequest = DiarizeRequest::builder()
        .url("media://meetings/a.wav")
        .webhook("https://example.com/hook".to_owned())
        .webhook_status_only(true)
        .model(Some("community-1".into()))
        .num_speakers(NonZeroU64::new(2))
        .min_speakers(NonZeroU64::new(1))
        .max_speakers(NonZeroU64::new(4))
        .turn_level_confidence(true)
        .exclusive(true)
        .confidence(true)
        .transcription(true)
        .transcription_config(Some(
            TranscriptionConfiguration::builder()
                .model(Some("faster-whisper-large-v3-turbo".into()))
                .try_into()
                .unwrap(),
        ))
        .extra(extra())
        .try_into()
        .unwrap();
    insta::assert_json_snapshot!("diarize_full", full);
}

#[test]
fn identify() {
    let minimal: IdentifyRequest = IdentifyRequest::builder()
        .voiceprints(voiceprints())
        .try_into()
        .unwrap();
    insta::assert_json_snapshot!("identify_minimal", minimal);
    let full: IdentifyRequest = IdentifyRequest::builder()
        .url("https://example.com/a.wav".to_owned())
        .webhook("https://example.com/hook".to_owned())
        .webhook_status_only(false)
        .model(Some("precision-4".into()))
        .num_speakers(NonZeroU64::new(2))
        .min_speakers(NonZeroU64::new(1))
        .max_speakers(NonZeroU64::new(4))
        .turn_level_confidence(true)
        .exclusive(true)
        .confidence(true)
        .matching(Some(
            MatchingOptions::builder()
                .exclusive(false)
                .threshold(Some(62.5.try_into().unwrap()))
                .extra(extra())
                .try_into()
                .unwrap(),
        ))
        .voiceprints(voiceprints())
        .extra(extra())
        .try_into()
        .unwrap();
    insta::assert_json_snapshot!("identify_full", full);
}

#[test]
fn voiceprint() {
    let minimal: VoiceprintRequest = VoiceprintRequest::builder()
        .url("https://example.com/a.wav")
        .try_into()
        .unwrap();
    insta::assert_json_snapshot!(minimal, @r#"
    {
      "url": "https://example.com/a.wav"
    }
    "#);
    let full: VoiceprintRequest = VoiceprintRequest::builder()
        .url("https://example.com/a.wav")
        .model(Some("precision-2".into()))
        .webhook("https://example.com/hook".to_owned())
        .webhook_status_only(true)
        .extra(extra())
        .try_into()
        .unwrap();
    insta::assert_json_snapshot!("voiceprint_full", full);
}

#[test]
fn media() {
    let minimal: GetMediaUploadUrl = GetMediaUploadUrl::builder()
        .url("media://meetings/2025_11-06.wav")
        .try_into()
        .unwrap();
    insta::assert_json_snapshot!(minimal, @r#"
    {
      "url": "media://meetings/2025_11-06.wav"
    }
    "#);
    let full: GetMediaUploadUrl = GetMediaUploadUrl::builder()
        .url("media://a.wav")
        .extra(extra())
        .try_into()
        .unwrap();
    insta::assert_json_snapshot!("media_full", full);
}

#[test]
fn live() {
    insta::assert_json_snapshot!(CreateStream::from(Map::new()), @"{}");
    insta::assert_json_snapshot!("live_full", CreateStream::from(extra()));
}

#[test]
fn documented_requests_round_trip() {
    fn round_trip<T: serde::de::DeserializeOwned + serde::Serialize>(name: &str) {
        let request: T = serde_json::from_str(&body(name)).unwrap();
        let written = serde_json::to_value(&request).unwrap();
        // A snapshot and no comparison, since 50 may be written as 50.0.
        insta::assert_json_snapshot!(format!("round_trip_of_{name}"), written);
    }
    round_trip::<DiarizeRequest>("diarize_request");
    round_trip::<IdentifyRequest>("identify_request");
    round_trip::<VoiceprintRequest>("voiceprint_request");
}
