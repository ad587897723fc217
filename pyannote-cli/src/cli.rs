//! The arguments of the command.

use clap::{Args, ColorChoice, CommandFactory as _, FromArgMatches as _, Parser};

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

/// Stands for a space in examples: clap would break their lines, so that they could not be pasted.
const UNBROKEN_SPACE: &str = "\u{a0}";

impl Cli {
    /// Parses the arguments of the process.
    pub(crate) fn parse_arguments() -> Result<Self, clap::Error> {
        let mut command = command();
        let mut matches = command.try_get_matches_from_mut(std::env::args_os())?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    }
}

/// The command, with examples whose lines are not broken. Its help is printed with [`with_spaces`].
pub(crate) fn command() -> clap::Command {
    unbroken(Cli::command())
}

fn unbroken(command: clap::Command) -> clap::Command {
    let command = command.mut_subcommands(unbroken);
    match command.get_after_help().map(ToString::to_string) {
        Some(examples) => command.after_help(examples.replace(' ', UNBROKEN_SPACE)),
        None => command,
    }
}

/// Help of [`command`] as it is printed.
pub(crate) fn with_spaces(help: &str) -> String {
    help.replace(UNBROKEN_SPACE, " ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        command().debug_assert();
    }

    /// The words of the first command `pyannote` in a line for a shell, up to a pipe, redirection or comment.
    #[cfg(all(feature = "mcp", feature = "serve"))]
    fn words(line: &str) -> Option<Vec<String>> {
        let line = &line[line.find("pyannote ")?..];
        let mut words = vec![String::new()];
        let mut is_quoted = false;
        for char in line.chars() {
            match char {
                '\'' => is_quoted = !is_quoted,
                '|' | '>' | '#' | ')' | '`' if !is_quoted => break,
                ' ' if !is_quoted => words.push(String::new()),
                char => words.last_mut()?.push(char),
            }
        }
        words.retain(|word| !word.is_empty());
        Some(words)
    }

    #[cfg(all(feature = "mcp", feature = "serve"))]
    fn helps(command: &mut clap::Command, texts: &mut Vec<String>) {
        let help = command.get_after_help().map(ToString::to_string);
        texts.extend(help.map(|text| with_spaces(&text)));
        command
            .get_subcommands_mut()
            .for_each(|below| helps(below, texts));
    }

    #[cfg(all(feature = "mcp", feature = "serve"))]
    #[test]
    fn every_example_is_valid() {
        let mut texts = Vec::new();
        helps(&mut command(), &mut texts);
        for readme in [
            include_str!("../README.md"),
            include_str!("../../README.md"),
        ] {
            let blocks = readme.split("```sh\n").skip(1);
            texts.extend(blocks.filter_map(|block| Some(block.split_once("```")?.0.to_owned())));
        }
        let mut examples = 0;
        for line in texts.iter().flat_map(|text| text.lines()) {
            let Some(words) = words(line) else { continue };
            // Arguments of cargo, configurations, and what a variable of the environment completes.
            let is_configuration = line.contains('{') && !line.contains("--data");
            if line.contains("cargo") || is_configuration || line.contains("the variable") {
                continue;
            }
            let result = command().try_get_matches_from(&words);
            assert!(result.is_ok(), "{line}: {}", result.unwrap_err());
            examples += 1;
        }
        assert!(examples > 60, "{examples}");
    }

    #[cfg(feature = "api")]
    #[test]
    fn lines_of_examples_are_not_broken() {
        let mut command = command().term_width(40);
        let help = command.find_subcommand_mut("batch").unwrap().clone();
        let help = with_spaces(&help.term_width(40).render_long_help().to_string());
        let example = "  pyannote batch recordings/ -o results --dry-run --price-per-hour 0.5";
        assert!(help.lines().any(|line| line == example), "{help}");
    }
}
