//! The documentation of the workspace against the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;
use xtask::workspace::Workspace;

/// Dependencies on other crates of the workspace, by crate: of its library or program, and of its tests and examples only.
type Dependencies = BTreeMap<String, [BTreeSet<String>; 2]>;

fn of_cargo(workspace: &Workspace) -> Dependencies {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .arg("--manifest-path")
        .arg(workspace.manifest())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let dependencies = |package: &Value| {
        let mut found = [BTreeSet::new(), BTreeSet::new()];
        for dependency in package["dependencies"].as_array().unwrap() {
            if !dependency["path"].is_null() {
                let is_dev = dependency["kind"] == "dev";
                found[usize::from(is_dev)].insert(dependency["name"].as_str().unwrap().to_owned());
            }
        }
        let [normal, dev] = found;
        let dev = dev.difference(&normal).cloned().collect();
        [normal, dev]
    };
    packages
        .iter()
        .map(|package| {
            (
                package["name"].as_str().unwrap().to_owned(),
                dependencies(package),
            )
        })
        .collect()
}

/// The rows of the first table of ARCHITECTURE.md.
fn of_architecture(workspace: &Workspace) -> Dependencies {
    let text =
        fs_err::read_to_string(workspace.manifest().with_file_name("ARCHITECTURE.md")).unwrap();
    let names = |cell: &str| -> BTreeSet<String> {
        let names = cell.split(',').map(|name| name.trim().trim_matches('`'));
        names
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    };
    text.lines()
        .skip_while(|line| !line.starts_with("| crate |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').collect();
            let name = cells[1].trim().trim_matches('`').to_owned();
            (name, [names(cells[2]), names(cells[3])])
        })
        .collect()
}

#[test]
fn architecture_lists_the_dependencies_between_crates() {
    let workspace = Workspace::current();
    assert_eq!(of_architecture(&workspace), of_cargo(&workspace));
}

#[test]
fn the_readme_lists_every_example() {
    let root = Workspace::current().manifest().with_file_name("");
    let readme = fs_err::read_to_string(root.join("README.md")).unwrap();
    let mut examples = 0;
    for folder in fs_err::read_dir(&root).unwrap() {
        let folder = folder.unwrap();
        let crate_name = folder.file_name().into_string().unwrap();
        let Ok(files) = fs_err::read_dir(folder.path().join("examples")) else {
            continue;
        };
        for file in files {
            let file = file.unwrap().file_name().into_string().unwrap();
            let link = format!("({crate_name}/examples/{file})");
            assert!(readme.contains(&link), "README.md lacks {link}");
            examples += 1;
        }
    }
    assert_eq!(examples, readme.matches("/examples/").count());
}
