//! `transcription: true`, through the server and the SDK.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyannote::Client;
use pyannote_engine::transcription::{
    TranscribedWord, Transcriber, Transcription, TranscriptionOptions,
};
use pyannote_engine::{DiarizeError, Recording};
use pyannote_server::engine::{DiarizerEngine, EngineJob, JobKind};
use pyannote_server::{Engine as _, Server};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::fake_diarizer::{FakeDiarizer, meeting, monologue};
use super::{AUDIO, post, server_with, status_and_body};

/// Number of samples, number of regions and language of a call.
type Call = (usize, usize, Option<String>);

/// Says the same words about every recording in English or German. Clones share the calls.
#[derive(Clone, Default)]
struct FakeTranscriber {
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Transcriber for FakeTranscriber {
    fn model(&self) -> &str {
        "fake-whisper"
    }

    fn check_language(&self, code: &str) -> Result<(), DiarizeError> {
        match code {
            "en" | "de" => Ok(()),
            _ => Err(DiarizeError::InvalidOptions {
                option: "language",
                reason: "must be one of en, de".to_owned(),
            }),
        }
    }

    fn transcribe(
        &self,
        recording: &Recording,
        speech: &[(f64, f64)],
        options: TranscriptionOptions<'_>,
    ) -> Result<Transcription, DiarizeError> {
        let language = options.language_code().map(str::to_owned);
        let call = (recording.len(), speech.len(), language.clone());
        self.calls.lock().unwrap().push(call);
        let words = [
            (0.1, 0.4, "Good"),
            (0.5, 0.9, "morning."),
            (1.3, 1.8, "Hello."),
        ];
        let words = words.map(|(start, end, text)| TranscribedWord::new(start, end, text, 0.9));
        Ok(Transcription::new(words.into(), language))
    }
}

/// A server that transcribes, and a client of it.
async fn server(fake: &FakeDiarizer, transcriber: impl Transcriber) -> (Server, Client) {
    let engine = DiarizerEngine::new(fake.clone()).transcriber(transcriber);
    let server = server_with(engine).await;
    let builder = Client::builder().api_key(server.api_key());
    let client = builder.base_url(server.url()).keep_raw_bodies();
    (server, client.build().unwrap())
}

async fn upload(client: &Client) -> pyannote::MediaUrl {
    let tone = pyannote_tests::fixtures().join("audio/tone.flac");
    client.upload(tone).await.unwrap()
}

#[tokio::test]
async fn words_and_turns_have_the_shape_of_the_api() {
    let fake = FakeDiarizer::new([meeting()]);
    let transcriber = FakeTranscriber::default();
    let (server, client) = server(&fake, transcriber.clone()).await;
    let media = upload(&client).await;
    let job = client
        .diarize(&media)
        .transcription(true)
        .submit()
        .await
        .unwrap();
    let warning = "model precision-2 is not available on this server, which uses open models instead: fake-segmentation \
                   and fake-embedding; transcription model parakeet-tdt-0.6b-v3 is not available on this server, which \
                   uses fake-whisper instead";
    assert_eq!(job.warning(), Some(warning));
    let diarization = job.wait().await.unwrap();
    assert_eq!(diarization.warning(), Some(warning));
    assert_eq!(diarization.words().unwrap().len(), 3);
    let turns = diarization.transcript().unwrap();
    assert_eq!(
        turns.to_text(),
        "[00:00:00] SPEAKER_00: Good morning.\n[00:00:01] SPEAKER_01: Hello.\n"
    );
    let body: Value = serde_json::from_slice(diarization.raw().unwrap()).unwrap();
    let output = &body["output"];
    assert_eq!(
        (
            &output["wordLevelTranscription"],
            &output["turnLevelTranscription"]
        ),
        (
            &json!([
                { "start": 0.1, "end": 0.4, "text": "Good", "speaker": "SPEAKER_00" },
                { "start": 0.5, "end": 0.9, "text": "morning.", "speaker": "SPEAKER_00" },
                { "start": 1.3, "end": 1.8, "text": "Hello.", "speaker": "SPEAKER_01" },
            ]),
            &json!([
                { "start": 0.1, "end": 0.9, "text": "Good morning.", "speaker": "SPEAKER_00" },
                { "start": 1.3, "end": 1.8, "text": "Hello.", "speaker": "SPEAKER_01" },
            ])
        )
    );
    assert_eq!(*transcriber.calls.lock().unwrap(), [(8_000, 2, None)]);
    // The turns without overlap were not asked for.
    assert!(diarization.exclusive().is_none());
    server.stop().await;
}

#[tokio::test]
async fn models_of_the_api_are_accepted_and_the_warning_names_the_used_one() {
    let fake = FakeDiarizer::new([monologue(0.0), monologue(0.0)]);
    let transcriber = FakeTranscriber::default();
    let (server, client) = server(&fake, transcriber.clone()).await;
    let media = upload(&client).await;
    for (model, warns) in [
        ("parakeet-tdt-0.6b-v3", true),
        ("faster-whisper-large-v3-turbo", true),
        ("fake-whisper", false),
    ] {
        let request = client.diarize(&media).transcription(true);
        let job = request.transcription_model(model).submit().await.unwrap();
        let expected = format!(
            "transcription model {model} is not available on this server, which uses fake-whisper instead"
        );
        let warning = job.warning().unwrap();
        assert_eq!(warning.ends_with(&expected), warns, "{warning}");
        assert_eq!(warning.contains("fake-whisper"), warns, "{warning}");
        assert!(job.wait().await.unwrap().words().is_some());
    }
    // A language is a field of this server.
    let config = json!({ "language": "de", "model": null });
    let request =
        json!({ "url": media.as_str(), "transcription": true, "transcriptionConfig": config });
    let response = post(&server, "/v1/diarize", &request).await;
    let created: Value = response.json().await.unwrap();
    let id = created["jobId"].as_str().unwrap();
    client
        .job::<pyannote::Diarization>(id)
        .wait()
        .await
        .unwrap();
    let calls = transcriber.calls.lock().unwrap().clone();
    assert_eq!(calls.last().unwrap().2.as_deref(), Some("de"));
    // Without a transcription, its model is not mentioned.
    let job = client.diarize(&media).submit().await.unwrap();
    assert!(!job.warning().unwrap().contains("whisper"));
    assert!(job.wait().await.unwrap().words().is_none());
    assert_eq!(transcriber.calls.lock().unwrap().len(), 4);
    server.stop().await;
}

#[tokio::test]
async fn unknown_languages_are_rejected() {
    let (server, _) = server(&FakeDiarizer::default(), FakeTranscriber::default()).await;
    for (language, message) in [
        (json!("xx"), "must be one of en, de"),
        (json!(1), "must be a language code such as en"),
    ] {
        let request = json!({ "url": AUDIO, "transcription": true, "transcriptionConfig": { "language": language } });
        let response = status_and_body(post(&server, "/v1/diarize", &request).await).await;
        let error = json!({ "field": "transcriptionConfig.language", "message": message });
        assert_eq!(response["body"]["errors"], json!([error]));
    }
}

#[tokio::test]
async fn without_a_model_transcription_is_rejected_with_the_remedy() {
    let server = server_with(DiarizerEngine::new(FakeDiarizer::default())).await;
    insta::assert_json_snapshot!(
        status_and_body(post(&server, "/v1/diarize", &json!({ "url": AUDIO, "transcription": true })).await).await,
        @r#"
    {
      "status": 400,
      "body": {
        "message": "Invalid request",
        "errors": [
          {
            "field": "transcription",
            "message": "transcription is not available: start the server with a transcription model (--transcription-model, or `DiarizerEngine::transcriber`)"
          }
        ]
      }
    }
    "#
    );
    let disabled = json!({ "url": AUDIO, "transcription": false });
    assert_eq!(
        post(&server, "/v1/diarize", &disabled).await.status(),
        StatusCode::OK
    );
    // Another server with the same store may have accepted the job.
    let request = json!({ "url": AUDIO, "transcription": true });
    let engine = DiarizerEngine::new(FakeDiarizer::default());
    let error = engine.process(job(request)).await.unwrap_err();
    assert!(error.0.contains("--transcription-model"), "{error}");
}

/// A diarization of one second of silence.
fn job(request: Value) -> EngineJob {
    let Value::Object(request) = request else {
        panic!("{request}");
    };
    let recording = Recording::new(vec![0.0; 16_000]);
    EngineJob::new("job".to_owned(), JobKind::Diarize, request, Some(recording))
}

/// Waits until it is cancelled.
struct Stuck(mpsc::UnboundedSender<&'static str>);

impl Transcriber for Stuck {
    fn model(&self) -> &str {
        "stuck"
    }

    fn check_language(&self, _: &str) -> Result<(), DiarizeError> {
        Ok(())
    }

    fn transcribe(
        &self,
        _: &Recording,
        _: &[(f64, f64)],
        options: TranscriptionOptions<'_>,
    ) -> Result<Transcription, DiarizeError> {
        self.0.send("started").unwrap();
        let mut checks = std::iter::repeat_n((), 10_000);
        let is_cancelled = checks.any(|()| {
            std::thread::sleep(Duration::from_millis(1));
            options.token().is_cancelled()
        });
        let end = if is_cancelled {
            "cancelled"
        } else {
            "timed out"
        };
        self.0.send(end).unwrap();
        Err(DiarizeError::Cancelled)
    }
}

#[tokio::test]
async fn a_cancelled_job_ends_its_transcription() {
    let (sender, mut events) = mpsc::unbounded_channel();
    let engine = DiarizerEngine::new(FakeDiarizer::new([monologue(0.0)]));
    let engine = engine.transcriber(Stuck(sender));
    let run = engine.process(job(json!({ "url": AUDIO, "transcription": true })));
    tokio::select! {
        result = run => panic!("{result:?}"),
        event = events.recv() => assert_eq!(event, Some("started")),
    }
    assert_eq!(events.recv().await, Some("cancelled"));
}

#[tokio::test]
async fn the_scripted_engine_invents_words() {
    let server = super::server().await;
    let client = super::client(&server);
    let diarization = client.diarize(AUDIO).transcription(true).await.unwrap();
    let words = diarization.words().unwrap();
    let by_turn = diarization.turns().words(words);
    assert!(by_turn.unassigned.is_empty());
    assert_eq!(diarization.transcript().unwrap().len(), 2);
}
