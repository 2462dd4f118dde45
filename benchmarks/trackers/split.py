"""Which sequences options are chosen on, and which are only reported: fixed before the search.

Of mot17, two of three; of dance and sports every second in the order of their names. Of
MOT20 there is one sequence, so its first half is chosen on and its second half reported. MOT15 has
the split of `material`, made before; the clip of PETS is in its chosen half, so PETS is, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.trackers.detector import detected
from benchmarks.trackers.material import Material, current, mot15, pets09

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
    "mot15": ("ADL-Rundle-6", "ETH-Bahnhof", "KITTI-13", "PETS09-S2L1", "TUD-Stadtmitte"),
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
_HALVES = ("MOT20-01, first half", "MOT20-01, second half")


def sequences(kind: str, names: Sequence[str]) -> list[Material]:
    """Return the sequences of these names, of one of the kinds above."""
    by_name = {material.name: material for material in _all(kind)}
    return [by_name[name] for name in names]


def _all(kind: str) -> list[Material]:
    if kind == "mot15":
        return mot15()
    if kind == "pets":
        return pets09()
    if kind == "mot20":
        (whole,) = current(kind)
        return list(_halves(whole))
    found = current(kind)
    return [detected(m, seed) for seed, m in enumerate(found)] if kind == "sports" else found


def _halves(whole: Material) -> tuple[Material, Material]:
    middle = len(whole.frames) // 2
    first, second = (
        replace(
            whole,
            name=name,
            frames=frames,
            detections=whole.detections.among(frames),
            truth=whole.truth.among(frames),
        )
        for name, frames in zip(
            _HALVES, (whole.frames[:middle], whole.frames[middle:]), strict=True
        )
    )
    return first, second
