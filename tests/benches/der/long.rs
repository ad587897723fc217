//! Speed, memory and phases of long recordings: the sample, repeated.

use std::num::NonZero;
use std::path::Path;

use crate::child::{Measured, Task};
use crate::repeated::repeated;

/// The header and the delimiter row of the table.
const HEADER: &str = "\
| recording | × real time, 2 threads | of the sample's | decoding, s | segmentation, s | embeddings, s | clustering, s | peak memory, MB |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

/// Prints a table of the sample and of its repetitions to so many hours, all with two threads. `baseline` is another
/// build of this program.
pub(crate) fn print(sample: &Path, hours: &[f64], baseline: Option<&Path>) {
    let this = std::env::current_exe().unwrap();
    println!("\n{HEADER}");
    let sample_speed = row("sample", sample, &this, None);
    for hours in hours {
        let wav = repeated(sample, *hours);
        let name = format!("sample, repeated to {hours} h");
        row(&name, wav.path(), &this, Some(sample_speed));
        if let Some(baseline) = baseline {
            let name = format!("{name}: baseline");
            row(&name, wav.path(), baseline, Some(sample_speed));
        }
    }
}

/// Measures a recording and prints a row. Returns the speed.
fn row(name: &str, wav: &Path, program: &Path, sample_speed: Option<f64>) -> f64 {
    let task = Task {
        wav: wav.to_owned(),
        threads: NonZero::<usize>::MIN.saturating_add(1),
    };
    let Measured {
        audio_s,
        decode_s,
        elapsed_s,
        phase_ends_s: [segmentation_s, embeddings_s],
        peak_bytes,
        ..
    } = task.run_in_subprocess(program);
    let speed = audio_s / elapsed_s;
    let ratio = speed / sample_speed.unwrap_or(speed);
    let peak = peak_bytes.map_or("-".to_owned(), |bytes| format!("{:.0}", bytes as f64 / 1e6));
    println!(
        "| {name} | {speed:.1} | {ratio:.2} | {decode_s:.1} | {segmentation_s:.1} | {:.1} | {:.1} | {peak} |",
        embeddings_s - segmentation_s,
        elapsed_s - embeddings_s,
    );
    speed
}
