"""The side of pyannote.audio and speakrs in `cargo xtask bench community`.

    peer.py convert FOLDER OUT                   writes the models of a folder as speakrs reads them
    peer.py pyannote FOLDER WAV THREADS          diarizes a recording with pyannote.audio, and prints JSON
    peer.py speakrs CONVERTED WAV THREADS        the same with speakrs

`convert` and `pyannote` need pyannote-audio 4.0.7, `speakrs` needs speakrs 0.7.0; both need soundfile. Times are
processor seconds, except `elapsed_s`.
"""

import json
import os
import resource
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("PYANNOTE_METRICS_ENABLED", "0")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.filterwarnings("ignore")

import numpy as np
import soundfile


def report(start, stages, speakers, turns):
    elapsed, processor = start
    print(json.dumps({
        "elapsed_s": time.monotonic() - elapsed,
        "processor_s": time.process_time() - processor,
        "stages_s": stages,
        "speakers": speakers,
        "turns": turns,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }))


def convert(folder, out):
    """Folds the normalizations of the embedding, and names the tensors as the ONNX exports that speakrs makes."""
    import torch
    from pyannote.audio import Pipeline
    from safetensors.numpy import save_file

    pipeline = Pipeline.from_pretrained(folder)
    out.mkdir(parents=True, exist_ok=True)
    state = {name: value.numpy() for name, value in pipeline._embedding.model_.state_dict().items()}
    norms = {"conv1": "bn1", "conv2": "bn2", "shortcut.0": "shortcut.1"}
    tensors = {name: state[name] for name in ["resnet.seg_1.weight", "resnet.seg_1.bias"]}
    for name in [name for name, value in state.items() if value.ndim == 4]:
        conv = name.removesuffix(".weight")
        [norm] = [conv.removesuffix(kind) + norms[kind] for kind in norms if conv.endswith(kind)]
        scale = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + np.float32(1e-5))
        tensors[name] = state[name] * scale[:, None, None, None]
        tensors[f"{name}_bias"] = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    save_file(tensors, out / "wespeaker-multimask-tail.safetensors")

    state = {name: value.numpy() for name, value in pipeline._segmentation.model.state_dict().items()}
    tensors = {name: value for name, value in state.items() if name.startswith("sincnet.") or name.endswith("0.bias")}
    tensors |= {name: state[name] for name in ["linear.0.bias", "linear.1.bias", "classifier.bias"]}
    tensors["onnx::Div_1"] = state["sincnet.conv1d.0.filterbank.n_"] / np.float32(2)
    # ONNX has the gates in another order.
    gates = lambda value: np.concatenate([np.split(value, 4)[index] for index in [0, 3, 1, 2]])
    number = 2
    for layer in range(4):
        suffixes = [f"l{layer}", f"l{layer}_reverse"]
        stack = lambda kind: np.stack([gates(state[f"lstm.{kind}_{suffix}"]) for suffix in suffixes])
        bias = np.concatenate([stack("bias_ih"), stack("bias_hh")], axis=1)
        for value in [bias, stack("weight_ih"), stack("weight_hh")]:
            tensors[f"onnx::LSTM_{number}"] = value
            number += 1
    for name in ["linear.0", "linear.1", "classifier"]:
        tensors[f"onnx::MatMul_{number}"] = state[f"{name}.weight"].T
        number += 1
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, out / "segmentation-3.0.safetensors")

    for file in ["xvec_transform.npz", "plda.npz"]:
        for name, value in np.load(folder / "plda" / file).items():
            np.save(out / f"plda_{name}.npy", value.astype(np.float64))
    samples = out / "wespeaker-voxceleb-resnet34.min_num_samples.txt"
    samples.write_text(f"{pipeline._embedding.min_num_samples}\n")


def pyannote(folder, wav, threads):
    import torch
    from pyannote.audio import Pipeline

    torch.set_num_threads(threads)
    pipeline = Pipeline.from_pretrained(folder)
    samples, rate = soundfile.read(wav, dtype="float32")
    file = {"waveform": torch.from_numpy(samples).unsqueeze(0), "sample_rate": rate}
    ends = {}

    def hook(step, artifact, file=None, total=None, completed=None):
        if artifact is not None and completed is None:
            ends[step] = time.process_time() - start[1]

    start = time.monotonic(), time.process_time()
    output = pipeline(file, hook=hook)
    end = time.process_time() - start[1]
    segmentation, embeddings = ends["segmentation"], ends["embeddings"]
    stages = [segmentation, embeddings - segmentation, end - embeddings]
    diarization = output.speaker_diarization
    report(start, stages, len(diarization.labels()), len(list(diarization.itertracks())))


def speakrs(folder, wav, threads):
    # It runs as many threads as there are processors.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    import speakrs

    pipeline = speakrs.Pipeline.from_prepared(speakrs.prepare("cpu", model_dir=folder))
    samples, _ = soundfile.read(wav, dtype="float32")
    start = time.monotonic(), time.process_time()
    result = pipeline.diarize_samples(samples)
    segments = list(result.segments)
    report(start, None, len({segment.speaker for segment in segments}), len(segments))


if __name__ == "__main__":
    command, folder, *rest = sys.argv[1:]
    if command == "convert":
        convert(Path(folder), Path(rest[0]))
    else:
        {"pyannote": pyannote, "speakrs": speakrs}[command](Path(folder), rest[0], int(rest[1]))
