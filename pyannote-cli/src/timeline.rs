//! A timeline of turns for terminals.

use pyannote_core::Turns;

/// Width of the timeline, in characters.
const WIDTH_CHARS: usize = 72;

/// Draws one line per speaker. A block marks where the speaker speaks in the middle of the column's time range.
pub(crate) fn timeline(turns: &Turns, duration_s: f64) -> String {
    let column_s = duration_s / WIDTH_CHARS as f64;
    let speakers = turns.speakers();
    let label_chars = speakers.iter().map(|speaker| speaker.chars().count()).max();
    let mut text = String::new();
    for speaker in &speakers {
        let is_speaking = |at: f64| {
            let mut turns = turns.iter().filter(|turn| turn.speaker == *speaker);
            turns.any(|turn| turn.start <= at && at < turn.end)
        };
        let line: String = (0..WIDTH_CHARS)
            .map(
                |column| match is_speaking((column as f64 + 0.5) * column_s) {
                    true => '█',
                    false => '·',
                },
            )
            .collect();
        text += &format!(
            "{speaker:width$}  {line}\n",
            width = label_chars.unwrap_or(0)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use pyannote_core::Turn;

    use super::*;

    #[test]
    fn blocks_mark_turns() {
        let turns = Turns::from([Turn::new(0.0, 36.0, "Ada"), Turn::new(18.0, 72.0, "Grace")]);
        let expected = format!(
            "Ada    {}{}\nGrace  {}{}\n",
            "█".repeat(36),
            "·".repeat(36),
            "·".repeat(18),
            "█".repeat(54)
        );
        assert_eq!(timeline(&turns, 72.0), expected);
        assert_eq!(timeline(&Turns::new(), 0.0), "");
    }
}
