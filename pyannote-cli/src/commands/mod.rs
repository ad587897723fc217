//! The commands, one per file.

#[cfg(feature = "api")]
mod api;
#[cfg(feature = "api")]
mod batch;
mod channels;
mod clip;
mod completions;
mod demo;
mod diarize;
mod doctor;
mod identify;
#[cfg(feature = "api")]
mod jobs;
mod label;
#[cfg(feature = "api")]
mod live;
#[cfg(feature = "api")]
mod login;
#[cfg(feature = "mcp")]
mod mcp;
#[cfg(feature = "api")]
mod media;
mod models;
#[cfg(feature = "api")]
mod profiles;
mod reference;
mod render;
mod schema;
mod score;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "api")]
mod test;
mod transcribe;
mod turns;
mod voiceprint;
#[cfg(feature = "api")]
mod webhook;

use clap::Subcommand;

use crate::cli::Global;
#[cfg(feature = "api")]
use crate::error::Failure;
use crate::error::Result;
use crate::ui::Ui;

#[derive(Subcommand)]
pub(crate) enum Command {
    Demo(demo::Demo),
    Diarize(diarize::Diarize),
    Identify(identify::Identify),
    Voiceprint(voiceprint::Voiceprint),
    #[cfg(feature = "api")]
    Batch(batch::Batch),
    #[cfg(feature = "api")]
    Live(live::Live),
    Label(label::Label),
    Clip(clip::Clip),
    Render(render::Render),
    Score(score::Score),
    #[cfg(feature = "api")]
    Jobs(jobs::Jobs),
    #[cfg(feature = "api")]
    Media(media::Media),
    Models(models::Models),
    #[cfg(feature = "serve")]
    Serve(Box<serve::Serve>),
    #[cfg(feature = "api")]
    Webhook(webhook::Webhook),
    #[cfg(feature = "api")]
    Login(login::Login),
    #[cfg(feature = "api")]
    Logout(login::Logout),
    #[cfg(feature = "api")]
    Profiles(profiles::Profiles),
    Doctor(doctor::Doctor),
    #[cfg(feature = "api")]
    Test(test::Test),
    #[cfg(feature = "api")]
    Api(api::Api),
    #[cfg(feature = "mcp")]
    Mcp(mcp::Mcp),
    Schema(schema::SchemaCommand),
    Completions(completions::Completions),
    #[command(hide = true)]
    Reference(reference::Reference),
}

impl Command {
    pub(crate) fn run(self, ui: &Ui, global: &Global) -> Result<()> {
        #[cfg(feature = "api")]
        if global.show_code && !self.has_code() {
            let failure = Failure::usage("--show-code is not available for this command");
            return Err(match self {
                Self::Live(_) => {
                    failure.with_hint("the example `live` of the SDK is such a program")
                }
                _ => failure,
            });
        }
        match self {
            Self::Demo(command) => command.run(*ui),
            Self::Diarize(command) => command.run(*ui, global),
            Self::Identify(command) => command.run(*ui, global),
            Self::Voiceprint(command) => command.run(*ui, global),
            #[cfg(feature = "api")]
            Self::Batch(command) => command.run(*ui, global),
            #[cfg(feature = "api")]
            Self::Live(command) => command.run(*ui, global),
            Self::Label(command) => command.run(*ui),
            Self::Clip(command) => command.run(*ui),
            Self::Render(command) => command.run(*ui),
            Self::Score(command) => command.run(*ui),
            #[cfg(feature = "api")]
            Self::Jobs(command) => command.run(*ui, global),
            #[cfg(feature = "api")]
            Self::Media(command) => command.run(*ui, global),
            Self::Models(command) => command.run(*ui),
            #[cfg(feature = "serve")]
            Self::Serve(command) => command.run(*ui),
            #[cfg(feature = "api")]
            Self::Webhook(command) => command.run(*ui, global),
            #[cfg(feature = "api")]
            Self::Login(command) => command.run(*ui, global),
            #[cfg(feature = "api")]
            Self::Logout(command) => command.run(*ui, global),
            #[cfg(feature = "api")]
            Self::Profiles(command) => command.run(*ui, global),
            Self::Doctor(command) => command.run(*ui, global),
            #[cfg(feature = "api")]
            Self::Test(command) => command.run(*ui, global),
            #[cfg(feature = "api")]
            Self::Api(command) => command.run(*ui, global),
            #[cfg(feature = "mcp")]
            Self::Mcp(command) => command.run(global.profile.clone()),
            Self::Schema(command) => command.run(*ui),
            Self::Completions(command) => command.run(*ui),
            Self::Reference(command) => command.run(*ui),
        }
    }

    /// Whether the command can be shown as a Rust program.
    #[cfg(feature = "api")]
    fn has_code(&self) -> bool {
        matches!(
            self,
            Self::Diarize(_)
                | Self::Identify(_)
                | Self::Voiceprint(_)
                | Self::Batch(_)
                | Self::Jobs(_)
                | Self::Media(_)
                | Self::Test(_)
        )
    }
}
