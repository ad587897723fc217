//! Development tasks of this workspace, as a library so that they can be tested.
//!
//! The pipeline from the API documentation to the Rust bindings has one module per step:
//!
//! 1. [`import`] turns documentation pages into the fragments in `openapi/`.
//! 2. [`merge`] merges the fragments into one document, with what is [`ahead`] of the published specification.
//! 3. [`overlay`] applies the corrections in `openapi/overlay.yaml`. The result is the bundle,
//!    `openapi/pyannoteai.yaml`.
//! 4. [`lower`] rewrites schemas that progenitor does not support.
//! 5. [`generate`] runs progenitor and formats its output, `pyannote-api-sys/src/generated.rs`.
//!
//! [`regen`] runs steps 2 to 5. [`report`] lists how a new specification affects callers. [`cargo`] runs the tasks that
//! need the server or the engine, [`soak`] starts the soak test, [`fuzz`] the fuzz run of the decoder, and [`check`]
//! checks the crates as packages.

pub mod ahead;
pub mod cargo;
pub mod check;
pub mod document;
pub mod fuzz;
pub mod generate;
pub mod import;
pub mod lower;
pub mod merge;
pub mod overlay;
pub mod regen;
pub mod report;
pub mod soak;
pub mod workspace;
