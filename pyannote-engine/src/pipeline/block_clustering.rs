//! Recordings of any length, in blocks of ten minutes: first who the people of each block are, then which of them are
//! the same.
//!
//! What compares each with each would need 100 times the time and memory for a recording ten times as long.

use super::clustering::count;
use super::evidence::{self, Evidence, counted};
use super::local::Local;
use super::voices::{self, Voice, Voices};
use super::{assignment, clustering, division};
use crate::EMBEDDING;
use crate::{CancelToken, DiarizeError, SpeakerBounds};

/// How many windows a block has: ten minutes of them.
const WINDOWS: usize = 240;

/// How much more a second counts that tells two people of a block apart than one of a voice. With more blocks there are
/// ever more pairs of voices, and people with similar voices shall not become one.
const APART_COUNTS: f32 = 2.0;

/// Who the people of a recording are.
#[derive(Default)]
pub(super) struct People {
    /// The local speakers.
    pub(super) local: Vec<Local>,
    /// For each of them, the person.
    pub(super) labels: Vec<usize>,
    /// How many people there are.
    pub(super) count: usize,
}

impl People {
    /// The local speakers with their people.
    pub(super) fn labelled(&self) -> impl Iterator<Item = (&Local, usize)> {
        self.local.iter().zip(self.labels.iter().copied())
    }

    /// The local speakers of a person.
    pub(super) fn of(&self, person: usize) -> impl Iterator<Item = &Local> {
        let labelled = self.labelled().filter(move |(_, label)| *label == person);
        labelled.map(|(local, _)| local)
    }
}

/// Who the people of a recording are. The local speakers are in the order of their windows.
pub(super) fn people(
    local: &[Local],
    voices: &Voices,
    asked: SpeakerBounds,
    cancel: &CancelToken,
) -> Result<People, DiarizeError> {
    let blocks: Vec<&[Local]> = local
        .chunk_by(|a, b| a.window / WINDOWS == b.window / WINDOWS)
        .collect();
    let asked_of_block = match blocks.len() {
        0 | 1 => asked,
        // Not everybody has to speak in each block.
        _ => SpeakerBounds { min: None, ..asked },
    };
    let mut all = People::default();
    let mut speakers = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        let found = people_of_block(block, voices, asked_of_block, cancel)?;
        speakers.extend((0..found.count).map(|person| BlockSpeaker::new(index, &found, person)));
        all.labels
            .extend(found.labels.iter().map(|label| label + all.count));
        all.local.extend(found.local);
        all.count += found.count;
    }
    if blocks.len() > 1 {
        let seconds: Vec<f32> = speakers.iter().map(|speaker| speaker.alone).collect();
        let evidence = |a: usize, b: usize| match (speakers.get(a), speakers.get(b)) {
            (Some(a), Some(b)) => a.evidence(b),
            _ => Evidence::default(),
        };
        let same = clustering::groups(&seconds, evidence, asked, cancel)?;
        for label in &mut all.labels {
            *label = same.get(*label).copied().unwrap_or_default();
        }
        all.count = count(&same);
    }
    Ok(all)
}

fn people_of_block(
    local: &[Local],
    voices: &Voices,
    asked: SpeakerBounds,
    cancel: &CancelToken,
) -> Result<People, DiarizeError> {
    let mut local = local.to_vec();
    let mut labels = labels(&local, asked, cancel)?;
    if let Some(divided) = division::divided(&local, &labels, voices) {
        labels = self::labels(&divided, asked, cancel)?;
        local = divided;
    }
    Ok(People {
        count: count(&labels),
        local,
        labels,
    })
}

/// The people of local speakers.
fn labels(
    local: &[Local],
    asked: SpeakerBounds,
    cancel: &CancelToken,
) -> Result<Vec<usize>, DiarizeError> {
    let seconds: Vec<f32> = local.iter().map(|local| counted(local.alone)).collect();
    let evidence = |a: usize, b: usize| match (local.get(a), local.get(b)) {
        (Some(a), Some(b)) => evidence::of(a, b),
        _ => Evidence::default(),
    };
    let labels = clustering::groups(&seconds, evidence, asked, cancel)?;
    let refined = assignment::refined(local, &labels, cancel)?;
    // Somebody who was asked for does not vanish again.
    let is_enough = count(&refined) >= asked.min.unwrap_or(0).min(count(&labels));
    Ok(if is_enough { refined } else { labels })
}

/// A person of a block.
struct BlockSpeaker {
    block: usize,
    voice: Option<Voice>,
    alone: f32,
}

impl BlockSpeaker {
    fn new(block: usize, people: &People, person: usize) -> Self {
        Self {
            block,
            voice: voice(people.of(person)),
            alone: people.of(person).map(|local| local.alone).sum(),
        }
    }

    fn evidence(&self, other: &Self) -> Evidence {
        if self.block == other.block {
            return evidence::apart(APART_COUNTS * self.alone, APART_COUNTS * other.alone);
        }
        evidence::of_voices(
            (self.voice.as_ref(), self.alone),
            (other.voice.as_ref(), other.alone),
        )
    }
}

/// The voice of a person: the mean of those of their local speakers, who count as long as they speak alone.
pub(super) fn voice<'a>(local: impl Iterator<Item = &'a Local>) -> Option<Voice> {
    let mut sum = [0.0; EMBEDDING];
    for local in local {
        if let Some(voice) = &local.voice {
            voices::add(&mut sum, voice, local.alone);
        }
    }
    voices::unit(sum)
}
