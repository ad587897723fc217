//! The rules of a stream: what a message does, and what happens when nothing does. The time is passed in.

use tokio::time::Instant;

use super::LiveLimits;
use super::end::End;
use super::message::FromClient;
use super::pacing::Pacing;

/// What to do next.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    Nothing,
    /// Pass audio to the engine.
    Audio(Vec<f32>),
    /// Take no more audio, send the events of the audio so far, and then end the stream.
    Finish,
    /// End the stream now.
    End(End),
    Ping,
}

/// State of a stream.
#[derive(Debug)]
pub(super) struct Rules {
    limits: LiveLimits,
    opened: Instant,
    pacing: Pacing,
    last_audio: Instant,
    last_message: Instant,
    last_ping: Instant,
    /// Since when the engine has had something to do that the stream waits for: there is no room for more audio, or the
    /// audio has ended.
    engine_since: Option<Instant>,
    /// Why the stream ends once the events of its audio are sent.
    ending: Option<End>,
}

impl Rules {
    /// The rules of a stream whose connection has just been opened.
    pub(super) fn new(limits: LiveLimits, now: Instant) -> Self {
        Self {
            limits,
            opened: now,
            pacing: Pacing::new(limits.max_ahead),
            last_audio: now,
            last_message: now,
            last_ping: now,
            engine_since: None,
            ending: None,
        }
    }

    pub(super) fn has_audio(&self) -> bool {
        self.pacing.has_audio()
    }

    /// Returns why the stream ends once the events of its audio are sent, if it takes no more audio.
    pub(super) fn ending(&self) -> Option<&End> {
        self.ending.as_ref()
    }

    /// A message was read.
    pub(super) fn on_message(&mut self, message: Result<FromClient, End>, now: Instant) -> Step {
        self.last_message = now;
        match (message, &self.ending) {
            (Ok(FromClient::Close), _) => Step::End(End::ClosedByClient),
            // Also if other messages leave no time for anything else.
            (Ok(FromClient::Nothing), _) => self.on_time(now),
            (Err(end), None | Some(End::Completed)) => Step::End(end),
            (Ok(FromClient::Audio(samples)), None) => {
                self.last_audio = now;
                if now >= self.opened + self.limits.duration {
                    self.finish(End::TooLong, now)
                } else if self.pacing.receive(now) {
                    Step::Audio(samples)
                } else {
                    Step::End(End::TooFast)
                }
            }
            (Ok(FromClient::EndOfStream), None) => self.finish(End::Completed, now),
            (Ok(_), Some(End::Completed)) => Step::End(End::InvalidMessage("after end_of_stream")),
            // The client does not know yet that the stream ends.
            (_, Some(_)) => Step::Nothing,
        }
    }

    /// The stream takes no more audio.
    pub(super) fn finish(&mut self, end: End, now: Instant) -> Step {
        self.ending = Some(end);
        self.engine_since = Some(now);
        Step::Finish
    }

    /// The engine has no room for more audio, so nothing is read from the connection.
    pub(super) fn on_full(&mut self, now: Instant) {
        self.engine_since = Some(now);
    }

    /// The engine has room again. What the client has sent meanwhile could not be read.
    pub(super) fn on_room(&mut self, now: Instant) {
        self.engine_since = None;
        self.last_audio = now;
        self.last_message = now;
    }

    /// The engine returned an event.
    pub(super) fn on_event(&mut self, now: Instant) {
        if let Some(since) = &mut self.engine_since {
            *since = now;
        }
    }

    fn is_full(&self) -> bool {
        self.engine_since.is_some() && self.ending.is_none()
    }

    /// Returns when [`on_time`](Self::on_time) has something to do, if nothing happens before.
    pub(super) fn deadline(&self) -> Instant {
        let deadlines = self.deadlines().into_iter().flatten();
        deadlines.min().unwrap_or(self.last_ping)
    }

    /// The deadlines in the order of their steps. There is always one of the next ping.
    fn deadlines(&self) -> [Option<Instant>; 5] {
        let limits = &self.limits;
        let takes_audio = self.ending.is_none();
        let is_read = !self.is_full();
        [
            self.engine_since.map(|since| since + limits.engine_timeout),
            takes_audio.then(|| self.opened + limits.duration),
            (takes_audio && is_read).then(|| self.last_audio + limits.idle_timeout),
            is_read.then(|| self.last_message + limits.client_timeout),
            Some(self.last_ping + limits.client_timeout / 3),
        ]
    }

    /// Time has passed.
    pub(super) fn on_time(&mut self, now: Instant) -> Step {
        let is_due = self
            .deadlines()
            .map(|deadline| deadline.is_some_and(|deadline| now >= deadline));
        match is_due {
            [true, ..] => Step::End(End::EngineStalled),
            [_, true, ..] => self.finish(End::TooLong, now),
            [_, _, true, ..] => Step::End(End::Idle),
            [_, _, _, true, _] => Step::End(End::Unresponsive),
            [_, _, _, _, true] => {
                self.last_ping = now;
                Step::Ping
            }
            _ => Step::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Something that happens to a stream.
    #[derive(Clone, Copy, Debug)]
    enum Happens {
        Audio,
        EndOfStream,
        Ping,
        Invalid,
        Close,
        Full,
        Room,
        Event,
        Stop,
        Time,
    }
    use Happens::*;

    /// Applies what happens, at times in milliseconds, to a new stream. Returns the last step, and in how many
    /// milliseconds from the start the next deadline is.
    fn last_step(script: &[(u64, Happens)]) -> (String, u128) {
        let start = Instant::now();
        let limits = LiveLimits {
            duration: Duration::from_secs(60),
            ..LiveLimits::default()
        };
        let mut rules = Rules::new(limits, start);
        let mut step = Step::Nothing;
        for (millis, happens) in script {
            let now = start + Duration::from_millis(*millis);
            step = match happens {
                Audio => rules.on_message(Ok(FromClient::Audio(Vec::new())), now),
                EndOfStream => rules.on_message(Ok(FromClient::EndOfStream), now),
                Ping => rules.on_message(Ok(FromClient::Nothing), now),
                Invalid => rules.on_message(Err(End::InvalidMessage("no reason")), now),
                Close => rules.on_message(Ok(FromClient::Close), now),
                Full => {
                    rules.on_full(now);
                    Step::Nothing
                }
                Room => {
                    rules.on_room(now);
                    Step::Nothing
                }
                Event => {
                    rules.on_event(now);
                    Step::Nothing
                }
                Stop => rules.finish(End::ShuttingDown, now),
                Time => rules.on_time(now),
            };
        }
        let step = match step {
            Step::Audio(_) => "audio".to_owned(),
            Step::Finish => format!("finish as {}", rules.ending().unwrap().name()),
            Step::End(end) => end.name().to_owned(),
            Step::Nothing => "-".to_owned(),
            Step::Ping => "ping".to_owned(),
        };
        (step, (rules.deadline() - start).as_millis())
    }

    #[test]
    fn messages_and_time_lead_to_steps() {
        let audio_until = |end: u64| (0..end / 100).map(|chunk| (chunk * 100, Audio));
        let after = |end: u64, rest: &[(u64, Happens)]| -> Vec<(u64, Happens)> {
            audio_until(end).chain(rest.iter().copied()).collect()
        };
        type Case = (&'static str, Vec<(u64, Happens)>, (&'static str, u128));
        let cases: &[Case] = &[
            ("new", vec![], ("-", 5_000)),
            ("audio", vec![(1_000, Audio)], ("audio", 5_000)),
            ("idle", vec![(5_000, Time)], ("idle", 5_000)),
            ("not idle yet", vec![(4_999, Time)], ("-", 5_000)),
            (
                "idle after audio",
                vec![(3_000, Audio), (5_000, Time), (8_000, Time)],
                ("idle", 8_000),
            ),
            (
                "pings are no audio",
                vec![(4_000, Ping), (5_000, Ping)],
                ("idle", 5_000),
            ),
            (
                "sends pings",
                vec![(3_000, Audio), (5_000, Time)],
                ("ping", 8_000),
            ),
            ("too fast", vec![(0, Audio); 51], ("too_fast", 5_000)),
            (
                "invalid",
                vec![(0, Audio), (1, Invalid)],
                ("invalid_message", 5_000),
            ),
            (
                "closed",
                vec![(0, Audio), (1, Close)],
                ("closed_by_client", 5_000),
            ),
            (
                "end",
                vec![(0, Audio), (1, EndOfStream)],
                ("finish as completed", 5_000),
            ),
            (
                "end without audio",
                vec![(1, EndOfStream)],
                ("finish as completed", 5_000),
            ),
            (
                "no idle after the end",
                vec![(1, EndOfStream), (5_000, Time)],
                ("ping", 10_000),
            ),
            (
                "silent client after the end",
                vec![
                    (1, EndOfStream),
                    (5_000, Time),
                    (10_000, Time),
                    (15_001, Time),
                ],
                ("unresponsive", 15_000),
            ),
            (
                "client that answers pings after the end",
                vec![
                    (1, EndOfStream),
                    (14_000, Ping),
                    (14_000, Time),
                    (19_000, Time),
                    (24_000, Time),
                ],
                ("ping", 29_000),
            ),
            (
                "engine that does not finish",
                vec![
                    (1, EndOfStream),
                    (14_000, Ping),
                    (28_000, Ping),
                    (30_001, Time),
                ],
                ("engine_stalled", 30_001),
            ),
            (
                "engine that is still finishing",
                vec![
                    (1, EndOfStream),
                    (28_000, Event),
                    (29_000, Ping),
                    (30_001, Time),
                ],
                ("-", 34_000),
            ),
            (
                "audio after the end",
                vec![(0, EndOfStream), (1, Audio)],
                ("invalid_message", 5_000),
            ),
            (
                "second end",
                vec![(0, EndOfStream), (1, EndOfStream)],
                ("invalid_message", 5_000),
            ),
            (
                "closed after the end",
                vec![(0, EndOfStream), (1, Close)],
                ("closed_by_client", 5_000),
            ),
            (
                "server stops",
                vec![(0, Audio), (1, Stop)],
                ("finish as shutting_down", 5_000),
            ),
            (
                "audio after the server stops",
                vec![(0, Stop), (1, Audio)],
                ("-", 5_000),
            ),
            (
                "invalid after the server stops",
                vec![(0, Stop), (1, Invalid)],
                ("-", 5_000),
            ),
            (
                "engine is full: no idle",
                vec![(0, Audio), (1, Full), (6_000, Time)],
                ("ping", 11_000),
            ),
            (
                "engine stays full",
                vec![(0, Audio), (1, Full), (25_001, Time), (30_001, Time)],
                ("engine_stalled", 30_001),
            ),
            (
                "the client is not blamed for a full engine",
                vec![
                    (0, Audio),
                    (1, Full),
                    (20_000, Room),
                    (20_001, Time),
                    (24_999, Time),
                ],
                ("-", 25_000),
            ),
            (
                "maximum duration without audio",
                after(59_000, &[(59_000, Time), (60_000, Time)]),
                ("finish as too_long", 64_000),
            ),
            (
                "maximum duration with audio",
                after(60_000, &[(59_999, Time), (60_000, Audio)]),
                ("finish as too_long", 64_999),
            ),
        ];
        for (name, script, expected) in cases {
            let (step, deadline) = last_step(script);
            assert_eq!((step.as_str(), deadline), *expected, "{name}");
        }
    }
}
