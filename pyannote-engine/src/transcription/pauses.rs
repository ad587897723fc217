//! Pauses between sentences, which the alignment gives to the words before or after them.

use super::decode::ChunkWord;

/// Ends of sentences.
const SENTENCE_ENDS: &str = ".。!！?？";
/// Words that are longer than this multiple of the median contain a pause.
const MAX_DURATION: f64 = 2.0;
/// The median is at most this, in seconds.
const MAX_MEDIAN_S: f64 = 0.7;

/// Shortens long words at the ends and starts of sentences.
pub(super) fn shorten(words: &mut [ChunkWord]) {
    let durations = words.iter().map(|word| word.time.end - word.time.start);
    let mut durations: Vec<f64> = durations.filter(|duration| *duration > 0.0).collect();
    durations.sort_unstable_by(f64::total_cmp);
    let Some(median) = durations.get(durations.len() / 2) else {
        return;
    };
    let max = MAX_DURATION * median.min(MAX_MEDIAN_S);
    let ends_sentence = |word: &ChunkWord| {
        word.text
            .trim_end()
            .ends_with(|c| SENTENCE_ENDS.contains(c))
    };
    let mut is_first = true;
    for word in words {
        let is_last = ends_sentence(word);
        if word.time.end - word.time.start > max {
            match (is_first, is_last) {
                // The pause before the first word comes before the pause after the last one.
                (true, _) => word.time.start = word.time.end - max,
                (false, true) => word.time.end = word.time.start + max,
                (false, false) => {}
            }
        }
        is_first = is_last;
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;

    #[test]
    fn long_words_at_the_borders_of_sentences_are_shortened() {
        let word = |text: &str, time: Range<f64>| ChunkWord {
            text: text.to_owned(),
            time,
            probability: 1.0,
        };
        let mut words = [
            word(" Well,", 0.0..2.0),
            word(" you", 2.0..2.25),
            word(" know", 2.25..4.0),
            word(" it.", 4.0..6.0),
            word(" I", 6.0..6.25),
            word(" do.", 6.25..6.5),
        ];
        shorten(&mut words);
        let times: Vec<_> = words.into_iter().map(|word| word.time).collect();
        // The median is 1.75 s, of which 0.7 s count.
        let expected = [
            2.0 - 1.4..2.0,
            2.0..2.25,
            2.25..4.0,
            4.0..5.4,
            6.0..6.25,
            6.25..6.5,
        ];
        assert_eq!(times, expected);
        shorten(&mut []);
        shorten(&mut [word("a", 1.0..1.0)]);
    }
}
