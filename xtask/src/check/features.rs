//! Compiles every published crate by itself, with several sets of its features.
//!
//! In a build of the whole workspace, cargo enables the union of the features that its crates need, which hides a
//! feature that one of them forgot to enable.

use std::io::Write;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::metadata::{Metadata, Package};
use crate::cargo;
use crate::workspace::Workspace;

/// The sets of features to check: none, each feature, each pair, and all. The features in `skipped` are never enabled.
#[must_use]
pub fn sets(package: &Package, skipped: &[String]) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    let mut sets = vec![vec![]];
    for feature in package.features.keys() {
        if feature != "default" && !skipped.contains(feature) {
            all.push(feature.clone());
            let smaller = sets.iter().filter(|set| set.len() < 2);
            let mut with: Vec<Vec<String>> = smaller.cloned().collect();
            for set in &mut with {
                set.push(feature.clone());
            }
            sets.extend(with);
        }
    }
    if all.len() > 2 {
        sets.push(all);
    }
    sets
}

/// Runs clippy for each set of features, and writes a line for each.
///
/// # Errors
///
/// Fails after the last set if clippy failed for any of them.
pub fn check(workspace: &Workspace, skipped: &[String], output: &mut impl Write) -> Result<()> {
    let metadata = Metadata::of(workspace)?;
    let mut failed = Vec::new();
    for package in metadata.published() {
        for set in sets(package, skipped) {
            let name = match set.as_slice() {
                [] => "no features".to_owned(),
                set => set.join(","),
            };
            let start = Instant::now();
            let ok = cargo::succeeds(
                workspace,
                "clippy",
                [
                    format!("--package={}", package.name),
                    "--no-default-features".to_owned(),
                    format!("--features={}", set.join(",")),
                    "--".to_owned(),
                    "--deny=warnings".to_owned(),
                ],
            )?;
            let status = if ok { "ok" } else { "failed" };
            let seconds = start.elapsed().as_secs();
            writeln!(
                output,
                "{:16}  {name:34}  {seconds:4} s  {status}",
                package.name
            )?;
            if !ok {
                failed.push(format!("{} with {name}", package.name));
            }
        }
    }
    ensure!(failed.is_empty(), "clippy failed: {}", failed.join("; "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn package(features: &[&str]) -> Package {
        let features: BTreeMap<&str, [&str; 0]> = features.iter().map(|name| (*name, [])).collect();
        serde_json::from_value(serde_json::json!({
            "id": "a", "name": "a", "version": "1.0.0", "manifest_path": "a/Cargo.toml", "features": features,
        }))
        .unwrap()
    }

    #[test]
    fn checks_none_each_each_pair_and_all() {
        let of = |features: &[&str], skipped: &[String]| sets(&package(features), skipped);
        assert_eq!(of(&[], &[]), [[""; 0]]);
        assert_eq!(of(&["default", "a"], &[]), [vec![], vec!["a"]]);
        let expected = [vec![], vec!["a"], vec!["b"], vec!["a", "b"]];
        assert_eq!(of(&["a", "b", "default"], &[]), expected);
        let expected = [vec![], vec!["b"]];
        assert_eq!(of(&["a", "b"], &["a".to_owned()]), expected);

        let of_four = of(&["a", "b", "c", "d"], &[]);
        assert_eq!(of_four.len(), 1 + 4 + 6 + 1);
        assert_eq!(of_four[11], ["a", "b", "c", "d"]);
        assert!(of_four[..11].iter().all(|set| set.len() <= 2));
    }
}
