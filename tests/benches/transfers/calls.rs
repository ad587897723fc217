//! What a call of the SDK costs, relative to reqwest.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::Value;

use super::{client, fastest};

/// Calls between two changes of the client.
const BLOCK: usize = 50;
/// Changes of the client within a run of concurrent calls.
const BLOCKS_PER_RUN: usize = 4;

/// A client whose calls are measured.
#[derive(Clone)]
enum Caller {
    Sdk(pyannote::Client),
    Reqwest(reqwest::Client, String),
}

impl Caller {
    async fn call(&self) {
        match self {
            Self::Sdk(client) => client.test_key().await.unwrap(),
            Self::Reqwest(http, url) => {
                let request = http.get(url).bearer_auth("key");
                let response = request.timeout(Duration::from_secs(60)).send().await;
                let body = response.unwrap().bytes().await.unwrap();
                serde_json::from_slice::<Value>(&body).unwrap();
            }
        }
    }

    /// The mean time of one call after another, in microseconds.
    async fn latency_us(&self, calls: usize) -> f64 {
        let start = Instant::now();
        for _ in 0..calls {
            self.call().await;
        }
        start.elapsed().as_secs_f64() * 1e6 / calls as f64
    }

    /// The mean time per call with this many tasks, in microseconds.
    async fn time_us(&self, calls: usize, concurrency: usize) -> f64 {
        let calls_per_task = calls.div_ceil(concurrency);
        let tasks = (0..concurrency).map(|_| {
            let caller = self.clone();
            tokio::spawn(async move {
                for _ in 0..calls_per_task {
                    caller.call().await;
                }
            })
        });
        let start = Instant::now();
        for task in join_all(tasks).await {
            task.unwrap();
        }
        start.elapsed().as_secs_f64() * 1e6 / (calls_per_task * concurrency) as f64
    }
}

/// Measures both clients in turns, and prints the fastest runs.
pub(crate) async fn compare(url: &str, calls: usize, concurrency: usize, runs: usize) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let callers = [
        Caller::Reqwest(http, format!("{url}/v1/test")),
        Caller::Sdk(client(url)),
    ];
    let mut latencies = [Vec::new(), Vec::new()];
    let mut times = [Vec::new(), Vec::new()];
    // The first run of each warms up.
    for block in 0..=calls.div_ceil(BLOCK) {
        for (caller, latencies) in callers.iter().zip(&mut latencies) {
            let latency = caller.latency_us(BLOCK).await;
            if block > 0 {
                latencies.push(latency);
            }
        }
    }
    for run in 0..=runs * BLOCKS_PER_RUN {
        for (caller, times) in callers.iter().zip(&mut times) {
            let time = caller.time_us(calls / BLOCKS_PER_RUN, concurrency).await;
            if run > 0 {
                times.push(time);
            }
        }
    }
    let [reqwest, sdk] = latencies.map(fastest);
    println!(
        "one call             reqwest {reqwest:.1} µs, SDK {sdk:.1} µs: {:+.1} µs",
        sdk - reqwest
    );
    let [reqwest, sdk] = times.map(fastest);
    println!(
        "{concurrency} calls at a time reqwest {:.0}/s, SDK {:.0}/s: ratio {:.2} (goal: 0.95)",
        1e6 / reqwest,
        1e6 / sdk,
        reqwest / sdk
    );
}
