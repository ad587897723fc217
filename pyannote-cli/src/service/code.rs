//! The Rust program that does the same as a command: `--show-code`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use pyannote_core::rttm;

use super::ServiceArgs;
use crate::cli::Global;
use crate::error::Result;
use crate::export::{Format, OutputArgs};
use crate::input::Input;

/// Lines up to this length are not broken.
const MAX_LINE_CHARS: usize = 100;

/// A Rust program that uses the SDK.
pub(crate) struct Program {
    imports: BTreeSet<&'static str>,
    body: String,
}

impl Program {
    /// A program with a client.
    pub(crate) fn new(global: &Global) -> Result<Self> {
        let mut program = Self {
            imports: BTreeSet::from(["pyannote::Client"]),
            body: String::new(),
        };
        match super::base_url(global)? {
            None => program.line("let client = Client::from_env()?; // PYANNOTEAI_API_KEY"),
            Some(url) => program.chain(
                "let client = Client::builder()",
                &[
                    r#".api_key(std::env::var("PYANNOTEAI_API_KEY")?)"#.to_owned(),
                    format!(".base_url({url:?})"),
                    ".build()?;".to_owned(),
                ],
            ),
        }
        Ok(program)
    }

    pub(crate) fn import(&mut self, path: &'static str) {
        self.imports.insert(path);
    }

    pub(crate) fn line(&mut self, line: &str) {
        let _ = writeln!(self.body, "    {line}");
    }

    /// A chain of calls, on one line if it fits.
    pub(crate) fn chain(&mut self, start: &str, calls: &[String]) {
        let line = format!("    {start}{}", calls.concat());
        if line.chars().count() <= MAX_LINE_CHARS {
            let _ = writeln!(self.body, "{line}");
            return;
        }
        let _ = writeln!(self.body, "    {start}");
        for call in calls {
            let _ = writeln!(self.body, "        {call}");
        }
    }

    /// Makes a recording available to the service. Returns the expression of its URL.
    ///
    /// The query of a URL may be a credential, and is left out.
    pub(crate) fn provide(&mut self, input: &Input) -> String {
        match input {
            Input::Url(_) => return format!("{:?}", input.name()),
            Input::File(path) => {
                let path = path.display().to_string();
                let calls = [
                    format!(".upload({path:?})"),
                    ".skip_existing(true).await?;".to_owned(),
                ];
                self.chain("let media = client", &calls);
            }
            Input::Stdin => {
                self.import("std::io::Read as _");
                self.line("let mut recording = Vec::new();");
                self.line("std::io::stdin().read_to_end(&mut recording)?;");
                self.line("let media = client.upload(recording).await?;");
            }
        }
        "&media".to_owned()
    }

    /// Submits a request, waits for its result, and names it `result`.
    pub(crate) fn process(&mut self, start: &str, mut calls: Vec<String>, service: &ServiceArgs) {
        calls.extend(service.setters());
        if service.no_wait {
            calls.push(".submit().await?;".to_owned());
            self.chain(&format!("let job = client{start}"), &calls);
            self.line(r#"println!("{}", job.id());"#);
            return;
        }
        if let Some(timeout) = service.timeout {
            calls.push(format!(".timeout({})", duration(timeout)));
        }
        calls.push(".await?;".to_owned());
        self.chain(&format!("let result = client{start}"), &calls);
    }

    /// Writes `result`, a diarization or an identification.
    ///
    /// `segments` is the expression of what is written in formats for people: turns, or a transcript.
    pub(crate) fn write(&mut self, output: &OutputArgs, stem: &str, segments: &str) {
        let targets = output
            .targets(stem, crate::ui::Ui::silent())
            .unwrap_or_default();
        for (format, path) in targets {
            let expression = match format {
                Format::Table => {
                    self.line("for turn in result.turns() {");
                    self.line(
                        r#"    println!("{:8.3} {:8.3}  {}", turn.start, turn.end, turn.speaker);"#,
                    );
                    self.line("}");
                    continue;
                }
                Format::Json | Format::Ndjson | Format::DiarizedJson => {
                    "pyannote::serde_json::to_string(&result)?".to_owned()
                }
                Format::Rttm => format!("result.turns().to_rttm({:?})?", rttm::sanitize_name(stem)),
                Format::Csv => format!("{segments}.to_csv()"),
                Format::Txt => format!("{segments}.to_text()"),
                Format::Audacity => format!("{segments}.to_audacity()"),
                Format::Svg => "result.turns().to_svg()".to_owned(),
                Format::Html => "result.turns().to_html()".to_owned(),
                Format::Srt => r#"result.words().ok_or("no transcript")?.to_srt()"#.to_owned(),
                Format::Vtt => r#"result.words().ok_or("no transcript")?.to_webvtt()"#.to_owned(),
            };
            match path {
                None => self.line(&format!(r#"println!("{{}}", {expression});"#)),
                Some(path) => {
                    let path = path.display().to_string();
                    self.line(&format!("std::fs::write({path:?}, {expression})?;"));
                }
            }
        }
    }

    /// The text of the program.
    pub(crate) fn finish(self) -> String {
        let imports: String = self
            .imports
            .iter()
            .map(|path| format!("use {path};\n"))
            .collect();
        format!(
            "{imports}\n#[tokio::main]\nasync fn main() -> Result<(), Box<dyn std::error::Error>> {{\n{}    Ok(())\n}}\n",
            self.body
        )
    }
}

/// A duration as an expression.
pub(crate) fn duration(duration: Duration) -> String {
    format!(
        "std::time::Duration::from_secs_f64({:?})",
        duration.as_secs_f64()
    )
}
