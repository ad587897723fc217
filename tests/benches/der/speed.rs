//! The Markdown table of speed and memory.

use crate::child::Measured;

/// The header and the delimiter row.
///
/// Times real time of the processor time, which other programs hardly affect, and of the elapsed time.
pub(crate) const HEADER: &str = "\
| recording | × real time of processor time, 1 thread | of elapsed time | 2 threads | peak memory, MB | accurate: × real time, 1 thread | of elapsed time | 2 threads | peak memory, MB |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

/// Audio and times in seconds: sums of one or several recordings.
#[derive(Clone, Default)]
pub(crate) struct Speed {
    audio_s: f64,
    /// With one thread.
    processor_s: f64,
    /// With one thread, and with two.
    elapsed_s: [f64; 2],
    /// The highest peak in bytes, on platforms that report it.
    peak_bytes: Option<u64>,
}

impl Speed {
    /// Of a recording, with one thread and with two.
    pub(crate) fn new(one: &Measured, two: &Measured) -> Self {
        Self {
            audio_s: one.audio_s(),
            processor_s: one.processor_s.unwrap_or(f64::NAN),
            elapsed_s: [one.elapsed_s, two.elapsed_s],
            peak_bytes: one.peak_bytes.max(two.peak_bytes),
        }
    }

    /// Adds another recording.
    pub(crate) fn add(&mut self, other: &Self) {
        self.audio_s += other.audio_s;
        self.processor_s += other.processor_s;
        for (sum, elapsed_s) in self.elapsed_s.iter_mut().zip(other.elapsed_s) {
            *sum += elapsed_s;
        }
        self.peak_bytes = self.peak_bytes.max(other.peak_bytes);
    }

    fn cells(&self) -> String {
        let [one, two] = self.elapsed_s.map(|elapsed_s| self.audio_s / elapsed_s);
        format!(
            "{:.1} | {one:.1} | {two:.1} | {}",
            self.audio_s / self.processor_s,
            megabytes(self.peak_bytes)
        )
    }
}

/// A number of bytes, if it is known.
pub(crate) fn megabytes(bytes: Option<u64>) -> String {
    bytes.map_or("-".to_owned(), |bytes| format!("{:.0}", bytes as f64 / 1e6))
}

/// A row.
pub(crate) fn row(name: &str, speed: &[Speed; 2]) -> String {
    format!("| {name} | {} | {} |", speed[0].cells(), speed[1].cells())
}
