//! From what the windows say to scores and turns.

use super::blocks::{self, People};
use super::frames;
use super::signal::Signal;
use super::windows::{Crowd, Heard, covered};
use crate::{Diarization, Embedding, Scores, Speaker, SpeakerBounds, Turn};

/// From which probability on somebody speaks: where it is the likelier.
const SPEECH: f32 = 0.5;
/// From which probability on two speak at once. The model is shy of that.
const TWO: f32 = 1.0 / 3.0;
/// From which share of the windows on somebody is the second one to speak.
const SECOND: f32 = 0.05;
/// Shorter turns are dropped, in seconds.
const SHORTEST: f64 = 0.1;

/// Puts everything together.
pub(super) fn diarization(
    signal: &Signal<'_>,
    heard: &Heard,
    people: &People,
    asked: SpeakerBounds,
) -> Diarization {
    let timeline = Timeline::new(heard, people);
    let end = signal.seconds();
    let all = timeline.turns(end, |frame| timeline.speaking(frame));
    let one = timeline.turns(end, |frame| [timeline.speaking(frame)[0], None]);

    // By their first turns; who has none, is none.
    let mut order: Vec<usize> = Vec::new();
    for turn in &all {
        if !order.contains(&turn.speaker) {
            order.push(turn.speaker);
        }
    }
    let renamed = |turns: Vec<Turn>| -> Vec<Turn> {
        let new = |turn: Turn| {
            let speaker = order.iter().position(|person| *person == turn.speaker)?;
            Some(Turn { speaker, ..turn })
        };
        turns.into_iter().filter_map(new).collect()
    };
    let alone = timeline.alone();
    let speakers: Vec<Speaker> = order
        .iter()
        .map(|person| Speaker {
            embedding: blocks::voice(people.of(*person)).map(|voice| Embedding(voice.to_vec())),
            heard: alone.get(*person).copied().unwrap_or_default(),
        })
        .collect();
    Diarization {
        warnings: warnings(asked, speakers.len()),
        scores: timeline.scores(end, &order),
        turns: renamed(all),
        exclusive: renamed(one),
        speakers,
    }
}

fn warnings(asked: SpeakerBounds, found: usize) -> Vec<String> {
    match asked.min {
        Some(min) if found == 0 && min > 0 => {
            vec![
                "nobody speaks, so that none of the speakers that were asked for was found"
                    .to_owned(),
            ]
        }
        Some(min) if found < min => {
            vec![format!(
                "{min} speakers were asked for, and only {found} could be told apart"
            )]
        }
        _ => Vec::new(),
    }
}

/// Who speaks in each frame.
struct Timeline<'a> {
    crowd: &'a [Crowd],
    people: usize,
    /// The probability of each person in each frame, as an average of the windows: frame by frame.
    activity: Vec<f32>,
}

impl<'a> Timeline<'a> {
    fn new(heard: &'a Heard, people: &People) -> Self {
        let count = people.count;
        let mut activity = vec![0.0; heard.crowd.len() * count];
        for (local, person) in people.labelled() {
            let rows = activity.chunks_exact_mut(count.max(1)).skip(local.first);
            for (row, value) in rows.zip(&local.activity) {
                if let Some(slot) = row.get_mut(person) {
                    *slot += value;
                }
            }
        }
        let windows = covered(&heard.windows, 0..heard.crowd.len());
        for (row, windows) in activity.chunks_exact_mut(count.max(1)).zip(windows) {
            for value in row {
                // Two local speakers of a window may be one person.
                *value = (*value / windows.max(1.0)).min(1.0);
            }
        }
        Self {
            crowd: &heard.crowd,
            people: count,
            activity,
        }
    }

    fn row(&self, frame: usize) -> &[f32] {
        let start = frame * self.people;
        self.activity
            .get(start..start + self.people)
            .unwrap_or_default()
    }

    /// Who speaks in a frame, the likelier one first.
    fn speaking(&self, frame: usize) -> [Option<usize>; 2] {
        let Some(crowd) = self.crowd.get(frame) else {
            return [None; 2];
        };
        if 1.0 - crowd.none <= SPEECH {
            return [None; 2];
        }
        let row = self.row(frame);
        let likeliest = |but: Option<usize>| {
            let others = row
                .iter()
                .enumerate()
                .filter(|(person, _)| Some(*person) != but);
            others.max_by(|(i, a), (j, b)| a.total_cmp(b).then(j.cmp(i)))
        };
        let first = likeliest(None).map(|(person, _)| person);
        let second = likeliest(first)
            .filter(|(_, value)| crowd.two > TWO && **value > SECOND)
            .map(|(person, _)| person);
        [first, second]
    }

    /// How long each person speaks alone, in seconds.
    fn alone(&self) -> Vec<f64> {
        let mut alone = vec![0.0; self.people];
        for frame in 0..self.crowd.len() {
            if let [Some(person), None] = self.speaking(frame)
                && let Some(alone) = alone.get_mut(person)
            {
                *alone += frames::STEP;
            }
        }
        alone
    }

    /// The turns of whoever speaks, by their starts.
    fn turns(&self, end: f64, speaking: impl Fn(usize) -> [Option<usize>; 2]) -> Vec<Turn> {
        let mut turns = Vec::new();
        let mut began: Vec<Option<usize>> = vec![None; self.people];
        // One frame beyond the end, in which nobody speaks.
        for frame in 0..=self.crowd.len() {
            let speaking = speaking(frame);
            for (speaker, began) in began.iter_mut().enumerate() {
                match (speaking.contains(&Some(speaker)), *began) {
                    (true, None) => *began = Some(frame),
                    (false, Some(first)) => {
                        *began = None;
                        let turn = Turn {
                            speaker,
                            start: frames::start(first),
                            end: frames::start(frame).min(end),
                        };
                        if turn.end - turn.start >= SHORTEST {
                            turns.push(turn);
                        }
                    }
                    _ => {}
                }
            }
        }
        turns.sort_by(|a, b| a.start.total_cmp(&b.start).then(a.speaker.cmp(&b.speaker)));
        turns
    }

    /// The scores of these people.
    fn scores(&self, end: f64, people: &[usize]) -> Scores {
        let frames = (end / frames::STEP).ceil() as usize;
        let mut speech = Vec::with_capacity(frames);
        let mut values = Vec::with_capacity(frames * people.len());
        for frame in 0..frames {
            // A frame of the model stands for the time that begins a good step later.
            let last = self.crowd.len().saturating_sub(1);
            let heard = frame.saturating_sub(1).min(last);
            let none = self.crowd.get(heard).map_or(1.0, |crowd| crowd.none);
            speech.push((1.0 - none).clamp(0.0, 1.0));
            let row = self.row(heard);
            let of = |person: &usize| row.get(*person).copied().unwrap_or_default();
            values.extend(people.iter().map(of));
        }
        Scores {
            resolution: frames::STEP,
            speech,
            speakers: people.len(),
            values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FRAMES;
    use crate::pipeline::windows::Window;

    const ONE: Crowd = Crowd {
        none: 0.1,
        two: 0.1,
    };
    const BOTH: Crowd = Crowd {
        none: 0.0,
        two: 0.8,
    };
    const NOBODY: Crowd = Crowd {
        none: 0.9,
        two: 0.0,
    };

    /// Two people: the second one from 100 to 300, the first one from 200 to 400.
    fn timeline<'a>(crowd: &'a [Crowd]) -> Timeline<'a> {
        let activity = (0..crowd.len()).flat_map(|frame| {
            let first = if (200..400).contains(&frame) {
                0.7
            } else {
                0.0
            };
            let second = if (100..300).contains(&frame) {
                0.9
            } else {
                0.0
            };
            [first, second]
        });
        Timeline {
            crowd,
            people: 2,
            activity: activity.collect(),
        }
    }

    fn crowd() -> Vec<Crowd> {
        let of = |frame| match frame {
            100..200 | 300..400 => ONE,
            200..300 => BOTH,
            // A click of three frames.
            450..453 => ONE,
            _ => NOBODY,
        };
        (0..500).map(of).collect()
    }

    #[test]
    fn turns_overlap_where_two_speak_at_once() {
        let crowd = crowd();
        let timeline = timeline(&crowd);
        let turn = |speaker, first, last| Turn {
            speaker,
            start: frames::start(first),
            end: frames::start(last),
        };
        let all = timeline.turns(100.0, |frame| timeline.speaking(frame));
        assert_eq!(all, [turn(1, 100, 300), turn(0, 200, 400)]);
        let one = timeline.turns(100.0, |frame| [timeline.speaking(frame)[0], None]);
        assert_eq!(one, [turn(1, 100, 300), turn(0, 300, 400)]);
        assert!((timeline.alone()[0] - 103.0 * frames::STEP).abs() < 1e-9);
        let cut = timeline.turns(frames::start(350), |frame| timeline.speaking(frame));
        assert_eq!(cut[1], turn(0, 200, 350));
    }

    #[test]
    fn scores_are_by_the_order_of_the_people() {
        let crowd = crowd();
        let scores = timeline(&crowd).scores(500.0 * frames::STEP, &[1, 0]);
        assert_eq!(scores.frames().len(), 500);
        assert_eq!(scores.frames().nth(251).unwrap(), [0.9, 0.7]);
        assert!(timeline(&crowd).scores(9.0, &[]).values.is_empty());
    }

    #[test]
    fn silence_has_nobody_in_it() {
        let heard = Heard {
            windows: vec![Window {
                first: 0,
                activity: vec![[0.0; 3]; FRAMES],
            }],
            crowd: vec![NOBODY; FRAMES],
        };
        let samples = vec![0.0; 160_000];
        let asked = SpeakerBounds::exactly(2);
        let found = diarization(&Signal::new(&samples), &heard, &People::default(), asked);
        assert!(found.turns.is_empty());
        assert_eq!(
            found.warnings,
            ["nobody speaks, so that none of the speakers that were asked for was found"]
        );
        // They have scores all the same: of each frame it is told how likely nobody speaks.
        assert_eq!(found.scores.frames().len(), 593);
        let speech = &found.scores.speech;
        assert!(speech.iter().all(|speech| (speech - 0.1).abs() < 1e-6));
    }
}
