"""Writes der_cases.json and evaluations.json: pairs of diarizations, with their DER and JER according to pyannote.metrics.

der_cases.json has one recording per case, evaluations.json several with their total.

Run it with `pip install pyannote.metrics==4.2.0` and `python der_cases.py`.
The random cases are seeded, so that the file is reproducible.
"""

import json
import pathlib
import random
import warnings

from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate, JaccardErrorRate

warnings.filterwarnings("ignore")


def annotation(turns):
    """Converts turns to an annotation with one track per turn, as when loaded from RTTM."""
    result = Annotation(uri="case")
    for track, (start, end, speaker) in enumerate(turns):
        result[Segment(start, end), track] = speaker
    return result


def case(name, reference, hypothesis, collar=0.0, skip_overlap=False, uem=None):
    """One case with the values of pyannote.metrics."""
    scored = None if uem is None else Timeline([Segment(*span) for span in uem])
    jer = JaccardErrorRate(collar=collar, skip_overlap=skip_overlap)
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
            "missed_detection": detail["missed detection"],
            "false_alarm": detail["false alarm"],
            "confusion": detail["confusion"],
            "correct": detail["correct"],
            "rate": detail["diarization error rate"],
            "jer": jer(r, h, uem=scored),
            "mapping": metric.optimal_mapping(*cropped),
        },
    }


def random_turns(rng, count, speakers, length, prefix):
    """Random turns; some overlap, including turns of the same speaker."""
    turns = []
    for _ in range(count):
        start = round(rng.uniform(0, length), 3)
        end = round(start + rng.uniform(0.05, length / 4), 3)
        turns.append([start, end, f"{prefix}{rng.randrange(speakers)}"])
    return turns


def perturbed(rng, turns, speakers):
    """A hypothesis similar to the reference, with shifted, missing, confused and additional turns."""
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


def handwritten():
    """Cases written by hand."""
    a = [[0.0, 10.0, "A"], [12.0, 20.0, "B"], [24.0, 27.0, "A"], [30.0, 40.0, "C"]]
    b = [[2.0, 13.0, "x"], [13.0, 14.0, "y"], [14.0, 20.0, "z"], [22.0, 38.0, "x"], [38.0, 40.0, "y"]]
    overlap = [[0.0, 6.0, "A"], [4.0, 9.0, "B"], [5.0, 7.0, "C"], [11.0, 12.0, "A"]]
    yield case("no options", a, b)
    yield case("collar", a, b, collar=0.5)
    yield case("wide collar", a, b, collar=4.0)
    yield case("collar covers everything", a, b, collar=100.0)
    yield case("uem", a, b, uem=[[0.0, 15.0], [25.0, 35.0]])
    yield case("uem with overlapping regions", a, b, uem=[[0.0, 15.0], [10.0, 18.0], [18.0, 19.0]])
    yield case("uem beyond the recording", a, b, uem=[[-10.0, 500.0]])
    yield case("uem outside of all turns", a, b, uem=[[100.0, 110.0]])
    yield case("empty uem", a, b, uem=[])
    yield case("uem changes the mapping", a, b, uem=[[30.0, 40.0]])
    yield case("collar clipped by the uem", a, b, collar=1.0, uem=[[0.25, 10.25], [19.75, 24.25]])
    yield case("both empty", [], [])
    yield case("empty reference", [], b)
    yield case("empty hypothesis", a, [])
    yield case("empty reference with collar", [], b, collar=0.5, skip_overlap=True)
    yield case("identical", a, a)
    yield case("overlap in reference", overlap, [[0.0, 5.0, "x"], [5.0, 9.0, "y"]])
    yield case("overlap skipped", overlap, [[0.0, 5.0, "x"], [5.0, 9.0, "y"]], skip_overlap=True)
    yield case("overlap skipped, collar", overlap, [[0.0, 5.0, "x"], [5.0, 9.0, "y"]], collar=0.5, skip_overlap=True)
    yield case("overlap in hypothesis", [[0.0, 5.0, "x"], [5.0, 9.0, "y"]], overlap, skip_overlap=True)
    yield case("overlapping turns of one speaker", [[0.0, 5.0, "A"], [3.0, 8.0, "A"]], [[0.0, 8.0, "x"]])
    yield case(
        "overlapping turns of one speaker, skipped", [[0.0, 5.0, "A"], [3.0, 8.0, "A"]], [[0.0, 8.0, "x"]],
        skip_overlap=True,
    )
    yield case("duplicate turns", [[0.0, 5.0, "A"], [0.0, 5.0, "A"]], [[0.0, 5.0, "x"], [0.0, 5.0, "x"]])
    yield case("duplicate hypothesis turns", [[0.0, 5.0, "A"]], [[0.0, 5.0, "x"], [0.0, 5.0, "x"]])
    yield case(
        "duplicates count twice in the mapping",
        [[0.0, 4.0, "A"], [0.0, 4.0, "A"], [4.0, 10.0, "B"]],
        [[0.0, 10.0, "x"]],
    )
    yield case("negative times", [[-5.0, 5.0, "A"]], [[-3.0, 6.0, "x"]], collar=0.5)
    yield case("touching turns", [[0.0, 5.0, "A"], [5.0, 9.0, "A"]], [[0.0, 9.0, "x"]], collar=1.0)
    yield case(
        "empty and reversed turns are ignored",
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
        "greedy mapping is not optimal",
        [[0.0, 10.0, "A"], [10.0, 19.0, "B"]],
        [[0.0, 5.0, "y"], [1.0, 10.0, "x"], [10.0, 18.0, "x"]],
    )


def randomized():
    """Seeded random cases with all combinations of options."""
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


def evaluation(seed):
    """Five recordings with the total of pyannote.metrics, which accumulates the components."""
    rng = random.Random(seed)
    collar, skip_overlap = [(0.0, False), (0.5, False), (0.25, True)][seed % 3]
    jer = JaccardErrorRate(collar=collar, skip_overlap=skip_overlap)
    der = DiarizationErrorRate(collar=collar, skip_overlap=skip_overlap)
    files = []
    for index in range(5):
        # One recording without a hypothesis, and one without a reference.
        reference = [] if index == 1 else random_turns(rng, rng.randrange(3, 14), rng.randrange(1, 6), 60, "r")
        hypothesis = [] if index == 3 else perturbed(rng, reference, 4)
        uem = [[2.0, round(rng.uniform(10, 30), 3)], [round(rng.uniform(25, 40), 3), 55.0]]
        scored = Timeline([Segment(*span) for span in uem])
        r, h = annotation(reference), annotation(hypothesis)
        der(r, h, uem=scored)
        jer(r, h, uem=scored)
        cropped = [len(turns.crop(scored.support()).labels()) for turns in (r, h)]
        files.append({"reference": reference, "hypothesis": hypothesis, "uem": uem, "speakers": cropped})
    total = der[:]
    return {
        "collar": collar,
        "skip_overlap": skip_overlap,
        "files": files,
        "expected": {
            "total": total["total"],
            "missed_detection": total["missed detection"],
            "false_alarm": total["false alarm"],
            "confusion": total["confusion"],
            "correct": total["correct"],
            "rate": abs(der),
            "jer": abs(jer),
        },
    }


def write(name, cases):
    """Writes one case per line."""
    rows = ",\n".join(json.dumps(case) for case in cases)
    pathlib.Path(__file__).with_name(name).write_text(f"[\n{rows}\n]\n")


if __name__ == "__main__":
    write("der_cases.json", [*handwritten(), *randomized()])
    write("evaluations.json", [evaluation(seed) for seed in range(6)])
