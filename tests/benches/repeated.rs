//! Long recordings: the sample, repeated.

use std::path::Path;

use tempfile::NamedTempFile;

/// A WAV file of so many hours. It is decoded as any other.
pub(crate) fn repeated(sample: &Path, hours: f64) -> NamedTempFile {
    let mut reader = hound::WavReader::open(sample).unwrap();
    let spec = reader.spec();
    let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
    let length = (hours * 3600.0 * f64::from(spec.sample_rate)) as usize;
    let file = tempfile::Builder::new()
        .suffix(".wav")
        .tempfile_in(env!("CARGO_TARGET_TMPDIR"));
    let file = file.unwrap();
    let mut writer = hound::WavWriter::create(file.path(), spec).unwrap();
    let mut left = length;
    while left > 0 {
        let samples = &samples[..left.min(samples.len())];
        let mut block = writer.get_i16_writer(samples.len() as u32);
        samples
            .iter()
            .for_each(|sample| block.write_sample(*sample));
        block.flush().unwrap();
        left -= samples.len();
    }
    writer.finalize().unwrap();
    file
}
