//! The OpenAPI document of a source: a documentation page with a fenced block, or a file that is the document.

use anyhow::{Context, Result, anyhow, bail};
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use serde_json::Value;

use crate::document;

/// What a source holds.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name of the file, for messages.
    pub name: String,
    /// The document, as it was written.
    pub text: String,
    /// What it says.
    pub document: Value,
    /// Whether it is the whole specification, and not the page of an operation.
    pub is_whole: bool,
}

impl Source {
    /// Reads a source. A file that ends in `.json`, `.yaml` or `.yml` is a whole document, any other a page.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let is_whole = [".json", ".yaml", ".yml"]
            .iter()
            .any(|ending| name.ends_with(ending));
        let text = if is_whole {
            text.to_owned()
        } else {
            block(text).with_context(|| format!("in {name}"))?
        };
        let document = document::parse(&text).with_context(|| match is_whole {
            true => format!("{name} is not an OpenAPI document"),
            false => format!("the fenced block of {name} is not OpenAPI"),
        })?;
        if document::operations(&document)?.is_empty() {
            bail!("{name} describes no operation");
        }
        Ok(Self {
            name: name.to_owned(),
            text,
            document,
            is_whole,
        })
    }
}

/// The OpenAPI block of a page: the one fenced as `yaml METHOD /path`, or else the one that starts with `openapi`.
fn block(page: &str) -> Result<String> {
    let mut blocks = fenced(page).filter(|(info, text)| {
        let mut words = info.split_whitespace();
        let is_data = matches!(words.next(), Some("yaml" | "yml" | "json"));
        let names_path = words.nth(1).is_some_and(|path| path.starts_with('/'));
        let start = text.trim_start_matches(['{', '"', ' ', '\n', '\r', '\t']);
        is_data && (names_path || start.starts_with("openapi"))
    });
    let (_, block) = blocks.next().ok_or_else(|| {
        anyhow!("no fenced OpenAPI block (one that opens with ````yaml POST /v1/…)")
    })?;
    if blocks.next().is_some() {
        bail!("more than one fenced OpenAPI block");
    }
    Ok(block)
}

/// The fenced blocks of a page: what stands behind the fence, and what is inside.
fn fenced(page: &str) -> impl Iterator<Item = (String, String)> {
    let mut open: Option<(String, String)> = None;
    Parser::new(page).filter_map(move |event| match event {
        Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
            open = Some((info.into_string(), String::new()));
            None
        }
        Event::Text(text) => {
            if let Some((_, inside)) = &mut open {
                inside.push_str(&text);
            }
            None
        }
        Event::End(TagEnd::CodeBlock) => open.take(),
        _ => None,
    })
}
