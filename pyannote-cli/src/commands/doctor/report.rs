//! The outcome of the checks.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{Failure, Result};
use crate::table::printable;
use crate::ui::Ui;

/// The outcome of a check.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Ok,
    /// Something does not work, or may not, that not everybody needs.
    Warn,
    Fail,
}

/// A check.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Check {
    /// What was checked.
    pub(super) name: &'static str,
    pub(super) status: Status,
    /// What was found.
    pub(super) message: String,
    /// How to fix the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

impl Check {
    pub(super) fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, Status::Ok, message.into(), None)
    }

    pub(super) fn warn(
        name: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(name, Status::Warn, message.into(), Some(remedy.into()))
    }

    pub(super) fn fail(
        name: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(name, Status::Fail, message.into(), Some(remedy.into()))
    }

    fn new(name: &'static str, status: Status, message: String, remedy: Option<String>) -> Self {
        Self {
            name,
            status,
            message,
            remedy,
        }
    }

    /// The check as text, with colors.
    fn to_text(&self) -> String {
        let (word, color) = match self.status {
            Status::Ok => ("ok", AnsiColor::Green),
            Status::Warn => ("warn", AnsiColor::Yellow),
            Status::Fail => ("fail", AnsiColor::Red),
        };
        let style = Style::new().fg_color(Some(color.into())).bold();
        let mut text = format!(
            "{style}{word:<4}{style:#}  {:<14}  {}\n",
            self.name,
            printable(&self.message)
        );
        if let Some(remedy) = &self.remedy {
            let _ = writeln!(text, "{:22}to fix it: {}", "", printable(remedy));
        }
        text
    }
}

/// What `pyannote doctor` found.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(title = "Doctor")]
#[serde(rename_all = "camelCase")]
pub(crate) struct DoctorOutput {
    /// Whether no check failed.
    ok: bool,
    checks: Vec<Check>,
}

/// Collects the checks, and prints each of them at once unless the result is JSON.
pub(super) struct Report {
    ui: Ui,
    checks: Vec<Check>,
}

impl Report {
    pub(super) fn new(ui: Ui) -> Self {
        Self {
            ui,
            checks: Vec::new(),
        }
    }

    pub(super) fn ui(&self) -> Ui {
        self.ui
    }

    pub(super) fn add(&mut self, check: Check) -> Result<()> {
        if !self.ui.is_json() {
            self.ui.print_styled(&check.to_text())?;
        }
        self.checks.push(check);
        Ok(())
    }

    /// Fails if a check failed.
    pub(super) fn finish(self) -> Result<()> {
        let failed = self
            .checks
            .iter()
            .filter(|check| check.status == Status::Fail);
        let (failed, all) = (failed.count(), self.checks.len());
        if self.ui.is_json() {
            self.ui.print_json(&DoctorOutput {
                ok: failed == 0,
                checks: self.checks,
            })?;
        }
        match failed {
            0 => Ok(()),
            _ => Err(Failure::failed(format!("{failed} of {all} checks failed"))),
        }
    }
}
