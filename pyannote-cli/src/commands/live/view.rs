//! The live view on a terminal: a lane for each speaker.

use std::fmt::Write as _;

use indicatif::ProgressBar;
use pyannote::live::LiveTurns;

use crate::progress;
use crate::table::printable;
use crate::ui::Ui;

/// How much of the past the lanes show, in seconds.
const SHOWN_S: f64 = 30.0;
/// Width of the lanes, in characters.
const WIDTH_CHARS: usize = 48;

/// Draws the lanes on standard error.
pub(super) struct View(ProgressBar);

impl View {
    pub(super) fn new(ui: Ui) -> Self {
        Self(progress::lines(ui))
    }

    pub(super) fn draw(&self, turns: &LiveTurns, now_s: f64) {
        if !self.0.is_hidden() {
            self.0.set_message(lanes(turns, now_s));
        }
    }

    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

/// One line per speaker: who is speaking, the last seconds, and the talk time.
fn lanes(live: &LiveTurns, now_s: f64) -> String {
    let turns = live.turns(now_s);
    let speakers = turns.speakers();
    let speaking: Vec<&str> = live.speaking().collect();
    let names: Vec<String> = speakers.iter().map(|speaker| printable(speaker)).collect();
    let width = names
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0);
    let start_s = now_s.max(SHOWN_S) - SHOWN_S;
    let column_s = SHOWN_S / WIDTH_CHARS as f64;
    let talk_times = turns.speech_time_by_speaker();
    let mut text = format!(
        "live {:.0}:{:02.0}",
        (now_s / 60.0).floor(),
        (now_s % 60.0).floor()
    );
    for (speaker, name) in speakers.iter().zip(&names) {
        let lane = (0..WIDTH_CHARS).map(|column| {
            let time = start_s + (column as f64 + 0.5) * column_s;
            let is_speaking = |turn: &pyannote_core::Turn| {
                turn.speaker == *speaker && turn.start <= time && time < turn.end
            };
            match turns.iter().any(is_speaking) {
                true => '█',
                false => '·',
            }
        });
        let mark = match speaking.contains(speaker) {
            true => '●',
            false => ' ',
        };
        let talk_time = talk_times
            .iter()
            .find(|(name, _)| name == speaker)
            .map_or(0.0, |(_, time)| *time);
        let _ = write!(
            text,
            "\n{mark} {name:width$}  {}  {talk_time:6.1} s",
            lane.collect::<String>()
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use pyannote_core::SpeakerEvent;

    use super::*;

    #[test]
    fn lanes_show_the_last_seconds() {
        let mut live = LiveTurns::new();
        assert_eq!(lanes(&live, 0.0), "live 0:00");
        live.extend(&[
            SpeakerEvent::start(0.0, "SPEAKER_00"),
            SpeakerEvent::end(75.0, "SPEAKER_00"),
            SpeakerEvent::start(60.0, "SPEAKER_01\x1b[2J"),
        ]);
        insta::assert_snapshot!(lanes(&live, 90.0));
    }
}
