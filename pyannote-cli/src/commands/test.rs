//! `pyannote test`: whether the service accepts the API key.

use clap::Args;

use crate::cli::Global;
use crate::error::Result;
use crate::service;
use crate::ui::Ui;

/// Test whether the service accepts the API key. Costs nothing.
#[derive(Args)]
pub(crate) struct Test;

impl Test {
    pub(crate) fn run(self, ui: Ui, global: &Global) -> Result<()> {
        if global.show_code {
            let mut program = service::Program::new(global)?;
            program.line("client.test_key().await?;");
            return ui.print(&program.finish());
        }
        let client = service::connect(global)?;
        service::block_on(async { Ok(client.test_key().await?) })?;
        ui.note("the API key is valid");
        Ok(())
    }
}
