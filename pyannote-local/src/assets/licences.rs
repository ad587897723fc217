//! Whose models they are, and under which licences.

/// The models and the sample recording, their sources, and the full text of their licences.
///
/// ```
/// use pyannote_local::assets::LICENCES;
///
/// assert!(LICENCES.contains("segmentation-3.0"));
/// assert!(LICENCES.contains("CAM++"));
/// ```
pub const LICENCES: &str = concat!(
    include_str!("../../NOTICE"),
    "\n",
    include_str!("../../LICENSE-APACHE")
);
