//! `pyannote media`.

use pyannote_server::{Fault, Operation};

use crate::sandbox::Sandbox;

#[test]
fn up_and_down() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("meeting.wav", 1);
    sandbox.run(&["media", "upload", "meeting.wav"]);
    sandbox.run(&["media", "upload", "meeting.wav", "--json"]);
    sandbox.run(&["media", "upload", "meeting.wav", "--key", "calls/1.wav"]);
    sandbox.run(&["media", "download", "media://calls/1.wav"]);
    let content = |name: &str| std::fs::read(sandbox.path(name)).unwrap();
    assert!(content("1.wav") == content("meeting.wav"));
    sandbox.run(&[
        "media",
        "download",
        "media://calls/1.wav",
        "-o",
        "copy.wav",
        "--json",
    ]);
    assert!(content("copy.wav") == content("meeting.wav"));
    sandbox.run(&["media", "download", "media://calls/2.wav"]);
    sandbox.run(&["media", "download", "https://example.com/a.wav"]);
    sandbox.run(&["media", "download", "media://calls/1.wav", "-o", "."]);
    sandbox.run(&["media", "upload", "missing.wav"]);
    sandbox.run(&["media", "upload", "meeting.wav", "--key", ""]);
    sandbox.run(&["media", "upload", "."]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_download_that_breaks_leaves_no_file() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("meeting.wav", 1);
    sandbox.run(&["media", "upload", "meeting.wav", "--key", "a.wav"]);
    let fault = Fault::TruncateBody { after_bytes: 1_000 };
    sandbox
        .server()
        .faults()
        .inject(Operation::StorageDownload, 100, fault);
    let output = sandbox.run(&["media", "download", "media://a.wav", "-o", "down/a.wav"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!sandbox.path("down/a.wav").exists());
}
