//! `pyannote schema`: the JSON Schema of everything that is printed with `--json`.

use std::collections::BTreeMap;

use clap::Args;
use schemars::{JsonSchema, Schema, schema_for};

use crate::error::{ErrorOutput, Failure, Result};
use crate::export::TurnOutput;
use crate::result::Document;
use crate::ui::{Ui, WarningOutput};

/// Print the JSON Schema of what a command prints with --json.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pyannote schema
  pyannote schema diarize")]
pub(crate) struct SchemaCommand {
    /// Command, or `error`, `warning` and the like for lines of standard error [default: all, as one object].
    name: Option<String>,
}

impl SchemaCommand {
    pub(crate) fn run(self, ui: Ui) -> Result<()> {
        let mut schemas = schemas();
        match self.name {
            None => ui.print_json(&schemas),
            Some(name) => match schemas.remove(name.as_str()) {
                Some(schema) => ui.print_json(&schema),
                None => {
                    let names: Vec<&str> = schemas.keys().copied().collect();
                    Err(Failure::usage(format!("there is no schema of \"{name}\""))
                        .with_hint(format!("there are: {}", names.join(", "))))
                }
            },
        }
    }
}

fn schema<T: JsonSchema>(name: &'static str) -> (&'static str, Schema) {
    (name, schema_for!(T))
}

/// The schemas by command. `jobs get` and `jobs list` print what the service returns.
fn schemas() -> BTreeMap<&'static str, Schema> {
    #[cfg_attr(
        not(feature = "api"),
        allow(unused_mut, reason = "there are no schemas of the service")
    )]
    let mut schemas = BTreeMap::from([
        schema::<Document>("diarize"),
        schema::<Document>("identify"),
        schema::<Document>("label"),
        schema::<Document>("render"),
        schema::<TurnOutput<'_>>("ndjson"),
        schema::<Vec<super::clip::ClipOutput>>("clip"),
        schema::<super::doctor::DoctorOutput>("doctor"),
        schema::<super::models::ModelOutput>("models add"),
        schema::<Vec<super::models::ModelOutput>>("models list"),
        schema::<super::score::ScoreOutput>("score"),
        schema::<super::voiceprint::VoiceprintOutput>("voiceprint"),
        schema::<Vec<super::voiceprint::VoiceprintOutput>>("voiceprint list"),
        schema::<ErrorOutput<'_>>("error"),
        schema::<WarningOutput<'_>>("warning"),
    ]);
    #[cfg(feature = "api")]
    schemas.extend([
        schema::<super::batch::Event<'_>>("batch"),
        schema::<super::batch::DryRunOutput>("batch --dry-run"),
        schema::<super::live::Event>("live"),
        schema::<super::login::LoginOutput<'_>>("login"),
        schema::<super::login::LogoutOutput<'_>>("logout"),
        schema::<super::media::DownloadOutput>("media download"),
        schema::<super::media::MediaOutput>("media upload"),
        schema::<Vec<super::profiles::ProfileOutput>>("profiles"),
        schema::<super::webhook::WebhookOutput>("webhook listen"),
        schema::<crate::service::AcceptedOutput<'_>>("accepted"),
        schema::<crate::service::JobOutput<'_>>("job"),
    ]);
    #[cfg(feature = "serve")]
    schemas.extend([schema::<super::serve::ServeOutput<'_>>("serve")]);
    schemas
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_describes_its_fields() {
        for (name, schema) in schemas() {
            let json = serde_json::to_string(&schema).unwrap();
            assert!(
                json.contains(r#""type""#) || json.contains("oneOf"),
                "{name}: {json}"
            );
        }
        insta::assert_json_snapshot!("schema_of_errors", schemas()["error"]);
    }
}
