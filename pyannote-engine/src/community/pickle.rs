//! Which Python objects a checkpoint asks for.
//!
//! A checkpoint is a pickle: a program that may call any function of Python. Nothing here runs it. What
//! `pytorch-reader` does not know, it leaves out, so that a file that was made to run something would load without a
//! word. This scan therefore lists what the pickle refers to, and refuses a file that refers to anything that a
//! checkpoint of pyannote.audio has no use for.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use zip::ZipArchive;

use super::content::excerpt;

/// Packages whose classes occur in checkpoints: settings, and the task that a model was trained for.
const PACKAGES_OF_CLASSES: [&str; 9] = [
    "asteroid_filterbanks",
    "lightning.pytorch.callbacks",
    "lightning.pytorch.utilities.parsing",
    "omegaconf",
    "pyannote.audio",
    "pyannote.core",
    "pytorch_lightning.callbacks",
    "pytorch_lightning.utilities.parsing",
    "typing",
];
/// Objects of other modules that may be referred to.
const OBJECTS: [(&str, &[&str]); 10] = [
    ("_codecs", &["encode"]),
    ("argparse", &["Namespace"]),
    (
        "collections",
        &["Counter", "OrderedDict", "defaultdict", "deque"],
    ),
    ("numpy", &["dtype", "ndarray"]),
    ("numpy._core.multiarray", &["_reconstruct", "scalar"]),
    ("numpy.core.multiarray", &["_reconstruct", "scalar"]),
    (
        "pathlib",
        &["Path", "PosixPath", "PurePosixPath", "WindowsPath"],
    ),
    ("torch._tensor", &["_rebuild_from_type_v2"]),
    ("torch.nn.parameter", &["Parameter"]),
    ("torch.torch_version", &["TorchVersion"]),
];
/// Types of Python that may be referred to.
const BUILTINS: [&str; 14] = [
    "bool",
    "bytearray",
    "bytes",
    "complex",
    "dict",
    "float",
    "frozenset",
    "int",
    "list",
    "object",
    "set",
    "slice",
    "str",
    "tuple",
];
/// Objects of the module `torch`, besides storages such as `FloatStorage`.
const TORCH: [&str; 15] = [
    "Size", "bfloat16", "bool", "device", "double", "dtype", "float", "float16", "float32",
    "float64", "half", "int32", "int64", "long", "uint8",
];
/// Maximum size of the pickle of a checkpoint, in bytes: those of pyannote.audio have some 50 kB.
const MAX_PICKLE_BYTES: u64 = 4 << 20;

/// A setting of WeSpeaker's models: the duration in seconds over which the mean is subtracted from the features. Without
/// it, that is the window.
const CENTERING: &str = "fbank_centering_span";

/// Refuses a checkpoint whose pickle refers to anything else than tensors and settings.
///
/// # Errors
///
/// If the file is not a checkpoint of PyTorch 1.6 or later, or refers to an object that is not allowed.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut archive = ZipArchive::new(file)
        .map_err(|_| "the file is incomplete: download it again".to_owned())?;
    let mut names = Vec::new();
    for name in archive.file_names() {
        let name = name.map_err(|error| error.to_string())?;
        if name.rsplit('/').next() == Some("data.pkl") {
            names.push(name.into_owned());
        }
    }
    let [name] = &names[..] else {
        return Err(format!(
            "the file is not a checkpoint of PyTorch, which has one `data.pkl`; it has {}: download it again",
            names.len()
        ));
    };
    let entry = archive.by_name(name).map_err(|error| error.to_string())?;
    let mut pickle = Vec::new();
    entry
        .take(MAX_PICKLE_BYTES + 1)
        .read_to_end(&mut pickle)
        .map_err(|error| error.to_string())?;
    if pickle.len() as u64 > MAX_PICKLE_BYTES {
        return Err(format!(
            "its pickle is larger than {MAX_PICKLE_BYTES} bytes: it is not a checkpoint of pyannote.audio"
        ));
    }
    let globals = globals(&pickle).map_err(|reason| {
        format!(
            "{reason}: the file is damaged, or was changed to run code. Nothing of it was run; download it again from a \
             source that you trust"
        )
    })?;
    for (module, name) in globals {
        if !allowed(&module, &name) {
            return Err(format!(
                "the file refers to `{}`, which no checkpoint of a model needs: it was made or changed to \
                 run code. Nothing of it was run; download it again from a source that you trust",
                excerpt(&format!("{module}.{name}"))
            ));
        }
    }
    match is_set(&pickle, CENTERING) {
        false => Ok(()),
        true => Err(format!(
            "its features are centered over a part of each window (`{CENTERING}`), which is not supported: it is not the \
             embedding model of community-1"
        )),
    }
}

/// Whether a setting has a value other than `None`.
fn is_set(pickle: &[u8], key: &str) -> bool {
    let mut places = pickle.windows(key.len());
    let Some(start) = places.position(|place| place == key.as_bytes()) else {
        return false;
    };
    let value = match &pickle[start + key.len()..] {
        // The key may be memoized first: MEMOIZE, BINPUT, LONG_BINPUT.
        [0x94, rest @ ..] | [b'q', _, rest @ ..] | [b'r', _, _, _, _, rest @ ..] => rest,
        rest => rest,
    };
    !value.starts_with(b"N")
}

/// Whether a checkpoint may refer to an object. Functions are allowed one by one, since others run code: those of PyTorch
/// that compile text or start programs, too.
fn allowed(module: &str, name: &str) -> bool {
    let within = |outer: &&str| {
        let rest = module.strip_prefix(*outer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    // Without the dots of `getattr` chains, such as `Model.os.system`.
    let is_word = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match module {
        _ if !is_word => false,
        "builtins" | "__builtin__" => BUILTINS.contains(&name),
        "torch" => TORCH.contains(&name) || name.ends_with("Storage"),
        "torch._utils" => name.starts_with("_rebuild_"),
        _ => {
            let is_class = name.starts_with(|first: char| first.is_ascii_uppercase());
            OBJECTS
                .iter()
                .any(|(of, names)| *of == module && names.contains(&name))
                || (is_class && PACKAGES_OF_CLASSES.iter().any(within))
        }
    }
}

/// The module and name of every object that a pickle refers to.
fn globals(pickle: &[u8]) -> Result<Vec<(String, String)>, String> {
    let mut reader = Reader(pickle);
    let mut found = Vec::new();
    // The last two strings that were pushed, for STACK_GLOBAL.
    let mut strings: [Option<String>; 2] = [None, None];
    loop {
        let opcode = reader.byte()?;
        let mut pushed = None;
        match opcode {
            // GLOBAL, INST
            b'c' | b'i' => found.push((reader.line()?, reader.line()?)),
            // STACK_GLOBAL
            0x93 => match std::mem::take(&mut strings) {
                [Some(module), Some(name)] => found.push((module, name)),
                _ => return Err("its pickle computes the name of an object".to_owned()),
            },
            // EXT1, EXT2, EXT4: a registry of Python has their names.
            0x82..=0x84 => return Err("its pickle refers to an object by number".to_owned()),
            // STOP
            b'.' => return Ok(found),
            // BINUNICODE, SHORT_BINUNICODE, BINUNICODE8
            b'X' => pushed = Some(reader.counted(4)?),
            0x8c => pushed = Some(reader.counted(1)?),
            0x8d => pushed = Some(reader.counted(8)?),
            // MEMOIZE, BINPUT, LONG_BINPUT and PUT leave the stack as it is.
            0x94 => continue,
            b'q' => {
                reader.take(1)?;
                continue;
            }
            b'r' => {
                reader.take(4)?;
                continue;
            }
            b'p' => {
                reader.line()?;
                continue;
            }
            // Opcodes with a line of text: FLOAT, INT, LONG, STRING, UNICODE, GET, PERSID.
            b'F' | b'I' | b'L' | b'S' | b'V' | b'g' | b'P' => {
                reader.line()?;
            }
            // Opcodes with bytes after a count: SHORT_BINBYTES, SHORT_BINSTRING, LONG1; BINBYTES, BINSTRING, LONG4;
            // BINBYTES8, BYTEARRAY8.
            b'C' | b'U' | 0x8a => drop(reader.counted(1)?),
            b'B' | b'T' | 0x8b => drop(reader.counted(4)?),
            0x8e | 0x96 => drop(reader.counted(8)?),
            // Opcodes with a number: BININT1, BINGET, PROTO; BININT2; BININT, LONG_BINGET; BINFLOAT, FRAME.
            b'K' | b'h' | 0x80 => drop(reader.take(1)?),
            b'M' => drop(reader.take(2)?),
            b'J' | b'j' => drop(reader.take(4)?),
            b'G' | 0x95 => drop(reader.take(8)?),
            // Opcodes without an argument.
            b'('
            | b')'
            | b'0'
            | b'1'
            | b'2'
            | b'N'
            | b'Q'
            | b'R'
            | b'a'
            | b'b'
            | b'd'
            | b'e'
            | b'l'
            | b'o'
            | b's'
            | b't'
            | b'u'
            | b']'
            | b'}'
            | 0x81
            | 0x85..=0x89
            | 0x8f
            | 0x90..=0x92
            | 0x97
            | 0x98 => {}
            other => return Err(format!("its pickle has an invalid opcode, {other:#04x}")),
        }
        let [_, last] = std::mem::take(&mut strings);
        strings = match pushed {
            Some(bytes) => [last, Some(String::from_utf8_lossy(bytes).into_owned())],
            None => [None, None],
        };
    }
}

/// The rest of a pickle.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or("its pickle is incomplete")?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    /// The bytes after their number, which has `width` bytes.
    fn counted(&mut self, width: usize) -> Result<&'a [u8], String> {
        let count = self.take(width)?.iter().rev();
        let count = count.fold(0_u64, |count, byte| count << 8 | u64::from(*byte));
        self.take(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// The text up to the end of the line.
    fn line(&mut self) -> Result<String, String> {
        let end = self.0.iter().position(|byte| *byte == b'\n');
        let line = self.take(end.ok_or("its pickle is incomplete")?)?;
        self.take(1)?;
        Ok(String::from_utf8_lossy(line).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_reference() {
        // The protocols 2 and 4 of `pickle.dumps([collections.OrderedDict, os.system])`.
        let two = b"\x80\x02]q\x00(ccollections\nOrderedDict\nq\x01cposix\nsystem\nq\x02e.";
        let four = b"\x80\x04\x95>\x00\x00\x00\x00\x00\x00\x00]\x94(\x8c\x0bcollections\x94\x8c\x0bOrderedDict\x94\x93\
            \x94\x8c\x05posix\x94\x8c\x06system\x94\x93\x94e.";
        for pickle in [&two[..], four] {
            let found = globals(pickle).unwrap();
            let names: Vec<String> = found.iter().map(|(m, n)| format!("{m}.{n}")).collect();
            assert_eq!(names, ["collections.OrderedDict", "posix.system"]);
        }
    }

    #[test]
    fn a_setting_is_recognized_however_its_key_is_memoized() {
        for (pickle, expected) in [
            (&b"X\x03\0\0\0keyN"[..], false),
            (b"X\x03\0\0\0keyq\x05N", false),
            (b"X\x03\0\0\0keyr\x05\0\0\0N", false),
            (b"\x8c\x03key\x94N", false),
            (b"\x8c\x03key\x94G@\x08\0\0\0\0\0\0", true),
            (b"X\x03\0\0\0keyq\x05K\x03", true),
            (b"X\x05\0\0\0otherK\x03", false),
        ] {
            assert_eq!(is_set(pickle, "key"), expected, "{pickle:?}");
        }
    }

    #[test]
    fn names_that_are_not_constants_are_refused() {
        // The name comes from the memo.
        let memo = b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x940h\x01\x93.";
        assert!(globals(memo).is_err());
        assert!(globals(b"\x82\x01.").is_err());
    }

    #[test]
    fn only_tensors_and_settings_are_allowed() {
        for (module, name) in [
            ("torch._utils", "_rebuild_tensor_v2"),
            ("torch", "FloatStorage"),
            ("collections", "OrderedDict"),
            ("pyannote.audio.core.task", "Specifications"),
            ("pytorch_lightning.utilities.parsing", "AttributeDict"),
            ("builtins", "set"),
            ("torch", "BFloat16Storage"),
            ("typing", "Any"),
            ("numpy.core.multiarray", "scalar"),
        ] {
            assert!(allowed(module, name), "{module}.{name}");
        }
        for (module, name) in [
            ("os", "system"),
            ("posix", "system"),
            ("subprocess", "Popen"),
            ("builtins", "eval"),
            ("builtins", "getattr"),
            ("__builtin__", "exec"),
            ("torch.hub", "list"),
            ("torch", "load"),
            ("torch", "os.system"),
            ("torch", "compile"),
            ("torch.utils.collect_env", "run"),
            ("torch.fx.graph_module", "_exec_with_source"),
            ("torch.storage", "_load_from_bytes"),
            ("torch._utils", "_import_dotted_name"),
            ("numpy.f2py", "compile"),
            ("pyannote.audio.core.io", "get_torchaudio_info"),
            ("pyannote.audio.core.task", "Problem.os"),
            ("pyannote.database.custom", "Loader"),
            ("typing", "get_type_hints"),
            ("torchvision", "anything"),
            ("pyannote_evil", "anything"),
            ("runpy", "run_path"),
        ] {
            assert!(!allowed(module, name), "{module}.{name}");
        }
    }

    #[test]
    fn damaged_pickles_are_errors() {
        let pickle = b"\x80\x02]q\x00(ccollections\nOrderedDict\nq\x01X\x03\x00\x00\x00abce.";
        for end in 0..pickle.len() {
            assert!(globals(&pickle[..end]).is_err(), "{end}");
        }
        assert!(globals(b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.").is_err());
        assert!(globals(b"\xff.").is_err());
    }
}
