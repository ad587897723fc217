//! Streams in real time through a server of this process, with the SDK.

use std::iter::repeat_n;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use pyannote::output::Der;
use pyannote::{Client, Diarization, Error, Job, JobStatus};
use pyannote_engine::{Engine, LiveOptions, SAMPLE_RATE};
use pyannote_server::Server;
use pyannote_server::engine::DiarizerEngine;
use tokio::time::{Instant, sleep, sleep_until};

use crate::measure::{CHUNK_SAMPLES, cells, quantiles};
use crate::recordings::Recording;
use crate::scoring;

/// How much later than the latency 95 % of the events may arrive if a stream keeps real time, in seconds.
const TOLERANCE_S: f64 = 1.0;

/// What is streamed.
pub(crate) struct Load<'a> {
    pub(crate) recordings: &'a [Recording],
    /// Number of streams at once, which take turns with the recordings. With 0, each recording is streamed alone.
    pub(crate) streams: usize,
    /// Duration of a recording that the server diarizes meanwhile, in hours.
    pub(crate) job_hours: f64,
}

/// Streams, and prints a table of the error rates and latencies.
pub(crate) fn measure(engine: Engine, options: &LiveOptions, load: &Load<'_>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let engine = DiarizerEngine::from(engine).live_options(options.clone());
        let server = Server::builder().engine(engine).key("test-key");
        let server = server.start().await.unwrap();
        let client = Client::builder()
            .base_url(server.url())
            .api_key(server.api_key())
            .build()
            .unwrap();
        let job = match load.job_hours > 0.0 {
            true => Some(start_job(&client, load).await),
            false => None,
        };
        let recordings: Vec<_> = load.recordings.iter().map(Played::new).map(Arc::new).collect();
        println!("\n{HEADER}");
        let mut in_time = 0;
        let mut count = 0;
        let rounds: Vec<Vec<_>> = match load.streams {
            0 => recordings.iter().map(|recording| vec![recording]).collect(),
            streams => vec![recordings.iter().cycle().take(streams).collect()],
        };
        for round in rounds {
            let streams = round.iter().enumerate().map(async |(index, recording)| {
                // Streams do not start at the same time.
                sleep(Duration::from_millis(130 * index as u64)).await;
                stream(&client, recording).await
            });
            for (recording, streamed) in round.iter().zip(join_all(streams).await) {
                println!("{}", streamed.row(recording.name));
                count += 1;
                in_time += usize::from(streamed.is_in_time(options));
            }
        }
        println!("\n{in_time} of {count} streams kept real time: 95 % of the events arrived at most {TOLERANCE_S} s after the latency.");
        if let Some(job) = job {
            let status = job.status().await.unwrap();
            println!("Meanwhile, the server diarized {} h of audio: {status}.", load.job_hours);
            assert_eq!(status, JobStatus::Running, "the job must be longer");
        }
    });
}

/// Submits a job: the first recording, repeated. Returns when it runs.
async fn start_job(client: &Client, load: &Load<'_>) -> Job<Diarization> {
    let samples = samples(&load.recordings[0]);
    let seconds = samples.len() as f64 / f64::from(SAMPLE_RATE);
    let repetitions = (load.job_hours * 3_600.0 / seconds).ceil() as usize;
    let file = tempfile::NamedTempFile::with_suffix(".wav").unwrap();
    let format = hound::WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(file.path(), format).unwrap();
    for sample in repeat_n(&samples, repetitions).flatten() {
        writer.write_sample((sample * 32_767.0) as i16).unwrap();
    }
    writer.finalize().unwrap();
    let media = client.upload(file.path()).await.unwrap();
    let job = client.diarize(&media).submit().await.unwrap();
    while job.status().await.unwrap() != JobStatus::Running {
        sleep(Duration::from_millis(200)).await;
    }
    // Past the decoding.
    sleep(Duration::from_secs(5)).await;
    job
}

fn samples(recording: &Recording) -> Vec<f32> {
    let audio = pyannote_engine::audio::decode(&recording.wav).unwrap();
    audio.samples(..).unwrap()
}

/// A recording and its samples.
struct Played<'a> {
    name: &'a str,
    recording: &'a Recording,
    samples: Vec<f32>,
}

impl<'a> Played<'a> {
    fn new(recording: &'a Recording) -> Self {
        Self {
            name: &recording.name,
            recording,
            samples: samples(recording),
        }
    }
}

const HEADER: &str = "\
| streamed through a server | DER % | missed % | false alarm % | confusion % | events | median latency, s | 95 % | worst | end |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

/// What was measured.
struct Streamed {
    der: Der,
    /// From the audio of each event to its arrival, in seconds. Events after the end of the audio do not count.
    latencies: Vec<f64>,
    /// From the end of the audio to that of the stream, in seconds.
    end_s: f64,
    /// Why the stream failed, such as that the machine is overloaded.
    failure: Option<Error>,
}

impl Streamed {
    fn row(&self, name: &str) -> String {
        let latencies = match quantiles(self.latencies.clone()) {
            Some([median, high, worst]) => format!("{median:.2} | {high:.2} | {worst:.2}"),
            None => "- | - | -".to_owned(),
        };
        if let Some(failure) = &self.failure {
            return format!("| {name} | failed: {failure} |");
        }
        let (cells, events) = (cells(&self.der), self.latencies.len());
        format!(
            "| {name} | {cells} | {events} | {latencies} | {:.2} |",
            self.end_s
        )
    }

    fn is_in_time(&self, options: &LiveOptions) -> bool {
        if self.failure.is_some() {
            return false;
        }
        let limit_s = options.latency.as_secs_f64() + TOLERANCE_S;
        quantiles(self.latencies.clone()).is_none_or(|[_, high, _]| high <= limit_s)
    }
}

/// Streams a recording as a microphone would: each chunk when it has been played.
async fn stream(client: &Client, played: &Played<'_>) -> Streamed {
    let chunk_time = Duration::from_secs_f64(CHUNK_SAMPLES as f64 / f64::from(SAMPLE_RATE));
    let session = client.live().connect().await.unwrap();
    let (mut sender, mut events) = session.split();
    let start = Instant::now();
    let audio_s = played.samples.len() as f64 / f64::from(SAMPLE_RATE);
    let sending = async {
        for (chunk, number) in played.samples.chunks(CHUNK_SAMPLES).zip(1_u32..) {
            sleep_until(start + chunk_time * number).await;
            if sender.send(chunk).await.is_err() {
                return;
            }
        }
        sender.finish();
    };
    let receiving = async {
        let mut latencies = Vec::new();
        while let Some(event) = events.next().await {
            let event = match event {
                Ok(event) => event.speaker_event(),
                Err(failure) => return (latencies, Some(failure)),
            };
            let Some(event) = event else { continue };
            let now_s = start.elapsed().as_secs_f64();
            if now_s <= audio_s {
                latencies.push(now_s - event.time());
            }
        }
        (latencies, None)
    };
    let ((), (latencies, failure)) = tokio::join!(sending, receiving);
    Streamed {
        der: scoring::der(played.recording, &events.turns()),
        latencies,
        end_s: start.elapsed().as_secs_f64() - audio_s,
        failure,
    }
}
