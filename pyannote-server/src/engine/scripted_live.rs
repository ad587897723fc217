//! A live stream with scripted events.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::{DiarizeError, LiveDiarization, SpeakerEvent};

/// Samples per second.
const SAMPLE_RATE: f64 = 16_000.0;

/// The events of one live stream of a [`ScriptedEngine`](crate::ScriptedEngine).
///
/// Each event is sent once the audio has reached its time. At the end of the audio, the turns that are open end.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ScriptedLive {
    events: VecDeque<SpeakerEvent>,
    /// Sent again and again.
    repeats: Vec<SpeakerEvent>,
    fault: Option<(f64, Fault)>,
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Fails,
    Panics,
    Stalls(Duration),
}

impl ScriptedLive {
    /// Creates a stream with these events, in order of their times.
    pub fn new(events: impl IntoIterator<Item = SpeakerEvent>) -> Self {
        Self {
            events: events.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Fails once this much audio has arrived, in seconds, or at the end of shorter audio.
    pub fn fails_at(mut self, seconds: f64) -> Self {
        self.fault = Some((seconds, Fault::Fails));
        self
    }

    /// Panics once this much audio has arrived, in seconds, or at the end of shorter audio.
    pub fn panics_at(mut self, seconds: f64) -> Self {
        self.fault = Some((seconds, Fault::Panics));
        self
    }

    /// Blocks for `duration` once this much audio has arrived, in seconds, or at the end of shorter audio, and then
    /// goes on.
    pub fn stalls_at(mut self, seconds: f64, duration: Duration) -> Self {
        self.fault = Some((seconds, Fault::Stalls(duration)));
        self
    }

    /// Two speakers who take turns, as long as the audio lasts.
    pub(super) fn plausible() -> Self {
        let repeats = [
            SpeakerEvent::start(0.5, "SPEAKER_00"),
            SpeakerEvent::end(3.0, "SPEAKER_00"),
            SpeakerEvent::start(3.25, "SPEAKER_01"),
            SpeakerEvent::end(6.0, "SPEAKER_01"),
        ];
        Self {
            repeats: repeats.into(),
            ..Self::default()
        }
    }

    pub(super) fn start(self) -> Box<dyn LiveDiarization> {
        Box::new(Running {
            script: self,
            samples: 0,
            repeated: 0,
            speaking: BTreeSet::new(),
        })
    }
}

/// A stream in progress.
struct Running {
    script: ScriptedLive,
    samples: u64,
    /// Number of events of `repeats` that were sent.
    repeated: usize,
    speaking: BTreeSet<String>,
}

impl Running {
    /// Audio that has arrived, in seconds.
    fn audio_s(&self) -> f64 {
        self.samples as f64 / SAMPLE_RATE
    }

    /// What is scripted to go wrong and did not yet, if anything, does so.
    fn fault(&mut self) -> Result<(), DiarizeError> {
        match self.script.fault.take() {
            None => Ok(()),
            Some((_, Fault::Fails)) => Err(DiarizeError::Failed("as scripted".to_owned())),
            #[expect(clippy::panic, reason = "a script for tests")]
            Some((_, Fault::Panics)) => panic!("as scripted"),
            Some((_, Fault::Stalls(duration))) => {
                std::thread::sleep(duration);
                Ok(())
            }
        }
    }

    /// Takes the next event, if the audio has reached its time.
    fn next_event(&mut self) -> Option<SpeakerEvent> {
        let now = self.audio_s();
        let event = match self.script.repeats.as_slice() {
            [] => {
                let is_due = self.script.events.front()?.time() <= now;
                is_due.then(|| self.script.events.pop_front())??
            }
            repeats => {
                let event = &repeats[self.repeated % repeats.len()];
                let period = repeats.last()?.time();
                let time = event.time() + period * (self.repeated / repeats.len()) as f64;
                if time > now {
                    return None;
                }
                self.repeated += 1;
                match event {
                    SpeakerEvent::Start { .. } => SpeakerEvent::start(time, event.speaker()),
                    _ => SpeakerEvent::end(time, event.speaker()),
                }
            }
        };
        match &event {
            SpeakerEvent::Start { speaker, .. } => self.speaking.insert(speaker.clone()),
            event => self.speaking.remove(event.speaker()),
        };
        Some(event)
    }
}

impl LiveDiarization for Running {
    fn push(&mut self, samples: &[f32]) -> Result<Vec<SpeakerEvent>, DiarizeError> {
        self.samples += samples.len() as u64;
        let now = self.audio_s();
        if self.script.fault.is_some_and(|(seconds, _)| now >= seconds) {
            self.fault()?;
        }
        Ok(std::iter::from_fn(|| self.next_event()).collect())
    }

    fn finish(&mut self) -> Result<Vec<SpeakerEvent>, DiarizeError> {
        self.fault()?;
        let end = self.audio_s();
        let speaking = std::mem::take(&mut self.speaking).into_iter();
        Ok(speaking
            .map(|speaker| SpeakerEvent::end(end, speaker))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events of a stream whose audio arrives in chunks of 0.1 s.
    fn events(script: ScriptedLive, seconds: usize) -> Vec<(f64, String)> {
        let mut live = script.start();
        let mut events = Vec::new();
        for _ in 0..seconds * 10 {
            events.extend(live.push(&[0.0; 1_600]).unwrap());
        }
        events.extend(live.finish().unwrap());
        let text = |event: &SpeakerEvent| match event {
            SpeakerEvent::Start { speaker, .. } => format!("+{speaker}"),
            event => format!("-{}", event.speaker()),
        };
        events
            .iter()
            .map(|event| (event.time(), text(event)))
            .collect()
    }

    #[test]
    fn sends_events_when_the_audio_has_reached_them_and_ends_open_turns() {
        let script = ScriptedLive::new([
            SpeakerEvent::start(0.5, "A"),
            SpeakerEvent::start(1.95, "B"),
            SpeakerEvent::end(2.5, "A"),
        ]);
        let expected = [(0.5, "+A"), (1.95, "+B"), (2.0, "-A"), (2.0, "-B")];
        let expected = expected.map(|(time, text)| (time, text.to_owned()));
        assert_eq!(events(script, 2), expected);
    }

    #[test]
    fn plausible_speakers_take_turns_as_long_as_the_audio_lasts() {
        let events = events(ScriptedLive::plausible(), 10);
        let times: Vec<f64> = events.iter().map(|(time, _)| *time).collect();
        assert_eq!(times, [0.5, 3.0, 3.25, 6.0, 6.5, 9.0, 9.25, 10.0]);
    }

    #[test]
    fn fails_when_the_audio_has_reached_the_fault() {
        let mut live = ScriptedLive::new([]).fails_at(0.2).start();
        live.push(&[0.0; 1_600]).unwrap();
        live.push(&[0.0; 1_600]).unwrap_err();
    }
}
