//! Inputs that need as much memory per byte as possible.

/// Bytes of an input, about.
const BYTES: usize = 200_000;

/// Inputs of a decoder, with what they consist of.
pub(crate) fn inputs(decoder: &str) -> Vec<(&'static str, Vec<u8>)> {
    let job = |field: &str| {
        format!(r#"{{"jobId":"1","status":"succeeded","output":{{"diarization":[],{field}}}}}"#)
    };
    let stored = |field: &str| format!(r#"{{"diarization":[],{field}}}"#);
    let templates: Vec<(&'static str, String, &'static str)> = match decoder {
        "job" | "event" | "bindings" => output_parts(job),
        "stored" => output_parts(stored),
        "response" => vec![
            ("items", r#"{"items":[X]}"#.to_owned(), r#"{"id":"1"}"#),
            ("empty items", r#"{"items":[X]}"#.to_owned(), "0"),
            (
                "other fields",
                r#"{"items":[{"id":"1","a":[X]}]}"#.to_owned(),
                "0",
            ),
            (
                "maps",
                r#"{"items":[{"id":"1","a":[X]}]}"#.to_owned(),
                r#"{"":0}"#,
            ),
            (
                "warning",
                r#"{"jobId":"1","warning":[X]}"#.to_owned(),
                r#"{"":0}"#,
            ),
        ],
        "rejection" => vec![
            ("errors", r#"{"errors":[X]}"#.to_owned(), "{}"),
            ("odd errors", r#"{"errors":[X]}"#.to_owned(), "0"),
            ("message", r#"{"message":[X]}"#.to_owned(), r#"{"":0}"#),
        ],
        _ => Vec::new(),
    };
    templates
        .into_iter()
        .map(|(what, template, item)| {
            let count = BYTES / (item.len() + 1);
            let items = vec![item; count].join(",");
            (what, template.replace('X', &items).into_bytes())
        })
        .collect()
}

fn output_parts(output: impl Fn(&str) -> String) -> Vec<(&'static str, String, &'static str)> {
    let turn = r#"{"start":0,"end":0,"speaker":""}"#;
    let with_map = r#"{"start":0,"end":0,"speaker":"","confidence":{"":0}}"#;
    vec![
        ("turns", output(r#""exclusiveDiarization":[X]"#), turn),
        (
            "turns with maps",
            output(r#""exclusiveDiarization":[X]"#),
            with_map,
        ),
        ("odd turns", output(r#""exclusiveDiarization":[X]"#), "0"),
        (
            "scores",
            output(r#""confidence":{"resolution":1,"score":[X]}"#),
            "0",
        ),
        (
            "null scores",
            output(r#""confidence":{"resolution":1,"score":[0,X]}"#),
            "null",
        ),
        (
            "odd scores",
            output(r#""confidence":{"resolution":1,"score":[0,X]}"#),
            "[]",
        ),
        ("warning", output(r#""warning":[X]"#), r#"{"":0}"#),
        ("warning of numbers", output(r#""warning":[X]"#), "0"),
        ("unknown", output(r#""new":[X]"#), "0"),
    ]
}
