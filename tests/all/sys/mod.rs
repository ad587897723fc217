//! The raw bindings against the specification and its known defects.

mod bodies;
mod client;
mod defects;
mod registry;
mod requests;
mod schemas;
