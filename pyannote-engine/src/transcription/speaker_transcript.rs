//! The transcript of a diarization: words and turns with their speakers.

use pyannote_core::{Transcript, TranscriptSegment, Turns, Word};

use super::{Transcriber, TranscriptionOptions};
use crate::normalize::to_milliseconds;
use crate::{Diarization, DiarizeError, Recording};

/// A longer pause between two words of a speaker starts a new turn, in seconds.
const MAX_PAUSE_S: f64 = 1.0;

/// The transcript of a diarization. Times are in seconds, rounded to milliseconds.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SpeakerTranscript {
    /// A segment per word, by start.
    pub words: Transcript,
    /// A segment per turn, by start: the words of one speaker without a pause of more than 1 s.
    pub turns: Transcript,
    /// The language that was given or detected, as an ISO 639 code such as `en`. `None` if there is no speech.
    pub language: Option<String>,
}

impl Diarization {
    /// Transcribes the turns, and assigns each word to the speaker whose turn it overlaps most.
    ///
    /// Where several people speak at once, the words are those of the speaker in
    /// [`exclusive`](Diarization::exclusive). Nothing is transcribed outside of turns. See
    /// [`transcription`](crate::transcription) for an example.
    ///
    /// # Errors
    ///
    /// As [`Transcriber::transcribe`].
    pub fn transcribe<T: Transcriber + ?Sized>(
        &self,
        transcriber: &T,
        recording: &Recording,
        options: TranscriptionOptions<'_>,
    ) -> Result<SpeakerTranscript, DiarizeError> {
        let exclusive = match self.exclusive.is_empty() {
            true => &self.turns,
            false => &self.exclusive,
        };
        transcribe(transcriber, recording, &self.turns, exclusive, options)
    }

    /// As [`transcribe`](Self::transcribe), for a diarization of
    /// [`diarize_channels`](crate::Engine::diarize_channels): each channel is transcribed alone.
    ///
    /// # Errors
    ///
    /// As [`Transcriber::transcribe`].
    pub fn transcribe_channels<T: Transcriber + ?Sized>(
        &self,
        transcriber: &T,
        channels: &[Recording],
        mut options: TranscriptionOptions<'_>,
    ) -> Result<SpeakerTranscript, DiarizeError> {
        if self
            .speakers
            .iter()
            .all(|speaker| speaker.channel.is_none())
        {
            return match loudest(channels)? {
                Some(recording) => self.transcribe(transcriber, recording, options),
                None => Ok(SpeakerTranscript::default()),
            };
        }
        let mut words = Vec::new();
        let mut turns = Vec::new();
        let mut language = None;
        for (index, recording) in channels.iter().enumerate() {
            let is_own = |label: &str| {
                let mut speakers = self.speakers.iter();
                speakers.any(|speaker| speaker.label == label && speaker.channel == Some(index + 1))
            };
            let own: Turns = self
                .turns
                .iter()
                .filter(|turn| is_own(&turn.speaker))
                .cloned()
                .collect();
            let mut own_options = TranscriptionOptions::new().cancel_token(options.token());
            own_options.language = options.language.clone();
            let report =
                |fraction| options.report((index as f64 + fraction) / channels.len() as f64);
            let own_options = own_options.on_progress(report);
            let found = transcribe(transcriber, recording, &own, &own, own_options)?;
            words.extend(found.words);
            turns.extend(found.turns);
            language = language.or(found.language);
        }
        options.report(1.0);
        Ok(SpeakerTranscript {
            words: by_start(words),
            turns: by_start(turns),
            language,
        })
    }
}

/// Transcribes `turns`, and assigns the words to the speakers of `exclusive`.
fn transcribe<T: Transcriber + ?Sized>(
    transcriber: &T,
    recording: &Recording,
    turns: &Turns,
    exclusive: &Turns,
    options: TranscriptionOptions<'_>,
) -> Result<SpeakerTranscript, DiarizeError> {
    let speech: Vec<(f64, f64)> = turns.iter().map(|turn| (turn.start, turn.end)).collect();
    let transcription = transcriber.transcribe(recording, &speech, options)?;
    let words = transcription.words.into_iter().map(|word| {
        let start = to_milliseconds(word.start);
        Word::new(start, to_milliseconds(word.end).max(start), word.text)
    });
    // Only turns were transcribed: a word between two of them is of the speaker of the nearest one.
    let words = exclusive.assign_words_within(words, f64::INFINITY);
    let unknown = "";
    Ok(SpeakerTranscript {
        words: by_start(words.word_level(unknown).into_vec()),
        turns: by_start(words.turn_level(unknown, MAX_PAUSE_S).into_vec()),
        language: transcription.language,
    })
}

/// The segments that have a speaker and finite times, by start.
fn by_start(mut segments: Vec<TranscriptSegment>) -> Transcript {
    segments.retain(|segment| {
        !segment.speaker.is_empty() && segment.start.is_finite() && segment.end.is_finite()
    });
    segments.sort_by(|a, b| a.start.total_cmp(&b.start));
    Transcript::from(segments)
}

/// The first channel with the most energy. Channels that are nearly identical are diarized as one, which is not the
/// first one if that is silent.
fn loudest(channels: &[Recording]) -> Result<Option<&Recording>, DiarizeError> {
    let mut best = (f64::NEG_INFINITY, None);
    for channel in channels {
        let mut energy = 0.0;
        // One channel needs no comparison.
        if channels.len() > 1 {
            for block in channel.blocks() {
                let squares = block?
                    .iter()
                    .map(|sample| f64::from(*sample).powi(2))
                    .sum::<f64>();
                energy += squares;
            }
        }
        if energy > best.0 {
            best = (energy, Some(channel));
        }
    }
    Ok(best.1)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use pyannote_core::Turn;

    use super::super::{TranscribedWord, Transcription};
    use super::*;
    use crate::{CancelToken, Speaker};

    /// Number of samples, regions and language of a call.
    type Call = (usize, Vec<(f64, f64)>, Option<String>);

    /// Says the same words about every recording, and records what it is asked to transcribe.
    #[derive(Default)]
    struct Fake {
        words: Vec<TranscribedWord>,
        calls: Mutex<Vec<Call>>,
    }

    impl Fake {
        fn new(words: &[(f64, f64, &str)]) -> Self {
            let word = |(start, end, text): &(f64, f64, &str)| {
                TranscribedWord::new(*start, *end, *text, 0.9)
            };
            Self {
                words: words.iter().map(word).collect(),
                ..Self::default()
            }
        }
    }

    impl Transcriber for Fake {
        fn model(&self) -> &str {
            "fake"
        }

        fn check_language(&self, _: &str) -> Result<(), DiarizeError> {
            Ok(())
        }

        fn transcribe(
            &self,
            recording: &Recording,
            speech: &[(f64, f64)],
            mut options: TranscriptionOptions<'_>,
        ) -> Result<Transcription, DiarizeError> {
            if options.token().is_cancelled() {
                return Err(DiarizeError::Cancelled);
            }
            options.report(0.5);
            let language = options.language_code().map(str::to_owned);
            let call = (recording.len(), speech.to_vec(), language.clone());
            self.calls.lock().unwrap().push(call);
            let is_spoken = |word: &&TranscribedWord| {
                let mut speech = speech.iter();
                speech.any(|(start, end)| word.start < *end && *start < word.end)
            };
            let words = self.words.iter().filter(is_spoken).cloned().collect();
            options.report(1.0);
            Ok(Transcription::new(
                words,
                language.or(Some("en".to_owned())),
            ))
        }
    }

    fn speaker(label: &str, channel: Option<usize>) -> Speaker {
        Speaker {
            label: label.to_owned(),
            channel,
            ..Speaker::default()
        }
    }

    fn lines(transcript: &Transcript) -> Vec<String> {
        let line = |segment: &TranscriptSegment| {
            let TranscriptSegment {
                start,
                end,
                text,
                speaker,
                ..
            } = segment;
            format!("{start}..{end} {speaker}: {text}")
        };
        transcript.iter().map(line).collect()
    }

    #[test]
    fn words_have_speakers_and_become_turns() {
        let diarization = Diarization {
            turns: [
                Turn::new(0.0, 2.0, "A"),
                Turn::new(1.0, 4.0, "B"),
                Turn::new(5.5, 7.0, "A"),
            ]
            .into(),
            exclusive: [
                Turn::new(0.0, 1.0, "A"),
                Turn::new(1.0, 4.0, "B"),
                Turn::new(5.5, 7.0, "A"),
            ]
            .into(),
            ..Diarization::default()
        };
        let fake = Fake::new(&[
            (0.1, 0.500_4, "Good"),
            (0.6, 0.9, "morning."),
            // Both speak; this is the word of B, who alone is in the exclusive turns.
            (1.2, 1.8, "Hi."),
            (3.0, 3.0, "So"),
            // In a pause, nearer to A.
            (3.9, 5.6, "well"),
            (5.7, 6.0, "yes"),
            (f64::NAN, 6.1, "lost"),
        ]);
        let recording = Recording::new(vec![0.0; 7 * 16_000]);
        let mut reported = Vec::new();
        let options = TranscriptionOptions::new()
            .language("de")
            .on_progress(|fraction| reported.push(fraction));
        let transcript = diarization.transcribe(&fake, &recording, options).unwrap();
        assert_eq!(reported, [0.5, 1.0]);
        assert_eq!(transcript.language.as_deref(), Some("de"));
        assert_eq!(
            lines(&transcript.words),
            [
                "0.1..0.5 A: Good",
                "0.6..0.9 A: morning.",
                "1.2..1.8 B: Hi.",
                "3..3 B: So",
                "3.9..5.6 B: well",
                "5.7..6 A: yes"
            ]
        );
        assert_eq!(
            lines(&transcript.turns),
            [
                "0.1..0.9 A: Good morning.",
                "1.2..1.8 B: Hi.",
                "3..5.6 B: So well",
                "5.7..6 A: yes"
            ]
        );
        let speech = vec![(0.0, 2.0), (1.0, 4.0), (5.5, 7.0)];
        let call = (7 * 16_000, speech, Some("de".to_owned()));
        assert_eq!(*fake.calls.lock().unwrap(), [call]);
    }

    #[test]
    fn channels_are_transcribed_alone() {
        let turns = [
            Turn::new(0.0, 2.0, "SPEAKER_00"),
            Turn::new(1.0, 3.0, "SPEAKER_01"),
        ];
        let mut diarization = Diarization {
            exclusive: [Turn::new(0.0, 3.0, "SPEAKER_00")].into(),
            turns: turns.into(),
            speakers: vec![
                speaker("SPEAKER_00", Some(1)),
                speaker("SPEAKER_01", Some(2)),
            ],
            ..Diarization::default()
        };
        let fake = Fake::new(&[(0.5, 0.9, "one"), (1.2, 1.9, "both"), (2.2, 2.5, "two")]);
        let channels = [10, 20].map(|len| Recording::new(vec![0.0; len]));
        let mut reported = Vec::new();
        let options = TranscriptionOptions::new().on_progress(|fraction| reported.push(fraction));
        let transcript = diarization
            .transcribe_channels(&fake, &channels, options)
            .unwrap();
        assert_eq!(reported, [0.25, 0.5, 0.75, 1.0]);
        assert_eq!(transcript.language.as_deref(), Some("en"));
        assert_eq!(
            lines(&transcript.turns),
            [
                "0.5..1.9 SPEAKER_00: one both",
                "1.2..2.5 SPEAKER_01: both two"
            ]
        );
        assert_eq!(transcript.words.len(), 4);
        // Without a party per channel, what was diarized is transcribed once.
        diarization.speakers.clear();
        let fake = Fake::new(&[]);
        let channels = [0.0, 0.1, 0.1].map(|sample| Recording::new(vec![sample; 30]));
        let options = TranscriptionOptions::new();
        let transcript = diarization
            .transcribe_channels(&fake, &channels, options)
            .unwrap();
        assert!(transcript.words.is_empty());
        assert_eq!(fake.calls.lock().unwrap().len(), 1);
        assert_eq!(
            loudest(&channels).unwrap().unwrap().samples(..1).unwrap(),
            [0.1]
        );
        assert!(loudest(&[]).unwrap().is_none());
    }

    #[test]
    fn cancelled_transcriptions_fail() {
        let token = CancelToken::new();
        token.cancel();
        let diarization = Diarization {
            turns: [Turn::new(0.0, 1.0, "A")].into(),
            speakers: vec![speaker("A", Some(1))],
            ..Diarization::default()
        };
        let fake = Fake::default();
        let recording = Recording::new(vec![0.0; 16_000]);
        let options = || TranscriptionOptions::new().cancel_token(&token);
        for result in [
            diarization.transcribe(&fake, &recording, options()),
            diarization.transcribe_channels(&fake, std::slice::from_ref(&recording), options()),
        ] {
            assert_eq!(result, Err(DiarizeError::Cancelled));
        }
    }
}
