//! Whose models they are, and under which licences.

/// The models and the sample recording, their sources, and the full text of their licences.
///
/// ```
/// use pyannote_engine::assets::LICENCES;
///
/// for named in ["segmentation-3.0", "(c) 2022 CNRS", "CAM++", "3D-Speaker", "sample.wav", "MIT License", "Apache License"] {
///     assert!(LICENCES.contains(named), "{named}");
/// }
/// ```
pub const LICENCES: &str = concat!(
    include_str!("../../NOTICE"),
    "\n",
    include_str!("../../LICENSE-APACHE")
);
