//! What a batch would do and cost, without doing it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::Batch;
use super::inputs::Item;
use crate::error::{ErrorType, Failure, Result};
use crate::input::{Input, check_file, read_text};
use crate::local;
use crate::table::Columns;
use crate::ui::Ui;

/// The shortest duration that the service bills, in seconds.
const MIN_BILLED_S: f64 = 20.0;
/// The longest recording that the service accepts, in seconds.
const MAX_DURATION_S: f64 = 24.0 * 3600.0;
/// The largest file that the service accepts, in bytes.
const MAX_BYTES: u64 = 1 << 30;

/// What a batch would do and cost.
#[derive(JsonSchema, Serialize)]
#[schemars(title = "Dry run")]
#[serde(rename_all = "camelCase")]
pub(crate) struct DryRunOutput {
    files: Vec<DryRunFile>,
    /// Duration of all recordings whose duration is known, in seconds.
    duration: f64,
    /// Estimated cost of them, in the unit of the price, if a price was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
    /// Number of recordings that would fail.
    problems: usize,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct DryRunFile {
    file: String,
    /// In seconds; missing for URLs, which are not fetched, and for files that cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<f64>,
    /// Why it would fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

pub(super) fn run(batch: &Batch, items: &[Item], ui: Ui) -> Result<()> {
    let price_per_hour = price(batch)?;
    let files: Vec<DryRunFile> = items.iter().map(|item| examine(batch, item, ui)).collect();
    let durations = || files.iter().filter_map(|file| file.duration);
    // The sum of no numbers is -0.0.
    let sum = |seconds: f64| seconds + 0.0;
    let billed_s: f64 = sum(durations().map(|duration| duration.max(MIN_BILLED_S)).sum());
    let output = DryRunOutput {
        duration: sum(durations().sum()),
        cost: price_per_hour.map(|price| billed_s / 3600.0 * price),
        problems: files.iter().filter(|file| file.problem.is_some()).count(),
        files,
    };
    if ui.is_json() {
        ui.print_json(&output)?;
    } else {
        ui.print(&table(&output))?;
    }
    match output.problems {
        0 => Ok(()),
        problems => Err(Failure::new(
            ErrorType::Partial,
            format!("{problems} of {} recordings would fail", items.len()),
        )),
    }
}

/// The price of an hour, if one was given.
fn price(batch: &Batch) -> Result<Option<f64>> {
    let Some(path) = &batch.prices else {
        return Ok(batch.price_per_hour);
    };
    let prices: BTreeMap<String, f64> = toml::from_str(&read_text(path)?)
        .map_err(|error| Failure::failed(format!("{}: {}", path.display(), error.message())))?;
    let model = batch.options.model.as_deref().unwrap_or("default");
    match prices.get(model) {
        Some(price) => Ok(Some(*price)),
        None => Err(Failure::failed(format!(
            "{} has no price of the model `{model}`; add a line `{model} = PRICE_PER_HOUR`",
            path.display()
        ))),
    }
}

/// Reads a recording, and checks it against the limits of the service.
fn examine(batch: &Batch, item: &Item, ui: Ui) -> DryRunFile {
    let (duration, problem) = match &item.input {
        Input::Url(_) => (None, None),
        Input::File(path) => match check_file(path).and_then(|()| Ok(std::fs::metadata(path)?)) {
            Err(failure) => (None, Some(failure.message)),
            Ok(file) if file.len() > MAX_BYTES && !batch.local => (
                None,
                Some(format!(
                    "the file has {} bytes, more than 1 GiB",
                    file.len()
                )),
            ),
            Ok(_) => match local::decode(ui, path, batch.audio) {
                Ok(recording) => (Some(recording.duration()), None),
                // The service may know more formats than the decoders here.
                Err(failure) if batch.local => (None, Some(failure.message)),
                Err(_) => (None, None),
            },
        },
        Input::Stdin => (None, None),
    };
    let is_too_long = duration.is_some_and(|duration| duration > MAX_DURATION_S) && !batch.local;
    DryRunFile {
        file: item.name.clone(),
        duration,
        problem: match is_too_long {
            true => Some("the recording is longer than 24 h".to_owned()),
            false => problem,
        },
    }
}

fn table(output: &DryRunOutput) -> String {
    let mut table = Columns::new(&["file", ">seconds", "problem"]);
    for file in &output.files {
        table.row([
            file.file.clone(),
            file.duration
                .map_or_else(|| "unknown".to_owned(), |duration| format!("{duration:.1}")),
            file.problem.clone().unwrap_or_default(),
        ]);
    }
    let unknown = output
        .files
        .iter()
        .filter(|file| file.duration.is_none())
        .count();
    let mut text = format!(
        "{table}\n{} recordings, {:.2} h in all",
        output.files.len(),
        output.duration / 3600.0
    );
    if unknown > 0 {
        text += &format!(", without {unknown} of unknown duration");
    }
    text.push('\n');
    if let Some(cost) = output.cost {
        text +=
            &format!("estimated cost: {cost:.2} (at least 20 s are billed for each recording)\n");
    }
    text
}
