//! `pyannote label`.

use crate::render::RTTM;
use crate::sandbox::Sandbox;

#[test]
fn names_from_the_arguments() {
    let sandbox = Sandbox::new();
    sandbox.write("meeting.rttm", RTTM);
    sandbox.run(&[
        "label",
        "meeting.rttm",
        "--map",
        "SPEAKER_00=Ada Lovelace",
        "--map",
        "SPEAKER_01=Grace",
    ]);
    sandbox.show("meeting.rttm");
    sandbox.run(&[
        "label",
        "meeting.rttm",
        "--map",
        "Grace=Grace Hopper",
        "-f",
        "csv",
    ]);
    sandbox.run(&[
        "label",
        "meeting.rttm",
        "--map",
        "Grace=Grace Hopper",
        "--json",
    ]);
    sandbox.run(&["label", "meeting.rttm", "--map", "Joan=Grace"]);
    sandbox.run(&["label", "meeting.rttm", "--map", "Joan"]);
    sandbox.show("meeting.rttm");
    // RTTM has no spaces in names, and different speakers stay apart.
    sandbox.write("meeting.json", sandbox.render("meeting.rttm"));
    sandbox.run(&[
        "label",
        "meeting.json",
        "--map",
        "Ada_Lovelace=A B",
        "--map",
        "Grace=A_B",
        "-f",
        "rttm",
    ]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn without_a_terminal() {
    let sandbox = Sandbox::new();
    sandbox.write("meeting.rttm", RTTM);
    sandbox.run(&["label", "meeting.rttm"]);
    sandbox.run(&["label", "meeting.rttm", "--clips", "clips"]);
    sandbox.write_recording("meeting.wav", 6);
    sandbox.run(&[
        "label",
        "meeting.rttm",
        "--audio",
        "meeting.wav",
        "--clips",
        "clips",
        "-o",
        "labeled.rttm",
    ]);
    assert_eq!(sandbox.list("clips"), ["SPEAKER_00.wav", "SPEAKER_01.wav"]);
    insta::assert_snapshot!(sandbox.transcript());
}
