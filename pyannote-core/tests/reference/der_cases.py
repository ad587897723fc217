"""Writes der_cases.json: diarizations and what pyannote.metrics makes of them.

Run it with `pip install pyannote.metrics==4.2.0` and `python der_cases.py`.
The random cases are seeded, so that the file comes out the same each time.
"""

import json
import pathlib
import random
import warnings

from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate

warnings.filterwarnings("ignore")


def annotation(turns):
    """Turns as pyannote has them: a track of its own for each, as from an RTTM file."""
    result = Annotation(uri="case")
    for track, (start, end, speaker) in enumerate(turns):
        result[Segment(start, end), track] = speaker
    return result


def case(name, reference, hypothesis, collar=0.0, skip_overlap=False, uem=None):
    """One case with the numbers of pyannote.metrics."""
    scored = None if uem is None else Timeline([Segment(*span) for span in uem])
    metric = DiarizationErrorRate(collar=collar, skip_overlap=skip_overlap)
    r, h = annotation(reference), annotation(hypothesis)
    detail = metric(r, h, uem=scored, detailed=True)
    cropped = metric.uemify(r, h, uem=scored, collar=collar, skip_overlap=skip_overlap)
    return {
        "name": name,
        "collar": collar,
        "skip_overlap": skip_overlap,
        "uem": uem,
        "reference": reference,
        "hypothesis": hypothesis,
        "expected": {
            "total": detail["total"],
            "missed": detail["missed detection"],
            "false_alarm": detail["false alarm"],
            "confusion": detail["confusion"],
            "correct": detail["correct"],
            "rate": detail["diarization error rate"],
            "mapping": metric.optimal_mapping(*cropped),
        },
    }


def random_turns(rng, count, speakers, length, prefix):
    """Turns anywhere in the recording: some overlap, even those of one speaker."""
    turns = []
    for _ in range(count):
        start = round(rng.uniform(0, length), 3)
        end = round(start + rng.uniform(0.05, length / 4), 3)
        turns.append([start, end, f"{prefix}{rng.randrange(speakers)}"])
    return turns


def perturbed(rng, turns, speakers):
    """A hypothesis near the reference: moved, lost, mixed up and invented turns."""
    result = []
    for start, end, speaker in turns:
        if rng.random() < 0.1:
            continue
        start = round(max(0.0, start + rng.gauss(0, 0.3)), 3)
        end = round(end + rng.gauss(0, 0.3), 3)
        if rng.random() < 0.15:
            speaker = f"x{rng.randrange(speakers)}"
        if end > start:
            result.append([start, end, "h" + speaker])
    return result + random_turns(rng, 1, speakers, 60, "hx")


def picked():
    """What a reader would try by hand."""
    a = [[0.0, 10.0, "A"], [12.0, 20.0, "B"], [24.0, 27.0, "A"], [30.0, 40.0, "C"]]
    b = [[2.0, 13.0, "x"], [13.0, 14.0, "y"], [14.0, 20.0, "z"], [22.0, 38.0, "x"], [38.0, 40.0, "y"]]
    overlap = [[0.0, 6.0, "A"], [4.0, 9.0, "B"], [5.0, 7.0, "C"], [11.0, 12.0, "A"]]
    yield case("plain", a, b)
    yield case("collar", a, b, collar=0.5)
    yield case("wide collar", a, b, collar=4.0)
    yield case("collar eats everything", a, b, collar=100.0)
    yield case("uem", a, b, uem=[[0.0, 15.0], [25.0, 35.0]])
    yield case("uem with overlapping regions", a, b, uem=[[0.0, 15.0], [10.0, 18.0], [18.0, 19.0]])
    yield case("uem beyond the recording", a, b, uem=[[-10.0, 500.0]])
    yield case("uem outside of all turns", a, b, uem=[[100.0, 110.0]])
    yield case("empty uem", a, b, uem=[])
    yield case("uem changes the mapping", a, b, uem=[[30.0, 40.0]])
    yield case("collar cut by the uem", a, b, collar=1.0, uem=[[0.25, 10.25], [19.75, 24.25]])
    yield case("both empty", [], [])
    yield case("empty reference", [], b)
    yield case("empty hypothesis", a, [])
    yield case("empty reference with collar", [], b, collar=0.5, skip_overlap=True)
    yield case("same", a, a)
    yield case("overlap in reference", overlap, [[0.0, 5.0, "x"], [5.0, 9.0, "y"]])
    yield case("overlap skipped", overlap, [[0.0, 5.0, "x"], [5.0, 9.0, "y"]], skip_overlap=True)
    yield case("overlap skipped, collar", overlap, [[0.0, 5.0, "x"], [5.0, 9.0, "y"]], collar=0.5, skip_overlap=True)
    yield case("overlap in hypothesis", [[0.0, 5.0, "x"], [5.0, 9.0, "y"]], overlap, skip_overlap=True)
    yield case("one speaker's own turns overlap", [[0.0, 5.0, "A"], [3.0, 8.0, "A"]], [[0.0, 8.0, "x"]])
    yield case(
        "one speaker's own turns overlap, skipped", [[0.0, 5.0, "A"], [3.0, 8.0, "A"]], [[0.0, 8.0, "x"]],
        skip_overlap=True,
    )
    yield case("a turn given twice", [[0.0, 5.0, "A"], [0.0, 5.0, "A"]], [[0.0, 5.0, "x"], [0.0, 5.0, "x"]])
    yield case("a hypothesis turn given twice", [[0.0, 5.0, "A"]], [[0.0, 5.0, "x"], [0.0, 5.0, "x"]])
    yield case(
        "twice counts twice in the mapping",
        [[0.0, 4.0, "A"], [0.0, 4.0, "A"], [4.0, 10.0, "B"]],
        [[0.0, 10.0, "x"]],
    )
    yield case("negative times", [[-5.0, 5.0, "A"]], [[-3.0, 6.0, "x"]], collar=0.5)
    yield case("touching turns", [[0.0, 5.0, "A"], [5.0, 9.0, "A"]], [[0.0, 9.0, "x"]], collar=1.0)
    yield case(
        "turns that hold no speech are left out",
        [[0.0, 5.0, "A"], [7.0, 7.0, "B"], [9.0, 8.0, "B"], [3.0, 3.0000005, "B"]],
        [[0.0, 4.0, "x"], [20.0, 20.0, "y"]],
        collar=0.5,
    )
    yield case(
        "more speakers in the hypothesis",
        [[0.0, 30.0, "A"]],
        [[0.0, 9.0, "w"], [9.0, 19.5, "x"], [19.5, 22.0, "y"], [22.0, 33.0, "z"]],
    )
    yield case(
        "the greedy mapping is not the best",
        [[0.0, 10.0, "A"], [10.0, 19.0, "B"]],
        [[0.0, 5.0, "y"], [1.0, 10.0, "x"], [10.0, 18.0, "x"]],
    )


def drawn():
    """Seeded random cases, over all options."""
    for seed in range(32):
        rng = random.Random(seed)
        collar = [0.0, 0.25, 0.5, 1.0][seed % 4]
        skip_overlap = seed // 4 % 2 == 1
        uem = None
        if seed // 8 % 2 == 1:
            uem = [[5.0, round(rng.uniform(10, 30), 3)], [round(rng.uniform(25, 40), 3), 55.0]]
        reference = random_turns(rng, rng.randrange(3, 14), rng.randrange(1, 6), 60, "r")
        if seed < 16:
            hypothesis = perturbed(rng, reference, 4)
        else:
            hypothesis = random_turns(rng, rng.randrange(1, 14), rng.randrange(1, 6), 60, "h")
        yield case(f"random {seed}", reference, hypothesis, collar, skip_overlap, uem)


if __name__ == "__main__":
    rows = ",\n".join(json.dumps(row) for row in [*picked(), *drawn()])
    pathlib.Path(__file__).with_suffix(".json").write_text(f"[\n{rows}\n]\n")
