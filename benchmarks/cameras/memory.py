"""What one more camera takes of memory, by where it lies, and of threads."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import sleep

from benchmarks.cameras.clip import Clip
from benchmarks.cameras.serve import cameras
from benchmarks.live.site import configuration, running_live
from benchmarks.live.watch import sample
from pipeline.config import SourceConfig
from tests.support.decoded_frames import frames_in_memory
from tests.support.runs import more_of

FEW, MORE = 2, 8  # cameras between which memory is compared
ARENA = 64 << 20  # bytes: glibc's heaps of threads begin at multiples of it
_MAPPING = re.compile(r"([0-9a-f]+)-\S+ \S+ \S+ \S+ \d+ *(.*)")


@dataclass(frozen=True, slots=True)
class CameraMemory:
    """What one more camera takes.

    bytes: resident; threads: with native ones
    drift: bytes by which the same cameras grew in the same time before, by camera that was added
    places: bytes by kind of mapping
    frames: decoded frames that are in memory
    """

    bytes: float
    threads: float
    drift: float
    places: dict[str, float]
    frames: float

    def __str__(self) -> str:
        places = ", ".join(f"{name} {size / 1e6:.1f}" for name, size in self.places.items())
        return (
            f"{self.bytes / 1e6:.1f} MB ({places}), of it {self.frames:.1f} decoded frames; "
            f"{self.threads:.1f} threads; without more cameras {self.drift / 1e6:+.1f} MB"
        )


def memory_of_a_camera(
    clips: Sequence[Clip], seconds: float, attention: str = "on"
) -> CameraMemory:
    """Return what one more camera takes; call it before any trial.

    seconds: for which each number of cameras runs before it is measured
    """
    options = {"attention": attention}
    with cameras(clips, MORE) as served:
        urls = {f"cam-{number:02}": url for number, url in enumerate(served.urls)}
        few, more = dict(list(urls.items())[:FEW]), dict(list(urls.items())[FEW:])
        with running_live(configuration(few, "street", "openvino", **options)) as run:
            sleep(seconds)
            first = sample()
            sleep(seconds)
            before, places, frames = sample(), _places(), frames_in_memory()
            for name, url in more.items():
                run.add(SourceConfig.model_validate({"url": url, "name": name, **options}))
            more_of(run, *more)
            sleep(seconds)
            after, places_after, frames_after = sample(), _places(), frames_in_memory()
    added = MORE - FEW
    return CameraMemory(
        (after.memory - before.memory) / added,
        (after.threads - before.threads) / added,
        (before.memory - first.memory) / added,
        {name: (places_after[name] - places[name]) / added for name in sorted(places_after)},
        (frames_after - frames) / added,
    )


def _places() -> Counter[str]:
    """Return the resident bytes of this process by kind of mapping."""
    found: Counter[str] = Counter()
    kind = ""
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if mapping := _MAPPING.match(line):
            kind = _kind(int(mapping[1], 16), mapping[2])
        elif line.startswith("Rss:"):
            found[kind] += int(line.split()[1]) << 10
    return found


def _kind(address: int, name: str) -> str:
    if name == "[heap]" or (not name and address % ARENA == 0):
        return "C heaps"
    return "files" if name.startswith("/") else "Python's heap and large blocks"
