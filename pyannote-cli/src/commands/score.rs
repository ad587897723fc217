//! `pyannote score`: error rates of diarizations against references.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use pyannote_core::{Der, Evaluation, ScoringOptions, Turns, rttm, uem};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{Failure, Result};
use crate::export::stem_of;
use crate::input::read_text;
use crate::result;
use crate::table::Columns;
use crate::ui::Ui;

/// Score diarizations against references: diarization error rate (DER) and Jaccard error rate (JER).
///
/// Recordings of folders, and of RTTM with several recordings, are paired by their names. As in pyannote.metrics, there
/// is no collar unless one is set, and overlapped speech is scored.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pyannote score meeting.rttm meeting.json
  pyannote score references/ results/ --collar 0.5 --skip-overlap --uem test.uem")]
pub(crate) struct Score {
    /// Reference: RTTM, a result as JSON, or a folder of them.
    reference: PathBuf,
    /// Diarization to be scored, in the same forms.
    hypothesis: PathBuf,
    /// Width of the unscored region around each start and end of a reference turn, in seconds: half before, half after.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = parse_collar)]
    collar: f64,
    /// Do not score overlapped speech.
    #[arg(long)]
    skip_overlap: bool,
    /// File with the regions to score, in the format UEM; only its recordings are scored.
    #[arg(long, value_name = "FILE")]
    uem: Option<PathBuf>,
}

/// The scores of all recordings.
#[derive(JsonSchema, Serialize)]
#[schemars(title = "Scores")]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScoreOutput {
    files: Vec<FileScoreOutput>,
    total: RatesOutput,
    /// Mean absolute error of the number of speakers.
    speaker_count_error: f64,
    /// Number of recordings by number of speakers in the reference and in the hypothesis.
    speaker_counts: Vec<SpeakerCountOutput>,
    /// Recordings that were not scored, because they have no reference or no regions.
    unscored: Vec<String>,
}

/// The scores of one recording.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct FileScoreOutput {
    /// Name of the recording.
    file: String,
    #[serde(flatten)]
    rates: RatesOutput,
    reference_speakers: usize,
    hypothesis_speakers: usize,
}

/// Error rates and their parts.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct RatesOutput {
    /// Diarization error rate; 0.1 is 10 %.
    der: f64,
    /// Jaccard error rate, 0..1.
    jer: f64,
    /// Speech that was missed, in seconds.
    missed_detection: f64,
    /// Speech in the diarization without speech in the reference, in seconds.
    false_alarm: f64,
    /// Speech of another speaker, in seconds.
    confusion: f64,
    /// Speech in the reference, in seconds.
    total: f64,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct SpeakerCountOutput {
    reference: usize,
    hypothesis: usize,
    files: usize,
}

impl Score {
    pub(crate) fn run(self, ui: Ui) -> Result<()> {
        let files = [
            Some(&self.reference),
            Some(&self.hypothesis),
            self.uem.as_ref(),
        ];
        let from_stdin = files
            .into_iter()
            .flatten()
            .filter(|path| *path == Path::new("-"));
        if from_stdin.count() > 1 {
            return Err(Failure::usage(
                "only one of the files can be read from the standard input",
            ));
        }
        let mut reference = recordings(&self.reference, &ui)?;
        let mut hypothesis = recordings(&self.hypothesis, &ui)?;
        let regions = match &self.uem {
            None => None,
            Some(path) => Some(
                uem::parse(&read_text(path)?)
                    .map_err(|error| Failure::of(&error).context(path.display()))?,
            ),
        };
        // The names of two single files need not be equal.
        if let ([(_, _)], [(name, _)]) = (&mut reference[..], &mut hypothesis[..])
            && !self.reference.is_dir()
            && !self.hypothesis.is_dir()
        {
            name.clone_from(&reference[0].0);
        }
        let options = ScoringOptions::new()
            .collar(self.collar)
            .skip_overlap(self.skip_overlap);
        let evaluation = Evaluation::score(&reference, &hypothesis, regions.as_deref(), &options);
        let is_hypothesis = |uri: &str| hypothesis.iter().any(|(name, _)| name == uri);
        for file in evaluation
            .files
            .iter()
            .filter(|file| !is_hypothesis(&file.uri))
        {
            ui.warn(&format!(
                "{} has no diarization, and counts as missed",
                file.uri
            ));
        }
        for uri in &evaluation.unscored {
            ui.warn(&format!(
                "{uri} is not scored: it has no reference, or no region in the UEM"
            ));
        }
        if !evaluation.files.iter().any(|file| is_hypothesis(&file.uri)) {
            return Err(Failure::failed("there is nothing to score")
                .with_hint("the names of recordings in reference and hypothesis must be equal"));
        }
        if ui.is_json() {
            return ui.print_json(&output(&evaluation));
        }
        ui.print(&table(&evaluation))
    }
}

fn parse_collar(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds >= 0.0 && seconds.is_finite() => Ok(seconds),
        _ => Err("must be a number of seconds, at least 0".to_owned()),
    }
}

/// Reads the turns of the recordings in a file or in the files of a folder.
fn recordings(path: &Path, ui: &Ui) -> Result<Vec<(String, Turns)>> {
    if !path.is_dir() {
        return recordings_of_file(path, ui);
    }
    let mut files = Vec::new();
    for entry in fs_err::read_dir(path)? {
        let file = entry?.path();
        let extension = file.extension().unwrap_or_default().to_ascii_lowercase();
        if file.is_file() && (extension == "rttm" || extension == "json") {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Failure::failed(format!(
            "{} has no files that end with .rttm or .json",
            path.display()
        )));
    }
    let mut recordings = Vec::new();
    for file in files {
        recordings.extend(recordings_of_file(&file, ui)?);
    }
    Ok(recordings)
}

fn recordings_of_file(path: &Path, ui: &Ui) -> Result<Vec<(String, Turns)>> {
    let text = read_text(path)?;
    let stem = || stem_of(&path.to_string_lossy()).to_owned();
    if text
        .trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t'])
        .starts_with('{')
    {
        let document = result::parse(&text).map_err(|failure| failure.context(path.display()))?;
        let name = document
            .audio
            .as_deref()
            .map_or_else(stem, |audio| stem_of(audio).to_owned());
        return Ok(vec![(name, document.output.turns)]);
    }
    let skip = |line| ui.warn(&format!("{}: skipped: {line}", path.display()));
    let recordings = rttm::parse_with(&text, skip)
        .map_err(|error| Failure::of(&error).context(path.display()))?;
    if recordings.is_empty() {
        // The RTTM of a recording without speech has no lines.
        return Ok(vec![(stem(), Turns::new())]);
    }
    Ok(recordings)
}

fn output(evaluation: &Evaluation) -> ScoreOutput {
    let files = evaluation.files.iter().map(|file| FileScoreOutput {
        file: file.uri.clone(),
        rates: rates(&file.der, file.jer.rate()),
        reference_speakers: file.reference_speakers,
        hypothesis_speakers: file.hypothesis_speakers,
    });
    let counts = speaker_counts(evaluation).into_iter();
    ScoreOutput {
        files: files.collect(),
        total: rates(&evaluation.der(), evaluation.jer()),
        speaker_count_error: evaluation.mean_speaker_count_error(),
        speaker_counts: counts
            .map(|((reference, hypothesis), files)| SpeakerCountOutput {
                reference,
                hypothesis,
                files,
            })
            .collect(),
        unscored: evaluation.unscored.clone(),
    }
}

fn rates(der: &Der, jer: f64) -> RatesOutput {
    RatesOutput {
        der: der.rate(),
        jer,
        missed_detection: der.missed_detection,
        false_alarm: der.false_alarm,
        confusion: der.confusion,
        total: der.total,
    }
}

/// The number of recordings by number of speakers in the reference and in the hypothesis.
fn speaker_counts(evaluation: &Evaluation) -> BTreeMap<(usize, usize), usize> {
    let mut counts = BTreeMap::new();
    for file in &evaluation.files {
        *counts
            .entry((file.reference_speakers, file.hypothesis_speakers))
            .or_default() += 1;
    }
    counts
}

fn table(evaluation: &Evaluation) -> String {
    let headers = [
        "file",
        ">DER",
        ">JER",
        ">missed",
        ">false alarm",
        ">confusion",
        ">speech",
        ">speakers",
    ];
    let mut table = Columns::new(&headers);
    let row = |name: &str, der: &Der, jer: f64, speakers: String| {
        [
            name.to_owned(),
            format!("{:.2} %", 100.0 * der.rate()),
            format!("{:.2} %", 100.0 * jer),
            format!("{:.2} s", der.missed_detection),
            format!("{:.2} s", der.false_alarm),
            format!("{:.2} s", der.confusion),
            format!("{:.2} s", der.total),
            speakers,
        ]
    };
    for file in &evaluation.files {
        let speakers = match file.speaker_count_error() {
            0 => file.reference_speakers.to_string(),
            _ => format!(
                "{} for {}",
                file.hypothesis_speakers, file.reference_speakers
            ),
        };
        table.row(row(&file.uri, &file.der, file.jer.rate(), speakers));
    }
    if evaluation.files.len() == 1 {
        return table.to_string();
    }
    let error = format!("off by {:.2}", evaluation.mean_speaker_count_error());
    table.row(row("total", &evaluation.der(), evaluation.jer(), error));
    format!("{table}\n{}", matrix(evaluation))
}

/// The number of recordings by number of speakers: a row per number in the reference, a column per number found.
fn matrix(evaluation: &Evaluation) -> String {
    let counts = speaker_counts(evaluation);
    let mut found: Vec<usize> = counts.keys().map(|(_, hypothesis)| *hypothesis).collect();
    found.sort_unstable();
    found.dedup();
    let mut headers = vec!["speakers".to_owned()];
    headers.extend(found.iter().map(|number| format!(">{number} found")));
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let mut table = Columns::new(&headers);
    let mut references: Vec<usize> = counts.keys().map(|(reference, _)| *reference).collect();
    references.dedup();
    for reference in references {
        let cells = found
            .iter()
            .map(|&hypothesis| match counts.get(&(reference, hypothesis)) {
                Some(files) => files.to_string(),
                None => ".".to_owned(),
            });
        table.row(std::iter::once(reference.to_string()).chain(cells));
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use pyannote_core::Turn;

    use super::*;

    #[test]
    fn several_recordings_have_a_total_and_a_matrix() {
        let one = Turns::from([Turn::new(0.0, 10.0, "Ada")]);
        let two = Turns::from([Turn::new(0.0, 10.0, "Ada"), Turn::new(10.0, 20.0, "Grace")]);
        let options = ScoringOptions::new();
        let mut evaluation = Evaluation::default();
        evaluation.add("monday", &two, &one, &options);
        evaluation.add("friday", &one, &one, &options);
        insta::assert_snapshot!(table(&evaluation), @r"
        file        DER      JER   missed  false alarm  confusion   speech     speakers
        monday  50.00 %  50.00 %  10.00 s       0.00 s     0.00 s  20.00 s      1 for 2
        friday   0.00 %   0.00 %   0.00 s       0.00 s     0.00 s  10.00 s            1
        total   33.33 %  33.33 %  10.00 s       0.00 s     0.00 s  30.00 s  off by 0.50

        speakers  1 found
        1               1
        2               1
        ");
    }
}
