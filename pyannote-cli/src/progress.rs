//! Progress on the terminal.

use std::sync::{Mutex, PoisonError};
#[cfg(feature = "api")]
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, WeakProgressBar};

use crate::ui::Ui;

#[cfg(feature = "api")]
const TICK: Duration = Duration::from_millis(120);

/// The display on the terminal. There is one at a time.
static SHOWN: Mutex<Option<WeakProgressBar>> = Mutex::new(None);

/// Calls `print` while no progress is displayed: the display would erase what is printed.
pub(crate) fn suspend<T>(print: impl FnOnce() -> T) -> T {
    let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match shown.and_then(|shown| shown.upgrade()) {
        Some(bar) => bar.suspend(print),
        None => print(),
    }
}

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

/// Lines of text, which are the message.
#[cfg(feature = "api")]
pub(crate) fn lines(ui: Ui) -> ProgressBar {
    bar(ui, 0, "{msg}", "")
}

fn bar(
    ui: Ui,
    length: u64,
    template: &str,
    what: impl Into<std::borrow::Cow<'static, str>>,
) -> ProgressBar {
    let is_shown = ui.shows_progress();
    let target = match is_shown {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(Some(length), target);
    if is_shown {
        let mut shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
        *shown = Some(bar.downgrade());
    }
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸ "));
    }
    bar.set_message(what);
    bar
}
