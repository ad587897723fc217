//! The live view on a terminal: a lane for each speaker.

use std::fmt::Write as _;

use console::{Alignment, Term, measure_text_width, pad_str, truncate_str};
use indicatif::ProgressBar;
use pyannote::live::LiveTurns;
use pyannote_core::Turn;

use crate::progress;
use crate::table::printable;
use crate::ui::Ui;

/// How much of the past the lanes show, in seconds.
const SHOWN_S: f64 = 30.0;
/// Maximum width of a name, in columns.
const NAME_COLUMNS: usize = 24;
/// Minimum width of the lanes, in columns.
const MIN_LANE_COLUMNS: usize = 10;
/// Rows and columns if the size of the terminal is unknown.
const DEFAULT_SIZE: (u16, u16) = (24, 80);

/// Draws the lanes on standard error.
pub(super) struct View(ProgressBar);

impl View {
    pub(super) fn new(ui: Ui) -> Self {
        Self(progress::lines(ui))
    }

    pub(super) fn draw(&self, turns: &LiveTurns, now_s: f64) {
        if !self.0.is_hidden() {
            let size = Term::stderr().size_checked().unwrap_or(DEFAULT_SIZE);
            self.0.set_message(lanes(turns, now_s, size));
        }
    }

    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

/// One line per speaker: who is speaking, the last seconds up to now, and the talk time. They fit into a terminal with
/// this many rows and columns; if there are more speakers, the first ones are left out.
fn lanes(live: &LiveTurns, now_s: f64, (rows, columns): (u16, u16)) -> String {
    let turns = live.turns(now_s);
    let mut speakers = turns.speakers();
    // One row for the time, and one for the cursor.
    let hidden = speakers
        .len()
        .saturating_sub(usize::from(rows).saturating_sub(2).max(1));
    speakers.drain(..hidden);
    let speaking: Vec<&str> = live.speaking().collect();
    // All but the name and the lane: the mark, the gaps, the talk time, and the last column.
    let free_columns = usize::from(columns).saturating_sub(16);
    let max_name = free_columns
        .saturating_sub(MIN_LANE_COLUMNS)
        .clamp(1, NAME_COLUMNS);
    let names: Vec<_> = speakers
        .iter()
        .map(|speaker| truncate_str(&printable(speaker), max_name, "…").into_owned())
        .collect();
    let name_columns = names.iter().map(|name| measure_text_width(name));
    let name_columns = name_columns.max().unwrap_or(0);
    let talk_times = turns.speech_time_by_speaker();
    let start_s = now_s - SHOWN_S;
    let recent: Vec<&Turn> = turns.iter().filter(|turn| turn.end > start_s).collect();
    let mut text = format!(
        "live {:.0}:{:02.0}  {}",
        (now_s / 60.0).floor(),
        (now_s % 60.0).floor(),
        match speakers.is_empty() {
            true => "nobody has spoken yet; Ctrl-C ends it",
            false => "Ctrl-C ends it",
        }
    );
    let lane_columns = free_columns
        .saturating_sub(name_columns)
        .max(MIN_LANE_COLUMNS);
    for (speaker, name) in speakers.iter().zip(&names) {
        let mine: Vec<&Turn> = recent
            .iter()
            .filter(|turn| turn.speaker == *speaker)
            .copied()
            .collect();
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
            "\n{mark} {}  {}  {talk_time:7.1} s",
            pad_str(name, name_columns, Alignment::Left, None),
            lane(&mine, now_s, lane_columns)
        );
    }
    text
}

/// The last seconds of a speaker; now is at the right. What was before the start is blank.
fn lane(turns: &[&Turn], now_s: f64, columns: usize) -> String {
    let column_s = SHOWN_S / columns as f64;
    // Columns are fixed times, so that a lane only moves by whole columns.
    let last = (now_s / column_s).ceil() - 1.0;
    let column = |index: usize| {
        let start_s = (last - (columns - 1 - index) as f64) * column_s;
        if start_s < 0.0 {
            return ' ';
        }
        let middle_s = (start_s + (start_s + column_s).min(now_s)) / 2.0;
        let is_speaking = |turn: &&Turn| turn.start <= middle_s && middle_s < turn.end;
        match turns.iter().any(is_speaking) {
            true => '█',
            false => '·',
        }
    };
    (0..columns).map(column).collect()
}

#[cfg(test)]
mod tests {
    use pyannote_core::SpeakerEvent;

    use super::*;

    #[test]
    fn lanes_show_the_last_seconds() {
        let mut live = LiveTurns::new();
        let size = (24, 80);
        assert_eq!(
            lanes(&live, 0.0, size),
            "live 0:00  nobody has spoken yet; Ctrl-C ends it"
        );
        live.extend(&[
            SpeakerEvent::start(0.0, "SPEAKER_00"),
            SpeakerEvent::end(7.0, "SPEAKER_00"),
            SpeakerEvent::start(8.0, "SPEAKER_01\x1b[2J"),
        ]);
        let early = lanes(&live, 10.0, size);
        live.extend(&[
            SpeakerEvent::start(20.0, "SPEAKER_00"),
            SpeakerEvent::end(75.0, "SPEAKER_00"),
        ]);
        insta::assert_snapshot!(format!("{early}\n\n{}", lanes(&live, 90.0, size)));
    }

    #[test]
    fn lanes_fit_into_the_terminal() {
        let mut live = LiveTurns::new();
        for (second, speaker) in ["A", "グレース", "a name that is much too long for a lane"]
            .iter()
            .enumerate()
        {
            live.apply(&SpeakerEvent::start(second as f64, *speaker));
        }
        for number in 0..40 {
            live.apply(&SpeakerEvent::start(3.0, format!("SPEAKER_{number:02}")));
        }
        for size in [(24, 80), (50, 120), (10, 40)] {
            for now_s in [0.0, 3.0, 29.99, 30.0, 18_000.0] {
                let text = lanes(&live, now_s, size);
                assert!(text.lines().count() < usize::from(size.0), "{text}");
                let widths: Vec<_> = text.lines().skip(1).map(measure_text_width).collect();
                assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
                assert!(
                    widths
                        .first()
                        .is_none_or(|width| *width < usize::from(size.1)),
                    "{text}"
                );
            }
        }
        // All that a very small one can show.
        assert_eq!(lanes(&live, 9.0, (1, 1)).lines().count(), 2);
    }

    #[test]
    fn lanes_move_by_whole_columns() {
        let turn = Turn::new(1.0, 2.0, "A");
        let lane = |now_s| lane(&[&turn], now_s, 30);
        assert_eq!(lane(3.0).trim_start(), "·█·");
        assert_eq!(lane(2.1), lane(3.0));
        assert_eq!(lane(3.1).trim_start(), "·█··");
        assert_eq!(lane(1.5).trim_start(), "·█");
        assert_eq!(lane(30.5), format!("█{}", "·".repeat(29)));
        assert_eq!(lane(31.5), "·".repeat(30));
    }
}
