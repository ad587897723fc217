//! Media: the team's storage, and the pre-signed URLs that lead to it.

mod folder;
mod key;
mod sign;

pub use folder::{MediaFolder, Stored};
pub use key::MediaKey;
pub(crate) use sign::{Signed, Signer};
