"""The official Python SDK against the server, unmodified except for the base URL.

    python3 -m pip install --target target/python pyannoteai-sdk==0.4.0
    PYTHONPATH=target/python tests/python/run tests/python/official_sdk.py
"""

import os
import struct
import tempfile
import wave

from pyannoteai.sdk import Client

Client.API_URL = os.environ["PYANNOTEAI_BASE_URL"] + "/v1"
client = Client(os.environ["PYANNOTEAI_API_KEY"])

with tempfile.NamedTemporaryFile(suffix=".wav") as file:
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(16_000)
        recording.writeframes(struct.pack("<16000h", *range(-8000, 8000)))
    file.flush()

    sent = []
    media = client.upload(file.name, callback=lambda total, completed: sent.append((completed, total)))
    assert media.startswith("media://"), media
    assert sent and sent[-1][0] == sent[-1][1], sent

    job = client.retrieve(client.diarize(media, num_speakers=2), every_seconds=1)
    assert job["status"] == "succeeded", job
    assert [turn["speaker"] for turn in job["output"]["diarization"]] == ["SPEAKER_00", "SPEAKER_01"], job

    job = client.retrieve(
        client.diarize(
            media, transcription=True, transcription_config={"model": "faster-whisper-large-v3-turbo"}
        ),
        every_seconds=1,
    )
    words = job["output"]["wordLevelTranscription"]
    turns = job["output"]["turnLevelTranscription"]
    assert [word["text"] for word in words] == ["Good", "morning.", "Hello."], job
    assert [turn["text"] for turn in turns] == ["Good morning.", "Hello."], job
    for said in words + turns:
        assert said.keys() == {"start", "end", "text", "speaker"}, job

    job = client.retrieve(client.voiceprint(media), every_seconds=1)
    voiceprint = job["output"]["voiceprint"]
    assert voiceprint, job

    job = client.retrieve(
        client.identify(media, {"Ada": voiceprint}, matching_threshold=50.0), every_seconds=1
    )
    assert job["output"]["identification"][0]["match"] == "Ada", job

print("upload, diarize, transcribe, voiceprint, identify and retrieve work")
