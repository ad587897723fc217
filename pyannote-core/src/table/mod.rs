//! Turns and transcripts as tables: CSV, and Audacity's label tracks.

mod audacity;
mod csv;
