//! The generators of the tests of decoding. The tests that are in the same files are not run here.

#[path = "../../all/audio/containers.rs"]
mod containers;
#[path = "../../all/audio/mutations.rs"]
pub(crate) mod mutations;
#[path = "../../all/audio/riff.rs"]
mod riff;
#[path = "../../all/audio/tone.rs"]
mod tone;
#[path = "../../all/audio/wav.rs"]
mod wav;
