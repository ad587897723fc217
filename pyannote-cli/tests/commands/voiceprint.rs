//! `pyannote voiceprint` on the service, and the voiceprints on this machine.

use crate::sandbox::{Sandbox, stdout};

#[test]
fn from_the_recording_to_the_removal() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("ada.wav", 1);
    sandbox.run(&["voiceprint", "list"]);
    sandbox.run(&[
        "voiceprint",
        "create",
        "Ada",
        "ada.wav",
        "--model",
        "precision-2",
    ]);
    // Nothing is billed if it could not be stored.
    let requests = sandbox.server().requests().len();
    sandbox.run(&["voiceprint", "create", "Ada", "ada.wav"]);
    sandbox.run(&["voiceprint", "create", "SPEAKER_00", "ada.wav"]);
    assert_eq!(sandbox.server().requests().len(), requests);
    sandbox.run(&[
        "voiceprint",
        "create",
        "Ada",
        "ada.wav",
        "--replace",
        "--json",
    ]);
    sandbox.run(&["voiceprint", "show", "Ada"]);
    sandbox.run(&["voiceprint", "list"]);
    sandbox.run(&["voiceprint", "list", "--json"]);
    let voiceprint = stdout(&sandbox.run(&["voiceprint", "export", "Ada"]));
    sandbox.run(&["voiceprint", "export", "Ada", "-o", "ada.voiceprint"]);
    assert_eq!(sandbox.read("ada.voiceprint"), voiceprint);
    sandbox.run(&[
        "voiceprint",
        "import",
        "Grace Hopper",
        "ada.voiceprint",
        "--model",
        "precision-3",
    ]);
    sandbox.run(&["voiceprint", "import", "Grace Hopper", "ada.voiceprint"]);
    sandbox.pipe(
        voiceprint.as_bytes(),
        &["voiceprint", "import", "Joan", "-", "--json"],
    );
    sandbox.pipe(b"!", &["voiceprint", "import", "Jean", "-"]);
    sandbox.run(&["voiceprint", "rename", "Ada", "Joan"]);
    sandbox.run(&["voiceprint", "rename", "Ada", "Joan", "--replace"]);
    sandbox.run(&["voiceprint", "remove", "Joan", "Ada"]);
    sandbox.run(&["voiceprint", "remove", "Joan"]);
    sandbox.run(&["voiceprint", "show", "Joan"]);
    sandbox.write("voiceprints/Broken.voiceprint.json", "{");
    sandbox.run(&["voiceprint", "list"]);
    sandbox.run(&["voiceprint", "show", "Broken"]);
    // One is damaged, and the other was made by another model than the default one.
    sandbox.run(&["identify", "https://example.com/a.wav", "--all"]);
    sandbox.run(&[
        "identify",
        "https://example.com/a.wav",
        "--all",
        "--model",
        "precision-3",
    ]);
    sandbox.run(&["voiceprint", "remove", "Broken"]);
    assert!(!sandbox.path("voiceprints/Broken.voiceprint.json").exists());
    insta::assert_snapshot!(sandbox.transcript());
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_them() {
    use std::os::unix::fs::PermissionsExt as _;

    let sandbox = Sandbox::new();
    sandbox.run(&["voiceprint", "create", "Ada", "https://example.com/ada.wav"]);
    sandbox.run(&["voiceprint", "export", "Ada", "-o", "ada.voiceprint"]);
    for (name, expected) in [
        ("voiceprints", 0o700),
        ("voiceprints/Ada.voiceprint.json", 0o600),
        ("ada.voiceprint", 0o600),
    ] {
        let mode = sandbox.path(name).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, expected, "{name}");
    }
}
