//! `pyannote identify` on the service.

use crate::sandbox::Sandbox;

#[test]
fn speakers_get_the_names_of_their_voiceprints() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("ada.wav", 1);
    sandbox.run(&["identify", "meeting.wav"]);
    sandbox.run(&["identify", "meeting.wav", "--voiceprint", "Ada"]);
    sandbox.run(&["voiceprint", "create", "Ada", "ada.wav"]);
    sandbox.run(&[
        "identify",
        "https://example.com/meeting.wav",
        "--voiceprint",
        "Ada",
    ]);
    sandbox.run(&[
        "identify",
        "https://example.com/meeting.wav",
        "-v",
        "Ada",
        "-f",
        "rttm",
        "--threshold=50",
    ]);
    sandbox.run(&[
        "identify",
        "https://example.com/meeting.wav",
        "--all",
        "--json",
    ]);
    sandbox.run(&[
        "identify",
        "https://example.com/meeting.wav",
        "--all",
        "--no-wait",
        "--quiet",
    ]);
    sandbox.run(&["identify", "meeting.wav", "--voiceprint", "Grace"]);
    sandbox.run(&[
        "identify",
        "meeting.wav",
        "--voiceprint",
        "Ada",
        "--threshold",
        "101",
    ]);
    sandbox.run(&["identify", "meeting.wav", "--voiceprint", "Ada", "--local"]);
    insta::assert_snapshot!(sandbox.transcript());
}
