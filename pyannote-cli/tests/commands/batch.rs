//! `pyannote batch` on the service. The file `batch_kill.rs` has what happens when it is killed.

use http::StatusCode;
use pyannote_server::{Fault, Operation};

use crate::sandbox::{Sandbox, stdout};

/// One recording at a time, so that the order is known.
const BATCH: [&str; 6] = [
    "batch",
    "-o",
    "results",
    "--concurrency=1",
    "--settle=0",
    "recordings",
];

fn sandbox(names: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    for (index, name) in (1..).zip(names) {
        sandbox.write_recording(format!("recordings/{name}"), index);
    }
    sandbox
}

#[test]
fn what_is_done_is_skipped() {
    let sandbox = sandbox(&["a.wav", "b/c.wav"]);
    sandbox.write("recordings/notes.txt", "not a recording");
    sandbox.run(&[&BATCH[..], &["-f", "rttm"]].concat());
    let files = sandbox.list("results");
    let files: Vec<_> = files.iter().filter(|name| !name.starts_with('.')).collect();
    assert_eq!(files, ["a.json", "a.rttm", "b/c.json", "b/c.rttm"]);
    sandbox.run(&[&BATCH[..], &["-f", "rttm"]].concat());
    sandbox.run(&[&BATCH[..], &["--num-speakers", "2", "--json"]].concat());
    assert_eq!(sandbox.submissions(), 2);
    sandbox.run(&[&BATCH[..], &["--force", "--quiet"]].concat());
    assert_eq!(sandbox.submissions(), 4);
    // A result that is gone is fetched again, not made again.
    std::fs::remove_file(sandbox.path("results/a.json")).unwrap();
    sandbox.run(&[&BATCH[..], &["--json"]].concat());
    assert_eq!(sandbox.submissions(), 4);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn recordings_from_lists_and_patterns() {
    let sandbox = sandbox(&["a.wav", "b.wav"]);
    sandbox.write(
        "list.txt",
        "# of today\n\nrecordings/a.wav\nhttps://example.com/c.wav?signature=secret\n",
    );
    sandbox.run(&[
        "batch",
        "--list",
        "list.txt",
        "-o",
        "listed",
        "--concurrency=1",
    ]);
    sandbox.pipe(
        b"recordings/a.wav\nrecordings/a.wav\n",
        &["batch", "--from-stdin", "-o", "piped"],
    );
    sandbox.run(&["batch", "recordings/[b-z]*.wav", "-o", "matched", "--json"]);
    sandbox.run(&["batch", "recordings/*.flac", "-o", "none"]);
    sandbox.run(&["batch", "-o", "none"]);
    sandbox.run(&["batch", "-", "-o", "none"]);
    sandbox.run(&["batch", "missing.wav", "-o", "none"]);
    sandbox.run(&["batch", "recordings", "-o", "none", "-f", "srt"]);
    sandbox.run(&[
        "batch",
        "recordings",
        "-o",
        "none",
        "--local",
        "--model",
        "precision-2",
    ]);
    insta::assert_snapshot!(sandbox.transcript());
}

/// As `find -print0 | pyannote batch --from-stdin`.
#[cfg(target_os = "linux")]
#[test]
fn lists_of_any_names() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let sandbox = Sandbox::new();
    let names = ["two\nlines.wav", "# one.wav", " blank.wav "].map(OsStr::new);
    let latin = [
        OsStr::from_bytes(b"caf\xe9.wav"),
        OsStr::from_bytes(b"caf\xe8.wav"),
    ];
    for name in names.into_iter().chain(latin) {
        sandbox.write_recording(name, 1);
    }
    let arguments = ["batch", "--from-stdin", "-o", "results", "--concurrency=1"];
    let list = names.map(OsStr::as_bytes).join(&0);
    sandbox.pipe(&list, &arguments);
    sandbox.pipe(b"./caf\xe9.wav\n./caf\xe8.wav\n", &arguments);
    assert_eq!(sandbox.submissions(), 5);
    sandbox.run(&[
        "batch",
        "caf*.wav",
        "-o",
        "results",
        "--adopt",
        "caf\u{fffd}.wav=id",
    ]);
    insta::assert_snapshot!(sandbox.transcript());
}

/// One part that cannot be read does not keep the others from being done.
#[cfg(unix)]
#[test]
fn folders_with_links_that_lead_nowhere_or_back() {
    use std::os::unix::fs::symlink;

    let sandbox = sandbox(&["a.wav", "b/c.wav"]);
    symlink("missing.wav", sandbox.path("recordings/link.wav")).unwrap();
    symlink("missing.txt", sandbox.path("recordings/link.txt")).unwrap();
    symlink("..", sandbox.path("recordings/b/back")).unwrap();
    sandbox.run(&[&BATCH[..], &["--dry-run"]].concat());
    let output = sandbox.run(&BATCH);
    assert_eq!(output.status.code(), Some(5));
    assert_eq!(sandbox.submissions(), 2);
    insta::assert_snapshot!(sandbox.transcript());
}

/// Files of the user, or results whose journal was lost: they are paid for.
#[test]
fn files_that_the_journal_does_not_know_are_not_replaced() {
    let sandbox = sandbox(&["a.wav", "b.wav"]);
    sandbox.write("results/a.txt", "my own notes");
    let batch = [&BATCH[..], &["-f", "txt"]].concat();
    sandbox.run(&batch);
    assert_eq!(sandbox.read("results/a.txt"), "my own notes");
    std::fs::remove_file(sandbox.path("results/a.txt")).unwrap();
    sandbox.run(&batch);
    assert_eq!(sandbox.submissions(), 2);
    sandbox.write("results/.pyannote-batch.sqlite", "damaged");
    sandbox.run(&batch);
    for name in sandbox.list("results") {
        if name.starts_with('.') {
            std::fs::remove_file(sandbox.path("results").join(name)).unwrap();
        }
    }
    sandbox.run(&batch);
    assert_eq!(sandbox.submissions(), 2);
    sandbox.run(&[&batch[..], &["--force"]].concat());
    assert_eq!(sandbox.submissions(), 4);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_dry_run_does_nothing() {
    let sandbox = sandbox(&["a.wav", "b.wav"]);
    let dry_run = [&BATCH[..], &["--dry-run"]].concat();
    sandbox.run(&dry_run);
    sandbox.run(&[&dry_run[..], &["--price-per-hour", "36", "--json"]].concat());
    sandbox.write("prices.toml", "default = 36\nprecision-2 = 72.0\n");
    sandbox.run(
        &[
            &dry_run[..],
            &["--prices", "prices.toml", "--model", "precision-2"],
        ]
        .concat(),
    );
    sandbox.run(
        &[
            &dry_run[..],
            &["--prices", "prices.toml", "--model", "other"],
        ]
        .concat(),
    );
    sandbox.write("recordings/empty.wav", "");
    sandbox.write("recordings/text.wav", "not audio");
    sandbox.run(&[&dry_run[..], &["https://example.com/c.wav", "missing.wav"]].concat());
    sandbox.run(&[&dry_run[..], &["--local"]].concat());
    sandbox.run(&[&dry_run[..], &["--extra", "numSpeakers=0"]].concat());
    sandbox.run_with(&dry_run, |command| {
        command.env_remove("PYANNOTEAI_API_KEY");
    });
    assert!(sandbox.server().requests().is_empty());
    assert!(!sandbox.path("results").exists());
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn some_fail() {
    let sandbox = sandbox(&["a.wav", "b.wav"]);
    sandbox.write("recordings/empty.wav", "");
    sandbox
        .engine()
        .then(Err("the audio could not be read".to_owned()));
    sandbox.run(&BATCH);
    sandbox
        .engine()
        .then(Err("the audio could not be read".to_owned()));
    sandbox.run(&[&BATCH[..], &["--json"]].concat());
    std::fs::remove_file(sandbox.path("recordings/empty.wav")).unwrap();
    sandbox.run(&BATCH);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn no_credit_ends_the_batch() {
    let sandbox = sandbox(&["a.wav", "b.wav"]);
    let fault = Fault::Status {
        status: StatusCode::PAYMENT_REQUIRED,
        retry_after: None,
        body: None,
    };
    sandbox
        .server()
        .faults()
        .inject(Operation::Diarize, 1, fault);
    sandbox.run(&BATCH);
    sandbox.run(&BATCH);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn an_unknown_outcome_is_for_the_user_to_decide() {
    let sandbox = sandbox(&["a.wav", "b.wav"]);
    // The job is accepted, but the answer is lost.
    let lost = Fault::TruncateBody { after_bytes: 0 };
    sandbox
        .server()
        .faults()
        .inject(Operation::Diarize, 1, lost);
    let first = sandbox.run(&BATCH);
    assert_eq!(first.status.code(), Some(4), "{first:?}");
    let again = sandbox.run(&[&BATCH[..], &["--json"]].concat());
    assert_eq!(sandbox.submissions(), 2);
    let events = stdout(&again);
    let unknown = events
        .lines()
        .find(|line| line.contains("unknown"))
        .unwrap();
    let event: serde_json::Value = serde_json::from_str(unknown).unwrap();
    let id = event["candidates"][0].as_str().unwrap();
    sandbox.run(&[&BATCH[..], &["--adopt", "other.wav=1"]].concat());
    sandbox.run(&[&BATCH[..], &["--adopt", "recordings/b.wav=1"]].concat());
    sandbox.run(&[&BATCH[..], &["--adopt", &format!("recordings/a.wav={id}")]].concat());
    assert_eq!(sandbox.submissions(), 2);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn an_unknown_outcome_is_submitted_again_if_the_user_says_so() {
    let sandbox = sandbox(&["a.wav"]);
    let lost = Fault::TruncateBody { after_bytes: 0 };
    sandbox
        .server()
        .faults()
        .inject(Operation::Diarize, 1, lost);
    sandbox.run(&BATCH);
    sandbox.run(&[&BATCH[..], &["--resubmit", "recordings/a.wav"]].concat());
    assert_eq!(sandbox.submissions(), 2);
    insta::assert_snapshot!(sandbox.transcript());
}

/// The options of the last submission are those of the results.
#[test]
fn a_recording_that_failed_is_done_with_the_options_of_today() {
    let sandbox = sandbox(&["a.wav"]);
    sandbox
        .engine()
        .then(Err("the audio could not be read".to_owned()));
    sandbox.run(&BATCH);
    let two = [&BATCH[..], &["--num-speakers", "2"]].concat();
    sandbox.run(&two);
    sandbox.run(&two);
    sandbox.run(&BATCH);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_job_on_the_service_is_not_forgotten() {
    let sandbox = sandbox(&["a.wav"]);
    sandbox.engine().then_stuck();
    sandbox.run(&[&BATCH[..], &["--timeout", "0.1"]].concat());
    // The only record of the job is not overwritten on this machine.
    sandbox.run(&[&BATCH[..], &["--local", "--json"]].concat());
    // A changed file is another recording, whose job is submitted; the id of the first one is not lost.
    sandbox.write_recording("recordings/a.wav", 2);
    sandbox.run(&[&BATCH[..], &["--timeout", "0.1"]].concat());
    assert_eq!(sandbox.submissions(), 2);
    insta::assert_snapshot!(sandbox.transcript());
}
