//! The speakers of a window, who are told apart there and known nowhere else.

use super::frames;
use super::voices::{self, Voice, Voices};
use super::windows::{Heard, LOCAL, Window};
use crate::EMBEDDING;

/// From which probability on somebody counts as speaking here.
const SPEAKS: f32 = 0.4;
/// How long somebody has to speak in a window to count as one of its speakers, in seconds.
const LEAST: f64 = 0.6;
/// The same where nobody in the whole recording speaks that long.
const LEAST_IN_SILENCE: f64 = 0.1;
/// How much of a sub-segment a window has to hear to say who speaks in it.
const HEARD: f64 = 0.7;
/// How much of a sub-segment somebody has to speak alone for it to have a part in their voice.
const ALONE: f32 = 0.1;
/// How much more a sub-segment counts in which somebody speaks alone all the time: by this power of their share in it.
const PURITY: i32 = 3;

/// A speaker of a window.
#[derive(Clone)]
pub(super) struct Local {
    /// The index of the window.
    pub(super) window: usize,
    /// Its first frame.
    pub(super) first: usize,
    /// How likely they speak in each frame of it.
    pub(super) activity: Vec<f32>,
    /// How long they speak alone, in seconds.
    pub(super) alone: f32,
    /// The sub-segments in which they speak alone, and how much of each, 0 to 1.
    pub(super) shares: Vec<(usize, f32)>,
    /// The voice, of length 1: none where they never speak alone.
    pub(super) voice: Option<Voice>,
}

impl Local {
    /// The frame after the last one of the window.
    pub(super) fn end(&self) -> usize {
        self.first + self.activity.len()
    }
}

/// The speakers of all windows, without their voices.
pub(super) fn speakers(heard: &Heard) -> Vec<Local> {
    let sub_segments = voices::count(heard.crowd.len());
    let all = |least: f64| -> Vec<Local> {
        let windows = heard.windows.iter().enumerate();
        windows
            .flat_map(|(index, window)| {
                (0..LOCAL)
                    .filter_map(move |speaker| local(index, window, speaker, least, sub_segments))
            })
            .collect()
    };
    let speakers = all(LEAST);
    if speakers.is_empty() {
        all(LEAST_IN_SILENCE)
    } else {
        speakers
    }
}

fn local(
    index: usize,
    window: &Window,
    speaker: usize,
    least: f64,
    sub_segments: usize,
) -> Option<Local> {
    let of_speaker = |row: &[f32; LOCAL]| row.get(speaker).copied().unwrap_or_default();
    let activity: Vec<f32> = window.activity.iter().map(of_speaker).collect();
    let speaks = activity
        .iter()
        .filter(|activity| **activity > SPEAKS)
        .count();
    if (speaks as f64) * frames::STEP < least {
        return None;
    }
    let alone: Vec<f32> = window
        .activity
        .iter()
        .map(|row| {
            let own = of_speaker(row);
            let others = row.iter().sum::<f32>() - own;
            own * (1.0 - others).clamp(0.0, 1.0)
        })
        .collect();
    let window_end = window.first + window.activity.len();
    let around = voices::around(window.first..window_end);
    let shares = (around.start..around.end.min(sub_segments))
        .filter_map(|index| Some((index, share(&alone, window.first, index)?)))
        .filter(|(_, share)| *share > ALONE)
        .collect();
    Some(Local {
        window: index,
        first: window.first,
        activity,
        alone: alone.iter().sum::<f32>() * frames::STEP as f32,
        shares,
        voice: None,
    })
}

/// How much of a sub-segment somebody speaks alone; none where the window hears too little of it.
fn share(alone: &[f32], first: usize, sub_segment: usize) -> Option<f32> {
    let frames = voices::frames_of(sub_segment);
    let start = frames.start.max(first);
    let end = frames.end.min(first + alone.len());
    if start >= end || ((end - start) as f64) < HEARD * frames.len() as f64 {
        return None;
    }
    let alone = alone.get(start - first..end - first)?;
    Some(alone.iter().sum::<f32>() / alone.len() as f32)
}

/// The sub-segments whose voices are wanted, in order.
pub(super) fn sub_segments(speakers: &[Local]) -> Vec<usize> {
    let mut wanted: Vec<usize> = speakers
        .iter()
        .flat_map(|speaker| speaker.shares.iter().map(|(index, _)| *index))
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

/// Gives each speaker the mean of the voices of the sub-segments in which they speak alone.
pub(super) fn give_voices(speakers: &mut [Local], voices: &Voices) {
    for speaker in speakers {
        let mut sum = [0.0; EMBEDDING];
        for (index, share) in &speaker.shares {
            if let Some(voice) = voices.get(index) {
                voices::add(&mut sum, voice, share.powi(PURITY));
            }
        }
        speaker.voice = voices::unit(sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FRAMES;
    use crate::pipeline::windows::Crowd;

    /// One window in which the first speaker speaks alone for a while, and then together with the second.
    fn heard(alone: usize, together: usize) -> Heard {
        let activity = (0..FRAMES).map(|frame| match frame {
            frame if frame < alone => [0.9, 0.0, 0.0],
            frame if frame < alone + together => [0.9, 0.9, 0.0],
            _ => [0.0; LOCAL],
        });
        Heard {
            windows: vec![Window {
                first: 0,
                activity: activity.collect(),
            }],
            crowd: vec![Crowd::default(); FRAMES],
        }
    }

    #[test]
    fn a_voice_comes_from_where_somebody_speaks_alone() {
        let mut speakers = speakers(&heard(200, 200));
        assert_eq!(speakers.len(), 2);
        // 200 frames are 3.4 s: the sub-segments that begin at 0, 0.75 and 1.5 s, and three that fade out.
        let wanted = sub_segments(&speakers);
        assert_eq!(wanted, [0, 1, 2, 3, 4]);
        assert!(
            speakers[1].shares.is_empty(),
            "the second one never speaks alone"
        );

        let axis = |n: usize| {
            let mut voice = [0.0; EMBEDDING];
            voice[n] = 1.0;
            voice
        };
        let voices: Voices = wanted.iter().map(|index| (*index, axis(*index))).collect();
        give_voices(&mut speakers, &voices);
        let voice = speakers[0].voice.unwrap();
        assert!(voice[0] > voice[4] && voice[4] > 0.0, "{:?}", &voice[..5]);
        assert!(speakers[1].voice.is_none());
    }

    #[test]
    fn who_speaks_for_a_moment_counts_only_where_nobody_else_speaks() {
        assert_eq!(speakers(&heard(10, 0)).len(), 1);
        assert_eq!(speakers(&heard(200, 10)).len(), 1);
        assert_eq!(speakers(&heard(2, 0)).len(), 0);
    }
}
