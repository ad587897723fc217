//! A recording of any length is decoded in the memory of its samples, and piece by piece in hardly any.
//!
//! A test of memory counts what the whole process allocates, so it is alone in its process, and the only test here.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::Path;

use peak_alloc::PeakAlloc;
use pyannote_engine::audio::{Blocks, Limits, decode};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// How long the recording is, in minutes.
const MINUTES: usize = 20;
/// How much more memory than its samples the whole of it may take, in bytes.
const GROWTH: usize = 2 << 20;

/// Writes a WAV file of 8 bits at 8 kHz, a buzz of 100 Hz.
fn write(path: &Path, seconds: usize) {
    let samples = u32::try_from(seconds * 8_000).unwrap();
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let mut head = Vec::new();
    head.extend(b"RIFF");
    head.extend((36 + samples).to_le_bytes());
    head.extend(b"WAVEfmt ");
    head.extend(16_u32.to_le_bytes());
    head.extend([1, 0, 1, 0]);
    head.extend(8_000_u32.to_le_bytes());
    head.extend(8_000_u32.to_le_bytes());
    head.extend([1, 0, 8, 0]);
    head.extend(b"data");
    head.extend(samples.to_le_bytes());
    file.write_all(&head).unwrap();
    let second: Vec<u8> = (0..8_000).map(|n| 100 + (n % 80) as u8 / 2).collect();
    for _ in 0..seconds {
        file.write_all(&second).unwrap();
    }
}

#[test]
fn a_long_recording_takes_the_memory_of_its_samples() {
    let minutes = std::env::var("MINUTES").map_or(MINUTES, |minutes| minutes.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.wav");
    write(&path, minutes * 60);
    let result = minutes * 60 * 16_000 * size_of::<f32>();

    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let begun = std::time::Instant::now();
    let recording = decode(&path).unwrap();
    let whole = ALLOCATOR.peak_usage() - before;
    println!(
        "{whole} bytes for {result} of samples, {:?}",
        begun.elapsed()
    );
    assert_eq!(recording.samples.len() * size_of::<f32>(), result);
    assert!(whole < result + GROWTH, "{whole} bytes for {result}");
    drop(recording);

    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let blocks = Blocks::open(&path, Limits::default()).unwrap();
    let samples: usize = blocks.map(|block| block.unwrap().len()).sum();
    let pieces = ALLOCATOR.peak_usage() - before;
    println!("{pieces} bytes piece by piece");
    assert_eq!(samples * size_of::<f32>(), result);
    assert!(pieces < GROWTH, "{pieces} bytes");
}
