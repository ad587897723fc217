//! Makes the events of a live diarization consistent.

use std::collections::BTreeSet;

use pyannote_core::SpeakerEvent;

use super::LiveDiarization;
use crate::DiarizeError;
use crate::normalize::{Names, to_milliseconds};

/// A live diarization whose events are consistent, whatever those of the inner one are.
///
/// Speakers are named `SPEAKER_00` and so on, in the order of their first starts. Each starts and stops alternately,
/// times are rounded to milliseconds and never decrease, and the end of the stream stops all. Events that do not fit
/// are dropped.
pub(crate) struct Consistent {
    inner: Box<dyn LiveDiarization>,
    names: Names,
    /// The inner one's labels of those who are speaking.
    speaking: BTreeSet<String>,
    /// The time of the last event, in seconds.
    last_time: f64,
}

impl Consistent {
    pub(crate) fn new(inner: Box<dyn LiveDiarization>) -> Self {
        Self {
            inner,
            names: Names::default(),
            speaking: BTreeSet::new(),
            last_time: 0.0,
        }
    }

    fn clean(&mut self, mut events: Vec<SpeakerEvent>) -> Vec<SpeakerEvent> {
        events.sort_by(|a, b| a.time().total_cmp(&b.time()));
        events
            .iter()
            .filter_map(|event| self.cleaned(event))
            .collect()
    }

    /// The event as it is returned, if it fits to those before it.
    fn cleaned(&mut self, event: &SpeakerEvent) -> Option<SpeakerEvent> {
        if !event.time().is_finite() {
            return None;
        }
        let label = event.speaker();
        let starts = matches!(event, SpeakerEvent::Start { .. });
        let fits = match starts {
            true => self.speaking.insert(label.to_owned()),
            false => self.speaking.remove(label),
        };
        if !fits {
            return None;
        }
        let name = self.names.rename(label);
        self.last_time = self.last_time.max(to_milliseconds(event.time()));
        Some(match starts {
            true => SpeakerEvent::start(self.last_time, name),
            false => SpeakerEvent::end(self.last_time, name),
        })
    }
}

impl LiveDiarization for Consistent {
    fn push(&mut self, samples: &[f32]) -> Result<Vec<SpeakerEvent>, DiarizeError> {
        let events = self.inner.push(samples)?;
        Ok(self.clean(events))
    }

    fn finish(&mut self) -> Result<Vec<SpeakerEvent>, DiarizeError> {
        let events = self.inner.finish()?;
        let mut events = self.clean(events);
        let speaking = std::mem::take(&mut self.speaking).into_iter();
        let names: BTreeSet<String> = speaking.map(|label| self.names.rename(&label)).collect();
        events.extend(
            names
                .into_iter()
                .map(|name| SpeakerEvent::end(self.last_time, name)),
        );
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns these events, a list per call.
    struct Scripted(Vec<Vec<SpeakerEvent>>);

    impl LiveDiarization for Scripted {
        fn push(&mut self, _: &[f32]) -> Result<Vec<SpeakerEvent>, DiarizeError> {
            Ok(self.0.remove(0))
        }

        fn finish(&mut self) -> Result<Vec<SpeakerEvent>, DiarizeError> {
            self.push(&[])
        }
    }

    #[test]
    fn inconsistent_events_become_consistent() {
        let start = SpeakerEvent::start;
        let end = SpeakerEvent::end;
        let inner = Scripted(vec![
            vec![
                end(0.0, "nobody"),
                start(1.000_4, "b"),
                start(f64::NAN, "c"),
                start(0.5, "a"),
                start(1.5, "a"),
            ],
            vec![end(0.7, "a"), end(f64::INFINITY, "b")],
            vec![start(2.0, "a")],
        ]);
        let mut live = Consistent::new(Box::new(inner));
        let pushed = live.push(&[]).unwrap();
        assert_eq!(pushed, [start(0.5, "SPEAKER_00"), start(1.0, "SPEAKER_01")]);
        // Times do not decrease across calls.
        assert_eq!(live.push(&[]).unwrap(), [end(1.0, "SPEAKER_00")]);
        let last = live.finish().unwrap();
        assert_eq!(
            last,
            [
                start(2.0, "SPEAKER_00"),
                end(2.0, "SPEAKER_00"),
                end(2.0, "SPEAKER_01")
            ]
        );
    }
}
