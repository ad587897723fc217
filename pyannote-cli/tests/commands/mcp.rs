//! `pyannote mcp`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::render::RTTM;
use crate::sandbox::Sandbox;

/// A client of the Model Context Protocol.
struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    next_id: u64,
}

impl Client {
    fn start(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let mut command = sandbox.command();
        command.arg("mcp").args(arguments).stdin(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut client = Self {
            stdin: child.stdin.take(),
            stdout: BufReader::new(child.stdout.take().unwrap()),
            child,
            next_id: 1,
        };
        let information = client.request(
            "initialize",
            json!({
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": { "name": "test", "version": "1" },
            }),
        );
        assert_eq!(information["serverInfo"]["name"], "pyannote");
        client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        client
    }

    fn send(&mut self, message: &Value) {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{message}").unwrap();
        stdin.flush().unwrap();
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let mut line = String::new();
            assert_ne!(self.stdout.read_line(&mut line).unwrap(), 0);
            let mut message: Value = serde_json::from_str(&line).unwrap();
            if message["id"] == id {
                assert_eq!(message.get("error"), None, "{message}");
                return message["result"].take();
            }
        }
    }

    fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.request(
            "tools/call",
            json!({ "name": tool, "arguments": arguments }),
        )
    }

    /// The end of the standard input ends the server.
    fn stop(mut self) {
        drop(self.stdin.take());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn tools_are_listed_and_called() {
    let sandbox = Sandbox::new();
    sandbox.write("a.rttm", RTTM);
    let mut client = Client::start(&sandbox, &[]);
    let tools = client.request("tools/list", json!({}));
    let names = tools["tools"].as_array().unwrap().iter();
    let mut names: Vec<_> = names.map(|tool| tool["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    insta::assert_json_snapshot!("names_of_tools", names);

    let result = client.call(
        "diarize",
        json!({ "recording": "https://example.com/a.wav", "num_speakers": 2 }),
    );
    let document = &result["structuredContent"];
    assert_eq!(
        document["output"]["diarization"].as_array().unwrap().len(),
        2,
        "{result}"
    );
    let job = document["jobId"].as_str().unwrap().to_owned();
    let fetched = client.call("get_job", json!({ "id": job }));
    assert_eq!(
        fetched["structuredContent"]["status"], "succeeded",
        "{fetched}"
    );
    let jobs = client.call("list_jobs", json!({}));
    assert_eq!(
        jobs["structuredContent"]["items"].as_array().unwrap().len(),
        1,
        "{jobs}"
    );
    let a = sandbox.path("a.rttm");
    let scores = client.call("score", json!({ "reference": a, "hypothesis": a }));
    assert_eq!(scores["structuredContent"]["total"]["der"], 0.0, "{scores}");

    // The assistant gets the error of the command, with the remedy.
    let failed = client.call(
        "identify",
        json!({ "recording": "https://example.com/a.wav", "voiceprints": ["Ada"] }),
    );
    assert_eq!(failed["isError"], true, "{failed}");
    insta::assert_json_snapshot!("error_of_a_tool", failed["structuredContent"]);
    client.stop();
}

/// A recording whose name begins with a dash is not an option.
#[test]
fn names_are_not_options() {
    let sandbox = Sandbox::new();
    let mut client = Client::start(&sandbox, &[]);
    let failed = client.call("diarize", json!({ "recording": "--show-code" }));
    assert_eq!(failed["isError"], true, "{failed}");
    assert!(sandbox.server().requests().is_empty());
    client.stop();
}

#[test]
fn without_the_service_no_tool_calls_it() {
    let sandbox = Sandbox::new();
    let mut client = Client::start(&sandbox, &["--local"]);
    for (tool, arguments) in [
        (
            "diarize",
            json!({ "recording": "https://example.com/a.wav" }),
        ),
        (
            "transcribe",
            json!({ "recording": "https://example.com/a.wav" }),
        ),
        ("list_jobs", json!({})),
        ("get_job", json!({ "id": "1" })),
        ("wait_for_job", json!({ "id": "1" })),
    ] {
        let result = client.call(tool, arguments);
        assert_eq!(result["isError"], true, "{tool}: {result}");
    }
    assert!(sandbox.server().requests().is_empty());
    client.stop();
}
