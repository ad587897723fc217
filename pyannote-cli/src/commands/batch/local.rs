//! A batch on this machine.

use std::path::Path;

use super::events::{Event, Reporter};
use super::inputs::Item;
use super::journal::Journal;
use super::plan::Step;
use super::{Batch, CONFLICT, fingerprint};
use crate::commands::transcribe::Transcription;
use crate::error::Result;
use crate::models::LocalEngine;
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
    let model = batch.options.model.as_deref();
    let models = batch.models.choose(model, &batch.engine)?;
    models.check_accurate(batch.turns.accurate)?;
    let warning = models.warning();
    // What is downloaded is loaded when the first recording needs it.
    let mut models = Some(models);
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
        if let Some(models) = models.take() {
            let engine = models.engine(ui, &batch.engine)?;
            loaded = Some((engine, batch.transcribe.load(ui, &batch.engine)?));
        }
        let Some((engine, transcription)) = &loaded else {
            continue;
        };
        journal.start(&item.key, &fingerprint, request)?;
        match process(
            batch,
            engine,
            transcription.as_ref(),
            warning.clone(),
            item,
            ui,
        ) {
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
    engine: &LocalEngine,
    transcription: Option<&Transcription<'_>>,
    warning: Option<String>,
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
    document.warnings.splice(0..0, warning);
    if let Some((transcription, transcript)) = transcription.zip(transcript) {
        transcription.add(&mut document, transcript);
    }
    batch.write(item, &document)
}
