"""Which sequences options are chosen on, and which are only reported: fixed before the search.

Of mot17, two of three; of dance and sports every second in the order of their names. Of
MOT20 there is one sequence, so its first half is chosen on and its second half reported. MOT15 has
the split that was made before; the clip of PETS is in its chosen half, so PETS is, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.trackers.data import CHOSEN_ON as CHOSEN_ON_MOT15
from benchmarks.trackers.data import find_data
from benchmarks.trackers.detector import detected
from tests.support.labelled_sequences import LabelledSequence, mot15, pets09
from trackers.evaluation.rules import Rules
from trackers.motchallenge.camera_path import read_camera
from trackers.motchallenge.sequences import read_info
from trackers.motchallenge.text import read_mot

CHOSEN_ON = {
    "mot17": ("MOT17-02-SDP", "MOT17-05-SDP"),
    "mot20": ("MOT20-01, first half",),
    "dance": (
        "dancetrack0004",
        "dancetrack0010",
        "dancetrack0026",
        "dancetrack0035",
        "dancetrack0065",
        "dancetrack0097",
    ),
    "sports": (
        "v_00HRwkvvjtQ_c001",
        "v_00HRwkvvjtQ_c005",
        "v_00HRwkvvjtQ_c008",
        "v_9MHDmAMxO5I_c002",
    ),
    "mot15": CHOSEN_ON_MOT15,
    "pets": ("PETS09 Faster R-CNN", "PETS09 ACF"),
}
REPORTED = {
    "mot17": ("MOT17-11-SDP",),
    "mot20": ("MOT20-01, second half",),
    "dance": (
        "dancetrack0005",
        "dancetrack0018",
        "dancetrack0030",
        "dancetrack0043",
        "dancetrack0073",
    ),
    "sports": (
        "v_00HRwkvvjtQ_c003",
        "v_00HRwkvvjtQ_c007",
        "v_00HRwkvvjtQ_c011",
        "v_9MHDmAMxO5I_c003",
    ),
    "mot15": (
        "ADL-Rundle-8",
        "ETH-Pedcross2",
        "ETH-Sunnyday",
        "KITTI-17",
        "TUD-Campus",
        "Venice-2",
    ),
    "pets": (),
}
HALVES = ("MOT20-01, first half", "MOT20-01, second half")
RULES: dict[str, Rules] = {"mot17": "mot17", "mot20": "mot20"}


def sequences(kind: str, names: Sequence[str]) -> list[LabelledSequence]:
    """Return the sequences with these names, of one of the kinds above."""
    by_name = {sequence.name: sequence for sequence in _all(kind)}
    return [by_name[name] for name in names]


def _all(kind: str) -> list[LabelledSequence]:
    data = find_data()
    if kind == "mot15":
        return mot15(data)
    if kind == "pets":
        return pets09(data)
    folders = sorted((data / "tracking" / kind).iterdir())
    found = [_read(folder, RULES.get(kind, "mot15")) for folder in folders]
    if kind == "mot20":
        (whole,) = found
        return _in_halves(whole)
    return [detected(s, seed) for seed, s in enumerate(found)] if kind == "sports" else found


def _read(folder: Path, rules: Rules) -> LabelledSequence:
    """Return a sequence; one without detections gets its ground truth in their place."""
    truth_file, camera_file = folder / "gt" / "gt.txt", folder / "camera_motion.txt"
    info = read_info(truth_file)
    assert info, folder
    truth = read_mot(truth_file, with_classes=rules != "mot15")
    detections_file = folder / "det" / "det.txt"
    has_own = detections_file.exists()
    detections = read_mot(detections_file, with_classes=False) if has_own else truth
    return LabelledSequence(
        folder.name,
        info.frame_rate,
        np.arange(1, info.length + 1),
        replace(detections, scores=detections.scores.clip(0, 1)),
        truth,
        rules,
        read_camera(camera_file) if camera_file.exists() else None,
    )


def _in_halves(whole: LabelledSequence) -> list[LabelledSequence]:
    middle = len(whole.frames) // 2
    return [
        replace(
            whole,
            name=name,
            frames=frames,
            detections=whole.detections.among(frames),
            truth=whole.truth.among(frames),
        )
        for name, frames in zip(HALVES, (whole.frames[:middle], whole.frames[middle:]), strict=True)
    ]
