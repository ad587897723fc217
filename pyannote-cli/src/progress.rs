//! Progress on the terminal.

#[cfg(feature = "api")]
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::ui::Ui;

#[cfg(feature = "api")]
const TICK: Duration = Duration::from_millis(120);

/// A percentage of work, such as diarization on this machine.
pub(crate) fn fraction(ui: Ui, what: &'static str) -> ProgressBar {
    bar(ui, 1_000, "{msg} {bar:30} {percent:>3} %  {elapsed}", what)
}

/// A transfer of bytes, with its rate.
#[cfg(feature = "api")]
pub(crate) fn bytes(ui: Ui, what: &'static str) -> ProgressBar {
    bar(
        ui,
        0,
        "{msg} {bar:30} {bytes}/{total_bytes}  {bytes_per_sec}",
        what,
    )
}

/// A number of recordings.
#[cfg(feature = "api")]
pub(crate) fn count(ui: Ui, total: usize) -> ProgressBar {
    bar(
        ui,
        total as u64,
        "{bar:30} {pos}/{len}  {msg}  {elapsed}",
        "",
    )
}

/// Something without a known end, such as a job: its message and the elapsed time.
#[cfg(feature = "api")]
pub(crate) fn spinner(ui: Ui, what: impl Into<std::borrow::Cow<'static, str>>) -> ProgressBar {
    let bar = bar(ui, 0, "{spinner} {msg}  {elapsed}", what);
    bar.enable_steady_tick(TICK);
    bar
}

fn bar(
    ui: Ui,
    length: u64,
    template: &str,
    what: impl Into<std::borrow::Cow<'static, str>>,
) -> ProgressBar {
    let target = if ui.shows_progress() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(length), target);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸ "));
    }
    bar.set_message(what);
    bar
}
