//! The mends of the specification, applied.

use anyhow::{Context, Result, anyhow, ensure};
use enumset::EnumSet;
use roas_overlay::apply::{Apply, ApplyOptions};
use roas_overlay::v1_0::Overlay;
use roas_overlay::validation::Validate;
use serde_json::Value;

/// Applies the OpenAPI Overlay in `text` to `document`.
///
/// An action that matches nothing or changes nothing is an error: either its defect was mended by the provider, and
/// the action goes, or the specification moved, and the action follows.
pub fn apply(text: &str, document: &mut Value) -> Result<()> {
    let overlay: Overlay = yaml_serde::from_str(text).context("not an OpenAPI Overlay 1.0")?;
    overlay
        .validate(EnumSet::empty())
        .map_err(|problems| anyhow!("not a valid OpenAPI Overlay: {problems}"))?;
    for (index, action) in overlay.actions.iter().enumerate() {
        let place = format!("action {} ({})", index + 1, action.target);
        ensure!(
            !action
                .description
                .as_deref()
                .unwrap_or("")
                .trim()
                .is_empty(),
            "{place} has no description: each mend says which defect it mends, why, and on what evidence"
        );
        let before = document.clone();
        Overlay {
            actions: vec![action.clone()],
            ..overlay.clone()
        }
        .apply(document, ApplyOptions::ErrorOnZeroMatch.into())
        .map_err(|error| {
            anyhow!(
                "{place} mends nothing: {}. If the provider mended the defect, remove the action; \
                 if the specification moved, let its target follow",
                error.kind
            )
        })?;
        ensure!(
            *document != before,
            "{place} changes nothing: the specification says this itself by now. Remove the action"
        );
    }
    Ok(())
}
