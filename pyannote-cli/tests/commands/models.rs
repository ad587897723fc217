//! `pyannote models`, and commands with `--local --model community-1`.

use pyannote_engine::{Embedding, OpenModels, Voiceprint};
use serde_json::Value;

use crate::community_folder;
use crate::sandbox::{Sandbox, stdout};

/// A sandbox with the folder `community-1`, and recordings of 2 and 3 s.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    community_folder::write(&sandbox.path("community-1")).unwrap();
    sandbox.write_recording("a.wav", 2);
    sandbox.write_recording("b.wav", 3);
    sandbox
}

/// Runs a command that fails because of a folder. What is said about the folder is a matter of the engine.
fn fails_with(sandbox: &Sandbox, arguments: &[&str], words: &str) {
    let output = sandbox.command().args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains(words), "{arguments:?}: {stderr}");
}

/// The names in the folder of the models, sorted.
fn entries(sandbox: &Sandbox) -> Vec<String> {
    let entries = std::fs::read_dir(sandbox.path("no-models")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn community_1_is_added_listed_and_removed() {
    let sandbox = sandbox();
    sandbox.run(&["models", "list"]);
    fails_with(&sandbox, &["models", "add", "nowhere"], "nowhere");
    // The weights of another model.
    let name = "segmentation/model.safetensors";
    let weights = sandbox.path("community-1").join(name);
    let kept = std::fs::read(&weights).unwrap();
    std::fs::copy(
        sandbox.path("community-1/embedding/model.safetensors"),
        &weights,
    )
    .unwrap();
    fails_with(&sandbox, &["models", "add", "community-1"], name);
    std::fs::write(&weights, kept).unwrap();
    assert!(!sandbox.path("no-models").exists());
    sandbox.run(&["models", "add", "community-1"]);
    // The copy is complete without the folder.
    std::fs::remove_dir_all(sandbox.path("community-1")).unwrap();
    sandbox.run(&["models", "list"]);
    let listed = stdout(&sandbox.run(&["models", "list", "--json"]));
    assert_eq!(listed.matches("sha256").count(), 4, "{listed}");
    sandbox.run(&["models", "add", "community-1"]);
    sandbox.run(&[
        "diarize",
        "--local",
        "--model=community-1",
        "a.wav",
        "-f",
        "rttm",
    ]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = sandbox.path("no-models/community-1");
        let mode = folder.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    // A copy that was changed is reported, but not deleted by anything but `remove`.
    sandbox.write("no-models/community-1/config.yaml", "changed");
    sandbox.run(&["models", "list"]);
    let diarize = ["diarize", "--local", "--model=community-1", "a.wav"];
    fails_with(&sandbox, &diarize, "community-1/config.yaml");
    sandbox.run(&["models", "remove", "CAM++"]);
    sandbox.run(&["models", "remove", "precision-2"]);
    sandbox.run(&["models", "remove", "community-1"]);
    assert!(sandbox.list("no-models").is_empty());
    sandbox.run(&["models", "remove", "community-1"]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_folder_of_the_user_is_used_and_never_deleted() {
    let sandbox = sandbox();
    let files = sandbox.list("community-1");
    for arguments in [
        &["models", "list"][..],
        &["models", "remove", "community-1"],
        &[
            "diarize",
            "--local",
            "--model=community-1",
            "a.wav",
            "-f",
            "rttm",
        ],
    ] {
        sandbox.run_with(arguments, |command| {
            command.env("PYANNOTE_COMMUNITY_1", sandbox.path("community-1"));
        });
    }
    assert_eq!(sandbox.list("community-1"), files);
    let output = sandbox.run_with(
        &[
            "diarize",
            "--local",
            "--model=community-1",
            "--models=community-1",
            "a.wav",
            "--json",
            "--exclusive",
            "--confidence",
            "--turn-confidence",
            "--speaker-probability",
            "--vad-sensitivity=1",
            "--num-speakers=1",
        ],
        |command| {
            // The option takes precedence.
            command.env("PYANNOTE_COMMUNITY_1", "nowhere");
        },
    );
    let document: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(document["model"], "community-1 (pyannote)");
    assert_eq!(document["warnings"], Value::Null);
    for field in ["exclusiveDiarization", "confidence", "speakerProbability"] {
        assert!(!document["output"][field].is_null(), "{field}");
    }
    assert_eq!(
        document["output"]["diarization"][0]["confidence"]["SPEAKER_00"],
        100.0
    );
    assert!(sandbox.server().requests().is_empty());
    // The result of the last command has the probabilities of each frame.
    let transcript = sandbox.transcript();
    let end = transcript.rfind("$ pyannote").unwrap();
    insta::assert_snapshot!(&transcript[..end]);
}

#[test]
fn a_variable_that_names_no_folder_is_named_in_errors() {
    let sandbox = sandbox();
    let run = |arguments: &[&str]| {
        sandbox.run_with(arguments, |command| {
            command.env("PYANNOTE_COMMUNITY_1", "nonsense");
        })
    };
    run(&["models", "list"]);
    run(&["diarize", "--local", "--model=community-1", "a.wav"]);
    // The copy is not used as long as the variable is set.
    run(&["models", "add", "community-1"]);
    let local = ["diarize", "--local", "--model=community-1", "a.wav"];
    let option = [&local[..], &["--models=nowhere"]].concat();
    fails_with(&sandbox, &option, "error: --models: cannot find nowhere: ");
    sandbox.write("no-models/community-1/config.yaml", "changed");
    let copy = "error: `pyannote models add`: cannot load ";
    fails_with(&sandbox, &local, copy);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn what_is_in_the_place_of_the_copy_has_to_be_deleted_by_its_owner() {
    let place = "no-models/community-1";
    let expected = "was not added by this program: delete it yourself";
    let check = |sandbox: &Sandbox, what: &str| {
        for arguments in [
            &["models", "add", "community-1"][..],
            &["models", "remove", "community-1"],
        ] {
            let output = sandbox.command().args(arguments).output().unwrap();
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{what}: {stderr}");
            assert!(stderr.trim_end().ends_with(expected), "{what}: {stderr}");
        }
        let output = sandbox.command().args(["models", "list"]).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(expected), "{what}: {stderr}");
        assert!(!stderr.contains("changed"), "{what}: {stderr}");
        assert_eq!(entries(sandbox), ["community-1"], "{what}");
    };
    let sandbox = sandbox();
    std::fs::create_dir_all(sandbox.path(place)).unwrap();
    check(&sandbox, "an empty folder");
    std::fs::remove_dir(sandbox.path(place)).unwrap();
    sandbox.write(place, "a file");
    check(&sandbox, "a file");
    #[cfg(unix)]
    {
        std::fs::remove_file(sandbox.path(place)).unwrap();
        std::os::unix::fs::symlink("nowhere", sandbox.path(place)).unwrap();
        check(&sandbox, "a broken link");
    }
}

/// A process that was killed no longer has its lock.
#[test]
fn incomplete_copies_are_deleted_unless_their_process_runs() {
    let sandbox = sandbox();
    let abandoned = || sandbox.write("no-models/.community-1-a/.lock", "");
    abandoned();
    sandbox.write("no-models/.community-1-a/config.yaml", "incomplete");
    sandbox.write("no-models/.community-1-b/.lock", "");
    let lock = std::fs::File::open(sandbox.path("no-models/.community-1-b/.lock")).unwrap();
    lock.lock().unwrap();
    // It may have been created just now.
    std::fs::create_dir(sandbox.path("no-models/.community-1-c")).unwrap();
    let others = [".community-1-b", ".community-1-c"];
    sandbox.run(&["models", "list"]);
    assert_eq!(entries(&sandbox), others);
    abandoned();
    sandbox.run(&["models", "add", "community-1"]);
    assert_eq!(entries(&sandbox), [&others[..], &["community-1"]].concat());
    assert!(!sandbox.path("no-models/community-1/.lock").exists());
    abandoned();
    sandbox.run(&["models", "remove", "community-1"]);
    assert_eq!(entries(&sandbox), others);
    drop(lock);
    sandbox.run(&["models", "remove", "community-1"]);
    assert_eq!(entries(&sandbox), [".community-1-c"]);
}

#[test]
fn a_broken_folder_and_models_of_the_service_are_errors() {
    let sandbox = Sandbox::new();
    sandbox.write("broken/config.yaml", "");
    sandbox.write("a.wav", "not read, since the models cannot be loaded");
    let local = ["diarize", "--local", "a.wav"];
    let with = |options: &[&'static str]| [&local[..], options].concat();
    let broken = ["--model=community-1", "--models=broken"];
    fails_with(&sandbox, &with(&broken), "broken/");
    sandbox.run(&with(&["--models=broken"]));
    sandbox.run(&[&["diarize", "a.wav"], &broken[..]].concat());
    sandbox.run(&with(&["--model=precision-3"]));
    assert!(sandbox.server().requests().is_empty());
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn voiceprints_belong_to_the_model_that_made_them() {
    let sandbox = sandbox();
    let model = ["--local", "--model=community-1"];
    let run = |arguments: &[&str]| sandbox.run(&[arguments, &model[..]].concat());
    // One of the default models would not fit, so there is no other.
    run(&["voiceprint", "create", "Ada", "a.wav"]);
    sandbox.run(&["models", "add", "community-1"]);
    run(&["voiceprint", "create", "Ada", "a.wav"]);
    let grace = Voiceprint::new(OpenModels::EMBEDDING_MODEL, Embedding(vec![1.0; 192])).unwrap();
    sandbox.write("grace.voiceprint", grace.to_base64());
    sandbox.run(&["voiceprint", "import", "Grace", "grace.voiceprint"]);
    sandbox.run(&["voiceprint", "list"]);
    let table = ["a.wav", "--threshold=50"];
    run(&[&["identify", "--voiceprint=Grace"], &table[..]].concat());
    sandbox.run(&[&["identify", "--local", "--voiceprint=Ada"], &table[..]].concat());
    run(&[&["identify", "--all"], &table[..]].concat());
    run(&["identify", "--all", "--accurate", "a.wav"]);
    // Without the folder, there is nothing wrong with the voiceprint.
    sandbox.run(&["models", "remove", "community-1"]);
    run(&["identify", "--voiceprint=Ada", "a.wav"]);
    sandbox.run(&["voiceprint", "remove", "Grace"]);
    run(&["identify", "--all", "a.wav"]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_batch_with_community_1_is_done_once() {
    let sandbox = sandbox();
    let batch = ["batch", "a.wav", "b.wav", "-o", "results", "--local"];
    let run = |options: &[&str]| sandbox.run(&[&batch[..], options].concat());
    run(&["--model=precision-2"]);
    let nowhere = ["--model=community-1", "--models=nowhere"];
    fails_with(&sandbox, &[&batch[..], &nowhere].concat(), "nowhere");
    assert!(!sandbox.path("results/a.json").exists());
    run(&["--model=community-1", "--models=community-1", "-f", "rttm"]);
    run(&["--model=community-1", "--models=community-1", "-f", "rttm"]);
    // Those of other models are others.
    run(&[]);
    sandbox.show("results/b.rttm");
    assert!(sandbox.server().requests().is_empty());
    insta::assert_snapshot!(sandbox.transcript());
}
