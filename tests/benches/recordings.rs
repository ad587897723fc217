//! Recordings with references: the sample, and those of a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pyannote::output::{Span, Turns, rttm};
use pyannote_engine::assets::Sample;

/// A recording, and who really spoke when in it.
pub(crate) struct Recording {
    pub(crate) name: String,
    pub(crate) wav: PathBuf,
    pub(crate) reference: Turns,
    /// The regions in which the reference is whole: all of it where there are none.
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

    /// Whether any of these seconds are scored.
    pub(crate) fn is_scored(&self, start: f64, end: f64) -> bool {
        let within = |span: &Span| start < span.end && span.start < end;
        self.scored
            .as_ref()
            .is_none_or(|scored| scored.iter().any(within))
    }

    /// The recordings of a folder by name, whose references and regions are in any of its files.
    pub(crate) fn of_folder(folder: &Path) -> Vec<Self> {
        let files = |extension: &str| -> Vec<PathBuf> {
            let files = fs_err::read_dir(folder).unwrap();
            let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
            files.retain(|file| file.extension().is_some_and(|found| found == extension));
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

/// A line of a UEM file: the recording, its channel, and from when to when it is scored, in seconds.
fn region(line: &str) -> Option<(String, Span)> {
    let mut words = line.split_whitespace();
    let name = words.next()?.to_owned();
    let [start, end] = [words.nth(1)?, words.next()?].map(str::parse);
    Some((name, Span::new(start.ok()?, end.ok()?)))
}
