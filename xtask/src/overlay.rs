//! Applies the corrections in `openapi/overlay.yaml` to the specification.

use anyhow::{Context, Result, anyhow, ensure};
use enumset::EnumSet;
use roas_overlay::apply::{Apply, ApplyOptions};
use roas_overlay::v1_0::Overlay;
use roas_overlay::validation::Validate;
use serde_json::Value;

/// Extension of an action that may match nothing: the defect is in some of the provider's documents only.
const OPTIONAL: &str = "x-optional";

/// Applies the OpenAPI Overlay in `text` to `document`.
///
/// # Errors
///
/// If the overlay is invalid, or one of its actions has no description, matches nothing or changes nothing. An action
/// without an effect is obsolete: either the provider fixed the defect, or the specification was restructured and the
/// target must be updated. Only actions with `x-optional: true` may be without an effect.
pub fn apply(text: &str, document: &mut Value) -> Result<()> {
    let overlay: Overlay = yaml_serde::from_str(text).context("not an OpenAPI Overlay 1.0")?;
    overlay
        .validate(EnumSet::empty())
        .map_err(|errors| anyhow!("invalid OpenAPI Overlay: {errors}"))?;
    for (index, action) in overlay.actions.iter().enumerate() {
        let label = format!("action {} ({})", index + 1, action.target);
        let is_optional = action
            .extensions
            .as_ref()
            .and_then(|extensions| extensions.get(OPTIONAL))
            == Some(&Value::Bool(true));
        ensure!(
            !action
                .description
                .as_deref()
                .unwrap_or("")
                .trim()
                .is_empty(),
            "{label} has no description: state the defect, the reason for the correction and the evidence"
        );
        let before = document.clone();
        let options = match is_optional {
            true => EnumSet::empty(),
            false => ApplyOptions::ErrorOnZeroMatch.into(),
        };
        Overlay {
            actions: vec![action.clone()],
            ..overlay.clone()
        }
        .apply(document, options)
        .map_err(|error| {
            anyhow!(
                "{label} has no target: {}. If the provider fixed the defect, remove the action; \
                 if the specification was restructured, update the target. The action says: {}",
                error.kind,
                action.description.as_deref().unwrap_or_default()
            )
        })?;
        ensure!(
            is_optional || *document != before,
            "{label} changes nothing: the specification already has this value. Remove the action"
        );
    }
    Ok(())
}
