//! Speed, memory and phases of long recordings: the sample, repeated.

use std::path::Path;

use crate::child::Task;
use crate::repeated::repeated;
use crate::speed::megabytes;
use crate::{MODES, TWO_THREADS};

/// The header and the delimiter row of the table.
const HEADER: &str = "\
| recording | × real time, 2 threads | of the sample's | decoding, s | segmentation, s | embeddings, s | clustering, s | peak memory, MB |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

/// Prints a table of the sample and of its repetitions to so many hours, all with two threads, by default and
/// accurate. `baseline` is another build of this program.
pub(crate) fn print(sample: &Path, hours: &[f64], baseline: Option<&Path>) {
    let this = std::env::current_exe().unwrap();
    println!("\n{HEADER}");
    let sample_speeds = MODES.map(|is_accurate| row("sample", sample, is_accurate, &this, None));
    for hours in hours {
        let wav = repeated(sample, *hours);
        let name = format!("sample, repeated to {hours} h");
        for (is_accurate, sample_speed) in MODES.into_iter().zip(sample_speeds) {
            row(&name, wav.path(), is_accurate, &this, Some(sample_speed));
            if let Some(baseline) = baseline {
                let name = format!("{name}: baseline");
                row(&name, wav.path(), is_accurate, baseline, Some(sample_speed));
            }
        }
    }
}

/// Measures a recording and prints a row. Returns the speed.
fn row(
    name: &str,
    wav: &Path,
    is_accurate: bool,
    program: &Path,
    sample_speed: Option<f64>,
) -> f64 {
    let task = Task {
        wavs: vec![wav.to_owned()],
        start_s: 0.0,
        threads: TWO_THREADS,
        is_accurate,
    };
    let measured = task.run_in(program);
    let [segmentation_s, embeddings_s] = measured.phase_ends_s;
    let speed = measured.audio_s() / measured.elapsed_s;
    println!(
        "| {name}{} | {speed:.1} | {:.2} | {:.1} | {segmentation_s:.1} | {:.1} | {:.1} | {} |",
        if is_accurate { ", accurate" } else { "" },
        speed / sample_speed.unwrap_or(speed),
        measured.decode_s,
        embeddings_s - segmentation_s,
        measured.elapsed_s - embeddings_s,
        megabytes(measured.peak_bytes)
    );
    speed
}
