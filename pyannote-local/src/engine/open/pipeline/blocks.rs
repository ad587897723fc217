//! Recordings of any length, in blocks of ten minutes: first who the people of each block are, then which of them are
//! the same.
//!
//! What compares each with each would need 100 times the time and memory for a recording ten times as long.

use super::evidence::{self, Evidence, counted};
use super::local::Local;
use super::voices::{self, Voice};
use super::{assignment, clustering};
use crate::engine::open::EMBEDDING;
use crate::engine::{DiarizeError, Speakers, Stop};

/// How many windows a block has: ten minutes of them.
const WINDOWS: usize = 240;

/// Who the people of a recording are.
#[derive(Debug, Default)]
pub(super) struct People {
    /// For each local speaker, the person.
    pub(super) labels: Vec<usize>,
    /// How many people there are.
    pub(super) count: usize,
}

/// Who the people of a recording are. The local speakers are in the order of their windows.
pub(super) fn people(
    local: &[Local],
    asked: Speakers,
    stop: &Stop,
) -> Result<People, DiarizeError> {
    let blocks: Vec<&[Local]> = local
        .chunk_by(|a, b| a.window / WINDOWS == b.window / WINDOWS)
        .collect();
    let asked_of_block = match blocks.len() {
        0 | 1 => asked,
        // Not everybody has to speak in each block.
        _ => Speakers { min: None, ..asked },
    };
    let mut labels = Vec::with_capacity(local.len());
    let mut speakers = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        let found = people_of_block(block, asked_of_block, stop)?;
        labels.extend(found.iter().map(|label| label + speakers.len()));
        speakers.extend(speakers_of_block(index, block, &found));
    }
    if blocks.len() > 1 {
        let seconds: Vec<f32> = speakers
            .iter()
            .map(|speaker| counted(speaker.alone))
            .collect();
        let evidence = |a: usize, b: usize| match (speakers.get(a), speakers.get(b)) {
            (Some(a), Some(b)) => a.evidence(b),
            _ => Evidence::default(),
        };
        let same = clustering::groups(&seconds, evidence, asked, stop)?;
        for label in &mut labels {
            *label = same.get(*label).copied().unwrap_or_default();
        }
    }
    let count = labels.iter().max().map_or(0, |label| label + 1);
    Ok(People { labels, count })
}

fn people_of_block(
    local: &[Local],
    asked: Speakers,
    stop: &Stop,
) -> Result<Vec<usize>, DiarizeError> {
    let alone: Vec<f32> = local.iter().map(|local| counted(local.alone)).collect();
    let evidence = |a: usize, b: usize| match (local.get(a), local.get(b)) {
        (Some(a), Some(b)) => evidence::of(a, b),
        _ => Evidence::default(),
    };
    let labels = clustering::groups(&alone, evidence, asked, stop)?;
    let refined = assignment::refined(local, &labels, stop)?;
    let count = |labels: &[usize]| labels.iter().max().map_or(0, |label| label + 1);
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
    fn evidence(&self, other: &Self) -> Evidence {
        if self.block == other.block {
            return evidence::apart(self.alone, other.alone);
        }
        evidence::of_voices(
            (self.voice.as_ref(), self.alone),
            (other.voice.as_ref(), other.alone),
        )
    }
}

fn speakers_of_block(block: usize, local: &[Local], labels: &[usize]) -> Vec<BlockSpeaker> {
    let count = labels.iter().max().map_or(0, |label| label + 1);
    (0..count)
        .map(|person| {
            let of_person = || {
                let local = local.iter().zip(labels);
                local
                    .filter(|(_, label)| **label == person)
                    .map(|(local, _)| local)
            };
            BlockSpeaker {
                block,
                voice: voice(of_person()),
                alone: of_person().map(|local| local.alone).sum(),
            }
        })
        .collect()
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
