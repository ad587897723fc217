//! When tokens are spoken: dynamic time warping of the decoder's attention to the features.

/// Frames of the median filter.
const MEDIAN_FRAMES: usize = 7;

/// For each token, the first feature row that belongs to it, and after the last one, the end of the last token.
///
/// `heads` are the attention weights of some heads: a row per token with `columns` weights, of which only the first
/// `frames`, those with audio, count. The tokens follow each other without gaps.
pub(crate) fn align(heads: &[Vec<f32>], columns: usize, frames: usize) -> Vec<usize> {
    let frames = frames.clamp(1, columns.max(1));
    let tokens = heads.first().map_or(0, |head| head.len() / columns.max(1));
    let mut mean = vec![0.0_f32; tokens * frames];
    for head in heads {
        let mut weights: Vec<f32> = head
            .chunks_exact(columns.max(1))
            .flat_map(|row| {
                // What is beyond the audio gets no weight.
                let sum: f32 = row[..frames].iter().sum();
                row[..frames]
                    .iter()
                    .map(move |weight| weight / sum.max(f32::MIN_POSITIVE))
            })
            .collect();
        normalize_columns(&mut weights, frames);
        for (mean, row) in mean
            .chunks_exact_mut(frames)
            .zip(weights.chunks_exact(frames))
        {
            for (mean, weight) in mean.iter_mut().zip(median_filter(row)) {
                *mean += weight / heads.len() as f32;
            }
        }
    }
    let mut starts = warp(&mean, frames);
    starts.push(frames);
    starts
}

/// Normalizes the weights of each frame to zero mean and unit variance over the tokens.
fn normalize_columns(weights: &mut [f32], frames: usize) {
    let tokens = (weights.len() / frames) as f32;
    for frame in 0..frames {
        let column = || weights.iter().skip(frame).step_by(frames);
        let mean = column().sum::<f32>() / tokens;
        let variance = column().map(|w| (w - mean) * (w - mean)).sum::<f32>() / tokens;
        let factor = 1.0 / variance.sqrt().max(f32::MIN_POSITIVE);
        for weight in weights.iter_mut().skip(frame).step_by(frames) {
            *weight = (*weight - mean) * factor;
        }
    }
}

/// The median of [`MEDIAN_FRAMES`] neighbors of each value. Values are mirrored at both ends.
fn median_filter(values: &[f32]) -> impl Iterator<Item = f32> {
    let last = values.len() as isize - 1;
    let half = (MEDIAN_FRAMES / 2) as isize;
    (0..=last).map(move |center| {
        let mut window = [0.0; MEDIAN_FRAMES];
        for (value, offset) in window.iter_mut().zip(-half..) {
            let index = (center + offset).abs();
            let index = if index > last {
                2 * last - index
            } else {
                index
            };
            *value = values[index.clamp(0, last) as usize];
        }
        window.sort_unstable_by(f32::total_cmp);
        window[MEDIAN_FRAMES / 2]
    })
}

/// The path with the greatest total weight from the first token and frame to the last ones: the first frame of each
/// token. A step goes to the next frame, the next token, or both.
fn warp(weights: &[f32], frames: usize) -> Vec<usize> {
    #[derive(Clone, Copy)]
    enum Step {
        Both,
        Token,
        Frame,
    }
    let tokens = weights.len() / frames;
    if tokens == 0 {
        return Vec::new();
    }
    let mut steps = vec![Step::Frame; weights.len()];
    let mut previous = vec![f32::NEG_INFINITY; frames];
    let mut current = vec![f32::NEG_INFINITY; frames];
    for token in 0..tokens {
        for frame in 0..frames {
            let from = |row: &[f32], frame: Option<usize>| {
                frame.map_or(f32::NEG_INFINITY, |frame| row[frame])
            };
            let both = from(&previous, frame.checked_sub(1));
            let same_frame = previous[frame];
            let same_token = from(&current, frame.checked_sub(1));
            let (total, step) = match (token, frame) {
                (0, 0) => (0.0, Step::Both),
                _ if both >= same_frame && both >= same_token && both.is_finite() => {
                    (both, Step::Both)
                }
                _ if same_frame > same_token => (same_frame, Step::Token),
                _ => (same_token, Step::Frame),
            };
            current[frame] = total + weights[token * frames + frame];
            steps[token * frames + frame] = step;
        }
        std::mem::swap(&mut previous, &mut current);
    }
    let mut starts = vec![0; tokens];
    let (mut token, mut frame) = (tokens - 1, frames - 1);
    while (token, frame) != (0, 0) {
        starts[token] = frame;
        match steps[token * frames + frame] {
            Step::Both => {
                token = token.saturating_sub(1);
                frame = frame.saturating_sub(1);
            }
            Step::Token => token = token.saturating_sub(1),
            Step::Frame => frame = frame.saturating_sub(1),
        }
    }
    starts[0] = 0;
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_start_where_the_attention_moves_to_them() {
        // Four tokens at frames 0..5, 5..9, 9..20, 20..30 of 40, of which the last ten are no audio.
        let bounds = [0, 5, 9, 20, 30];
        let (columns, frames) = (40, 30);
        let weight = |token: usize, frame: usize| match bounds[token..].first_chunk() {
            Some([start, end]) if (*start..*end).contains(&frame) => 1.0,
            // Much weight beyond the audio must not matter.
            _ if frame >= frames => 5.0,
            _ => 0.01,
        };
        let head: Vec<f32> = (0..4)
            .flat_map(|token| (0..columns).map(move |frame| weight(token, frame)))
            .collect();
        let noise: Vec<f32> = (0..4 * columns)
            .map(|n| ((n * 37) % 11) as f32 * 0.001)
            .collect();
        assert_eq!(align(std::slice::from_ref(&head), columns, frames), bounds);
        assert_eq!(align(&[head.clone(), head, noise], columns, frames), bounds);
    }

    #[test]
    fn the_path_has_the_greatest_total_weight() {
        #[rustfmt::skip]
        let weights = [
            1.0, 0.0, 0.0, 0.0,
            0.0, 0.0, 2.0, 0.0,
            0.0, 0.0, 0.0, 1.0,
        ];
        assert_eq!(warp(&weights, 4), [0, 2, 3]);
        // More tokens than frames: several tokens share one.
        assert_eq!(warp(&[1.0, 1.0, 1.0], 1), [0, 0, 0]);
        assert_eq!(warp(&[1.0, 1.0, 1.0], 3), [0]);
        assert!(warp(&[], 4).is_empty());
    }

    #[test]
    fn the_median_ignores_single_peaks_and_mirrors_the_ends() {
        let mut values = [1.0; 20];
        values[9] = 50.0;
        assert!(median_filter(&values).eq([1.0; 20]));
        let rising: Vec<f32> = (0..9).map(|n| n as f32).collect();
        let found: Vec<f32> = median_filter(&rising).collect();
        // numpy.pad(…, 3, mode="reflect") and the median of each window.
        assert_eq!(found, [2.0, 2.0, 2.0, 3.0, 4.0, 5.0, 6.0, 6.0, 6.0]);
        assert!(median_filter(&[3.0]).eq([3.0]));
        assert!(median_filter(&[3.0, 4.0]).count() == 2);
    }

    #[test]
    fn nothing_to_align_is_no_error() {
        assert_eq!(align(&[], 10, 5), [5]);
        assert_eq!(align(&[Vec::new()], 10, 5), [5]);
        assert_eq!(align(&[vec![0.0; 20]], 10, 0).len(), 3);
    }
}
