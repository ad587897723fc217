//! Decoding a recording takes the memory of its samples, and decoding it in blocks takes constant memory.
//!
//! The allocations of the whole process are counted, so this is the only test of its binary.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::Path;

use peak_alloc::PeakAlloc;
use pyannote_engine::audio::{DecodeOptions, Decoder, decode};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Duration of the recording, in minutes.
const MINUTES: usize = 20;
/// The maximum of memory beyond the samples, in bytes.
const MAX_OVERHEAD_BYTES: usize = 2 << 20;

/// Writes a WAV file with a sawtooth of 100 Hz, 8 bits at 8 kHz.
fn write(path: &Path, seconds: usize) {
    let samples = u32::try_from(seconds * 8_000).unwrap();
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let mut header = Vec::new();
    header.extend(b"RIFF");
    header.extend((36 + samples).to_le_bytes());
    header.extend(b"WAVEfmt ");
    header.extend(16_u32.to_le_bytes());
    header.extend([1, 0, 1, 0]);
    header.extend(8_000_u32.to_le_bytes());
    header.extend(8_000_u32.to_le_bytes());
    header.extend([1, 0, 8, 0]);
    header.extend(b"data");
    header.extend(samples.to_le_bytes());
    file.write_all(&header).unwrap();
    let second: Vec<u8> = (0..8_000).map(|n| 100 + (n % 80) as u8 / 2).collect();
    for _ in 0..seconds {
        file.write_all(&second).unwrap();
    }
}

#[test]
fn decoding_needs_the_memory_of_the_samples() {
    let minutes = std::env::var("MINUTES").map_or(MINUTES, |minutes| minutes.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.wav");
    write(&path, minutes * 60);
    let result = minutes * 60 * 16_000 * size_of::<f32>();

    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let start = std::time::Instant::now();
    let recording = decode(&path).unwrap();
    let in_one = ALLOCATOR.peak_usage() - before;
    println!(
        "{in_one} bytes for {result} of samples, {:?}",
        start.elapsed()
    );
    assert_eq!(recording.samples.len() * size_of::<f32>(), result);
    assert!(
        in_one < result + MAX_OVERHEAD_BYTES,
        "{in_one} bytes for {result}"
    );
    drop(recording);

    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let blocks = Decoder::open(&path, &DecodeOptions::new()).unwrap();
    let samples: usize = blocks.map(|block| block.unwrap().len()).sum();
    let in_blocks = ALLOCATOR.peak_usage() - before;
    println!("{in_blocks} bytes in blocks");
    assert_eq!(samples * size_of::<f32>(), result);
    assert!(in_blocks < MAX_OVERHEAD_BYTES, "{in_blocks} bytes");
}
