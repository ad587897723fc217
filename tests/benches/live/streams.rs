//! Long streams, and many at once.

use std::thread;
use std::time::{Duration, Instant};

use pyannote_engine::{Engine, LiveOptions, SAMPLE_RATE};
use pyannote_tests::process::memory_bytes;

use crate::measure::{CHUNK_SAMPLES, processor_time, quantiles};

/// Prints the memory of the process during a long stream, as fast as it can be processed.
pub(crate) fn long(engine: &Engine, sample: &[f32], hours: f64) {
    let mut session = engine.live(&LiveOptions::new()).unwrap();
    let seconds = sample.len() as f64 / f64::from(SAMPLE_RATE);
    let repetitions = (hours * 3600.0 / seconds).ceil() as usize;
    println!("\n| hours | memory, MB | events |\n| ---: | ---: | ---: |");
    let mut events = 0;
    for repetition in 1..=repetitions {
        for chunk in sample.chunks(CHUNK_SAMPLES) {
            events += session.push(chunk).unwrap().len();
        }
        if repetition == 1 || repetition % repetitions.div_ceil(8) == 0 || repetition == repetitions
        {
            let memory = memory_bytes("self", "VmRSS").map_or(f64::NAN, |bytes| bytes as f64 / 1e6);
            println!(
                "| {:.2} | {memory:.1} | {events} |",
                repetition as f64 * seconds / 3600.0
            );
        }
    }
}

/// Streams the sample in real time, several times at once, and prints how late the events of each chunk were.
pub(crate) fn parallel(engine: &Engine, sample: &[f32], count: usize) {
    let chunk_time = Duration::from_secs_f64(CHUNK_SAMPLES as f64 / f64::from(SAMPLE_RATE));
    let late = thread::scope(|scope| {
        let streams: Vec<_> = (0..count)
            .map(|index| {
                scope.spawn(move || {
                    // Streams do not start at the same time.
                    thread::sleep(chunk_time * u32::try_from(index % 5).unwrap());
                    let mut session = engine.live(&LiveOptions::new()).unwrap();
                    let start = Instant::now();
                    let mut late = Vec::new();
                    for (chunk, number) in sample.chunks(CHUNK_SAMPLES).zip(1_u32..) {
                        let due = chunk_time * number;
                        thread::sleep(due.saturating_sub(start.elapsed()));
                        session.push(chunk).unwrap();
                        late.push(start.elapsed().saturating_sub(due).as_secs_f64());
                    }
                    (late, processor_time().unwrap_or_default())
                })
            })
            .collect();
        streams
            .into_iter()
            .map(|stream| stream.join().unwrap())
            .collect::<Vec<_>>()
    });
    println!(
        "\n| stream | processor time, s | median delay, s | 95 % | worst |\n| ---: | ---: | ---: | ---: | ---: |"
    );
    for (index, (late, processor)) in late.into_iter().enumerate() {
        let [median, high, worst] = quantiles(late).unwrap();
        let processor = processor.as_secs_f64();
        println!("| {index} | {processor:.2} | {median:.3} | {high:.3} | {worst:.3} |");
    }
}
