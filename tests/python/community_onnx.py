"""Writes ONNX exports of the models of community-1, as the exporters of several projects make them, for the tests.

    python3 -m pip install pyannote-audio==4.0.7 onnx onnxruntime onnxscript onnxsim safetensors
    python3 tests/python/community_onnx.py structures
    python3 tests/python/community_onnx.py exports FOLDER OUT

`structures` writes pyannote-engine/tests/numerics/onnx/*.onnx.gz: exports of models whose tensors have four different
values each, so that they are small, but show from which tensor every value in the graph comes. The values depend on the
name of the tensor; the Rust tests compute them again.

`exports` exports the models of a folder (with real or random weights, such as those that community_reference.py
--folders writes) to the folder OUT, in which each subfolder has the layout that the engine reads, and beside each model
the values that onnxruntime computes with it: posteriors for a window of noise, and the embedding of frames of noise.
"""

import argparse
import copy
import gzip
import shutil
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from community_reference import noise
from pyannote.audio import Model
from pyannote.audio.models.embedding import WeSpeakerResNet34
from pyannote.audio.models.segmentation import PyanNet

warnings.filterwarnings("ignore")
STRUCTURES = Path(__file__).parents[2] / "pyannote-engine" / "tests" / "numerics" / "onnx"
SAMPLES = 160_000
FRAMES = 998
MASK_FRAMES = 125


class Features(torch.nn.Module):
    """From filterbank features to an embedding, as WeSpeaker and sherpa-onnx export it."""

    def __init__(self, resnet):
        super().__init__()
        self.resnet = resnet

    def forward(self, features):
        return self.resnet(features)[1]


class Centered(Features):
    """The same, with the mean of embeddings subtracted, as WeSpeaker exports it."""

    def __init__(self, resnet):
        super().__init__(resnet)
        self.register_buffer("mean_vec", torch.full((256,), 0.125))

    def forward(self, features):
        return super().forward(features) - self.mean_vec


class Weighted(Features):
    """From filterbank features and the activity of a speaker to an embedding, as speakrs exports it."""

    def forward(self, features, weights):
        return self.resnet(features, weights=weights)[1]


def exports(segmentation, resnet, folder: Path) -> None:
    """Exports both models in every way."""
    folder.mkdir(parents=True, exist_ok=True)
    waveform = torch.zeros(1, 1, SAMPLES)
    features = torch.zeros(1, FRAMES, 80)
    legacy = {"dynamo": False, "opset_version": 14}
    # An exporter may change the model.
    wrapped = lambda wrapper: wrapper(copy.deepcopy(resnet)).eval()
    torch.onnx.export(
        segmentation,
        (waveform,),
        folder / "segmentation.onnx",
        input_names=["input"],
        dynamic_axes={"input": {0: "batch", 2: "samples"}},
        **legacy,
    )
    # The filters are computed when the model is exported.
    from onnxsim import simplify

    simplified, checked = simplify(onnx.load(folder / "segmentation.onnx"))
    assert checked
    onnx.save(simplified, folder / "segmentation-simplified.onnx")
    # The normalizations are folded into the convolutions, or not.
    torch.onnx.export(wrapped(Features), (features,), folder / "embedding.onnx", **legacy)
    torch.onnx.export(
        wrapped(Centered),
        (features,),
        folder / "embedding-unfolded.onnx",
        do_constant_folding=False,
        training=torch.onnx.TrainingMode.PRESERVE,
        **legacy,
    )
    torch.onnx.export(
        wrapped(Weighted),
        (features.repeat(3, 1, 1), torch.ones(3, MASK_FRAMES)),
        folder / "embedding-dynamo.onnx",
        dynamo=True,
        opset_version=18,
        external_data=False,
    )


def fill(model: torch.nn.Module, prefix: str) -> None:
    """Gives each quarter of the rows of a tensor a value of its own."""
    for name, tensor in model.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            rows = tensor.shape[0] if tensor.ndim else 1
            quarter = torch.arange(rows) * 4 // rows
            value = 2.0 + float(noise(0, prefix + name, 1)[0]) + 0.25 * quarter
            tensor.copy_(value.reshape(-1, *[1] * (tensor.ndim - 1)).expand(tensor.shape))


def structures() -> None:
    segmentation = PyanNet(
        sincnet={"stride": 10},
        lstm={"hidden_size": 128, "num_layers": 4, "bidirectional": True, "dropout": 0.5, "monolithic": True},
        linear={"hidden_size": 128, "num_layers": 2},
    )
    from pyannote.audio.core.task import Problem, Resolution, Specifications

    segmentation.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=10.0,
        classes=["speaker#1", "speaker#2", "speaker#3"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    segmentation.setup()
    resnet = WeSpeakerResNet34().resnet
    fill(segmentation, "")
    fill(resnet, "resnet.")
    STRUCTURES.mkdir(parents=True, exist_ok=True)
    exports(segmentation.eval(), resnet.eval(), STRUCTURES)
    for path in sorted(STRUCTURES.glob("*.onnx")):
        with open(path, "rb") as file, open(f"{path}.gz", "wb") as out:
            with gzip.GzipFile("", "wb", 9, out, 0) as compressed:
                shutil.copyfileobj(file, compressed)
        path.unlink()


def compared(source: Path, out: Path) -> None:
    import onnxruntime
    from safetensors.numpy import save_file

    segmentation = Model.from_pretrained(source / "segmentation" / "pytorch_model.bin").eval()
    resnet = Model.from_pretrained(source / "embedding" / "pytorch_model.bin").eval().resnet
    exports(segmentation, resnet, out)
    waveform = (0.1 * noise(0, "waveform", 1, 1, SAMPLES)).astype(np.float32)
    features = noise(0, "features", 1, FRAMES, 80).astype(np.float32)
    run = lambda path, *inputs: (
        lambda session: session.run(
            None, {value.name: array for value, array in zip(session.get_inputs(), inputs)}
        )[0]
    )(onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]))
    pairs = [
        ("legacy", "segmentation.onnx", "embedding.onnx"),
        ("unfolded", "segmentation-simplified.onnx", "embedding-unfolded.onnx"),
        ("dynamo", "segmentation-simplified.onnx", "embedding-dynamo.onnx"),
    ]
    for name, segmentation_file, embedding_file in pairs:
        folder = out / name
        for model, file in [("segmentation", segmentation_file), ("embedding", embedding_file)]:
            (folder / model).mkdir(parents=True, exist_ok=True)
            shutil.copy(out / file, folder / model / file)
        (folder / "plda").mkdir(exist_ok=True)
        for file in ["plda.npz", "xvec_transform.npz"]:
            shutil.copy(source / "plda" / file, folder / "plda" / file)
        posteriors = np.exp(run(out / segmentation_file, waveform)[0])
        if name == "dynamo":
            embedding = run(out / embedding_file, features.repeat(3, 0), np.ones((3, MASK_FRAMES), np.float32))
        else:
            embedding = run(out / embedding_file, features)
        # WeSpeaker's exports subtract the mean, the model of community-1 does not.
        embedding = embedding[0] + (0.125 if name == "unfolded" else 0.0)
        with torch.inference_mode():
            expected = torch.from_numpy(features)
            difference = np.abs(Features(resnet)(expected)[0].numpy() - embedding).max()
        print(f"{name}: the embedding of onnxruntime differs from that of PyTorch by {difference:.1e}")
        values = {"posteriors": posteriors, "embedding": embedding}
        save_file({key: np.ascontiguousarray(value, np.float32) for key, value in values.items()}, folder / "values.safetensors")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, dest="command")
    commands.add_parser("structures")
    command = commands.add_parser("exports")
    command.add_argument("folder", type=Path)
    command.add_argument("out", type=Path)
    options = parser.parse_args()
    with torch.no_grad():
        structures() if options.command == "structures" else compared(options.folder, options.out)


if __name__ == "__main__":
    main()
