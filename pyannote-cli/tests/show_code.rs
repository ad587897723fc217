//! `--show-code`: the programs are as expected, and compile.
//!
//! The files in `show_code/` are the output of the command. To write them anew after an intended change:
//! `UPDATE_SHOW_CODE=1 cargo test -p pyannote-cli --test show_code`.
#![allow(clippy::unwrap_used, dead_code, missing_docs, unused_qualifications)]

use std::path::Path;
use std::process::Command;

/// Compiles each program, and lists its file and the arguments that print it.
macro_rules! programs {
    ($($name:ident: [$($argument:expr),* $(,)?],)*) => {
        $(mod $name { include!(concat!("show_code/", stringify!($name), ".rs")); })*

        const PROGRAMS: &[(&str, &[&str])] = &[$((stringify!($name), &[$($argument),*])),*];
    };
}

programs! {
    diarize: ["diarize", "meeting.wav"],
    diarize_options: [
        "diarize", "https://example.com/a \"b\".wav?signature=secret", "--num-speakers", "2", "--exclusive",
        "--confidence", "--turn-confidence", "--transcribe=faster-whisper-large-v3-turbo", "--model", "precision-2",
        "--webhook", "https://example.com/hook?token=secret", "--webhook-status-only", "--speech-probability", "--extra", "gain=0.5",
        "--extra", "name={\"a\":[1,null]}", "--timeout", "60", "-f", "json", "-f", "rttm", "-f", "srt", "-f", "vtt",
        "-f", "txt", "-f", "csv", "-f", "audacity", "-f", "svg", "-f", "html", "-o", "out/",
    ],
    diarize_standard_input: ["diarize", "-", "--min-speakers", "2", "--max-speakers", "4", "--no-wait"],
    identify: [
        "identify", "meeting.wav", "--voiceprint", "Ada", "--voiceprint", "Grace H.", "--threshold", "50",
        "--no-exclusive-matching", "--speaker-probability", "--vad-sensitivity", "-0.5",
    ],
    voiceprint_create: ["voiceprint", "create", "Ada", "ada.wav", "--model", "precision-3"],
    batch: ["batch", "recordings", "-o", "results", "--transcribe", "--concurrency", "4"],
    jobs_list: ["jobs", "list", "--status", "failed", "--limit", "5"],
    jobs_get: ["jobs", "get", "3c8a89a5-dcc6-4edb-a75d-ffd64739674d"],
    jobs_wait: ["jobs", "wait", "3c8a89a5-dcc6-4edb-a75d-ffd64739674d", "--timeout", "1.5", "-o", "a.rttm"],
    media_upload: ["media", "upload", "meeting.wav"],
    media_upload_key: ["media", "upload", "meeting.wav", "--key", "calls/1.wav"],
    media_download: ["media", "download", "media://calls/1.wav"],
    test: ["test"],
}

fn show_code(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_pyannote"))
        .args(arguments)
        .arg("--show-code")
        .env_remove("PYANNOTEAI_API_KEY")
        .env_remove("PYANNOTEAI_BASE_URL")
        .env("PYANNOTE_CONFIG_DIR", "no-such-folder")
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn programs_are_those_that_compile() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/show_code");
    for (name, arguments) in PROGRAMS {
        let path = folder.join(format!("{name}.rs"));
        let program = show_code(arguments);
        if std::env::var_os("UPDATE_SHOW_CODE").is_some() {
            std::fs::write(&path, &program).unwrap();
        }
        assert!(!program.contains("secret"), "{program}");
        assert_eq!(program, std::fs::read_to_string(&path).unwrap(), "{name}");
    }
}

#[test]
fn commands_without_a_program_say_so() {
    for arguments in [&["render", "a.json"][..], &["voiceprint", "remove", "Ada"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_pyannote"))
            .args(arguments)
            .arg("--show-code")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}
