//! WAV files to upload.

use std::io::Cursor;

use hound::{SampleFormat, WavSpec, WavWriter};

/// A mono WAV file with a tone of this duration.
pub(crate) fn tone(sample_rate: u32, seconds: u32) -> Vec<u8> {
    let spec = WavSpec {
        channels: 1,
        sample_rate,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut bytes = Cursor::new(Vec::new());
    let mut file = WavWriter::new(&mut bytes, spec).unwrap();
    for index in 0..sample_rate * seconds {
        file.write_sample((index % 200) as i16 * 50).unwrap();
    }
    file.finalize().unwrap();
    bytes.into_inner()
}
