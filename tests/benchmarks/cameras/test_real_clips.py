"""Cameras send every frame of a real clip, at its rate, with its labels."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice
from pathlib import Path

import av
import click
import numpy as np
import pytest

from benchmarks.cameras.real_clips import STREET, find_data, pets_clip, street_clip
from detector.detections import UInt8Array
from tests.support.cameras import read_units
from tests.support.ffmpeg import tool

MIXED = "person-bicycle-car-detection"  # it declares eight frames more than it has
QUICK = 4  # a frame of it, from 0, in which the car moves fast
CASES = {  # video -> ground truth, classes
    **{
        f"street/videos/{name}.mp4": (f"street/gt/{name}.txt", classes)
        for name, classes in zip(STREET, ({2}, {0}, {0, 1, 2}), strict=True)
    },
    "pets09/vtest_480x360.mp4": ("pets09/gt_480x360.txt", {0}),
}


def test_every_frame_is_sent(data: Path, tmp_path: Path) -> None:
    video = data / "street" / "videos" / f"{MIXED}.mp4"
    clip = street_clip(MIXED, data, tmp_path)
    sent = tmp_path / "sent.h264"
    sent.write_bytes(b"".join(unit for _, unit in read_units(clip.units)))

    original = probed(video, "-count_frames", "-show_entries", "stream=nb_read_frames")
    packets = probed(sent, "-show_entries", "packet=flags:stream=r_frame_rate")
    frames = int(original["streams"][0]["nb_read_frames"])
    assert clip.frames == len(packets["packets"]) == frames
    assert packets["streams"][0]["r_frame_rate"] == "12/1"
    flags = enumerate(packet["flags"] for packet in packets["packets"])
    assert clip.keyframes == [place for place, each in flags if "K" in each]

    (picture,) = pictures(sent, QUICK, 1)
    near = pictures(video, QUICK - 2, 5)
    differences = [np.abs(np.subtract(picture, each, dtype=int)).mean() for each in near]
    assert np.argmin(differences) == 2, differences


@pytest.mark.parametrize("video", CASES)
def test_rate_and_labels_are_those_of_the_clip(video: str, data: Path, tmp_path: Path) -> None:
    truth, classes = CASES[video]
    (tmp_path / Path(video).with_suffix(".units").name).touch()  # so that none are encoded
    name = Path(video).stem
    clip = street_clip(name, data, tmp_path) if name in STREET else pets_clip(data, tmp_path)

    original = probed(data / video, "-show_entries", "stream=avg_frame_rate")
    fps = f"{clip.fps.numerator}/{clip.fps.denominator}"
    assert fps == original["streams"][0]["avg_frame_rate"]
    lines = [line.split(",") for line in (data / truth).read_text().splitlines() if line]
    assert Counter(clip.truth.frames.tolist()) == Counter(int(line[0]) for line in lines)
    assert clip.truth.boxes_xyxy[:, :2].sum() == pytest.approx(
        sum(float(line[2]) + float(line[3]) for line in lines)
    )
    assert set(clip.truth.class_ids.tolist()) == classes


def pictures(file: Path, first: int, count: int) -> list[UInt8Array]:
    """Return the luma of some frames of a video."""
    with av.open(str(file)) as container:
        frames = islice(container.decode(video=0), first, first + count)
        return [np.asarray(frame.to_ndarray(format="gray"), np.uint8) for frame in frames]


def probed(file: Path, *entries: str) -> dict[str, list[dict[str, str]]]:
    """Return what ffprobe says of the first video stream."""
    arguments = ("-select_streams", "v:0", "-of", "json", *entries, str(file))
    found: dict[str, list[dict[str, str]]] = json.loads(tool("ffprobe", *arguments))
    return found


def test_without_the_data_the_user_hears_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAMELANE_DATA", str(tmp_path))
    with pytest.raises(click.ClickException, match=r"street is missing: set FRAMELANE_DATA"):
        find_data()
