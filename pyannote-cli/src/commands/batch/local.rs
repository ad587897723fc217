//! A batch on this machine.

use pyannote_engine::Engine;
use pyannote_engine::assets::Assets;

use super::events::{Event, Reporter};
use super::inputs::Item;
use super::journal::Journal;
use super::plan::{Step, next_step};
use super::{Batch, fingerprint};
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
    let engine = local::load(ui, Assets::locate()?, &batch.engine)?;
    for item in items {
        let fingerprint = match fingerprint(item) {
            Ok(fingerprint) => fingerprint,
            Err(failure) => {
                failed(reporter, item, &failure.message)?;
                continue;
            }
        };
        let entry = journal.get(&item.key)?;
        let has_results = batch.outputs(item).all(|(_, path)| path.exists());
        let step = next_step(
            entry.as_ref(),
            &fingerprint,
            request,
            has_results,
            batch.force,
        );
        if let Step::Skip { other_options } = step {
            let reason = match other_options {
                false => "done",
                true => "done with other options; --force does it again",
            };
            reporter.report(&Event::Skipped {
                file: &item.name,
                reason,
            })?;
            continue;
        }
        journal.start(&item.key, &fingerprint, request)?;
        match process(batch, &engine, item) {
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
                failed(reporter, item, &failure.message)?;
            }
        }
    }
    Ok(())
}

fn process(batch: &Batch, engine: &Engine, item: &Item) -> Result<Vec<String>> {
    let recording = item.input.with_path(local::decode)?;
    let diarization = engine.diarize(&recording, batch.turns.options())?;
    let document = batch
        .turns
        .document(engine, &recording, diarization, item.input.name());
    batch.write(item, &document)
}

fn failed(reporter: &Reporter, item: &Item, message: &str) -> Result<()> {
    reporter.report(&Event::Failed {
        file: &item.name,
        job_id: None,
        message,
    })
}
