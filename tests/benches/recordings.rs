//! Recordings with reference annotations: the sample, and those of a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pyannote::output::{Span, Turns, rttm, uem};
use pyannote_engine::assets::{Assets, Sample};

/// A recording and its reference annotation.
pub(crate) struct Recording {
    pub(crate) name: String,
    pub(crate) wav: PathBuf,
    pub(crate) reference: Turns,
    /// The regions to score (UEM). `None` scores the whole recording.
    pub(crate) scored: Option<Vec<Span>>,
}

/// The models and the sample recording. Ends the process if they cannot be downloaded.
pub(crate) fn assets() -> Assets {
    let assets = Assets::locate().unwrap();
    if let Err(error) = assets.ensure(&mut |progress| eprintln!("{progress}")) {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
    assets
}

impl Recording {
    /// The sample recording, and then those of the folders.
    pub(crate) fn all(assets: &Assets, folders: &[PathBuf]) -> Vec<Self> {
        let mut recordings = vec![Self::sample(&assets.sample())];
        for folder in folders {
            recordings.extend(Self::in_folder(folder));
        }
        recordings
    }

    /// The sample recording.
    fn sample(sample: &Sample) -> Self {
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
    fn in_folder(folder: &Path) -> Vec<Self> {
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
            for (name, spans) in uem::parse(&text(file)).unwrap() {
                regions.entry(name).or_default().extend(spans);
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
