//! Reads `config.yaml`: the parameters of the pipeline.

use std::path::Path;

use serde::Deserialize;

use super::clustering::ClusteringParameters;
use super::content;
use super::vbx::VbxParameters;

/// Maximum size of the file, in bytes: the published one has 445.
const MAX_BYTES: u64 = 64 << 10;
/// The pipeline that this is an implementation of.
const PIPELINE: &str = "pyannote.audio.pipelines.SpeakerDiarization";
/// Its clustering.
const CLUSTERING: &str = "VBxClustering";
/// Steps between the starts of consecutive windows, as a fraction of their duration.
const SEGMENTATION_STEP: f64 = 0.1;
/// Smallest and largest value of `threshold`: two points of the unit sphere are at most 2 apart.
const THRESHOLDS: (f64, f64) = (0.001, 2.0);
/// Smallest and largest value of `Fa`. The reference searches 0.01 to 0.5; far beyond, VBx overflows.
const ACOUSTIC_SCALES: (f64, f64) = (0.001, 100.0);
/// Smallest and largest value of `Fb`. The reference searches 0.01 to 15.
const REGULARIZATIONS: (f64, f64) = (0.001, 1_000.0);

/// Parameters of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Parameters {
    pub(super) clustering: ClusteringParameters,
    /// Whether embeddings are computed from the frames in which a speaker is alone.
    pub(super) exclude_overlap: bool,
    /// Pauses of a speaker that are shorter are filled, in seconds.
    pub(super) min_pause_s: f64,
}

impl Parameters {
    /// The published values.
    pub(super) const PUBLISHED: Self = Self {
        clustering: ClusteringParameters {
            threshold: 0.6,
            vbx: VbxParameters {
                acoustic_scale: 0.07,
                regularization: 0.8,
            },
        },
        exclude_overlap: true,
        min_pause_s: 0.0,
    };

    /// Reads the file.
    ///
    /// # Errors
    ///
    /// If it is not the configuration of community-1, or a value is invalid, with the reason.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let bytes = content::read(path, MAX_BYTES)?;
        content::check(&bytes)?;
        let text = String::from_utf8(bytes).map_err(|_| "the file is not UTF-8 text".to_owned())?;
        Self::parse(&text)
    }

    /// The parameters in the text of the file.
    fn parse(text: &str) -> Result<Self, String> {
        let Config { pipeline, params } = yaml_serde::from_str(text).map_err(|error| {
            format!("the file is not the configuration of community-1 ({error}): download it again")
        })?;
        for (name, found, expected) in [
            ("pipeline.name", &pipeline.name, PIPELINE),
            (
                "pipeline.params.clustering",
                &pipeline.params.clustering,
                CLUSTERING,
            ),
        ] {
            if found != expected {
                return Err(format!(
                    "`{name}` is `{}`, expected `{expected}`: the file is the configuration of another pipeline; \
                     download that of community-1",
                    content::excerpt(found)
                ));
            }
        }
        if pipeline.params.segmentation_step != SEGMENTATION_STEP {
            return Err(format!(
                "`segmentation_step` must be {SEGMENTATION_STEP}: other steps are not supported"
            ));
        }
        let ClusteringConfig { threshold, fa, fb } = params.clustering;
        for (name, value, (min, max)) in [
            ("threshold", threshold, THRESHOLDS),
            ("Fa", fa, ACOUSTIC_SCALES),
            ("Fb", fb, REGULARIZATIONS),
        ] {
            // NaN is not in the range.
            if !(min..=max).contains(&value) {
                return Err(format!("`{name}` must be {min} to {max}: it is {value:?}"));
            }
        }
        let min_pause_s = params.segmentation.min_duration_off;
        if !(min_pause_s.is_finite() && min_pause_s >= 0.0) {
            return Err("`min_duration_off` must be 0 or more".to_owned());
        }
        Ok(Self {
            clustering: ClusteringParameters {
                threshold,
                vbx: VbxParameters {
                    acoustic_scale: fa,
                    regularization: fb,
                },
            },
            exclude_overlap: pipeline.params.embedding_exclude_overlap,
            min_pause_s,
        })
    }
}

/// The parts of the file that the pipeline depends on.
#[derive(Deserialize)]
struct Config {
    pipeline: PipelineConfig,
    params: ParamsConfig,
}

#[derive(Deserialize)]
struct PipelineConfig {
    name: String,
    params: PipelineParams,
}

#[derive(Deserialize)]
struct PipelineParams {
    clustering: String,
    #[serde(default)]
    embedding_exclude_overlap: bool,
    #[serde(default = "default_segmentation_step")]
    segmentation_step: f64,
}

fn default_segmentation_step() -> f64 {
    SEGMENTATION_STEP
}

#[derive(Deserialize)]
struct ParamsConfig {
    clustering: ClusteringConfig,
    #[serde(default)]
    segmentation: SegmentationConfig,
}

#[derive(Deserialize)]
struct ClusteringConfig {
    threshold: f64,
    #[serde(rename = "Fa")]
    fa: f64,
    #[serde(rename = "Fb")]
    fb: f64,
}

#[derive(Default, Deserialize)]
struct SegmentationConfig {
    #[serde(default)]
    min_duration_off: f64,
}

/// The configuration as the repository has it.
#[cfg(test)]
pub(super) const PUBLISHED_TEXT: &str = "\
dependencies:
  pyannote.audio: 4.0.0
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: VBxClustering
    segmentation: $model/segmentation
    segmentation_batch_size: 32
    embedding: $model/embedding
    embedding_batch_size: 32
    embedding_exclude_overlap: true
    plda: $model/plda
params:
  clustering:
    threshold: 0.6
    Fa: 0.07
    Fb: 0.8
  segmentation:
    min_duration_off: 0.0
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_published_configuration() {
        assert_eq!(Parameters::parse(PUBLISHED_TEXT), Ok(Parameters::PUBLISHED));
    }

    #[test]
    fn reads_other_values() {
        let text = PUBLISHED_TEXT
            .replace("threshold: 0.6", "threshold: 0.7")
            .replace("Fa: 0.07", "Fa: 1")
            .replace("Fb: 0.8", "Fb: 2.5")
            .replace("min_duration_off: 0.0", "min_duration_off: 0.5")
            .replace("overlap: true", "overlap: false");
        let expected = Parameters {
            clustering: ClusteringParameters {
                threshold: 0.7,
                vbx: VbxParameters {
                    acoustic_scale: 1.0,
                    regularization: 2.5,
                },
            },
            exclude_overlap: false,
            min_pause_s: 0.5,
        };
        assert_eq!(Parameters::parse(&text), Ok(expected));
    }

    #[test]
    fn other_configurations_have_errors_that_name_the_value() {
        for (from, to, expected) in [
            (
                "VBxClustering",
                "AgglomerativeClustering",
                "expected `VBxClustering`",
            ),
            (
                "SpeakerDiarization",
                "VoiceActivityDetection",
                "`pipeline.name`",
            ),
            ("Fa: 0.07", "Fa: 0", "`Fa` must be 0.001 to 100: it is 0.0"),
            (
                "Fa: 0.07",
                "Fa: 1e308",
                "`Fa` must be 0.001 to 100: it is 1e308",
            ),
            (
                "Fb: 0.8",
                "Fb: .nan",
                "`Fb` must be 0.001 to 1000: it is NaN",
            ),
            ("Fb: 0.8", "Fb: 1e-300", "`Fb` must be 0.001 to 1000"),
            (
                "threshold: 0.6",
                "threshold: .inf",
                "`threshold` must be 0.001 to 2: it is inf",
            ),
            ("threshold: 0.6", "other: 0.6", "threshold"),
            (
                "threshold: 0.6",
                "threshold: high",
                "params.clustering.threshold: invalid type",
            ),
            (
                "min_duration_off: 0.0",
                "min_duration_off: -1",
                "`min_duration_off`",
            ),
            (
                "clustering: V",
                "segmentation_step: 0.5\n    clustering: V",
                "`segmentation_step`",
            ),
        ] {
            let error = Parameters::parse(&PUBLISHED_TEXT.replacen(from, to, 1)).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        for text in [
            "",
            "- a",
            "pipeline: &a [*a]",
            "{{{{",
            "pipeline:\n  name: !!python/object:os.system x",
        ] {
            assert!(Parameters::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_bomb_of_aliases_and_deep_nesting_are_errors() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..40 {
            let row = vec![format!("*a{}", level - 1); 9].join(", ");
            text += &format!("a{level}: &a{level} [{row}]\n");
        }
        // What is not used is not expanded.
        let unused = text.clone() + PUBLISHED_TEXT;
        assert_eq!(Parameters::parse(&unused), Ok(Parameters::PUBLISHED));
        for used in ["VBxClustering", "true", "0.07"] {
            let text = text.clone() + &PUBLISHED_TEXT.replacen(used, "*a39", 1);
            assert!(Parameters::parse(&text).is_err(), "{used}");
        }
        let deep = "[".repeat(60_000);
        assert!(Parameters::parse(&deep).is_err());
        // Below a value that is not used, it has no effect.
        let unused = format!(
            "x: {}{}\n{PUBLISHED_TEXT}",
            "[".repeat(20_000),
            "]".repeat(20_000)
        );
        assert_eq!(Parameters::parse(&unused), Ok(Parameters::PUBLISHED));
    }
}
