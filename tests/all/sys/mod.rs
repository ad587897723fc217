//! The raw bindings against the specification, and the traps that it sets.

mod bodies;
mod client;
mod registry;
mod requests;
mod schemas;
mod traps;
