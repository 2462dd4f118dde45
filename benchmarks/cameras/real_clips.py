"""The street clips and PETS, encoded as cameras send them, at their own rates of 10 to 12.5."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import click

from benchmarks.cameras.clip import NOWHERE, Clip, make_clip
from detector.detections import UInt8Array
from pipeline.sources.street.labelled_clip import CLASSES
from tests.support.paths import data_folder
from trackers.evaluation.ignore_regions import IgnoreRegions, read_ignore
from trackers.evaluation.rules import PEDESTRIAN
from trackers.motchallenge.text import MotRows, read_mot

STREET = ("car-detection", "one-by-one-person-detection", "person-bicycle-car-detection")
PETS = "vtest_480x360"


def find_data() -> Path:
    """Return the folder of test data; ends the program if the clips are not there."""
    data = data_folder()
    for folder in ("street", "pets09"):
        if not (data / folder).is_dir():
            raise click.ClickException(
                f"{data / folder} is missing: set FRAMELANE_DATA to the folder of test data, or "
                "choose another --material"
            )
    return data


def street_clip(name: str, data: Path, folder: Path) -> Clip:
    """Return one of the `STREET` clips in `data`; its access units are kept in `folder`."""
    street = data / "street"
    truth = read_mot(street / "gt" / f"{name}.txt", with_classes=True)
    ignored = read_ignore(street / "ignore" / f"{name}.txt")
    return _clip(street / "videos" / f"{name}.mp4", folder, truth, ignored)


def pets_clip(data: Path, folder: Path) -> Clip:
    """Return PETS09-S2L1, with the class of a person as the street clips have it."""
    pets = data / "pets09"
    truth = read_mot(pets / "gt_480x360.txt", with_classes=True)
    assert (truth.class_ids == PEDESTRIAN).all(), truth
    person = truth.class_ids - PEDESTRIAN + CLASSES.index("person")
    return _clip(pets / f"{PETS}.mp4", folder, replace(truth, class_ids=person), NOWHERE)


def _clip(video: Path, folder: Path, truth: MotRows, ignored: IgnoreRegions) -> Clip:
    with av.open(str(video)) as container:
        rate = container.streams.video[0].average_rate
    assert rate, video
    units = folder / f"{video.stem}.units"
    return make_clip(units, Fraction(rate), _frames(video), truth, ignored)


def _frames(video: Path) -> Iterator[UInt8Array]:
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="bgr24")
