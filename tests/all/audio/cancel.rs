//! Cancellation of decoding, and the durations in headers.

use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use pyannote_engine::CancelToken;
use pyannote_engine::audio::{
    AudioError, DecodeOptions, Decoder, decode, decode_channels, decode_with, header_duration,
};
use pyannote_server::audio::{FetchConfig, Loader, MediaFileFuture, MediaFiles};
use pyannote_server::media::MediaFile;
use tempfile::{NamedTempFile, TempPath};

use super::tone::fixture;
use super::wav;

#[test]
fn a_cancelled_token_ends_decoding() {
    let token = CancelToken::new();
    let options = DecodeOptions::new().cancel_token(&token);
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(&wav::bytes(100_000)).unwrap();
    assert_eq!(decode_with(file.path(), &options).unwrap().len(), 100_000);
    let mut decoder = Decoder::open(file.path(), &options).unwrap();
    assert!(decoder.next().unwrap().is_ok());
    token.cancel();
    let rest: Vec<_> = decoder.collect();
    assert!(matches!(rest[..], [Err(AudioError::Cancelled)]), "{rest:?}");
    let error = decode_with(file.path(), &options).unwrap_err();
    assert!(matches!(error, AudioError::Cancelled), "{error}");
    let error = decode_channels(file.path(), &options).unwrap_err();
    assert!(matches!(error, AudioError::Cancelled), "{error}");
}

/// Media that are in one temporary file, which is deleted when it is no longer read.
struct Once(Mutex<Option<TempPath>>);

impl MediaFiles for Once {
    fn file<'a>(&'a self, _: &'a str, _: &'a str) -> MediaFileFuture<'a> {
        let path = self.0.lock().unwrap().take();
        Box::pin(async { Ok(path.map(MediaFile::from)) })
    }
}

#[tokio::test]
async fn decoding_stops_when_nobody_waits_for_it() {
    // Nine hours of silence, which takes no space but minutes to decode.
    let seconds = 9 * 60 * 60;
    let mut file = NamedTempFile::new().unwrap();
    let mut bytes = wav::bytes(0);
    let data_bytes: u32 = seconds * 16_000 * 2;
    bytes[4..8].copy_from_slice(&(data_bytes + 36).to_le_bytes());
    bytes[40..44].copy_from_slice(&data_bytes.to_le_bytes());
    file.write_all(&bytes).unwrap();
    file.as_file().set_len(u64::from(data_bytes) + 44).unwrap();
    let path = file.path().to_owned();
    let duration = header_duration(&path).unwrap();
    assert_eq!(duration, Some(f64::from(seconds)));

    let media = Once(Mutex::new(Some(file.into_temp_path())));
    let loader = Loader::new(media, FetchConfig::default()).unwrap();
    let load = loader.load("ours", "media://silence.wav", None);
    let load = tokio::time::timeout(Duration::from_millis(500), load).await;
    assert!(load.is_err(), "decoding was faster than expected");
    let deleted = async {
        while path.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let deleted = tokio::time::timeout(Duration::from_secs(10), deleted).await;
    assert!(deleted.is_ok(), "decoding goes on");
}

#[test]
fn the_duration_in_the_header_is_that_of_the_recording() {
    for name in [
        "tone.aiff",
        "tone.caf",
        "tone.flac",
        "tone.m4a",
        "tone.mp3",
        "tone.ogg",
    ] {
        let path = fixture(name);
        let decoded = decode(&path).unwrap().duration();
        let header = header_duration(&path).unwrap();
        if let Some(header) = header {
            assert!((header - decoded).abs() < 0.1, "{name}: {header} {decoded}");
        }
        assert!(header.is_some() || name == "tone.mp3", "{name}");
    }
    let error = header_duration(std::env::temp_dir()).unwrap_err();
    assert!(matches!(error, AudioError::NotAFile), "{error}");
}
