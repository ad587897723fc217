//! `pyannote score`.

use crate::render::RTTM;
use crate::sandbox::Sandbox;

const HYPOTHESIS: &str = "\
SPEAKER meeting 1 0.500 2.000 <NA> <NA> a <NA> <NA>
SPEAKER meeting 1 2.500 4.000 <NA> <NA> b <NA> <NA>
";

#[test]
fn two_files() {
    let sandbox = Sandbox::new();
    sandbox.write("reference.rttm", RTTM);
    sandbox.write("hypothesis.rttm", HYPOTHESIS);
    sandbox.run(&["score", "reference.rttm", "reference.rttm"]);
    sandbox.run(&["score", "reference.rttm", "hypothesis.rttm"]);
    sandbox.run(&["score", "reference.rttm", "hypothesis.rttm", "--json"]);
    sandbox.run(&[
        "score",
        "reference.rttm",
        "hypothesis.rttm",
        "--collar",
        "0.5",
        "--skip-overlap",
    ]);
    sandbox.write("test.uem", "meeting 1 0.000 3.000\n");
    sandbox.run(&[
        "score",
        "reference.rttm",
        "hypothesis.rttm",
        "--uem",
        "test.uem",
    ]);
    sandbox.write("other.uem", "monday 1 0.000 3.000\n");
    sandbox.run(&[
        "score",
        "reference.rttm",
        "hypothesis.rttm",
        "--uem",
        "other.uem",
    ]);
    sandbox.write("bad.uem", "meeting 1 x\n");
    sandbox.run(&[
        "score",
        "reference.rttm",
        "hypothesis.rttm",
        "--uem",
        "bad.uem",
    ]);
    sandbox.run(&["score", "reference.rttm", "hypothesis.rttm", "--collar=-1"]);
    sandbox.run(&["score", "reference.rttm", "missing.rttm"]);
    sandbox.pipe(RTTM.as_bytes(), &["score", "-", "-"]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn folders() {
    let sandbox = Sandbox::new();
    let rename = |text: &str, name: &str| text.replace("meeting", name);
    for name in ["friday", "monday", "sunday"] {
        sandbox.write(format!("references/{name}.rttm"), rename(RTTM, name));
    }
    sandbox.write("results/friday.rttm", rename(HYPOTHESIS, "friday"));
    sandbox.write(
        "results/monday.json",
        r#"{"audio":"calls/monday.wav","speakers":[],"output":{"diarization":[]}}"#,
    );
    sandbox.write("results/tuesday.rttm", rename(HYPOTHESIS, "tuesday"));
    sandbox.run(&["score", "references", "results"]);
    sandbox.write("others/tuesday.rttm", rename(RTTM, "tuesday"));
    sandbox.run(&["score", "references", "others"]);
    std::fs::create_dir(sandbox.path("empty")).unwrap();
    sandbox.run(&["score", "references", "empty"]);
    insta::assert_snapshot!(sandbox.transcript());
}
