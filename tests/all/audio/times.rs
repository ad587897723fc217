//! The time axis and the tracks of MP4 and Matroska: edit lists, gaps, late starts, track flags, unreadable video.

use std::num::NonZero;

use pyannote_engine::audio::{AudioError, DecodeOptions, Ffmpeg, Recording, decode_with};

use super::containers::{Trak, atom, mkv, mp4, silence, tone};
use super::tone::SAMPLE_RATE_HZ;

fn decoded(bytes: &[u8]) -> Recording {
    super::riff::decoded(bytes).unwrap()
}

/// The sections with sound, in seconds, to the nearest 20 ms.
pub(super) fn sounds(recording: &Recording) -> Vec<(f64, f64)> {
    let frame = (SAMPLE_RATE_HZ * 0.02) as usize;
    let mut sounds: Vec<(usize, usize)> = Vec::new();
    for (at, samples) in recording.samples(..).unwrap().chunks(frame).enumerate() {
        let energy: f32 = samples.iter().map(|sample| sample * sample).sum();
        if energy / (samples.len() as f32) < 0.02 {
            continue;
        }
        match sounds.last_mut() {
            Some((_, end)) if *end == at => *end += 1,
            _ => sounds.push((at, at + 1)),
        }
    }
    let seconds = |frames: usize| frames as f64 / 50.0;
    let sounds = sounds.into_iter();
    sounds
        .map(|(from, to)| (seconds(from), seconds(to)))
        .collect()
}

fn track(edits: &'static [(u32, i32)], samples: Vec<u8>) -> Trak {
    Trak {
        is_enabled: true,
        edits,
        samples,
    }
}

fn assert_close(recording: &Recording, seconds: f64) {
    let duration = recording.duration();
    assert!(
        (duration - seconds).abs() < 0.02,
        "{duration} s, not {seconds} s"
    );
}

#[test]
fn an_edit_list_trims_both_ends() {
    let samples = [silence(1.0), tone(1.0), silence(1.0)].concat();
    let recording = decoded(&mp4(&[track(&[(1_500, 4_000)], samples)], None));
    assert_close(&recording, 1.5);
    assert_eq!(sounds(&recording), [(0.5, 1.5)]);
    assert_eq!(recording.warnings(), [""; 0]);
}

#[test]
fn an_edit_list_delays_and_joins_sections() {
    let samples = [tone(1.0), silence(1.0), tone(1.0)].concat();
    let edits = &[(500, -1), (1_000, 0), (500, 18_000)];
    let video = atom(b"avc1", &[&[0; 78]]);
    let recording = decoded(&mp4(&[track(edits, samples.clone())], Some(&video)));
    assert_close(&recording, 2.0);
    assert_eq!(sounds(&recording), [(0.5, 2.0)]);
    // Alone, it starts at 0, as in Matroska.
    let recording = decoded(&mp4(&[track(edits, samples.clone())], None));
    assert_close(&recording, 1.5);
    assert_eq!(sounds(&recording), [(0.0, 1.5)]);
    // Beside another track, it is as late as relative to that.
    let other = track(&[(300, -1), (1_000, 0)], tone(1.0));
    let recording = decoded(&mp4(&[track(edits, samples), other], None));
    assert_close(&recording, 1.7);
    assert_eq!(sounds(&recording), [(0.2, 1.7)]);
}

#[test]
fn an_edit_of_no_duration_extends_to_the_end() {
    let samples = [silence(1.0), tone(1.0)].concat();
    let recording = decoded(&mp4(&[track(&[(0, 4_000)], samples)], None));
    assert_close(&recording, 1.5);
    assert_eq!(sounds(&recording), [(0.5, 1.5)]);
}

#[test]
fn edits_after_one_without_an_end_are_ignored() {
    let samples = [silence(1.0), tone(1.0)].concat();
    let edits = &[(0, 4_000), (1_000, 0), (0, 0)];
    let recording = decoded(&mp4(&[track(edits, samples)], None));
    assert_close(&recording, 1.5);
    assert_eq!(sounds(&recording), [(0.5, 1.5)]);
}

#[test]
fn the_enabled_track_is_decoded_and_the_other_one_is_named() {
    let silent = Trak {
        is_enabled: false,
        ..track(&[], silence(1.0))
    };
    let recording = decoded(&mp4(&[silent, track(&[], tone(1.0))], None));
    assert_eq!(sounds(&recording), [(0.0, 1.0)]);
    let warning = "the recording has 2 audio tracks: track 2 was decoded, but not track 1";
    assert_eq!(recording.warnings(), [warning]);
}

/// Decodes the audio track with this number.
fn decoded_track(bytes: &[u8], number: usize) -> Result<Recording, AudioError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let options = DecodeOptions::new().ffmpeg(Ffmpeg::off());
    decode_with(file.path(), &options.track(NonZero::new(number).unwrap()))
}

#[test]
fn the_selected_track_is_decoded_and_the_others_are_not_named() {
    let disabled = Trak {
        is_enabled: false,
        ..track(&[], tone(2.0))
    };
    let movie = mp4(&[track(&[], tone(1.0)), disabled], None);
    let sections = [blocks(2, 0, &tone(1.0)), blocks(3, 0, &tone(2.0))].concat();
    // The video is not an audio track: its number in the file does not count.
    let matroska = mkv(&[true, false], true, &sections);
    // The default language of Matroska is English.
    for (file, tracks) in [
        (&movie, "track 1, track 2"),
        (&matroska, "track 1 (eng), track 2 (eng)"),
    ] {
        for (number, end) in [(1, 1.0), (2, 2.0)] {
            let recording = decoded_track(file, number).unwrap();
            assert_eq!(sounds(&recording), [(0.0, end)]);
            assert_eq!(recording.warnings(), [""; 0]);
        }
        let error = decoded_track(file, 3).unwrap_err().to_string();
        let expected = format!("the recording has no audio track 3: it has {tracks}");
        assert_eq!(error, expected);
    }
    let error = decoded_track(&mp4(&[], None), 1).unwrap_err();
    assert!(matches!(error, AudioError::NoAudioTrack), "{error}");
}

#[test]
fn the_audio_is_decoded_in_spite_of_an_unreadable_video_header() {
    let mut entry = [0; 86 + 8 + 1_100];
    let size = u32::try_from(entry.len()).unwrap();
    entry[..4].copy_from_slice(&size.to_be_bytes());
    entry[4..8].copy_from_slice(b"hvc1");
    entry[86..90].copy_from_slice(&(size - 86).to_be_bytes());
    entry[90..94].copy_from_slice(b"hvcC");
    let recording = decoded(&mp4(&[track(&[], tone(1.0))], Some(&entry)));
    assert_eq!(sounds(&recording), [(0.0, 1.0)]);
    assert_eq!(recording.warnings(), [""; 0]);
}

#[test]
fn a_cut_mp4_is_decoded_as_far_as_it_goes_with_a_warning() {
    let whole = mp4(&[track(&[], tone(3.0))], None);
    let recording = decoded(&whole[..whole.len() - 10]);
    assert_close(&recording, 3.0);
    assert!(
        recording.warnings()[0].contains("truncated"),
        "{:?}",
        recording.warnings()
    );
    let recording = decoded(&whole[..whole.len() - 3_200]);
    assert_close(&recording, 2.8);
    assert!(
        recording.warnings()[0].contains("truncated"),
        "{:?}",
        recording.warnings()
    );
}

/// Blocks of 100 ms from `start_ms` on.
fn blocks(track: u8, start_ms: u16, content: &[u8]) -> Vec<(u8, u16, Vec<u8>)> {
    let times = (0..).map(|n| start_ms + n * 100);
    let parts = times.zip(content.chunks(1_600));
    parts
        .map(|(time, part)| (track, time, part.to_vec()))
        .collect()
}

#[test]
fn gaps_in_timestamps_become_silence() {
    let sections = [blocks(2, 0, &tone(1.0)), blocks(2, 4_000, &tone(1.0))];
    let recording = decoded(&mkv(&[true], false, &sections.concat()));
    assert_close(&recording, 5.0);
    assert_eq!(sounds(&recording), [(0.0, 1.0), (4.0, 5.0)]);
}

#[test]
fn overlaps_in_timestamps_are_cut() {
    let sections = [blocks(2, 0, &tone(1.0)), blocks(2, 500, &tone(1.0))];
    let recording = decoded(&mkv(&[true], false, &sections.concat()));
    assert_close(&recording, 1.5);
}

#[test]
fn audio_that_starts_after_the_video_keeps_its_time() {
    let video = vec![(1, 0, vec![0; 8])];
    let sections = [video, blocks(2, 2_000, &tone(1.0))];
    let recording = decoded(&mkv(&[true], true, &sections.concat()));
    assert_close(&recording, 3.0);
    assert_eq!(sounds(&recording), [(2.0, 3.0)]);
}

#[test]
fn audio_alone_starts_at_its_first_packet() {
    let recording = decoded(&mkv(&[true], false, &blocks(2, 20_000, &tone(1.0))));
    assert_close(&recording, 1.0);
    assert_eq!(sounds(&recording), [(0.0, 1.0)]);
}

#[test]
fn the_default_track_of_matroska_is_decoded() {
    let sections = [blocks(2, 0, &silence(1.0)), blocks(3, 0, &tone(1.0))];
    let recording = decoded(&mkv(&[false, true], false, &sections.concat()));
    assert_eq!(sounds(&recording), [(0.0, 1.0)]);
    assert_eq!(recording.warnings().len(), 1);
}
