//! Decoding a short recording takes the memory of its samples, and decoding and reading a long one constant memory.
//!
//! The allocations of the whole process are counted, so this is the only test of its binary.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::Path;

use peak_alloc::PeakAlloc;
use pyannote_engine::audio::decode;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Duration of a recording that is kept in memory, in minutes.
const SHORT_MINUTES: usize = 5;
/// Duration of a recording that is not.
const LONG_MINUTES: usize = 16;
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

/// The result of a function, and the peak of the memory that it allocates, in bytes.
fn peak_of<T>(run: impl FnOnce() -> T) -> (T, usize) {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let start = std::time::Instant::now();
    let result = run();
    let peak = ALLOCATOR.peak_usage() - before;
    println!("{peak} bytes, {:?}", start.elapsed());
    (result, peak)
}

#[test]
fn decoding_needs_the_memory_of_short_recordings_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.wav");
    for (minutes, is_in_memory) in [(SHORT_MINUTES, true), (LONG_MINUTES, false)] {
        write(&path, minutes * 60);
        let samples = minutes * 60 * 16_000;
        let expected = match is_in_memory {
            true => samples * size_of::<f32>(),
            false => 0,
        };
        let (recording, peak) = peak_of(|| decode(&path).unwrap());
        assert_eq!(recording.len(), samples);
        assert!(
            peak >= expected && peak < expected + MAX_OVERHEAD_BYTES,
            "{peak} bytes for {minutes} min"
        );

        let (read, peak) = peak_of(|| {
            recording
                .blocks()
                .map(|block| block.unwrap().len())
                .sum::<usize>()
        });
        assert_eq!(read, samples);
        assert!(
            peak < MAX_OVERHEAD_BYTES,
            "{peak} bytes to read {minutes} min"
        );
    }
}
