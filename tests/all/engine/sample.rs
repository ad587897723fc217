//! The sample recording: a telephone call of two speakers, 30 s.

use pyannote::output::{Der, ScoringOptions};
use pyannote_engine::{Engine, Options, audio};

use super::{MODELS, assets, reference, server};

#[tokio::test]
#[ignore = "needs the models: cargo xtask assets"]
async fn diarization_of_the_sample() {
    let (server, client, media) = server().await;
    let diarization = client
        .diarize(&media)
        .exclusive(true)
        .confidence(true)
        .turn_level_confidence(true)
        .await
        .unwrap();
    let der = Der::score(&reference(), diarization.turns(), &ScoringOptions::new());
    assert!(der.rate() < 0.081, "{der:?}");
    assert_eq!(der.mapping.len(), 2);
    assert!(diarization.warning().unwrap().contains("segmentation-3.0"));

    let exclusive = diarization.exclusive().unwrap();
    assert!(
        exclusive
            .windows(2)
            .all(|pair| pair[0].end <= pair[1].start)
    );
    let confidence = diarization.confidence().unwrap();
    let seconds = confidence.score.len() as f64 * confidence.resolution;
    assert!(
        (seconds - 30.0).abs() < confidence.resolution,
        "{seconds} s"
    );
    assert!(
        confidence
            .score
            .iter()
            .all(|score| (0.0..=100.0).contains(score))
    );
    let sum: f64 = confidence.score.iter().map(|score| f64::from(*score)).sum();
    let mean = sum / confidence.score.len() as f64;
    assert!(mean > 75.0, "{mean}");
    for turn in diarization.turns().iter() {
        let scores = turn.confidence.as_ref().unwrap();
        assert_eq!(scores.len(), 2);
        assert!(scores[&turn.speaker] > 30.0, "{turn:?}");
    }
    server.stop().await;
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn accurate_runs_have_more_windows_and_are_no_worse() {
    let engine = Engine::new(MODELS.clone());
    let recording = audio::decode(assets().sample().wav).unwrap();
    let diarize = |is_accurate| {
        let mut reports = 0;
        let options = Options::new()
            .accurate(is_accurate)
            .on_progress(|_| reports += 1);
        let diarization = engine.diarize(&recording, options).unwrap();
        let der = Der::score(&reference(), &diarization.turns, &ScoringOptions::new());
        assert_eq!(diarization.speakers.len(), 2);
        (diarization.scores, der.rate(), reports)
    };
    let (standard, standard_der, standard_reports) = diarize(false);
    let (accurate, accurate_der, accurate_reports) = diarize(true);
    // Averages over other windows, on the same time axis.
    assert_ne!(accurate.speech, standard.speech);
    assert_eq!(accurate.speech.len(), standard.speech.len());
    assert!(accurate_reports > standard_reports);
    assert!(
        accurate_der < 0.065 && standard_der < 0.065,
        "{accurate_der} and {standard_der}"
    );
}

#[tokio::test]
#[ignore = "needs the models: cargo xtask assets"]
async fn speaker_counts_are_respected() {
    let (server, client, media) = server().await;
    let speakers = |diarization: &pyannote::output::Diarization| {
        let mut names: Vec<_> = diarization
            .turns()
            .iter()
            .map(|turn| turn.speaker.clone())
            .collect();
        names.sort();
        names.dedup();
        names.len()
    };
    let one = client.diarize(&media).num_speakers(1).await.unwrap();
    assert_eq!(speakers(&one), 1);
    let at_most = client.diarize(&media).max_speakers(1).await.unwrap();
    assert_eq!(speakers(&at_most), 1);
    for number in [2, 3, 4, 5, 8] {
        let exactly = client.diarize(&media).num_speakers(number).await.unwrap();
        assert_eq!(speakers(&exactly), number as usize);
        let warning = exactly.warning().unwrap_or_default();
        assert!(!warning.contains("could be distinguished"), "{warning}");
    }
    let many = client.diarize(&media).min_speakers(100).await.unwrap();
    let count = speakers(&many);
    let warning = many.warning().unwrap();
    assert!((9..100).contains(&count), "{count}");
    assert!(
        warning.contains(&format!("only {count} could be distinguished")),
        "{warning}"
    );
    server.stop().await;
}

#[tokio::test]
#[ignore = "needs the models: cargo xtask assets"]
async fn library_and_server_return_the_same_turns() {
    let (server, client, media) = server().await;
    let from_server = client.diarize(&media).exclusive(true).await.unwrap();
    server.stop().await;

    let mut reported = Vec::new();
    let recording = audio::decode(assets().sample().wav).unwrap();
    let options = Options::new().on_progress(|fraction| reported.push(fraction));
    let diarization = Engine::new(MODELS.clone())
        .diarize(&recording, options)
        .unwrap();
    assert_eq!(&diarization.turns, from_server.turns());
    assert_eq!(Some(&diarization.exclusive), from_server.exclusive());
    assert!(reported.len() > 4 && reported.is_sorted(), "{reported:?}");
    assert_eq!(reported.last(), Some(&1.0));
}
