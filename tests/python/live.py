"""A live stream with the package `websockets`, and what the server does about faults.

    python3 -m pip install --target target/python websockets==15.0.1
    PYTHONPATH=target/python tests/python/run tests/python/live.py
    PYTHONPATH=target/python tests/python/run tests/python/live.py meeting.wav --ahead 0

Streams a recording (WAV, 16 kHz, mono, 16 bits), by default 8 s of noise, and prints the events. Then it checks that the
server reports each violation of the protocol. Servers other than that of `run` are in PYANNOTEAI_BASE_URL and
PYANNOTEAI_API_KEY.
"""

import argparse
import json
import os
import random
import struct
import threading
import time
import urllib.error
import urllib.request
import wave

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

BASE_URL = os.environ["PYANNOTEAI_BASE_URL"]
API_KEY = os.environ["PYANNOTEAI_API_KEY"]
CHUNK_SAMPLES = 1_600
CHUNK_S = 0.1
SILENCE = bytes(4 * CHUNK_SAMPLES)
END_OF_STREAM = json.dumps({"type": "end_of_stream"})
# Longer than anything that the server waits for.
TIMEOUT_S = 30


def call(method, path, body=None):
    """A request to the API. Returns the JSON of the response."""
    request = urllib.request.Request(
        BASE_URL + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {API_KEY}",
            "Content-Type": "application/json",
            "User-Agent": "pyannote-rs-tests",
        },
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
        return json.load(response)


def open_stream():
    stream = call("POST", "/v1/live", {})
    return stream["id"], connect(stream["url"], open_timeout=TIMEOUT_S, close_timeout=TIMEOUT_S)


def status(stream):
    return call("GET", f"/v1/live/{stream}")


def receive(socket):
    """All messages until the connection ends, and the code of the close frame (1006: there is none)."""
    messages = []
    try:
        while True:
            messages.append(json.loads(socket.recv(timeout=TIMEOUT_S)))
    except ConnectionClosed as closed:
        return messages, closed.rcvd.code if closed.rcvd else 1006


def chunks(path):
    """The recording as messages. The last one is filled up with silence."""
    if path is None:
        noise = random.Random(0)
        samples = [noise.uniform(-0.1, 0.1) for _ in range(80 * CHUNK_SAMPLES)]
    else:
        with wave.open(path) as recording:
            format = (recording.getframerate(), recording.getnchannels(), recording.getsampwidth())
            assert format == (16_000, 1, 2), "the recording must be WAV, 16 kHz, mono, 16 bits"
            data = recording.readframes(recording.getnframes())
            samples = [sample / 32_768 for sample in struct.unpack(f"<{len(data) // 2}h", data)]
    samples += [0.0] * (-len(samples) % CHUNK_SAMPLES)
    for start in range(0, len(samples), CHUNK_SAMPLES):
        yield struct.pack(f"<{CHUNK_SAMPLES}f", *samples[start : start + CHUNK_SAMPLES])


def send(socket, audio, ahead_s):
    """Sends audio, at most so many seconds ahead of real time."""
    start = time.monotonic()
    for index, chunk in enumerate(audio):
        wait = index * CHUNK_S - ahead_s - (time.monotonic() - start)
        if wait > 0:
            time.sleep(wait)
        socket.send(chunk)
    socket.send(END_OF_STREAM)


def session(path, ahead_s):
    """Streams the recording, and prints the events as they arrive."""
    audio = list(chunks(path))
    stream, socket = open_stream()
    assert status(stream)["status"] == "created", status(stream)
    sender = threading.Thread(target=send, args=(socket, audio, ahead_s), daemon=True)
    sender.start()
    start, events = time.monotonic(), []
    try:
        while True:
            event = json.loads(socket.recv(timeout=TIMEOUT_S + len(audio) * CHUNK_S))
            data = event["data"]
            kind = event["type"].removeprefix("diarization_speaker_")
            print(f"{time.monotonic() - start:8.2f} s: {data['speaker']} {kind}s at {data['timestamp']:.2f} s")
            events.append((event["type"], data["speaker"], data["timestamp"]))
    except ConnectionClosed as closed:
        assert closed.rcvd and closed.rcvd.code == 1000, closed
    sender.join()
    speaking = set()
    for kind, speaker, timestamp in events:
        assert 0 <= timestamp <= len(audio) * CHUNK_S + 1e-6, (kind, speaker, timestamp)
        if kind == "diarization_speaker_start":
            assert speaker not in speaking, speaker
            speaking.add(speaker)
        else:
            assert kind == "diarization_speaker_end", kind
            speaking.remove(speaker)
    assert not speaking, speaking
    done = status(stream)
    assert done["status"] == "done" and done["startedAt"] and done["completedAt"], done
    assert events or path, "the scripted engine always has events"


def fault(name, code, message, act):
    """Checks how a stream ends after `act`."""
    stream, socket = open_stream()
    act(socket)
    messages, found = receive(socket)
    assert found == code, (name, found, messages)
    assert messages and messages[-1]["type"] == "error", (name, messages)
    assert message in messages[-1]["message"], (name, messages)
    assert status(stream)["status"] == "error", name
    print(f"{name}: {found}, {messages[-1]['message']}")


def refused(url):
    """The status of a response that does not open the WebSocket."""
    try:
        connect(url).close()
    except InvalidStatus as invalid:
        return invalid.response.status_code
    raise AssertionError("the connection was accepted")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("recording", nargs="?")
    parser.add_argument("--ahead", type=float, default=4.0, help="seconds ahead of real time, below 5 [default: 4]")
    options = parser.parse_args()
    session(options.recording, options.ahead)

    stream = call("POST", "/v1/live", {})
    with connect(stream["url"]) as socket:
        assert refused(stream["url"]) == 403
        socket.send(END_OF_STREAM)
        assert receive(socket) == ([], 1000)
    assert refused(stream["url"]) == 403
    assert refused(stream["url"].replace("token=", "token=0")) == 403
    print("token used twice, or invalid: 403")

    short, long = bytes(6_396), bytes(32_000)
    fault("short chunk", 1008, "Invalid chunk size", lambda socket: socket.send(short))
    fault("long chunk", 1008, "Invalid chunk size", lambda socket: socket.send(long))
    fault("chunk over the message size", 1009, "Invalid chunk size", lambda socket: socket.send(bytes(1_000_000)))
    fault("chunk in fragments", 1008, "Invalid chunk size", lambda socket: socket.send([SILENCE, short]))
    fault("text", 1008, "not valid JSON", lambda socket: socket.send("hello"))
    fault("malformed JSON", 1008, "not valid JSON", lambda socket: socket.send(END_OF_STREAM[:-1]))
    fault("JSON without a type", 1008, "type", lambda socket: socket.send("[1]"))
    fault("unknown message", 1008, "unknown type", lambda socket: socket.send('{"type":"pause"}'))
    fault("too fast", 1008, "ahead of real time", lambda socket: [socket.send(SILENCE) for _ in range(80)])
    fault("idle", 1008, "No audio", lambda socket: socket.send(SILENCE))

    # A chunk in fragments is a chunk.
    stream, socket = open_stream()
    socket.send([SILENCE[:1_000], SILENCE[1_000:]])
    socket.send(END_OF_STREAM)
    assert receive(socket) == ([], 1000)

    # Without a close frame.
    stream, socket = open_stream()
    socket.send(SILENCE)
    socket.close_socket()
    deadline = time.monotonic() + TIMEOUT_S
    while status(stream)["status"] != "error":
        assert time.monotonic() < deadline, status(stream)
        time.sleep(0.05)
    print("abrupt end: the status becomes error")

    # Ten streams, and not one more.
    streams = [call("POST", "/v1/live", {}) for _ in range(10)]
    try:
        call("POST", "/v1/live", {})
        raise AssertionError("an eleventh stream was created")
    except urllib.error.HTTPError as error:
        assert error.code == 429, error.code
    assert len({stream["url"] for stream in streams}) == 10
    print("eleventh stream: 429")


if __name__ == "__main__":
    main()
    print("live streams work")
