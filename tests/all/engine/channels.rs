//! A call with one party per channel, made of the sample recording.

use pyannote::output::{Der, ScoringOptions, Turn, Turns};
use pyannote_engine::{ChannelOptions, Engine, Options, Recording};

use super::{MODELS, reference, sample};

const RATE_HZ: f64 = 16_000.0;
/// How much earlier the second party speaks than in the sample, in seconds, so that both speak at once.
const SHIFT_S: f64 = 0.8;

/// The channels and the turns of a call. Each channel also contains the other party, with this gain and delay.
fn call(gain_db: f32, delay_s: f64) -> ([Vec<f32>; 2], Turns) {
    let reference = reference();
    let speakers: Vec<String> = reference
        .speakers()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let samples = sample();
    let at = |seconds: f64| (seconds.max(0.0) * RATE_HZ) as usize;
    let mut parties = [vec![0.0; samples.len()], vec![0.0; samples.len()]];
    let mut turns = Vec::new();
    for turn in &reference {
        // Only non-overlapped speech can be put on a channel.
        let others = reference
            .iter()
            .filter(|other| other.speaker != turn.speaker);
        let (mut start, mut end) = (turn.start, turn.end);
        for other in others.filter(|other| other.start < turn.end && turn.start < other.end) {
            match other.start <= turn.start {
                true => start = start.max(other.end),
                false => end = end.min(other.start),
            }
        }
        if end - start < 0.3 {
            continue;
        }
        let party = usize::from(speakers[1] == turn.speaker);
        let shift = SHIFT_S * party as f64;
        let source = &samples[at(start)..at(end).min(samples.len())];
        let target = at(start - shift);
        parties[party][target..target + source.len()].copy_from_slice(source);
        turns.push(Turn::new(
            start - shift,
            end - shift,
            format!("SPEAKER_0{party}"),
        ));
    }
    let (gain, delay) = (10_f32.powf(gain_db / 20.0), at(delay_s));
    let channels = [0, 1].map(|channel: usize| {
        let mut state = 1_u32 + channel as u32;
        let sample = |index: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (state >> 8) as f32 / (1 << 23) as f32 - 1.0;
            let leak = index.checked_sub(delay);
            let leak = leak.map_or(0.0, |index| gain * parties[1 - channel][index]);
            parties[channel][index] + leak + 2e-5 * noise
        };
        (0..samples.len()).map(sample).collect()
    });
    (channels, turns.into_iter().collect())
}

/// The error rate, with channels as speakers, in percent.
fn error_rate(channels: &[Vec<f32>; 2], turns: &Turns, options: &ChannelOptions) -> f64 {
    let recordings = channels.clone().map(Recording::new);
    let diarization = Engine::new(MODELS.clone())
        .diarize_channels(&recordings, options, Options::new())
        .unwrap();
    assert_eq!(diarization.warnings, [""; 0]);
    let der = Der::score(turns, &diarization.turns, &ScoringOptions::new());
    for (hypothesis, reference) in &der.mapping {
        assert_eq!(reference, hypothesis, "labels are channels");
    }
    100.0 * der.rate()
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn leakage_is_suppressed_and_double_talk_is_kept() {
    for (gain_db, delay_s) in [(-15.0, 0.15), (-25.0, 0.0), (-35.0, 0.02)] {
        let (channels, turns) = call(gain_db, delay_s);
        let mixed = (0..channels[0].len()).map(|at| channels[0][at] + channels[1][at]);
        let mixed = Recording::new(mixed.map(|sample| 0.5 * sample).collect());
        let mixed = Engine::new(MODELS.clone()).diarize(&mixed, Options::new().num_speakers(2));
        let mixed =
            100.0 * Der::score(&turns, &mixed.unwrap().turns, &ScoringOptions::new()).rate();
        let kept = error_rate(&channels, &turns, &ChannelOptions::new().keep_leakage());
        let suppressed = error_rate(&channels, &turns, &ChannelOptions::new());
        println!(
            "{gain_db} dB: downmix {mixed:.1} %, channels {kept:.1} %, suppressed {suppressed:.1} %"
        );
        assert!(
            suppressed < 10.0 && suppressed < mixed,
            "{gain_db} dB: {suppressed} %, {mixed} %"
        );
        assert!(kept > 2.0 * suppressed, "{gain_db} dB: {kept} %");
    }
}
