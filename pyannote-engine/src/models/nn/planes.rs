//! Two-dimensional signals: bands and frames.

/// Values as `(band, frame, channel)`, with a zero frame before and after the frames of each band.
///
/// A kernel that spans three frames therefore reads overlapping rows, at the ends, too.
#[derive(Debug)]
pub(crate) struct Planes {
    values: Vec<f32>,
    bands: usize,
    frames: usize,
    channels: usize,
}

/// Bands that [`Planes::from_features`] puts side by side: the height of a kernel.
const NEIGHBORS: usize = 3;

impl Planes {
    /// Zeros.
    pub(super) fn new(bands: usize, frames: usize, channels: usize) -> Self {
        Self {
            values: vec![0.0; bands * (frames + 2) * channels],
            bands,
            frames,
            channels,
        }
    }

    /// Features, one row per frame and one column per band, as planes with three channels: the band below, the band
    /// itself, and the band above.
    pub(crate) fn from_features(features: &[f32], bands: usize) -> Self {
        let mut planes = Self::new(bands, features.len() / bands.max(1), NEIGHBORS);
        planes.for_each_band(|band, rows| {
            let frames = features.chunks_exact(bands);
            for (out, frame) in rows.chunks_exact_mut(NEIGHBORS).zip(frames) {
                // Bands are zero-padded.
                out[0] = if band > 0 { frame[band - 1] } else { 0.0 };
                out[1] = frame[band];
                out[2] = frame.get(band + 1).copied().unwrap_or(0.0);
            }
        });
        planes
    }

    /// Number of bands.
    pub(crate) fn bands(&self) -> usize {
        self.bands
    }

    /// Number of frames per band, without the zero frames around them.
    pub(crate) fn frame_count(&self) -> usize {
        self.frames
    }

    /// Number of channels.
    pub(crate) fn channels(&self) -> usize {
        self.channels
    }

    /// The frames of a band, including the zero frames around them.
    pub(super) fn padded(&self, band: usize) -> &[f32] {
        let size = (self.frames + 2) * self.channels;
        &self.values[band * size..(band + 1) * size]
    }

    /// The frames of a band.
    pub(crate) fn band(&self, band: usize) -> &[f32] {
        let rows = self.padded(band);
        &rows[self.channels..rows.len() - self.channels]
    }

    /// Calls `work` with the index and the frames of each band.
    pub(super) fn for_each_band(&mut self, work: impl Fn(usize, &mut [f32])) {
        let (channels, frames) = (self.channels, self.frames);
        let bands = self.values.chunks_exact_mut((frames + 2) * channels);
        for (band, rows) in bands.enumerate() {
            work(band, &mut rows[channels..(frames + 1) * channels]);
        }
    }
}
