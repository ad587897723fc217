//! Where live audio comes from.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::ValueEnum;
use pyannote_engine::audio::Decoder;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::error::{Failure, Result};
use crate::local::{self, AudioArgs};
use crate::ui::Ui;

/// Samples of a block: 100 ms.
pub(super) const BLOCK_SAMPLES: usize = 1_600;
/// Number of blocks that wait: a second.
const QUEUED_BLOCKS: usize = 10;
/// How often to check whether the audio was stopped.
pub(super) const STOP_INTERVAL: Duration = Duration::from_millis(100);

/// The encoding of samples without a header.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Encoding {
    /// 32-bit floats, little-endian, -1 to 1.
    #[default]
    F32le,
    /// 16-bit integers, little-endian.
    S16le,
}

/// Live audio.
pub(super) enum Source {
    /// A file, played in real time.
    File(Box<Decoder>, String),
    /// The standard input.
    Samples(Encoding),
    #[cfg(feature = "mic")]
    Microphone,
}

/// Blocks of audio.
pub(super) struct Blocks {
    queue: mpsc::Receiver<Result<Vec<f32>>>,
    stop: Arc<AtomicBool>,
}

impl Blocks {
    /// The next block, or the reason why there are no more. `None` at the end of the audio, or when it was stopped.
    pub(super) async fn next(&mut self) -> Option<Result<Vec<f32>>> {
        while !self.stop.load(Ordering::Relaxed) {
            // The standard input may pause, and nothing else notices the stop meanwhile.
            if let Ok(block) = timeout(STOP_INTERVAL, self.queue.recv()).await {
                return block;
            }
        }
        None
    }
}

impl Source {
    pub(super) fn file(ui: Ui, path: &Path, tracks: AudioArgs) -> Result<Self> {
        let decoder = local::open(ui, path, tracks)?;
        Ok(Self::File(Box::new(decoder), path.display().to_string()))
    }

    pub(super) fn samples(encoding: Encoding) -> Self {
        Self::Samples(encoding)
    }

    /// Whether the audio arrives in real time by itself.
    pub(super) fn is_live(&self) -> bool {
        !matches!(self, Self::File(..))
    }

    /// Reads the audio in a thread, until `stop` is set.
    pub(super) fn start(self, stop: Arc<AtomicBool>, ui: Ui) -> Blocks {
        let (sender, queue) = mpsc::channel(QUEUED_BLOCKS);
        let blocks = Blocks {
            queue,
            stop: Arc::clone(&stop),
        };
        std::thread::spawn(move || {
            let mut send = |samples: Vec<f32>| {
                !stop.load(Ordering::Relaxed) && sender.blocking_send(Ok(samples)).is_ok()
            };
            let result = match self {
                Self::File(decoder, name) => {
                    decode(*decoder, &mut send, ui).map_err(|failure| failure.context(name))
                }
                Self::Samples(encoding) => read(std::io::stdin().lock(), encoding, &mut send),
                #[cfg(feature = "mic")]
                Self::Microphone => super::microphone::record(&stop, &mut send, ui),
            };
            if let Err(failure) = result {
                let _ = sender.blocking_send(Err(failure));
            }
        });
        blocks
    }
}

/// Decodes a file. `send` returns whether there is interest in more.
fn decode(mut decoder: Decoder, send: &mut impl FnMut(Vec<f32>) -> bool, ui: Ui) -> Result<()> {
    for samples in decoder.by_ref() {
        for block in samples?.chunks(BLOCK_SAMPLES) {
            if !send(block.to_vec()) {
                return Ok(());
            }
        }
    }
    for warning in decoder.warnings() {
        ui.warn(warning);
    }
    Ok(())
}

/// Reads samples. An incomplete one at the end is dropped.
fn read(
    mut input: impl Read,
    encoding: Encoding,
    send: &mut impl FnMut(Vec<f32>) -> bool,
) -> Result<()> {
    let size = match encoding {
        Encoding::F32le => 4,
        Encoding::S16le => 2,
    };
    let mut bytes = vec![0; BLOCK_SAMPLES * size];
    let mut filled = 0;
    loop {
        let read = match input.read(bytes.get_mut(filled..).unwrap_or_default()) {
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::of(&error).context("cannot read the standard input")),
        };
        if read == 0 {
            return Ok(());
        }
        filled += read;
        let whole = filled / size * size;
        let samples = bytes.get(..whole).unwrap_or_default().chunks_exact(size);
        let samples: Vec<f32> = samples.map(sample).collect();
        if !samples.is_empty() && !send(samples) {
            return Ok(());
        }
        bytes.copy_within(whole..filled, 0);
        filled -= whole;
    }
}

/// Decodes a sample of two or four bytes.
fn sample(bytes: &[u8]) -> f32 {
    match *bytes {
        [a, b, c, d] => f32::from_le_bytes([a, b, c, d]),
        [a, b] => f32::from(i16::from_le_bytes([a, b])) / 32_768.0,
        _ => 0.0,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Returns the bytes in pieces of this size.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let size = self.1.min(buffer.len()).min(self.0.len());
            let (piece, rest) = self.0.split_at(size);
            buffer[..size].copy_from_slice(piece);
            self.0 = rest;
            Ok(size)
        }
    }

    #[test]
    fn samples_arrive_in_any_pieces() {
        let floats: Vec<f32> = (0..5_000).map(|n| n as f32 / 5_000.0).collect();
        let integers: Vec<i16> = (0..5_000).map(|n| n * 6).collect();
        for (encoding, mut bytes) in [
            (
                Encoding::F32le,
                floats
                    .iter()
                    .flat_map(|s| s.to_le_bytes())
                    .collect::<Vec<_>>(),
            ),
            (
                Encoding::S16le,
                integers.iter().flat_map(|s| s.to_le_bytes()).collect(),
            ),
        ] {
            // The start of a sample.
            bytes.push(7);
            for size in [1, 3, 4_096, 1 << 20] {
                let mut all = Vec::new();
                read(Pieces(&bytes, size), encoding, &mut |samples| {
                    assert!(samples.len() <= BLOCK_SAMPLES);
                    all.extend(samples);
                    true
                })
                .unwrap();
                let expected: Vec<f32> = match encoding {
                    Encoding::F32le => floats.clone(),
                    Encoding::S16le => integers.iter().map(|s| f32::from(*s) / 32_768.0).collect(),
                };
                assert_eq!(all, expected, "{encoding:?} {size}");
            }
        }
    }

    #[tokio::test]
    async fn a_stop_ends_a_pause() {
        let (_sender, queue) = mpsc::channel(1);
        let stop = Arc::default();
        let mut blocks = Blocks {
            queue,
            stop: Arc::clone(&stop),
        };
        let stopping = async { stop.store(true, Ordering::Relaxed) };
        let (block, ()) = tokio::join!(blocks.next(), stopping);
        assert!(block.is_none());
    }

    #[test]
    fn reading_ends_when_nobody_listens() {
        let mut calls = 0;
        read(Pieces(&[0; 100_000], 1_000), Encoding::S16le, &mut |_| {
            calls += 1;
            calls < 3
        })
        .unwrap();
        assert_eq!(calls, 3);
    }
}
