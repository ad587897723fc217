//! `pyannote reference`: the help of all commands as one page, or as man pages. For those who package the command.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Command};

use crate::cli::{self, with_spaces};
use crate::error::Result;
use crate::export::write_file;
use crate::ui::Ui;

/// Width of the help, in columns.
const WIDTH: usize = 100;

/// Print the help of all commands as Markdown, or write man pages.
#[derive(Args)]
pub(crate) struct Reference {
    /// Write a man page per command to this folder instead.
    #[arg(long, value_name = "DIR")]
    man: Option<PathBuf>,
}

impl Reference {
    pub(crate) fn run(self, ui: Ui) -> Result<()> {
        let mut root = cli::command().term_width(WIDTH);
        root.build();
        let Some(folder) = self.man else {
            let mut page =
                "# Reference of the command `pyannote`\n\nWritten by `pyannote reference`.\n"
                    .to_owned();
            for command in commands(&root) {
                let help = with_spaces(&command.clone().render_long_help().to_string());
                let name = name(&command);
                let _ = write!(page, "\n## {name}\n\n```text\n");
                // Lines that end with spaces are a nuisance in a file.
                help.lines()
                    .for_each(|line| page += &format!("{}\n", line.trim_end()));
                page += "```\n";
            }
            return ui.print(&page);
        };
        for command in commands(&root) {
            let name = name(&command).replace(' ', "-");
            let mut page = Vec::new();
            clap_mangen::Man::new(command.display_name(&name)).render(&mut page)?;
            let page = with_spaces(&String::from_utf8_lossy(&page));
            write_file(&folder.join(format!("{name}.1")), page.as_bytes())?;
        }
        Ok(())
    }
}

/// A command and all commands below it that are not hidden.
fn commands(command: &Command) -> Vec<Command> {
    let mut all = vec![command.clone()];
    for below in command
        .get_subcommands()
        .filter(|below| !below.is_hide_set())
    {
        all.extend(commands(below));
    }
    all
}

/// The words of a command, such as `pyannote jobs list`.
fn name(command: &Command) -> String {
    command
        .get_bin_name()
        .unwrap_or(command.get_name())
        .to_owned()
}
