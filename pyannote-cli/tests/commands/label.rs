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

/// Whatever its name is: as text, the result would lose the turns of a transcript, and everything that is not a turn.
#[test]
fn a_result_keeps_its_format() {
    let sandbox = Sandbox::new();
    let rttm = RTTM.replace(" meeting ", " ES2004a.Mix-Headset ");
    sandbox.write("result.csv", &rttm);
    sandbox.write("result.txt", sandbox.render("result.csv"));
    sandbox.write("result", sandbox.render("result.csv"));
    for name in ["result.csv", "result.txt", "result"] {
        sandbox.run(&["label", name, "--map", "SPEAKER_00=Ada"]);
    }
    let start = "SPEAKER ES2004a.Mix-Headset 1 0.5 2.5 <NA> <NA> Ada ";
    assert!(sandbox.read("result.csv").starts_with(start));
    for name in ["result.txt", "result"] {
        assert!(
            sandbox
                .read(name)
                .starts_with(r#"{"audio":"ES2004a.Mix-Headset","#)
        );
    }
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
    // An excerpt does not replace the recording.
    std::fs::rename(sandbox.path("meeting.wav"), sandbox.path("SPEAKER_00.wav")).unwrap();
    sandbox.run(&[
        "label",
        "meeting.rttm",
        "--audio",
        "SPEAKER_00.wav",
        "--clips",
        ".",
    ]);
    insta::assert_snapshot!(sandbox.transcript());
}
