"""Computes reference values of community-1's pipeline with pyannote.audio, for random weights of the right shapes.

    python3 -m pip install pyannote-audio==4.0.7 safetensors soundfile
    python3 tests/python/community_reference.py ASSETS [RECORDING.wav ...]

ASSETS is the folder of `cargo xtask assets`: it has the sample recording and segmentation-3.0, which has the layers of
community-1's segmentation. For each of three seeds, the script makes a folder with the layout of community-1, runs
pyannote.audio on it, and writes what every stage computed to
pyannote-engine/tests/numerics/community-{recording}-{seed}.safetensors, and a small checkpoint beside them. The Rust
tests make the same weights from the same seed, so that the files need not contain them. `--folders DIR` keeps the
folders.

The recordings are the sample and two that are made from it: see `recordings`. Further ones (16 kHz, mono) are written to
the folder of `--values`, where a test finds them:

    PYANNOTE_COMMUNITY_VALUES=DIR cargo test -p pyannote-engine --lib community -- --ignored --nocapture

The weights are noise, except that:

- the segmentation is segmentation-3.0 with 2 % of noise, so that there are speakers and turns;
- the bias of the embedding centers the embeddings of the sample recording. All embeddings of a random network are
  similar, and would be one cluster. The bias is part of the file.

pyannote.audio chooses among speakers with equally many votes by `numpy.argsort`, whose order of equal values depends on
the processor: with AVX2 or AVX-512 it is arbitrary, and without them the first of up to 16 comes first. The script
switches these off in NumPy, so that the values do not depend on the machine.
"""

import argparse
import copy
import os
import tempfile
import time
import warnings
from pathlib import Path

os.environ.setdefault("PYANNOTE_METRICS_ENABLED", "0")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# NumPy 2.4 has the X86 levels, older ones the rest. Unknown names are ignored.
os.environ["NPY_DISABLE_CPU_FEATURES"] = (
    "X86_V3 X86_V4 AVX2 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR"
)
warnings.filterwarnings("ignore")

import numpy as np
import soundfile
import torch
from pyannote.audio import Pipeline
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.embedding import WeSpeakerResNet34
from pyannote.audio.models.segmentation import PyanNet
from safetensors.torch import load_file, save_file

OUT = Path(__file__).parents[2] / "pyannote-engine" / "tests" / "numerics"
RATE = 16_000
SEEDS = [1, 2, 3]
# Embeddings and segmentations of every so many windows are written.
EVERY = 4
# Numbers of speakers that are asked for.
BOUNDS = {
    "two": {"num_speakers": 2},
    "five_or_more": {"min_speakers": 5},
    "two_at_most": {"max_speakers": 2},
}

CONFIG = """\
dependencies:
  pyannote.audio: 4.0.0
params:
  clustering:
    Fa: 0.07
    Fb: 0.8
    threshold: 0.6
  segmentation:
    min_duration_off: 0.0
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: VBxClustering
    embedding: $model/embedding
    embedding_batch_size: 32
    embedding_exclude_overlap: true
    plda: $model/plda
    segmentation: $model/segmentation
    segmentation_batch_size: 32
"""


def noise(seed: int, name: str, *shape: int) -> np.ndarray:
    """Uniform values in -1..1 that depend on the seed and the name: SplitMix64 from their FNV-1a hash."""
    state = 0xCBF29CE484222325
    for byte in f"{seed}/{name}".encode():
        state = ((state ^ byte) * 0x100000001B3) % 2**64
    with np.errstate(over="ignore"):
        index = np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64)
        z = np.uint64(state) + index * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    # 24 bits, so that the values are exact.
    return ((z >> np.uint64(40)).astype(np.float64) / 2**23 - 1.0).reshape(shape)


def embedding_weight(seed: int, name: str, shape: list[int]) -> np.ndarray:
    """A tensor of the embedding model: the scales keep the size of activations."""
    values = noise(seed, name, *shape).astype(np.float32)
    layer, kind = name.split(".")[-2:]
    if kind == "running_var":
        return np.float32(1.0) + np.float32(0.5) * values
    if kind == "running_mean" or kind == "bias":
        return np.float32(0.1) * values
    if len(shape) == 1:
        # Residual branches are damped.
        base = 0.3 if layer == "bn2" else 1.0
        return np.float32(base) + np.float32(0.1) * values
    return np.float32(np.sqrt(6.0 / np.prod(shape[1:]))) * values


def plda(seed: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The arrays of xvec_transform.npz and plda.npz."""
    transform = {
        "mean1": 0.1 * noise(seed, "mean1", 256),
        "mean2": 0.1 * noise(seed, "mean2", 128),
        "lda": 0.1 * noise(seed, "lda", 256, 128),
    }
    model = {
        "mu": 0.1 * noise(seed, "mu", 128),
        # Large enough that there are several speakers.
        "tr": 3.0 * np.eye(128) + 0.3 * noise(seed, "tr", 128, 128),
        # Not sorted: the order of the dimensions is part of what is tested.
        "psi": 0.05 + 10.0 * ((noise(seed, "psi", 128) + 1.0) / 2.0) ** 3,
    }
    return transform, model


def segmentation(seed: int, assets: Path) -> PyanNet:
    model = PyanNet(
        sincnet={"stride": 10},
        lstm={"hidden_size": 128, "num_layers": 4, "bidirectional": True, "dropout": 0.5, "monolithic": True},
        linear={"hidden_size": 128, "num_layers": 2},
    )
    model.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=10.0,
        warm_up=(0.0, 0.0),
        classes=["speaker#1", "speaker#2", "speaker#3"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    model.setup()
    trained = load_file(assets / "segmentation-3.0.safetensors")
    for name, values in trained.items():
        if not name.endswith(("n_", "window_")):
            factor = np.float32(1.0) + np.float32(0.02) * noise(seed, name, *values.shape).astype(np.float32)
            trained[name] = values * torch.from_numpy(factor)
    model.load_state_dict(trained)
    return model


def embedding(seed: int, bias: np.ndarray) -> WeSpeakerResNet34:
    model = WeSpeakerResNet34()
    model.specifications = Specifications(
        problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=10.0, min_duration=0.5
    )
    model.setup()
    state = model.state_dict()
    for name, values in state.items():
        if not name.endswith("num_batches_tracked"):
            state[name] = torch.from_numpy(embedding_weight(seed, name, list(values.shape)))
    state["resnet.seg_1.bias"] = torch.from_numpy(bias)
    model.load_state_dict(state)
    return model


def save_checkpoint(model, path: Path) -> None:
    checkpoint = {
        "pytorch-lightning_version": "2.4.0",
        "state_dict": model.state_dict(),
        "hyper_parameters": dict(model.hparams),
        "epoch": 0,
        "global_step": 0,
    }
    model.on_save_checkpoint(checkpoint)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(checkpoint, path)


def save_small_checkpoint() -> None:
    """A checkpoint with everything that pyannote.audio saves, and with little weights."""
    model = PyanNet(linear={"hidden_size": 2, "num_layers": 0}, lstm={"hidden_size": 1, "num_layers": 1})
    model.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=10.0,
        classes=["speaker#1", "speaker#2", "speaker#3"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    checkpoint = {
        "pytorch-lightning_version": "2.4.0",
        "state_dict": {"weight": torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), "count": torch.tensor([7.5])},
        "hyper_parameters": dict(model.hparams),
        "callbacks": {},
        "epoch": 0,
        "global_step": 0,
    }
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, OUT / "lightning_checkpoint.bin")


def save_folder(folder: Path, seed: int, assets: Path, bias: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(CONFIG)
    save_checkpoint(segmentation(seed, assets), folder / "segmentation" / "pytorch_model.bin")
    save_checkpoint(embedding(seed, bias), folder / "embedding" / "pytorch_model.bin")
    (folder / "plda").mkdir(exist_ok=True)
    transform, model = plda(seed)
    np.savez(folder / "plda" / "xvec_transform.npz", **transform)
    np.savez(folder / "plda" / "plda.npz", **model)


def load(path: Path) -> dict:
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE and samples.ndim == 1, f"{path} is not mono at 16 kHz"
    return audio_file(path.stem, samples)


def audio_file(name: str, samples: np.ndarray) -> dict:
    return {"waveform": torch.from_numpy(samples).unsqueeze(0), "sample_rate": RATE, "uri": name}


def recordings(sample: np.ndarray) -> list[dict]:
    """The sample, a mixture of two of its parts with a pause and an incomplete last window, and less than a window."""
    index = np.arange(374_321)
    first, second = (sample[(index + shift) % len(sample)] for shift in (112_000, 352_000))
    mixture = np.float32(0.5) * first + np.float32(0.5) * second * ((index >= 80_000) & (index < 240_000))
    mixture[280_000:312_000] = 0
    short = sample[112_000:179_000].copy()
    return [audio_file("sample", sample), audio_file("mixture", mixture), audio_file("short", short)]


def run(pipeline, file: dict, **options) -> tuple[dict, dict]:
    """The result, and what the stages of the pipeline computed."""
    stages = {}

    def hook(step, artifact, file=None, total=None, completed=None):
        if artifact is not None and completed is None:
            # The pipeline changes the speaker count afterwards.
            stages[step] = copy.deepcopy(artifact)

    vbx = pipeline.clustering
    inner = vbx.filter_embeddings

    def filtered(embeddings, segmentations=None, **kwargs):
        found = inner(embeddings, segmentations=segmentations, **kwargs)
        stages["train"] = found
        return found

    vbx.filter_embeddings = filtered
    output = pipeline(file, hook=hook, **options)
    vbx.filter_embeddings = inner
    return output, stages


def classes(multilabel: np.ndarray) -> np.ndarray:
    """The index of the powerset class of each frame, from the activity of the three speakers."""
    table = {(0, 0, 0): 0, (1, 0, 0): 1, (0, 1, 0): 2, (0, 0, 1): 3, (1, 1, 0): 4, (1, 0, 1): 5, (0, 1, 1): 6}
    rows = multilabel.reshape(-1, 3).astype(int)
    return np.array([table[tuple(row)] for row in rows], dtype=np.uint8).reshape(multilabel.shape[:-1])


def turns(annotation) -> np.ndarray:
    """Rows of start, end and speaker."""
    labels = annotation.labels()
    rows = [(s.start, s.end, labels.index(label)) for s, _, label in annotation.itertracks(yield_label=True)]
    return np.array(sorted(rows), dtype=np.float32).reshape(-1, 3)


def clustering_stages(pipeline, train: np.ndarray) -> dict[str, np.ndarray]:
    """What `VBxClustering` computes from the embeddings to cluster, step by step."""
    from pyannote.audio.utils.vbx import cluster_vbx
    from scipy.cluster.hierarchy import fcluster, linkage

    vbx = pipeline.clustering
    unit = train / np.linalg.norm(train, axis=1, keepdims=True)
    tree = linkage(unit, method="centroid", metric="euclidean")
    _, ahc = np.unique(fcluster(tree, vbx.threshold, criterion="distance") - 1, return_inverse=True)
    features = vbx.plda(train)
    responsibilities, priors = cluster_vbx(ahc, features, vbx.plda.phi, Fa=vbx.Fa, Fb=vbx.Fb, maxIters=20)
    return {
        "ahc.clusters": ahc,
        "plda.features": features,
        "plda.phi": vbx.plda.phi,
        "vbx.responsibilities": responsibilities,
        "vbx.priors": priors,
    }


def centering_bias(seed: int, file: dict) -> np.ndarray:
    """The bias that centers the embeddings of a recording: of five of its windows."""
    model = embedding(seed, np.zeros(256, dtype=np.float32)).eval()
    windows = [file["waveform"][None, :, start * RATE : (start + 10) * RATE] for start in range(0, 21, 5)]
    with torch.inference_mode():
        embeddings = torch.cat([model(window) for window in windows])
    return -embeddings.mean(dim=0).numpy()


def values_of(pipeline, file: dict) -> dict[str, np.ndarray]:
    """What all stages compute for a recording."""
    output, stages = run(pipeline, file)
    train, window, speaker = stages["train"]
    values = {
        "segmentation.classes": classes(stages["segmentation"].data[::EVERY]),
        "count": stages["speaker_counting"].data[:, 0].astype(np.uint8),
        "embeddings": stages["embeddings"][::EVERY],
        "train": train,
        "train.window": window.astype(np.uint8),
        "train.speaker": speaker.astype(np.uint8),
        "turns": turns(output.speaker_diarization),
        "exclusive": turns(output.exclusive_speaker_diarization),
    }
    if len(train) > 1:
        values.update(clustering_stages(pipeline, train))
        values["ahc.clusters"] = values["ahc.clusters"].astype(np.uint8)
        kept = int((values["vbx.priors"] > 1e-7).sum())
        print(f"  {values['ahc.clusters'].max() + 1} clusters at first, {kept} speakers")
    # The embeddings take nearly all of the time, and are the same.
    pipeline.get_embeddings = lambda *_, **__: stages["embeddings"]
    for name, bounds in BOUNDS.items():
        if len(train) >= max(bounds.values()):
            forced, _ = run(pipeline, file, **bounds)
            values[f"{name}.turns"] = turns(forced.speaker_diarization)
            values[f"{name}.exclusive"] = turns(forced.exclusive_speaker_diarization)
    del pipeline.get_embeddings
    return values


def check_argsort() -> None:
    """Fails if NumPy does not keep the order of equal values."""
    for dtype in [np.float32, np.float64]:
        for count in range(2, 17):
            ties = np.arange(count).astype(dtype) // 3
            assert (np.argsort(ties) == np.arange(count)).all(), "numpy.argsort does not keep the order of equal values"


def main() -> None:
    check_argsort()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("assets", type=Path)
    parser.add_argument("recordings", type=Path, nargs="*")
    parser.add_argument("--values", type=Path, default=Path("."))
    parser.add_argument("--folders", type=Path)
    parser.add_argument("--seed", type=int, action="append")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    sample = load(options.assets / "sample.wav")
    given = [(options.values / f"{path.stem}", load(path)) for path in options.recordings]
    made = [(OUT / f"community-{file['uri']}", file) for file in recordings(sample["waveform"][0].numpy())]
    if not given:
        OUT.mkdir(parents=True, exist_ok=True)
        save_small_checkpoint()
    for seed in options.seed or SEEDS:
        with tempfile.TemporaryDirectory() as temporary:
            folder = (options.folders or Path(temporary)) / f"community-{seed}"
            bias = centering_bias(seed, sample)
            save_folder(folder, seed, options.assets, bias)
            pipeline = Pipeline.from_pretrained(folder)
            # The tests have the last recording for one seed.
            for path, file in given or made[: 3 if seed == SEEDS[0] else 2]:
                started = time.monotonic()
                values = values_of(pipeline, file)
                print(
                    f"seed {seed}, {file['uri']}: {len(values['train'])} embeddings, {len(values['turns'])} turns, "
                    f"{time.monotonic() - started:.1f} s on {options.threads} threads",
                    flush=True,
                )
                if file["uri"] == "sample":
                    values["seg_1.bias"] = bias
                if given:
                    values["samples"] = file["waveform"][0].numpy()
                floats = lambda value: value.astype(np.float32) if value.dtype.kind == "f" else value
                tensors = {name: torch.from_numpy(np.ascontiguousarray(floats(value))) for name, value in values.items()}
                save_file(tensors, f"{path}-{seed}.safetensors")


if __name__ == "__main__":
    main()
