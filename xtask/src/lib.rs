//! The project's own tasks, as a library so that `tests/` can check them.
//!
//! The way from the documentation to the bindings, a module a step:
//!
//! 1. [`import`]: documentation pages become the fragments in `openapi/`;
//! 2. [`merge`]: fragments become one document;
//! 3. [`overlay`]: the mends of `openapi/overlay.yaml` are applied, which gives the bundle `openapi/pyannoteai.yaml`;
//! 4. [`lower`]: what progenitor cannot read is put in a form that it can;
//! 5. [`generate`]: progenitor writes the client, and the formatted file is `pyannote-api-sys/src/generated.rs`.
//!
//! [`regen`] runs steps 2 to 5, and [`report`] tells what a new specification changes for callers.
//! [`cargo`] runs what needs the local server.

pub mod cargo;
pub mod document;
pub mod generate;
pub mod import;
pub mod layout;
pub mod lower;
pub mod merge;
pub mod overlay;
pub mod regen;
pub mod report;
