//! The loader, as the workers use it.

use pyannote_engine::audio::AudioError;
use pyannote_server::audio::{FetchConfig, LoadError, Loader};
use pyannote_server::worker::AudioSource;
use pyannote_tests::http::{Response, TestServer};

use super::fetch::private;
use super::tone::fixture;
use super::wav;

fn loader(config: FetchConfig) -> Loader {
    let media = |team: &str, key: &str| (team == "ours").then(|| fixture(key));
    Loader::new(media, config).unwrap()
}

#[tokio::test]
async fn media_are_the_team_s_own() {
    let loader = loader(FetchConfig::default());
    let recording = loader
        .recording("ours", "media://tone.flac", None)
        .await
        .unwrap();
    assert_eq!(recording.samples.len(), 8_000);
    for (team, url) in [
        ("theirs", "media://tone.flac"),
        ("ours", "media://none.flac"),
    ] {
        let error = loader.recording(team, url, None).await.unwrap_err();
        assert_eq!(error.0, format!("no recording was uploaded as {url}"));
    }
    let error = loader
        .recording("ours", "media://opus.webm", None)
        .await
        .unwrap_err();
    assert_eq!(error.0, "the recording's codec is not supported: Opus");
}

#[tokio::test]
async fn recordings_of_the_web_are_fetched_and_decoded() {
    let server = TestServer::with_responses([Response::ok(wav::bytes(32_000))]).await;
    let url = format!("{}/tone?secret=1", server.url());
    let recording = loader(private())
        .recording("ours", &url, None)
        .await
        .unwrap();
    assert_eq!(recording.samples.len(), 32_000);
    let error = loader(FetchConfig::default())
        .recording("ours", &url, None)
        .await
        .unwrap_err();
    assert!(error.0.contains("private address"), "{error}");
    assert!(!error.0.contains("secret"), "{error}");
}

#[tokio::test]
async fn a_voice_may_be_asked_to_be_short() {
    let loader = loader(FetchConfig::default());
    for (seconds, fits) in [
        (None, true),
        (Some(30.0), true),
        (Some(1.0), true),
        (Some(0.5), false),
    ] {
        let loaded = loader.load("ours", "media://tone.mp3", seconds).await;
        match loaded {
            Ok(recording) => assert!(fits && !recording.samples.is_empty(), "{seconds:?}"),
            Err(error) => {
                assert!(
                    !fits && matches!(error, LoadError::Audio(AudioError::TooLong { .. })),
                    "{error}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_decoder_that_panics_fails_the_job_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spoilt.caf");
    let mut bytes = std::fs::read(fixture("tone.caf")).unwrap();
    // The size of a packet, which overflows where overflow is checked for.
    bytes[36] = 32;
    std::fs::write(&path, &bytes).unwrap();
    let media = move |_: &str, _: &str| Some(path.clone());
    let loader = Loader::new(media, FetchConfig::default()).unwrap();
    let loaded = loader.load("ours", "media://spoilt.caf", None).await;
    if cfg!(debug_assertions) {
        assert!(
            matches!(loaded, Err(LoadError::Audio(AudioError::DecoderFailed))),
            "{loaded:?}"
        );
    }
    // The next recording is none the worse for it.
    let again = Loader::new(|_: &str, _: &str| Some(fixture("tone.caf")), private()).unwrap();
    assert!(again.load("ours", "media://tone.caf", None).await.is_ok());
}
