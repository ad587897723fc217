use std::fmt::Write as _;
use std::fs;

use safetensors::Dtype;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use super::fixtures::*;
use super::*;
use crate::Community1;
use crate::community::config::PUBLISHED_TEXT;

const SEGMENTATION: &str = "segmentation/pytorch_model.bin";
const EMBEDDING: &str = "embedding/pytorch_model.bin";

/// The error of a folder, with its cause. Paths are relative to `root`.
fn message_in(root: &Path, folder: &Path) -> String {
    let error = load(folder).err().unwrap();
    let source = std::error::Error::source(&error).map(ToString::to_string);
    let message = match source {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    message
        .replace(&format!("{}/", root.display()), "")
        .replace(&root.display().to_string(), "FOLDER")
}

fn message(folder: &Path) -> String {
    message_in(folder, folder)
}

/// The message if a file has this content.
fn with(name: &str, content: &[u8]) -> String {
    let folder = folder(EMPTY);
    write(folder.path(), name, content);
    message(folder.path())
}

fn replaced(from: &str, to: &str) -> Vec<u8> {
    assert!(PUBLISHED_TEXT.contains(from));
    PUBLISHED_TEXT.replacen(from, to, 1).into_bytes()
}

fn names(names: &[&str]) -> Vec<(String, Vec<usize>)> {
    names
        .iter()
        .map(|name| ((*name).to_owned(), vec![1]))
        .collect()
}

#[test]
fn every_kind_of_broken_folder_has_a_message_that_says_what_to_do() {
    let lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:7ad2\nsize 5906507\n";
    let page = b"<!DOCTYPE html>\n<html class=\"\"><head><title>Log In</title></head></html>";
    let denied =
        b"{\"error\":\"Access to model pyannote/speaker-diarization-community-1 is restricted.\"}";
    let legacy = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}q\x00.";
    let anchor = View::new("sincnet.wav_norm1d.weight");
    let one = &1_f32.to_le_bytes()[..];
    let whole = saved(&[anchor], &[("0", one)]);
    let f32s = |names: &[(String, Vec<usize>)]| constant(names, Dtype::F32, &0.5_f32.to_le_bytes());

    // The kind, the file, and its content.
    let mut cases: Vec<(&str, &str, Vec<u8>)> = Vec::new();
    for name in [SEGMENTATION, "plda/plda.npz", "config.yaml"] {
        cases.push(("empty", name, Vec::new()));
        cases.push(("pointer of Git LFS", name, lfs.to_vec()));
        cases.push(("login page", name, page.to_vec()));
        cases.push(("refused download", name, denied.to_vec()));
    }
    cases.extend([
        (
            "incomplete",
            SEGMENTATION,
            whole[..whole.len() - 30].to_vec(),
        ),
        ("cut after its start", SEGMENTATION, whole[..40].to_vec()),
        ("legacy format", SEGMENTATION, legacy.to_vec()),
        ("gzip", SEGMENTATION, b"\x1f\x8b\x08\x00".to_vec()),
        ("noise", SEGMENTATION, [0xfe, 1, 2, 3].repeat(3_000)),
        (
            "archive of something else",
            SEGMENTATION,
            archive(&[("word/document.xml", b"")]),
        ),
        (
            "two pickles",
            SEGMENTATION,
            archive(&[("a/data.pkl", EMPTY), ("b/data.pkl", EMPTY)]),
        ),
        ("no tensors", SEGMENTATION, checkpoint(EMPTY)),
        (
            "embedding in place of the segmentation",
            SEGMENTATION,
            saved(&[View::new("resnet.layer1.0.conv1.weight")], &[("0", one)]),
        ),
        ("one tensor only", SEGMENTATION, whole.clone()),
        (
            "not finite",
            SEGMENTATION,
            saved(&[anchor], &[("0", &f32::NAN.to_le_bytes())]),
        ),
        (
            "infinite",
            SEGMENTATION,
            saved(&[anchor], &[("0", &f32::INFINITY.to_le_bytes())]),
        ),
        ("missing storage", SEGMENTATION, saved(&[anchor], &[])),
        (
            "storage beyond its record",
            SEGMENTATION,
            saved(
                &[View {
                    elements: 9,
                    shape: &[9],
                    ..anchor
                }],
                &[("0", one)],
            ),
        ),
        (
            "offset beyond the storage",
            SEGMENTATION,
            saved(
                &[View {
                    offset: 5,
                    ..anchor
                }],
                &[("0", one)],
            ),
        ),
        (
            "negative shape",
            SEGMENTATION,
            saved(
                &[View {
                    shape: &[-1],
                    ..anchor
                }],
                &[("0", one)],
            ),
        ),
        (
            "expanded to 4 GB",
            SEGMENTATION,
            saved(
                &[View {
                    shape: &[1 << 15, 1 << 15],
                    stride: &[0, 0],
                    ..anchor
                }],
                &[("0", one)],
            ),
        ),
        (
            "expanded beyond all memory",
            SEGMENTATION,
            saved(
                &[View {
                    shape: &[i32::MAX; 4],
                    stride: &[0; 4],
                    ..anchor
                }],
                &[("0", one)],
            ),
        ),
        (
            "path in the key of a storage",
            SEGMENTATION,
            saved(
                &[View {
                    key: "../../../etc/passwd",
                    ..anchor
                }],
                &[],
            ),
        ),
        (
            "name with control characters",
            SEGMENTATION,
            saved(&[View::new("\x1b[31m\r\n")], &[]),
        ),
        (
            "unknown storage",
            SEGMENTATION,
            saved(
                &[View {
                    storage: "EvilStorage",
                    ..anchor
                }],
                &[("0", one)],
            ),
        ),
        (
            "integers",
            SEGMENTATION,
            saved(
                &[View {
                    storage: "LongStorage",
                    ..anchor
                }],
                &[("0", &[0; 8])],
            ),
        ),
    ]);
    // Python: `os.system("id")`, `eval`, and others, by every way to refer to them.
    for (kind, pickle) in [
        (
            "os.system",
            &b"\x80\x02cposix\nsystem\nq\x00X\x02\x00\x00\x00idq\x01\x85q\x02Rq\x03."[..],
        ),
        (
            "builtins.eval",
            b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.",
        ),
        ("eval by INST", b"(S'1'\nibuiltins\neval\n."),
        (
            "__reduce__ of a module",
            b"\x80\x02csubprocess\nPopen\n]X\x02\x00\x00\x00idaa\x85R.",
        ),
        (
            "getattr chain",
            b"\x80\x04\x8c\x05torch\x8c\x09os.system\x93\x8c\x02id\x85R.",
        ),
        ("extension registry", b"\x80\x02\x82\x01."),
        (
            "computed name",
            b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x940h\x01\x93.",
        ),
        (
            "persistent object",
            b"\x80\x02X\x06\x00\x00\x00modulecposix\nsystem\n\x86Q.",
        ),
        (
            "BUILD with __setstate__",
            b"\x80\x02ctypes\nFunctionType\n)\x81}b.",
        ),
        (
            "import of a package of this folder",
            b"\x80\x02cconfig\nrun\n)R.",
        ),
    ] {
        cases.push((kind, SEGMENTATION, checkpoint(pickle)));
    }
    cases.extend([
        (
            "deep nesting",
            SEGMENTATION,
            checkpoint(&[b"\x80\x02".to_vec(), b"]".repeat(1 << 20), b".".to_vec()].concat()),
        ),
        (
            "deep tuples",
            SEGMENTATION,
            checkpoint(
                &[
                    b"\x80\x02)".to_vec(),
                    b"\x85".repeat(1 << 20),
                    b".".to_vec(),
                ]
                .concat(),
            ),
        ),
        (
            "large memo",
            SEGMENTATION,
            checkpoint(b"\x80\x02}r\xff\xff\xff\xff."),
        ),
        ("memo bomb", SEGMENTATION, checkpoint(&memo_bomb())),
        (
            "string that is longer than the file",
            SEGMENTATION,
            checkpoint(b"\x80\x02X\xff\xff\xff\x7fa."),
        ),
        (
            "compressed zeros",
            SEGMENTATION,
            archive(&[("model/data.pkl", &vec![0; 40 << 20])]),
        ),
        (
            "compressed storage",
            SEGMENTATION,
            archive_with(
                &[
                    ("model/data.pkl", &pickled(&[anchor])),
                    ("model/data/0", &vec![0; 40 << 20]),
                ],
                SimpleFileOptions::default(),
            ),
        ),
        (
            "safetensors under another name",
            SEGMENTATION,
            f32s(&names(&["other.weight"])),
        ),
        (
            "damaged safetensors",
            SEGMENTATION,
            b"\xff\xff\xff\xff\xff\xff\x00\x00{\"a\":".to_vec(),
        ),
        (
            "short safetensors",
            SEGMENTATION,
            f32s(&names(&["a"]))[..20].to_vec(),
        ),
        (
            "integers in safetensors",
            SEGMENTATION,
            constant(&names(&["sincnet.wav_norm1d.weight"]), Dtype::I8, &[1]),
        ),
        (
            "damaged ONNX",
            SEGMENTATION,
            b"\x08\x08\x12\x07pytorch:\xff\xff\xff\x7f\x00\x01\x02\x03".to_vec(),
        ),
        ("swapped archives", "plda/plda.npz", npz(&TRANSFORM)),
        (
            "array of another shape",
            "plda/plda.npz",
            npz(&[("mu", 128, 1), ("tr", 64, 64), ("psi", 128, 1)]),
        ),
        (
            "Python objects",
            "plda/plda.npz",
            archive(&[(
                "mu.npy",
                &npy("'|O'", false, "(128,)", b"\x80\x02cposix\nsystem\n."),
            )]),
        ),
        (
            "integers",
            "plda/plda.npz",
            archive(&[("mu.npy", &npy("'<i8'", false, "(128,)", &[0; 1024]))]),
        ),
        (
            "structured array",
            "plda/plda.npz",
            archive(&[(
                "mu.npy",
                &npy("[('a', '<f8')]", false, "(128,)", &[0; 1024]),
            )]),
        ),
        (
            "incomplete array",
            "plda/plda.npz",
            archive(&[("mu.npy", &npy("'<f8'", false, "(128,)", &[0; 9]))]),
        ),
        (
            "array that is not finite",
            "plda/plda.npz",
            archive(&[("mu.npy", &npy("'<f8'", false, "(128,)", &[255; 1024]))]),
        ),
        (
            "huge header",
            "plda/plda.npz",
            archive(&[("mu.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff")]),
        ),
        (
            "huge shape",
            "plda/plda.npz",
            archive(&[(
                "mu.npy",
                &npy("'<f8'", false, "(99999999999999999999,)", b""),
            )]),
        ),
        (
            "incomplete archive",
            "plda/plda.npz",
            npz(&MODEL)[..1_000].to_vec(),
        ),
        (
            "pipeline of pyannote.audio 3",
            "config.yaml",
            replaced("VBxClustering", "AgglomerativeClustering"),
        ),
        (
            "another pipeline",
            "config.yaml",
            replaced("SpeakerDiarization", "VoiceActivityDetection"),
        ),
        (
            "name with control characters",
            "config.yaml",
            replaced("VBxClustering", "\"\\e[31m\""),
        ),
        (
            "missing value",
            "config.yaml",
            replaced("    Fa: 0.07\n", ""),
        ),
        (
            "text in place of a number",
            "config.yaml",
            replaced("0.07", "high"),
        ),
        (
            "value out of range",
            "config.yaml",
            replaced("Fb: 0.8", "Fb: -.inf"),
        ),
        ("list", "config.yaml", b"- pipeline".to_vec()),
        ("binary", "config.yaml", vec![0xff, 0xfe, 0]),
        ("too large", "config.yaml", b"#".repeat(1 << 20)),
        ("bomb of aliases", "config.yaml", alias_bomb()),
    ]);
    let mut messages = String::new();
    for (kind, name, content) in cases {
        writeln!(messages, "{kind}:\n    {}", with(name, &content)).unwrap();
    }
    insta::assert_snapshot!(messages);
}

/// Lists of lists whose size doubles with each, by the memo of a pickle.
fn memo_bomb() -> Vec<u8> {
    let mut pickle = b"\x80\x02]q\x00".to_vec();
    for level in 0..60 {
        pickle.extend([b']', b'(', b'h', level, b'h', level, b'e', b'q', level + 1]);
    }
    pickle.push(b'.');
    pickle
}

fn alias_bomb() -> Vec<u8> {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..40 {
        let row = vec![format!("*a{}", level - 1); 9].join(", ");
        text += &format!("a{level}: &a{level} [{row}]\n");
    }
    (text + &PUBLISHED_TEXT.replace("VBxClustering", "*a39")).into_bytes()
}

#[test]
fn what_is_missing_is_named_and_the_message_says_how_to_get_the_folder() {
    let folder = folder(EMPTY);
    for name in [
        "config.yaml",
        "plda/plda.npz",
        "plda/xvec_transform.npz",
        SEGMENTATION,
        EMBEDDING,
    ] {
        let path = folder.path().join(name);
        let content = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let message = message(folder.path());
        assert!(
            message.starts_with(&format!("cannot find {name}: ")),
            "{message}"
        );
        for recipe in [Community1::ACCESS, Community1::ADD] {
            assert!(message.contains(recipe), "{message}");
        }
        fs::write(&path, content).unwrap();
    }
    fs::remove_dir_all(folder.path().join("embedding")).unwrap();
    assert!(message(folder.path()).starts_with(&format!("cannot find {EMBEDDING}: ")));
    let missing = folder.path().join("no such folder");
    let message = message_in(folder.path(), &missing);
    assert!(
        message.starts_with("cannot find no such folder: "),
        "{message}"
    );
}

#[test]
fn a_file_in_place_of_the_folder_and_a_folder_in_place_of_a_file_are_errors() {
    let folder = folder(EMPTY);
    let path = folder.path().join("config.yaml");
    assert_eq!(
        message_in(folder.path(), &path),
        "cannot load config.yaml: it is a file: give the folder that contains `config.yaml`"
    );
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(
        message(folder.path()),
        "cannot load config.yaml: it is not a file"
    );
}

#[cfg(unix)]
#[test]
fn links_that_lead_nowhere_are_errors() {
    use std::os::unix::fs::symlink;
    let folder = folder(EMPTY);
    let path = folder.path().join("config.yaml");
    fs::remove_file(&path).unwrap();
    symlink("config.yaml", &path).unwrap();
    let found = message(folder.path());
    assert!(
        found.starts_with("cannot load config.yaml: Too many levels"),
        "{found}"
    );
    fs::remove_file(&path).unwrap();
    symlink("../../blobs/4022db43", &path).unwrap();
    assert_eq!(
        message(folder.path()),
        "cannot load config.yaml: it is a link to a file that is missing: download the folder again"
    );
    let loop_ = folder.path().join("loop");
    symlink("loop", &loop_).unwrap();
    let found = message_in(folder.path(), &loop_);
    assert!(
        found.starts_with("cannot load loop: Too many levels"),
        "{found}"
    );
}

#[cfg(unix)]
#[test]
fn the_cache_of_hugging_face_is_a_folder() {
    use std::os::unix::fs::symlink;
    const HASH: &str = "3533c8cf8e369892e6b79ff1bf80f7b0286a54ee";
    // As `huggingface_hub` lays it out: the files of a snapshot are links to blobs.
    let cache = TempDir::new().unwrap();
    let repository = cache
        .path()
        .join("models--pyannote--speaker-diarization-community-1");
    let valid = valid();
    let snapshot = repository.join("snapshots").join(HASH);
    fs::create_dir_all(repository.join("blobs")).unwrap();
    for (index, file) in files(valid.path()).unwrap().iter().enumerate() {
        let name = file.strip_prefix(valid.path()).unwrap();
        let blob = format!("blobs/{index:064x}");
        fs::copy(file, repository.join(&blob)).unwrap();
        let link = snapshot.join(name);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        let depth = "../".repeat(2 + name.components().count() - 1);
        symlink(format!("{depth}{blob}"), link).unwrap();
    }
    for folder in [&snapshot, &repository] {
        load(folder).map(drop).unwrap();
        assert_eq!(root(folder).unwrap(), snapshot);
        assert_eq!(files(folder).unwrap()[0], snapshot.join("config.yaml"));
    }

    // With several snapshots, the current one is that of the branch.
    fs::create_dir(repository.join("snapshots/0123abcd")).unwrap();
    assert_eq!(
        message_in(&repository, &repository),
        "cannot load snapshots: it has 2 snapshots: give the folder of one of them"
    );
    write(&repository, "refs/main", HASH.as_bytes());
    assert_eq!(root(&repository).unwrap(), snapshot);
    // The name of a branch's snapshot is not a path.
    write(&repository, "refs/main", b"../../..");
    assert!(root(&repository).is_err());
}

#[test]
fn weights_of_every_precision_and_format_are_read() {
    let folder = valid();
    let value = |bytes: &[u8], dtype| {
        let file = constant(&shapes(Model::Segmentation), dtype, bytes);
        write(folder.path(), "segmentation/model.safetensors", &file);
        load(folder.path()).map(drop).unwrap();
    };
    value(&0.5_f32.to_le_bytes(), Dtype::F32);
    value(&0.5_f64.to_le_bytes(), Dtype::F64);
    value(&[0x00, 0x38], Dtype::F16);
    value(&[0x00, 0x3f], Dtype::BF16);
    let path = folder.path().join("segmentation/model.safetensors");
    let bytes = fs::read(&path).unwrap();

    // Another name is found, unless there are two. Hidden files are not models.
    fs::remove_file(&path).unwrap();
    write(folder.path(), "segmentation/community.safetensors", &bytes);
    write(folder.path(), "segmentation/._community.safetensors", b"");
    write(folder.path(), "segmentation/README.md", b"");
    load(folder.path()).map(drop).unwrap();
    write(folder.path(), "segmentation/b.onnx", b"");
    assert_eq!(
        message(folder.path()),
        "cannot load segmentation: it has several models, such as b.onnx and community.safetensors: keep one of them"
    );
    fs::remove_file(folder.path().join("segmentation/b.onnx")).unwrap();

    // Models that other projects converted come without a configuration, and with arrays in files of their own.
    fs::remove_file(folder.path().join("config.yaml")).unwrap();
    fs::remove_dir_all(folder.path().join("plda")).unwrap();
    for (index, (name, rows, columns)) in TRANSFORM.iter().chain(&MODEL).enumerate() {
        let data = 1_f64.to_le_bytes().repeat(rows * columns);
        let shape = if *columns == 1 {
            format!("({rows},)")
        } else {
            format!("({rows}, {columns})")
        };
        let npy = npy("'<f8'", false, &shape, &data);
        match index % 3 {
            0 => write(folder.path(), &format!("plda/{name}.bin"), &data),
            1 => write(folder.path(), &format!("plda/{name}.npy"), &npy),
            _ => write(folder.path(), &format!("plda/plda_{name}.npy"), &npy),
        }
    }
    let loaded = load(folder.path()).unwrap();
    assert_eq!(loaded.parameters, Parameters::PUBLISHED);
    write(folder.path(), "plda/mean1.bin", &[0; 9]);
    assert_eq!(
        message(folder.path()),
        "cannot load plda/mean1.bin: the array has 9 bytes, expected 64-bit floats with shape [256]"
    );
}

#[test]
fn names_of_other_conversions_are_found() {
    let folder = valid();
    for (from, to) in [
        ("resnet.", ""),
        ("resnet.", "model.resnet."),
        ("resnet.", "speaker."),
    ] {
        let renamed: Vec<_> = shapes(Model::Embedding)
            .into_iter()
            .map(|(name, shape)| (name.replacen(from, to, 1), shape))
            .chain([("projection.weight".to_owned(), vec![2, 256])])
            .collect();
        let file = constant(&renamed, Dtype::F32, &0.5_f32.to_le_bytes());
        write(folder.path(), "embedding/model.safetensors", &file);
        load(folder.path()).map(drop).unwrap();
    }
    // speakrs folds normalizations into convolutions.
    let folded: Vec<_> = shapes(Model::Embedding)
        .into_iter()
        .filter(|(name, shape)| shape.len() > 1 || name.contains("seg_1"))
        .flat_map(|(name, shape)| {
            let bias = (shape.len() == 4).then(|| (format!("{name}_bias"), shape[..1].to_vec()));
            [Some((name, shape)), bias].into_iter().flatten()
        })
        .collect();
    let file = constant(&folded, Dtype::F32, &0.5_f32.to_le_bytes());
    write(folder.path(), "embedding/model.safetensors", &file);
    load(folder.path()).map(drop).unwrap();
}

#[test]
fn other_models_with_the_same_names_have_errors_that_say_what_is_expected() {
    let folder = valid();
    let change = |name: &str, shape: &[usize]| {
        let mut shapes = shapes(Model::Embedding);
        let changed = shapes.iter_mut().find(|(found, _)| found == name).unwrap();
        changed.1 = shape.to_vec();
        let file = constant(&shapes, Dtype::F32, &0.5_f32.to_le_bytes());
        write(folder.path(), "embedding/model.safetensors", &file);
        message(folder.path())
    };
    let bottleneck = change("resnet.layer1.0.conv1.weight", &[32, 32, 1, 1]);
    let wide = change("resnet.seg_1.weight", &[512, 5120]);
    let file = fs::read(folder.path().join("segmentation/model.safetensors")).unwrap();
    write(folder.path(), "embedding/model.safetensors", &file);
    let swapped = message(folder.path());
    insta::assert_snapshot!(format!(
        "ResNet152:\n    {bottleneck}\nResNet34 with 512 dimensions:\n    {wide}\nswapped:\n    {swapped}"
    ));
}

#[test]
fn reads_a_checkpoint_of_pyannote_audio() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/numerics/lightning_checkpoint.bin");
    let values = weights_file::checkpoint(&path).unwrap();
    assert_eq!(values.get("count").unwrap().values, [7.5]);
    let weight = values.get("weight").unwrap();
    assert_eq!(weight.shape, [2, 3]);
    assert_eq!(weight.values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}
