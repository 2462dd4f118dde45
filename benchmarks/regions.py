"""python -m benchmarks.regions: are crops of what moves worth their CPU time?

Draws 1080p streets that the bundled model was not trained on. In frames in which something moves,
all ways to look take turns. The table gives recall by the side that objects have in the input of
today (the root of their area), at the confidence at which nine of ten boxes are right, and the CPU
time of a look: motion, preprocessing, engine and merging, not decoding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from time import process_time

import click
import cv2
import numpy as np

from benchmarks.attention.material import CONFIDENCE, Clip, frames
from benchmarks.machine import cores
from detector.detections import Detections
from detector.engines import Engine, make_engine
from detector.hardware.cpu import cpu_name
from detector.letterbox import Letterbox
from detector.nms import suppress
from detector.weights.zoo import find_model
from detector.yuv.planes import Planes
from pipeline.attention.motion import PLANE_HEIGHT, BoolArray, MotionDetector
from pipeline.process_settings import apply_process_settings
from pipeline.sources.street.labelled_clip import write_clip
from pipeline.sources.synthetic import Synthetic
from tests.support.paths import ROOT
from trackers.motchallenge.text import read_mot
from trainer.evaluation.average_precision import EvaluatedImage
from trainer.evaluation.matching import match

SEEDS = (31, 33, 36)  # `make street` trained on smaller and odd ones up to 29
WIDTH, HEIGHT = 1920, 1080
FRAME_RATE = Fraction(10)
EVERY = 2  # frames: those between are seen by the motion detector only
MIN_CELLS = 3  # that move, of a crop
BORDER = 16.0  # pixels: a box that is nearer to the border of its crop is cut by it
PRECISION = 0.9
SIDES = (0.0, 8.0, 12.0, 16.0, 32.0, np.inf)  # pixels in the input of today

Box = tuple[int, int, int, int]  # left, top, right, bottom, even source pixels


@dataclass
class Arm:
    """A way to look, and what came of it.

    scale: of the crops, input pixels by source pixels; 0: no crops
    crops: at most; every: of so many looks, one is at the whole frame, too
    """

    name: str
    engine: Engine
    scale: float = 0.0
    crops: int = 0
    every: int = 1
    kept: Detections = field(default_factory=Detections.empty)  # of the last whole frame
    images: list[EvaluatedImage] = field(default_factory=list)
    inputs: int = 0
    seconds: float = 0.0

    def look(self, planes: Planes, moving: BoolArray, number: int) -> Detections:
        """Return what is found in the frame; number: of the look."""
        size = self.engine.manifest.input_size
        boxes = list(windows(moving, planes.size, size, self.scale, self.crops))
        if number % self.every == 0:
            self.kept = self._detect(planes, (0, 0, WIDTH, HEIGHT))
            whole = self.kept
        else:  # what a tracker would go on with: what stands still
            whole = self.kept[_centred_outside(self.kept, boxes)]
        parts = [whole, *(self._detect(planes, box) for box in boxes)]
        return merged(parts, self.engine.manifest.nms_iou)

    def _detect(self, planes: Planes, box: Box) -> Detections:
        """Return the detections in a part of the frame, in source pixels, without those it cuts."""
        left, top, right, bottom = box
        part = Planes(
            planes.space,
            planes.luma[top:bottom, left:right],
            *(p[top // 2 : bottom // 2, left // 2 : right // 2] for p in (planes.cb, planes.cr)),
        )
        self.inputs += 1
        letterbox = Letterbox.fit(part.size, self.engine.manifest.input_size)
        found = self.engine.submit(letterbox.apply_to_planes(part)[None]).result()
        objects = suppress(
            found.boxes_xyxy[0],
            found.scores[0],
            confidence=CONFIDENCE,
            iou=self.engine.manifest.nms_iou,
        )
        inside = letterbox.to_source(objects.boxes_xyxy)
        inside += np.array([left, top, left, top], np.float32)
        low = [left + BORDER if left else -1, top + BORDER if top else -1]
        high = [
            right - BORDER if right < WIDTH else WIDTH + 1,
            bottom - BORDER if bottom < HEIGHT else HEIGHT + 1,
        ]
        uncut = np.flatnonzero(
            (inside[:, :2] >= low).all(axis=1) & (inside[:, 2:] <= high).all(axis=1)
        )
        return Detections(inside, objects.scores, objects.class_ids)[uncut]


def windows(
    moving: BoolArray, source: tuple[int, int], size: tuple[int, int], scale: float, most: int
) -> Iterator[Box]:
    """Yield up to `most` crops, each around as much of the uncovered movement as it can hold."""
    if not most:
        return
    cell = source[0] / moving.shape[0]
    height, width = (
        min(round(side / scale), full) for side, full in zip(size, source, strict=True)
    )
    left_over = moving.astype(np.float32)
    shape = max(1, int(width / cell)), max(1, int(height / cell))
    for _ in range(most):
        held = cv2.boxFilter(left_over, -1, shape, normalize=False, borderType=cv2.BORDER_CONSTANT)
        row, column = np.unravel_index(int(held.argmax()), held.shape)
        if held[row, column] < MIN_CELLS:
            return
        top = int(np.clip(row * cell - height / 2, 0, source[0] - height)) // 2 * 2
        left = int(np.clip(column * cell - width / 2, 0, source[1] - width)) // 2 * 2
        yield left, top, left + width, top + height
        low, high = (int(top / cell), int(left / cell)), (top + height, left + width)
        left_over[low[0] : int(high[0] / cell) + 1, low[1] : int(high[1] / cell) + 1] = 0


def merged(parts: Sequence[Detections], iou: float) -> Detections:
    """Return the best detection of each object; the first part is the whole frame's."""
    boxes = np.concatenate([part.boxes_xyxy for part in parts])
    scores = np.zeros((len(boxes), 3), np.float32)
    class_ids = np.concatenate([part.class_ids for part in parts])
    scores[np.arange(len(boxes)), class_ids] = np.concatenate([part.scores for part in parts])
    return suppress(boxes, scores, confidence=CONFIDENCE, iou=iou)


def _centred_outside(found: Detections, boxes: Sequence[Box]) -> BoolArray:
    centres = (found.boxes_xyxy[:, :2] + found.boxes_xyxy[:, 2:]) / 2
    inside = np.zeros(len(found), bool)
    for left, top, right, bottom in boxes:
        inside |= ((centres >= (left, top)) & (centres < (right, bottom))).all(axis=1)
    outside: BoolArray = ~inside
    return outside


def _drawn(seed: int, folder: Path, seconds: int) -> Clip:
    name = f"large-{seed}-{seconds}"
    clip = Clip(folder / "videos" / f"{name}.mp4", folder / "gt" / f"{name}.txt", busy=True)
    if not clip.truth.is_file():
        source = Synthetic(
            f"synthetic:{seed}", width=WIDTH, height=HEIGHT, frame_rate=FRAME_RATE, counter=False
        )
        write_clip(source, folder, name, int(seconds * FRAME_RATE))
    return clip


def _measure(clip: Clip, arms: list[Arm]) -> None:
    """Let each arm look at the frames of a clip in which something moves."""
    motion, truth = MotionDetector(), read_mot(clip.truth, with_classes=True)
    number = 0
    for arm in arms:
        arm.kept = Detections.empty()
    for frame in frames(clip):
        planes = frame.picture.planes
        began = process_time()
        movement = motion.see(frame.picture.luma(PLANE_HEIGHT), float(frame.time))
        spent = process_time() - began
        if frame.index % EVERY or movement.learning or not movement.moving.any():
            continue
        here = truth.at(frame.index + 1)
        objects = here.boxes_xyxy.astype(np.float32), here.class_ids
        for arm in arms[number % len(arms) :] + arms[: number % len(arms)]:
            began = process_time()
            found = arm.look(planes, movement.moving, number)
            arm.seconds += spent + process_time() - began
            nothing = np.zeros((0, 4), np.float32)
            arm.images.append(EvaluatedImage(clip.name, planes.size, *objects, nothing, found))
        number += 1


def _recalls(images: Sequence[EvaluatedImage]) -> tuple[list[float], list[int]]:
    """Return recall and number of objects: of each range of sides, of COCO's small, of all."""
    scores, hits, sides = [], [], []
    for image in images:
        extent = image.boxes_xyxy[:, 2:] - image.boxes_xyxy[:, :2]
        side = np.sqrt(extent.prod(axis=1))
        matches = match(image, 0.5)
        scores.append(image.detections.scores[matches.rows])
        hits.append(np.append(side, np.nan)[matches.found])  # NO_MATCH, -1, is the last
        sides.append(side)
    score, hit, every = (np.concatenate(parts) for parts in (scores, hits, sides))
    order = np.argsort(-score, kind="stable")
    right = ~np.isnan(hit[order])
    enough = np.flatnonzero(right.cumsum() >= PRECISION * np.arange(1, len(right) + 1))
    found = hit[order][: enough.max(initial=-1) + 1]
    scale = Letterbox.fit((HEIGHT, WIDTH), (384, 672)).resized[0] / HEIGHT
    ranges = [(low / scale, high / scale) for low, high in pairwise(SIDES)]
    ranges += [(0.0, 32.0), (0.0, np.inf)]
    counts = [int(((every >= low) & (every < high)).sum()) for low, high in ranges]
    got = [int(((found >= low) & (found < high)).sum()) for low, high in ranges]
    return [a / max(b, 1) for a, b in zip(got, counts, strict=True)], counts


@click.command()
@click.option("--seconds", type=click.IntRange(3), default=3, show_default=True, help="Of a clip.")
def main(seconds: int) -> None:
    """Print recall by size, and the CPU time of a look."""
    apply_process_settings()
    folder = ROOT / "build" / "regions"
    folder.mkdir(parents=True, exist_ok=True)
    engine = make_engine("openvino", find_model("street"), precision="fp32", streams=1)
    with closing(engine):
        arms = [
            Arm("whole frame", engine),
            Arm("whole, 1 crop at 1/2", engine, 0.5, 1),
            Arm("whole, 2 crops at 1/2", engine, 0.5, 2),
            Arm("whole, 1 crop at 1/1", engine, 1.0, 1),
            Arm("whole, 3 crops at 1/1", engine, 1.0, 3),
            Arm("1 crop at 1/2, whole 1/s", engine, 0.5, 1, every=5),
            Arm("2 crops at 1/2, whole 1/s", engine, 0.5, 2, every=5),
        ]
        for seed in SEEDS:
            _measure(_drawn(seed, folder, seconds), arms)
    click.echo("\n".join(_table(arms)))
    click.echo("\n".join(_confident(arms)))


def _table(arms: Sequence[Arm]) -> Iterator[str]:
    yield f"{len(arms[0].images)} looks, {cores()} cores of {cpu_name()}, FP32"
    names = [f"{low:g}-{high:g}" for low, high in pairwise(SIDES)] + ["COCO small", "all"]
    yield f"{'':<27}{'inputs':>7}{'CPU ms':>8}" + "".join(f"{name:>11}" for name in names)
    first, counts = _recalls(arms[0].images)
    yield f"{'objects':<42}" + "".join(f"{count:>11}" for count in counts)
    for arm in arms:
        recalls, looks = _recalls(arm.images)[0], len(arm.images)
        cost = arm.seconds / looks
        yield f"{arm.name:<27}{arm.inputs / looks:>7.2f}{1e3 * cost:>8.0f}" + "".join(
            f"{recall:>11.3f}" for recall in recalls
        )
        yield f"{'  by CPU second, to today':<42}" + "".join(
            f"{recall / cost / (base / (arms[0].seconds / looks)) if base else np.nan:>11.2f}"
            for recall, base in zip(recalls, first, strict=True)
        )


def _confident(arms: Sequence[Arm]) -> Iterator[str]:
    """Yield precision and recall at one confidence: wrong boxes do not hide what is found."""
    yield f"{'at confidence 0.25':<27}{'precision':>11}{'recall':>11}"
    for arm in arms:
        right = boxes = objects = 0
        for image in arm.images:
            sure = image.detections[image.detections.scores >= 0.25]
            found = match(replace(image, detections=sure), 0.5).found
            right, boxes = right + int((found >= 0).sum()), boxes + len(found)
            objects += len(image.class_ids)
        yield f"{arm.name:<27}{right / max(boxes, 1):>11.3f}{right / objects:>11.3f}"


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.regions")
