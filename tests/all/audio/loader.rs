//! The loader that workers use.

use pyannote_engine::audio::{AudioError, Ffmpeg};
use pyannote_server::audio::{FetchConfig, Loader, RecordingError};
use pyannote_server::worker::AudioSource;
use pyannote_tests::http::{Response, TestServer};

use super::fetch::private;
use super::tone::{fixture, fixture_bytes};
use super::wav;

fn loader(config: FetchConfig) -> Loader {
    let media = |team: &str, key: &str| (team == "ours").then(|| fixture(key));
    Loader::new(media, config).unwrap().ffmpeg(Ffmpeg::off())
}

#[tokio::test]
async fn teams_load_only_their_own_uploads() {
    let loader = loader(FetchConfig::default());
    let recording = loader
        .recording("ours", "media://tone.flac", None)
        .await
        .unwrap();
    assert_eq!(recording.len(), 8_000);
    for (team, url) in [
        ("theirs", "media://tone.flac"),
        ("ours", "media://none.flac"),
    ] {
        let error = loader.recording(team, url, None).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("no recording was uploaded as {url}")
        );
    }
    let error = loader
        .recording("ours", "media://ac3.mka", None)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "unsupported codec AC-3: convert the recording, for example to FLAC or WAV"
    );
}

#[tokio::test]
async fn remote_recordings_are_fetched_and_decoded() {
    let server = TestServer::with_responses([Response::ok(wav::bytes(32_000))]).await;
    let url = format!("{}/tone?secret=1", server.url());
    let recording = loader(private())
        .recording("ours", &url, None)
        .await
        .unwrap();
    assert_eq!(recording.len(), 32_000);
    let error = loader(FetchConfig::default())
        .recording("ours", &url, None)
        .await
        .unwrap_err();
    let error = error.to_string();
    assert!(error.contains("private address"), "{error}");
    assert!(!error.contains("secret"), "{error}");
}

#[tokio::test]
async fn the_duration_can_be_limited() {
    let loader = loader(FetchConfig::default());
    for (seconds, fits) in [
        (None, true),
        (Some(30.0), true),
        (Some(1.0), true),
        (Some(0.5), false),
    ] {
        let loaded = loader.load("ours", "media://tone.mp3", seconds).await;
        match loaded {
            Ok(recording) => assert!(fits && !recording.is_empty(), "{seconds:?}"),
            Err(error) => {
                assert!(
                    !fits && matches!(error, RecordingError::Audio(AudioError::TooLong { .. })),
                    "{error}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_damaged_recording_fails_only_its_job() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corrupted.caf");
    let mut bytes = fixture_bytes("tone.caf");
    // The format becomes ALAC, without the parameters that ALAC needs.
    bytes[28..32].copy_from_slice(b"alac");
    bytes[36] = 32;
    std::fs::write(&path, &bytes).unwrap();
    let media = move |_: &str, _: &str| Some(path.clone());
    let loader = Loader::new(media, FetchConfig::default())
        .unwrap()
        .ffmpeg(Ffmpeg::off());
    let loaded = loader.load("ours", "media://corrupted.caf", None).await;
    let error = loaded.unwrap_err().to_string();
    let expected = "unsupported codec ALAC with damaged parameters";
    assert!(error.contains(expected), "{error}");
    // The next recording is not affected.
    let again = Loader::new(|_: &str, _: &str| Some(fixture("tone.caf")), private()).unwrap();
    assert!(again.load("ours", "media://tone.caf", None).await.is_ok());
}
