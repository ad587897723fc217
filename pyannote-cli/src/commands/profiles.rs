//! `pyannote profiles`: the profiles of the configuration.

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::login::KeyPlace;
use crate::cli::Global;
use crate::error::Result;
use crate::service::{BASE_URL_VAR, Config, DEFAULT_BASE_URL, DEFAULT_PROFILE, KEY_VAR, variable};
use crate::table::Columns;
use crate::ui::Ui;

/// List the profiles: their names, their base URLs, and where their API keys are.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pyannote profiles
  pyannote profiles --json")]
pub(crate) struct Profiles;

/// A profile.
#[derive(JsonSchema, Serialize)]
#[schemars(title = "Profile")]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProfileOutput {
    name: String,
    base_url: String,
    /// Where the key is.
    key: KeyPlace,
    /// Whether commands use this profile, with these options and in this environment.
    active: bool,
}

impl Profiles {
    pub(crate) fn run(self, ui: Ui, global: &Global) -> Result<()> {
        let config = Config::load()?;
        let overridden = match global.profile {
            Some(_) => None,
            None => [KEY_VAR, BASE_URL_VAR]
                .into_iter()
                .find(|name| variable(name).is_some()),
        };
        let active = match overridden {
            Some(_) => None,
            None => Some(global.profile.as_deref().unwrap_or(DEFAULT_PROFILE)),
        };
        let mut profiles = Vec::new();
        for name in config.names()? {
            if let Some(stored) = config.profile(&name)? {
                profiles.push(ProfileOutput {
                    active: active == Some(name.as_str()),
                    base_url: stored
                        .base_url
                        .unwrap_or_else(|| DEFAULT_BASE_URL.to_owned()),
                    key: KeyPlace::from(&stored.key),
                    name,
                });
            }
        }
        if ui.is_json() {
            return ui.print_json(&profiles);
        }
        if let Some(name) = overridden {
            ui.note(&format!(
                "{name} is set, so no profile is used without --profile"
            ));
        }
        if profiles.is_empty() {
            ui.note("there are no profiles; create one with `pyannote login`");
            return Ok(());
        }
        let mut table = Columns::new(&["", "profile", "base URL", "key"]);
        for profile in profiles {
            let key = match profile.key {
                KeyPlace::Keyring => "in the keyring".to_owned(),
                KeyPlace::File => format!("in {}", config.path().display()),
                KeyPlace::Missing => "missing".to_owned(),
            };
            let mark = if profile.active { "*" } else { "" };
            table.row([mark.to_owned(), profile.name, profile.base_url, key]);
        }
        ui.print(&table.to_string())
    }
}
