//! The recordings of a batch.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use globset::GlobBuilder;
use walkdir::WalkDir;

use crate::error::{Failure, Result};
use crate::excerpt::file_word;
use crate::input::{Input, display, read_bytes};

/// Extensions of the files in a folder that are taken for recordings.
const EXTENSIONS: [&str; 19] = [
    "aac", "aif", "aiff", "caf", "flac", "m4a", "m4b", "mka", "mkv", "mov", "mp2", "mp3", "mp4",
    "oga", "ogg", "opus", "wav", "weba", "webm",
];

/// A recording of a batch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    /// Identifies the recording in the journal: the absolute path, or the URL without its query.
    pub(super) key: String,
    /// What to call it in messages.
    pub(super) name: String,
    pub(super) input: Input,
    /// Where its results go, relative to the output folder and without extension.
    pub(super) stem: PathBuf,
}

/// Expands files, folders, patterns, URLs and lists of them to recordings, each once, sorted within a folder.
pub(super) fn expand(
    arguments: &[PathBuf],
    list: Option<&Path>,
    from_stdin: bool,
) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for argument in arguments {
        expand_one(argument, &mut items)?;
    }
    let stdin = from_stdin.then_some(Path::new("-"));
    for list in list.into_iter().chain(stdin) {
        let bytes = read_bytes(list)?;
        for entry in entries(&bytes) {
            let path = path_of(entry)
                .ok_or_else(|| Failure::failed(format!("{} is not text", display(list))))?;
            expand_one(path, &mut items)?;
        }
    }
    let mut seen = BTreeMap::new();
    items.retain(|item: &Item| seen.insert(item.key.clone(), ()).is_none());
    if items.is_empty() {
        return Err(Failure::usage("there are no recordings")
            .with_hint("pass files, folders, patterns, URLs, --list or --from-stdin"));
    }
    distinguish(&mut items)?;
    Ok(items)
}

/// The entries of a list: lines that are not comments, or, as `find -print0` writes them, whatever is between NULs.
fn entries(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let has_lines = !list.contains(&0);
    let list = list.strip_prefix("\u{feff}".as_bytes()).unwrap_or(list);
    list.split(move |byte| *byte == if has_lines { b'\n' } else { 0 })
        .map(move |entry| match has_lines {
            true => entry.trim_ascii(),
            false => entry,
        })
        .filter(move |entry| !(entry.is_empty() || has_lines && entry.starts_with(b"#")))
}

/// The path that bytes are: any on Unix, text elsewhere.
fn path_of(bytes: &[u8]) -> Option<&Path> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        Some(Path::new(std::ffi::OsStr::from_bytes(bytes)))
    }
    #[cfg(not(unix))]
    {
        str::from_utf8(bytes).ok().map(Path::new)
    }
}

fn expand_one(argument: &Path, items: &mut Vec<Item>) -> Result<()> {
    let input = Input::from(argument.as_os_str());
    match &input {
        Input::Url(_) => {
            let stem = PathBuf::from(file_word(&input.stem()));
            let name = input.name();
            items.push(Item {
                key: name.clone(),
                name,
                input,
                stem,
            });
            Ok(())
        }
        Input::Stdin => Err(Failure::usage(
            "a batch cannot read a recording from the standard input; --from-stdin reads a list",
        )),
        Input::File(path) if path.is_dir() => walk(path, path, items, |file| {
            let extension = file
                .extension()
                .unwrap_or_default()
                .to_string_lossy()
                .to_lowercase();
            EXTENSIONS.contains(&extension.as_str())
        }),
        Input::File(path) if !path.exists() && is_pattern(path) => expand_pattern(path, items),
        Input::File(path) => {
            let stem = path.file_stem().unwrap_or_default().into();
            items.push(file_item(path, stem)?);
            Ok(())
        }
    }
}

fn is_pattern(path: &Path) -> bool {
    path.as_os_str()
        .to_string_lossy()
        .contains(['*', '?', '[', '{'])
}

/// Adds the files that match a pattern, which the shell left as it is.
fn expand_pattern(pattern: &Path, items: &mut Vec<Item>) -> Result<()> {
    let invalid = |error: globset::Error| Failure::usage(format!("invalid pattern: {error}"));
    let text = pattern.to_string_lossy();
    let matcher = GlobBuilder::new(&text)
        .literal_separator(true)
        .build()
        .map_err(invalid)?;
    let matcher = matcher.compile_matcher();
    // The folders before the first part with a wildcard.
    let root: PathBuf = pattern
        .components()
        .take_while(|part| !is_pattern(part.as_ref()))
        .collect();
    let before = items.len();
    let walked = if root == Path::new("") {
        Path::new(".")
    } else {
        root.as_path()
    };
    walk(walked, &root, items, |file| {
        matcher.is_match(file.strip_prefix("./").unwrap_or(file))
    })?;
    match items.len() > before {
        true => Ok(()),
        false => Err(Failure::failed(format!(
            "no file matches {}",
            pattern.display()
        ))),
    }
}

/// Adds the files in a folder and its subfolders for which `select` returns true. Their results keep the subfolders.
fn walk(
    folder: &Path,
    root: &Path,
    items: &mut Vec<Item>,
    select: impl Fn(&Path) -> bool,
) -> Result<()> {
    let entries = WalkDir::new(folder).follow_links(true).sort_by_file_name();
    for entry in entries {
        let (path, is_selected) = match &entry {
            Ok(entry) => (entry.path(), entry.file_type().is_file()),
            // All files of a folder that has a link to itself are found without the link.
            Err(error) if error.loop_ancestor().is_some() => continue,
            Err(error) => match error.path() {
                Some(path) => (path, true),
                None => return Err(Failure::of(error)),
            },
        };
        // A folder that cannot be read, or a link that leads nowhere, fails like a recording that cannot be read.
        let is_unreadable_folder = entry.is_err() && path.is_dir();
        let path = path.strip_prefix("./").unwrap_or(path);
        if is_unreadable_folder || (is_selected && select(path)) {
            let relative = path.strip_prefix(root).unwrap_or(path);
            items.push(file_item(path, relative.with_extension(""))?);
        }
    }
    Ok(())
}

fn file_item(path: &Path, stem: PathBuf) -> Result<Item> {
    let absolute = std::path::absolute(path)?;
    Ok(Item {
        key: key(&absolute),
        name: path.display().to_string(),
        input: Input::File(path.to_owned()),
        stem,
    })
}

/// The path as text. Different paths have different keys, also those that are not text.
fn key(path: &Path) -> String {
    match path.to_str() {
        Some(text) => text.to_owned(),
        None => format!("{path:?}"),
    }
}

/// Adds the extension to the names of results that would be the same otherwise, as of `a.wav` and `a.mp3`.
fn distinguish(items: &mut [Item]) -> Result<()> {
    let mut by_stem: BTreeMap<PathBuf, Vec<usize>> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        by_stem.entry(item.stem.clone()).or_default().push(index);
    }
    for (stem, indices) in by_stem.into_iter().filter(|(_, indices)| indices.len() > 1) {
        for &index in &indices {
            let Input::File(path) = &items[index].input else {
                continue;
            };
            if let Some(extension) = path.extension() {
                let mut name = stem.clone().into_os_string();
                name.push(".");
                name.push(extension);
                items[index].stem = name.into();
            }
        }
    }
    let mut names: BTreeMap<&Path, &str> = BTreeMap::new();
    for item in items.iter() {
        if let Some(other) = names.insert(&item.stem, &item.name) {
            return Err(Failure::usage(format!(
                "the results of {other} and {} would have the same name; put them in batches of their own",
                item.name
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn stems(items: &[Item]) -> Vec<String> {
        items
            .iter()
            .map(|item| item.stem.display().to_string())
            .collect()
    }

    #[test]
    fn entries_of_lists() {
        for (list, expected) in [
            ("", &[][..]),
            ("a b.wav \r\n\n# c\nÉ.wav", &["a b.wav", "É.wav"]),
            ("a\nb.wav\0# c\0 d \0", &["a\nb.wav", "# c", " d "]),
        ] {
            let found: Vec<&[u8]> = entries(list.as_bytes()).collect();
            let expected: Vec<&[u8]> = expected.iter().map(|text| text.as_bytes()).collect();
            assert_eq!(found, expected, "{list:?}");
        }
    }

    #[test]
    fn files_folders_patterns_urls_and_lists() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("calls")).unwrap();
        for name in ["b.wav", "a.MP3", "a.flac", "notes.txt", "calls/c.ogg"] {
            std::fs::write(path(name), "x").unwrap();
        }
        let expand_all = |arguments: &[PathBuf]| expand(arguments, None, false);
        let all = expand_all(&[folder.path().to_owned()]).unwrap();
        assert_eq!(stems(&all), ["a.MP3", "a.flac", "b", "calls/c"]);
        let some = expand_all(&[path("**/*.ogg"), path("b.wav"), path("b.wav")]).unwrap();
        assert_eq!(stems(&some), ["calls/c", "b"]);
        std::fs::write(
            path("list.txt"),
            format!(
                "\u{feff}# calls\r\n\r\n{}\r\nhttps://host/d.wav?sig=1",
                path("b.wav").display()
            ),
        )
        .unwrap();
        let listed = expand(&[], Some(&path("list.txt")), false).unwrap();
        assert_eq!(stems(&listed), ["b", "d"]);
        assert_eq!(listed[1].key, "https://host/d.wav");
        assert!(expand_all(&[path("*.aac")]).is_err());
        assert!(expand_all(&[]).is_err());
        std::fs::create_dir(path("more")).unwrap();
        std::fs::write(path("more/b.wav"), "x").unwrap();
        let error = expand_all(&[path("b.wav"), path("more/b.wav")]).unwrap_err();
        assert!(
            error.message.contains("would have the same name"),
            "{}",
            error.message
        );
    }
}
