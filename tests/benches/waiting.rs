//! How soon waits have their results, and with how many requests: `cargo bench -p pyannote-tests --bench waiting`.
//!
//! A real client waits for the jobs of a server on loopback, with a clock that skips all pauses: requests take no time on
//! it. The jobs end one after another within half an hour, in an order that differs from that of their submissions. Each
//! line is compared with an ideal client, which loses no time and has the same number of requests.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use pyannote::testing::{Clock, ManualClock};
use pyannote::{Client, Diarization, Job};
use pyannote_tests::http::TestServer;
use pyannote_tests::jobs::{JobService, ideal_delays, quantiles};

/// Requests per minute to each endpoint: half of the documented limit, as by default.
const READS_PER_MINUTE: u32 = 150;
const HALF_AN_HOUR_S: f64 = 1_800.0;

#[derive(Clone, Copy)]
enum Waiting {
    /// One `wait_all`.
    All,
    /// A `wait` for each job.
    Single,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!(
        "                                         delay: median / 95 % / max        requests a minute (most)"
    );
    println!(
        "                                         actual            ideal           jobs      listing"
    );
    for (name, waiting, count, is_unlisted, spread_s) in [
        (
            "wait_all, 1,000 listed jobs",
            Waiting::All,
            1_000,
            false,
            HALF_AN_HOUR_S,
        ),
        (
            "wait_all, 5,000 listed jobs",
            Waiting::All,
            5_000,
            false,
            HALF_AN_HOUR_S,
        ),
        (
            "wait_all, 1,000 unlisted jobs",
            Waiting::All,
            1_000,
            true,
            HALF_AN_HOUR_S,
        ),
        (
            "wait_all, 5,000 unlisted jobs",
            Waiting::All,
            5_000,
            true,
            HALF_AN_HOUR_S,
        ),
        (
            "wait_all, 1,000 unlisted, all ended",
            Waiting::All,
            1_000,
            true,
            0.0,
        ),
        (
            "5,000 waits for listed jobs",
            Waiting::Single,
            5_000,
            false,
            HALF_AN_HOUR_S,
        ),
        (
            "5,000 waits for unlisted jobs",
            Waiting::Single,
            5_000,
            true,
            HALF_AN_HOUR_S,
        ),
    ] {
        let ends: Vec<Duration> = (0..count)
            .map(|index| {
                Duration::from_secs_f64(f64::from(index * 7 % count) / f64::from(count) * spread_s)
            })
            .collect();
        measure(name, waiting, ends, is_unlisted).await;
    }
}

async fn measure(name: &str, waiting: Waiting, ends: Vec<Duration>, is_unlisted: bool) {
    let start = Instant::now();
    let clock = ManualClock::auto_advancing();
    let service = JobService {
        ends: ends.clone(),
        is_unlisted,
        ..JobService::default()
    };
    let (log, now) = (service.log.clone(), clock.clone());
    let server = TestServer::start(move |request| service.respond(request, now.now())).await;
    let client = Client::builder()
        .api_key("key")
        .base_url(server.url())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let jobs = (0..ends.len()).map(|index| client.job(format!("job-{index}")));
    let jobs: Vec<Job<Diarization>> = jobs.collect();
    let delays: Vec<Duration> = match waiting {
        Waiting::All => {
            let results = client.wait_all(jobs);
            let delay = |(id, result): (pyannote::JobId, Result<Diarization, _>)| {
                result.unwrap();
                let index: usize = id.as_str()[4..].parse().unwrap();
                clock.now() - ends[index]
            };
            results.map(delay).collect().await
        }
        Waiting::Single => {
            let waits = jobs.iter().zip(&ends).map(async |(job, end)| {
                job.wait().await.unwrap();
                clock.now() - *end
            });
            join_all(waits).await
        }
    };
    assert_eq!(delays.len(), ends.len());
    let seconds = |[median, most, max]: [f64; 3]| format!("{median:.0} / {most:.0} / {max:.0} s");
    let ideal = ideal_delays(&ends, is_unlisted, READS_PER_MINUTE);
    let minutes = (clock.now().as_secs_f64() / 60.0).max(1.0);
    let [jobs, pages] = log.counts().map(|count| count as f64 / minutes);
    let [most_jobs, most_pages] = log.most_per_minute();
    println!(
        "{name:38}   {:17} {:17} {jobs:3.0} ({most_jobs:3})  {pages:3.0} ({most_pages:3})   in {:.0} s",
        seconds(quantiles(&delays)),
        seconds(quantiles(&ideal)),
        start.elapsed().as_secs_f64(),
    );
}
