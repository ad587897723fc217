//! The arguments of the command.

use clap::{Args, ColorChoice, Parser};

use crate::commands::Command;

/// Who spoke when, who it was, and what they said.
///
/// The commands use the pyannoteAI service, or, with `--local`, open models on this machine.
#[derive(Parser)]
#[command(
    name = "pyannote",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true,
    after_help = EXIT_CODES,
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

/// The options of every command.
#[derive(Args, Clone, Default)]
pub(crate) struct Global {
    /// Print results, warnings and errors as JSON: the result to stdout, everything else to stderr, one object a line.
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// Print the result and errors only: no progress and no notes.
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,
    /// When to use colors. The variable NO_COLOR disables them, too.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value_t,
        help_heading = "Global options"
    )]
    pub(crate) color: ColorChoice,
    /// Print the Rust program that does the same with the SDK, and do nothing.
    #[cfg(feature = "api")]
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) show_code: bool,
    /// Profile of the configuration, which selects the API key and the base URL [default: default].
    #[cfg(feature = "api")]
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "PYANNOTE_PROFILE",
        hide_env_values = true,
        help_heading = "Global options"
    )]
    pub(crate) profile: Option<String>,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    success
  1    the command failed
  2    the arguments are invalid
  3    the API key is missing or not accepted, or the team has no credit
  4    a job may have been submitted and billed, but its id is unknown
  5    some recordings of a batch failed
  130  interrupted";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
