//! The recordings of the local server: fetched from servers on loopback, decoded from real files of every format.

mod damaged;
mod fetch;
mod formats;
mod limits;
mod loader;
mod tone;
mod wav;
