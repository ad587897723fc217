//! Sources of an import: documentation pages with a fenced OpenAPI block, and OpenAPI documents.

use anyhow::{Context, Result, anyhow, bail};
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use serde_json::Value;

use crate::document;

/// A parsed source.
#[derive(Clone, Debug)]
pub struct Source {
    /// File name, for messages.
    pub name: String,
    /// Text of the document, unchanged.
    pub text: String,
    /// The parsed document.
    pub document: Value,
    /// Whether the document is the complete specification rather than the page of one operation.
    pub is_complete: bool,
    /// Whether the document describes webhooks, which the parsed document does not contain.
    pub has_webhooks: bool,
}

impl Source {
    /// Parses a source. A `.json`, `.yaml` or `.yml` file is a complete document, any other file a documentation page.
    /// The case of the extension does not matter, and a byte order mark is ignored.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let text = text.trim_start_matches('\u{feff}');
        let lowercase = name.to_ascii_lowercase();
        let is_complete = [".json", ".yaml", ".yml"]
            .iter()
            .any(|extension| lowercase.ends_with(extension));
        let text = if is_complete {
            text.to_owned()
        } else {
            openapi_block(text).with_context(|| format!("in {name}"))?
        };
        let parsed =
            check_kind(&text).and_then(|has_webhooks| Ok((document::parse(&text)?, has_webhooks)));
        let (document, has_webhooks) = parsed.with_context(|| match is_complete {
            true => format!("{name} is not an OpenAPI document"),
            false => format!("the fenced block of {name} is not an OpenAPI document"),
        })?;
        if document::operations(&document)?.is_empty() {
            bail!("{name} contains no operations");
        }
        Ok(Self {
            name: name.to_owned(),
            text,
            document,
            is_complete,
            has_webhooks,
        })
    }
}

/// Explains why a text is obviously not OpenAPI 3. Returns whether the document has webhooks.
///
/// Syntax errors and other versions are left to [`document::parse`].
fn check_kind(text: &str) -> Result<bool> {
    let Ok(value) = yaml_serde::from_str::<Value>(text) else {
        return Ok(false);
    };
    if value.is_null() {
        bail!("it is empty");
    }
    if let Some(version) = value.get("swagger") {
        let version = version
            .as_str()
            .map_or_else(|| version.to_string(), str::to_owned);
        bail!("Swagger {version} is not supported: convert it to OpenAPI 3.0 first");
    }
    if let Some(version) = value.get("openapi").filter(|version| version.is_number()) {
        bail!(
            "`openapi: {version}` is a number: quote it, or write all three parts, such as 3.0.0"
        );
    }
    Ok(value.get("webhooks").is_some())
}

/// The OpenAPI block of a page: its info string is `yaml METHOD /path`, or its text starts with `openapi`.
fn openapi_block(page: &str) -> Result<String> {
    let mut blocks = fenced_blocks(page).filter(|(info, text)| {
        let mut words = info.split_whitespace();
        let is_data = matches!(words.next(), Some("yaml" | "yml" | "json"));
        let names_path = words.nth(1).is_some_and(|path| path.starts_with('/'));
        let start = text.trim_start_matches(['{', '"', ' ', '\n', '\r', '\t']);
        is_data && (names_path || start.starts_with("openapi"))
    });
    let (_, block) = blocks.next().ok_or_else(|| {
        anyhow!("no fenced OpenAPI block: expected one that starts with ````yaml POST /v1/…")
    })?;
    if blocks.next().is_some() {
        bail!("more than one fenced OpenAPI block");
    }
    Ok(block)
}

/// The info strings and texts of the fenced blocks of a page.
fn fenced_blocks(page: &str) -> impl Iterator<Item = (String, String)> {
    let mut current: Option<(String, String)> = None;
    Parser::new(page).filter_map(move |event| match event {
        Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
            current = Some((info.into_string(), String::new()));
            None
        }
        Event::Text(part) => {
            if let Some((_, text)) = &mut current {
                text.push_str(&part);
            }
            None
        }
        Event::End(TagEnd::CodeBlock) => current.take(),
        _ => None,
    })
}
