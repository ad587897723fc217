//! Recordings with reference annotations: the sample, and those of a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pyannote::output::{Span, Turns, rttm};
use pyannote_engine::assets::Sample;

/// A recording and its reference annotation.
pub(crate) struct Recording {
    pub(crate) name: String,
    pub(crate) wav: PathBuf,
    pub(crate) reference: Turns,
    /// The regions to score (UEM). `None` scores the whole recording.
    pub(crate) scored: Option<Vec<Span>>,
}

impl Recording {
    /// The sample recording.
    pub(crate) fn sample(sample: &Sample) -> Self {
        let text = fs_err::read_to_string(&sample.rttm).unwrap();
        Self {
            name: "sample".to_owned(),
            wav: sample.wav.clone(),
            reference: rttm::parse(&text).unwrap().remove(0).1,
            scored: None,
        }
    }

    /// Whether any part of the range, in seconds, is scored.
    pub(crate) fn is_scored(&self, start: f64, end: f64) -> bool {
        let overlaps = |span: &Span| start < span.end && span.start < end;
        self.scored
            .as_ref()
            .is_none_or(|scored| scored.iter().any(overlaps))
    }

    /// The recordings of a folder (`*.wav`), in order of their names.
    ///
    /// References and scored regions are looked up by name in all `*.rttm` and `*.uem` files of the folder.
    pub(crate) fn in_folder(folder: &Path) -> Vec<Self> {
        let files = |extension: &str| -> Vec<PathBuf> {
            let files = fs_err::read_dir(folder).unwrap();
            let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
            files.retain(|file| file.extension().is_some_and(|other| other == extension));
            files.sort();
            files
        };
        let text = |file: PathBuf| fs_err::read_to_string(file).unwrap();
        let mut references: BTreeMap<String, Turns> = files("rttm")
            .into_iter()
            .flat_map(|file| rttm::parse(&text(file)).unwrap())
            .collect();
        let mut regions: BTreeMap<String, Vec<Span>> = BTreeMap::new();
        for file in files("uem") {
            for line in text(file).lines().filter(|line| !line.trim().is_empty()) {
                let (name, span) = region(line).expect(line);
                regions.entry(name).or_default().push(span);
            }
        }
        let recording = |wav: PathBuf| {
            let name = wav.file_stem().unwrap().to_string_lossy().into_owned();
            Self {
                reference: references.remove(&name).expect(&name),
                scored: regions.remove(&name),
                name,
                wav,
            }
        };
        files("wav").into_iter().map(recording).collect()
    }
}

/// Parses a line of a UEM file: recording, channel, start and end in seconds.
fn region(line: &str) -> Option<(String, Span)> {
    let mut words = line.split_whitespace();
    let name = words.next()?.to_owned();
    let [start, end] = [words.nth(1)?, words.next()?].map(str::parse);
    Some((name, Span::new(start.ok()?, end.ok()?)))
}
