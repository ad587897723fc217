//! What a call of the SDK costs, relative to reqwest.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::Value;

use super::{client, median};

/// Calls between two changes of the client.
const BLOCK: usize = 50;

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

    /// The median time of one call after another, in microseconds.
    async fn latency_us(&self, calls: usize) -> f64 {
        let mut times = Vec::new();
        for _ in 0..calls {
            let start = Instant::now();
            self.call().await;
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        median(times)
    }

    /// Calls per second with this many tasks.
    async fn throughput(&self, calls: usize, concurrency: usize) -> f64 {
        let tasks = (0..concurrency).map(|_| {
            let caller = self.clone();
            tokio::spawn(async move {
                for _ in 0..calls.div_ceil(concurrency) {
                    caller.call().await;
                }
            })
        });
        let start = Instant::now();
        for task in join_all(tasks).await {
            task.unwrap();
        }
        calls as f64 / start.elapsed().as_secs_f64()
    }
}

/// Measures both clients in turns, and prints the medians.
pub(crate) async fn compare(url: &str, calls: usize, concurrency: usize, runs: usize) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let callers = [
        Caller::Reqwest(http, format!("{url}/v1/test")),
        Caller::Sdk(client(url)),
    ];
    let mut latencies = [Vec::new(), Vec::new()];
    let mut throughputs = [Vec::new(), Vec::new()];
    // The first block of each warms up.
    for block in 0..=calls.div_ceil(BLOCK) {
        for (caller, latencies) in callers.iter().zip(&mut latencies) {
            let latency = caller.latency_us(BLOCK).await;
            if block > 0 {
                latencies.push(latency);
            }
        }
    }
    for run in 0..=runs {
        for (caller, throughputs) in callers.iter().zip(&mut throughputs) {
            let throughput = caller.throughput(calls, concurrency).await;
            if run > 0 {
                throughputs.push(throughput);
            }
        }
    }
    let [reqwest, sdk] = latencies.map(median);
    println!(
        "one call             reqwest {reqwest:.1} µs, SDK {sdk:.1} µs: {:+.1} µs",
        sdk - reqwest
    );
    let [reqwest, sdk] = throughputs.map(median);
    println!(
        "{concurrency} calls at a time reqwest {reqwest:.0}/s, SDK {sdk:.0}/s: ratio {:.2} (goal: 0.95)",
        sdk / reqwest
    );
}
