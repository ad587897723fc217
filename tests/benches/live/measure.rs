//! One recording, diarized as a whole or live.

use std::time::{Duration, Instant};

use pyannote::output::{Der, LiveTurns, Turns};
use pyannote_engine::{Engine, LiveOptions, Options, SAMPLE_RATE};

use crate::recordings::Recording;
use crate::scoring;

/// The header and the delimiter row.
pub(crate) const HEADER: &str = "\
| recording | latency | DER % | missed % | false alarm % | confusion % | speakers (reference) | × real time | median latency, s | 95 % | worst |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

/// Samples that are pushed at a time.
pub(crate) const CHUNK_SAMPLES: usize = 1_600;

/// What was measured.
#[derive(Clone, Default)]
pub(crate) struct Measured {
    der: Der,
    /// Number of speakers in the turns and in the reference.
    speakers: (usize, usize),
    audio_s: f64,
    processor_s: f64,
    /// Of each event, in seconds.
    latencies: Vec<f64>,
}

impl Measured {
    /// Measures a recording: live, if there are options for it.
    pub(crate) fn of(
        engine: &Engine,
        recording: &Recording,
        options: Option<&LiveOptions>,
    ) -> Self {
        let audio = pyannote_engine::audio::decode(&recording.wav).unwrap();
        let mut measured = Self {
            audio_s: audio.duration(),
            ..Self::default()
        };
        let start = Instant::now();
        let before = processor_time();
        let turns = match options {
            Some(options) => measured.live(engine, &audio.samples(..).unwrap(), options),
            None => engine.diarize(&audio, Options::new()).unwrap().turns,
        };
        // A diarization of the whole recording runs on a thread of the engine, whose processor time is unknown.
        measured.processor_s = match (options, before, processor_time()) {
            (Some(_), Some(before), Some(after)) => (after - before).as_secs_f64(),
            _ => start.elapsed().as_secs_f64(),
        };
        measured.der = scoring::der(recording, &turns);
        measured.speakers = scoring::speakers(recording, &turns);
        measured
    }

    fn live(&mut self, engine: &Engine, samples: &[f32], options: &LiveOptions) -> Turns {
        let mut session = engine.live(options).unwrap();
        let mut turns = LiveTurns::new();
        let mut pushed = 0;
        for chunk in samples.chunks(CHUNK_SAMPLES) {
            pushed += chunk.len();
            let events = session.push(chunk).unwrap();
            let now = pushed as f64 / f64::from(SAMPLE_RATE);
            self.latencies
                .extend(events.iter().map(|event| now - event.time()));
            turns.extend(&events);
        }
        turns.extend(&session.finish().unwrap());
        turns.turns(self.audio_s)
    }

    /// Adds another recording.
    pub(crate) fn add(&mut self, other: Self) {
        scoring::add(&mut self.der, &other.der);
        self.speakers.0 += other.speakers.0;
        self.speakers.1 += other.speakers.1;
        self.audio_s += other.audio_s;
        self.processor_s += other.processor_s;
        self.latencies.extend(other.latencies);
    }

    /// A row of the table.
    pub(crate) fn row(&self, name: &str, options: Option<&LiveOptions>) -> String {
        let latency = options.map_or_else(
            || "whole".to_owned(),
            |options| format!("{} s", options.latency.as_secs_f64()),
        );
        let mut row = format!(
            "| {name} | {latency} | {} | {} ({}) | {:.1} |",
            cells(&self.der),
            self.speakers.0,
            self.speakers.1,
            self.audio_s / self.processor_s
        );
        row += &match quantiles(self.latencies.clone()) {
            Some([median, high, worst]) => format!(" {median:.2} | {high:.2} | {worst:.2} |"),
            None => " - | - | - |".to_owned(),
        };
        row
    }
}

/// The cells of a row of a table: the error rate and its components, in percent.
pub(crate) fn cells(der: &Der) -> String {
    let percent = |seconds: f64| 100.0 * seconds / der.total;
    format!(
        "{:.1} | {:.1} | {:.1} | {:.1}",
        100.0 * der.rate(),
        percent(der.missed_detection),
        percent(der.false_alarm),
        percent(der.confusion)
    )
}

/// The median, the 95th percentile and the maximum, if there are any values.
pub(crate) fn quantiles(mut values: Vec<f64>) -> Option<[f64; 3]> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)? as f64;
    Some([0.5, 0.95, 1.0].map(|quantile| values[(quantile * last).ceil() as usize]))
}

/// The processor time of this thread, on Linux. Other processes do not affect it.
pub(crate) fn processor_time() -> Option<Duration> {
    let text = fs_err::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(
        text.split_whitespace().next()?.parse().ok()?,
    ))
}
