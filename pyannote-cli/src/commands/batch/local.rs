//! A batch on this machine.

use std::path::Path;

use pyannote_engine::Engine;
use pyannote_engine::assets::Assets;

use super::events::{Event, Reporter};
use super::inputs::Item;
use super::journal::Journal;
use super::plan::Step;
use super::{Batch, CONFLICT, fingerprint};
use crate::commands::transcribe::Transcription;
use crate::error::Result;
use crate::local;
use crate::ui::Ui;

/// Processes the recordings one after the other, each with all threads.
pub(super) fn run(
    batch: &Batch,
    items: &[Item],
    journal: &Journal,
    reporter: &Reporter,
    request: &str,
    ui: Ui,
) -> Result<()> {
    // Loaded when the first recording needs it.
    let mut loaded = None;
    for item in items {
        let fingerprint = match fingerprint(item) {
            Ok(fingerprint) => fingerprint,
            Err(failure) => {
                reporter.failed(item, None, &failure.message)?;
                continue;
            }
        };
        let entry = journal.get(&item.key)?;
        match batch.next_step(item, &fingerprint, entry.as_ref(), request) {
            Step::Skip { other_options } => {
                reporter.skipped(item, other_options)?;
                continue;
            }
            Step::Conflict => {
                reporter.failed(item, None, CONFLICT)?;
                continue;
            }
            Step::Follow { .. } | Step::Reconcile | Step::Upload => {}
        }
        // The only record of a job that is paid for must not be overwritten.
        if let Some(entry) = &entry
            && (entry.pending_job().is_some() || entry.open_since().is_some())
        {
            let message = "it was submitted to the service; run the batch without --local first, or use another --output";
            reporter.failed(item, entry.pending_job(), message)?;
            continue;
        }
        let (engine, transcription) = match &mut loaded {
            Some(loaded) => loaded,
            None => {
                let assets = Assets::locate()?;
                let engine = local::load(ui, assets.clone(), &batch.engine)?;
                let transcription = batch.transcribe.load(ui, &assets, &engine)?;
                loaded.insert((engine, transcription))
            }
        };
        journal.start(&item.key, &fingerprint, request)?;
        match process(batch, engine, transcription.as_ref(), item, ui) {
            Ok(outputs) => {
                journal.done(&item.key)?;
                reporter.report(&Event::Done {
                    file: &item.name,
                    job_id: None,
                    outputs,
                })?;
            }
            Err(failure) => {
                journal.failed(&item.key, &failure.message)?;
                reporter.failed(item, None, &failure.message)?;
            }
        }
    }
    Ok(())
}

fn process(
    batch: &Batch,
    engine: &Engine,
    transcription: Option<&Transcription<'_>>,
    item: &Item,
    ui: Ui,
) -> Result<Vec<String>> {
    let decode = |path: &Path| batch.channels.decode(ui, path, batch.audio);
    let audio = item.input.with_path(decode)?;
    let diarization = audio.diarize(engine, batch.turns.options())?;
    let transcript = match transcription {
        Some(transcription) => Some(transcription.run(&audio, &diarization, &mut |_| {})?),
        None => None,
    };
    let mut document =
        batch
            .turns
            .document(engine, audio.duration(), diarization, item.input.name());
    if let Some((transcription, transcript)) = transcription.zip(transcript) {
        transcription.add(&mut document, transcript);
    }
    batch.write(item, &document)
}
