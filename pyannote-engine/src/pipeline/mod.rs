//! From samples to who spoke when.
//!
//! 1. [`windows`]: the segmentation model hears windows of 10 s, one every 2.5 s, and tells up to three speakers of each
//!    apart. These are local: it does not know them from one window to the next.
//! 2. [`voices`]: the embedding model hears sub-segments of 1.5 s, one every 0.75 s, wherever somebody speaks.
//! 3. [`local`]: each local speaker gets the voice of the sub-segments in which they speak, best alone.
//! 4. [`evidence`]: how much speaks for two local speakers being one person: their voices, and whether they speak at
//!    the same moments where their windows overlap. Two of one window are two people.
//! 5. [`clustering`]: agglomerative clustering on that evidence.
//! 6. [`assignment`]: window by window, the local speakers are assigned anew to the people that were found.
//! 7. [`division`]: whoever turns out to be two people is divided, and steps 5 and 6 are done again.
//! 8. [`reconstruction`]: what the windows say is averaged into scores, and these become turns.
//!
//! Steps 4 to 7 compare each with each, so they work on [`blocks`] of ten minutes, and then on the speakers of these.
//! All numbers were chosen on excerpts of AMI meetings, and stand beside their meaning.

mod assignment;
mod blocks;
mod clustering;
mod division;
mod evidence;
mod frames;
mod local;
mod queue;
mod reconstruction;
mod signal;
mod voices;
mod windows;

use rayon::ThreadPool;

use super::{Embedder, Fbank, Segmentation};
use crate::{CancelToken, Diarization, DiarizeError, Options};
use signal::Signal;

/// What the pipeline works with.
#[derive(Clone, Copy)]
pub(super) struct Models<'a> {
    pub(super) segmentation: &'a Segmentation,
    pub(super) fbank: &'a Fbank,
    pub(super) embedder: &'a Embedder,
    /// The threads for whatever is heard. All jobs share them.
    pub(super) pool: &'a ThreadPool,
}

impl Models<'_> {
    /// Does the work on all threads, in order. Jobs that are worked on at once take turns.
    fn all<T: Sync, R: Send>(
        &self,
        pieces: &[T],
        cancel: &CancelToken,
        progress: &mut dyn FnMut(f64),
        work: impl Fn(&T) -> R + Sync,
    ) -> Result<Vec<R>, DiarizeError> {
        queue::all(self.pool, pieces, cancel, progress, work)
    }

    /// The size of equal portions of at most `most`, so that there is one for each thread.
    fn portion(&self, count: usize, most: usize) -> usize {
        let portions = count.div_ceil(most).next_multiple_of(self.threads());
        count.div_ceil(portions.max(1)).max(1)
    }

    fn threads(&self) -> usize {
        self.pool.current_num_threads().max(1)
    }
}

/// The share of segmentation and of embedding in the work, as progress counts it.
const SEGMENTATION_SHARE: f64 = 0.3;
const EMBEDDING_SHARE: f64 = 0.68;

/// Tells who spoke when.
pub(super) fn diarize(
    models: Models<'_>,
    samples: &[f32],
    options: &mut Options<'_>,
) -> Result<Diarization, DiarizeError> {
    let signal = Signal::new(samples);
    let asked = options.speaker_bounds();
    let cancel = &options.token().clone();
    let heard = windows::hear(models, &signal, cancel, &mut |done| {
        options.report(SEGMENTATION_SHARE * done);
    })?;
    let mut local = local::speakers(&heard);
    let needed = local::sub_segments(&local);
    let voices = voices::hear(models, &signal, &needed, cancel, &mut |done| {
        options.report(SEGMENTATION_SHARE + EMBEDDING_SHARE * done);
    })?;
    local::give_voices(&mut local, &voices);
    let people = blocks::people(&local, &voices, asked, cancel)?;
    let diarization = reconstruction::diarization(&signal, &heard, &people, asked);
    options.report(1.0);
    Ok(diarization)
}
