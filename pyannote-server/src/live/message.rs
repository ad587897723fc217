//! Messages of the protocol, apart from the events of the engine.

use serde::Deserialize;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::CHUNK_SAMPLES;
use super::end::End;

/// Size of a sample, in bytes.
const SAMPLE_BYTES: usize = size_of::<f32>();
/// Size of an audio message, in bytes.
const CHUNK_BYTES: usize = CHUNK_SAMPLES * SAMPLE_BYTES;

/// What a client sent.
#[derive(Debug, PartialEq)]
pub(super) enum FromClient {
    /// 0.1 s of audio.
    Audio(Vec<f32>),
    /// The audio has ended.
    EndOfStream,
    /// Something that keeps the connection alive.
    Nothing,
    /// The client closes the connection.
    Close,
}

/// A JSON message of a client. Unknown fields are ignored.
#[derive(Deserialize)]
struct JsonMessage {
    #[serde(rename = "type")]
    kind: String,
}

/// Parses a message of a client. An invalid one ends the stream.
pub(super) fn parse(message: &Message) -> Result<FromClient, End> {
    match message {
        Message::Binary(bytes) if bytes.len() == CHUNK_BYTES => {
            let (samples, _) = bytes.as_chunks::<SAMPLE_BYTES>();
            let samples = samples.iter().map(|bytes| f32::from_le_bytes(*bytes));
            Ok(FromClient::Audio(samples.collect()))
        }
        Message::Binary(bytes) => Err(End::InvalidChunk { bytes: bytes.len() }),
        Message::Text(text) => match serde_json::from_str::<JsonMessage>(text) {
            Ok(message) if message.kind == "end_of_stream" => Ok(FromClient::EndOfStream),
            Ok(_) => Err(End::InvalidMessage("unknown type")),
            Err(error) if error.is_data() => Err(End::InvalidMessage("missing or invalid type")),
            Err(_) => Err(End::InvalidMessage("not valid JSON")),
        },
        Message::Close(_) => Ok(FromClient::Close),
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(FromClient::Nothing),
    }
}

/// The `error` message, with the reason why the stream ends.
pub(super) fn error(message: &str) -> Value {
    json!({ "type": "error", "message": message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_messages() {
        let audio = |bytes: usize| Message::Binary(vec![0; bytes].into());
        let text = |text: &str| Message::Text(text.into());
        let invalid = |what| Err(End::InvalidMessage(what));
        for (message, expected) in [
            (audio(6_400), Ok(FromClient::Audio(vec![0.0; 1_600]))),
            (audio(0), Err(End::InvalidChunk { bytes: 0 })),
            (audio(6_396), Err(End::InvalidChunk { bytes: 6_396 })),
            (audio(6_401), Err(End::InvalidChunk { bytes: 6_401 })),
            (
                text(r#"{"type":"end_of_stream"}"#),
                Ok(FromClient::EndOfStream),
            ),
            (
                text(r#" {"new":1,"type":"end_of_stream"}"#),
                Ok(FromClient::EndOfStream),
            ),
            (text(r#"{"type":"pause"}"#), invalid("unknown type")),
            (text("{}"), invalid("missing or invalid type")),
            (text(r#"{"type":1}"#), invalid("missing or invalid type")),
            (text("[]"), invalid("missing or invalid type")),
            (text("end_of_stream"), invalid("not valid JSON")),
            (
                text(r#"{"type":"end_of_stream""#),
                invalid("not valid JSON"),
            ),
            (text(""), invalid("not valid JSON")),
            (Message::Ping("a".into()), Ok(FromClient::Nothing)),
            (Message::Close(None), Ok(FromClient::Close)),
        ] {
            assert_eq!(parse(&message), expected, "{message:?}");
        }
    }

    #[test]
    fn samples_are_little_endian() {
        let bytes = [0.5f32, -1.0].map(f32::to_le_bytes).concat().repeat(800);
        let Ok(FromClient::Audio(samples)) = parse(&Message::Binary(bytes.into())) else {
            panic!("not audio");
        };
        assert_eq!(samples[..3], [0.5, -1.0, 0.5]);
    }
}
