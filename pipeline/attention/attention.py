"""The attention of one stream: it sees every frame, and what each look has found."""

from __future__ import annotations

from collections import Counter
from random import Random
from threading import Condition
from typing import Any

import numpy as np

from detector.detections import Detections, Float32Array, UInt8Array
from pipeline.attention.config import AttentionConfig
from pipeline.attention.doubt import doubtful
from pipeline.attention.known import FloatArray, Known
from pipeline.attention.motion import BoolArray, MotionDetector, Movement
from pipeline.attention.patience import Patience
from pipeline.attention.rule import Situation, decide
from pipeline.frames.decision import RESTS, Decision, Reason
from trackers.tracks import Tracks

SAMPLED = 0.01  # of all rests are looked at all the same
MARGIN = 0.15  # of its size, around a moving box: its shadow, and what its prediction is off by

Size = tuple[int, int]  # width and height of the frames, in source pixels


class Attention:
    """Decides on each frame of a stream; `judge` and `settle` are called by one thread each.

    waits: `judge` waits for the result of a look, so that a recording is judged as it would be if
        the engine took no time
    seed: of the random sample of rests that are looked at
    """

    def __init__(self, config: AttentionConfig, *, waits: bool = False, seed: int = 0) -> None:
        self.counts: Counter[Reason] = Counter()
        self.sampled = 0  # looks of the random sample whose result is known
        self.sampled_new = 0  # those that found something of which nothing was known
        self._config = config
        self._waits = waits
        self._random = Random(seed)
        self._changed = Condition()  # guards all below
        self._closed = False
        self._scene: int | None = None
        self._under_way: _Look | None = None
        self._forget(0.0)

    def judge(self, plane: UInt8Array, seconds: float, size: Size, scene: int = 0) -> Decision:
        """Return whether to look at the frame at `seconds`, which increase.

        plane: (h, w) its luma, small; size: of the frame
        scene: another number than before: nothing that was known still holds
        """
        with self._changed:
            if self._waits:
                self._changed.wait_for(lambda: self._closed or not self._under_way)
            if scene != self._scene:
                self._scene = scene
                self._forget(seconds)
                height, width = plane.shape
                self._motion = MotionDetector(self._config.ignored(height, width))
            movement = self._motion.see(plane, seconds)
            explained = self._explained(seconds, plane.shape, size)
            unexplained = movement.moving & ~explained
            decision = self._decide(movement, unexplained, seconds)
            if decision.looks:
                self._under_way = _Look(seconds, decision, movement.moving, unexplained)
                self._looked_at = seconds
            return decision

    def settle(
        self, seconds: float, decision: Decision, found: Detections, tracks: Tracks, size: Size
    ) -> None:
        """Note what became of the frame at `seconds`; frames come in order.

        decision: the one that was carried out; found: by the look; tracks: of it, or predicted
        """
        with self._changed:
            self.counts[decision.reason] += 1
            look = self._under_way
            postponed = decision.reason is Reason.BUSY  # to a later frame
            if look and seconds >= look.seconds and not postponed:
                self._under_way = None
                self._changed.notify_all()
            if decision.looks:
                self._learn(seconds, decision, look, found, tracks, size)

    def figures(self) -> dict[str, Any]:
        """Return how many frames were looked at, how many rested, and why, for a report.

        sampled, sampled_new: rests that were looked at all the same, and those that found something
            of which nothing was known
        """
        with self._changed:
            counts = dict(self.counts)
        looks = {why.value: n for why, n in counts.items() if why not in RESTS}
        rests = {why.value: n for why, n in counts.items() if why in RESTS}
        return {
            "looks": looks,
            "rests": rests,
            "sampled": self.sampled,
            "sampled_new": self.sampled_new,
        }

    def close(self) -> None:
        """Let `judge` wait no longer: no further results come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _forget(self, seconds: float) -> None:
        self._known = Known(seconds)
        self._patience = Patience(self._config.max_rest_seconds)
        self._looked_at = -np.inf
        self._motion = MotionDetector()

    def _decide(self, movement: Movement, unexplained: BoolArray, seconds: float) -> Decision:
        known = self._known
        decision = decide(
            Situation(
                elapsed=seconds - self._looked_at,
                under_way=self._under_way is not None,
                learning=movement.learning,
                change=movement.global_change,
                movement=self._patience.wait(unexplained, seconds),
                doubt=self._patience.doubt(seconds),
                expected=bool(movement.moving.any()) or bool(known.moving.any()),
                track=known.interval,
                max_rest=self._config.max_rest_seconds,
            )
        )
        rests = not decision.looks and decision.reason is not Reason.UNDER_WAY
        if rests and self._random.random() < SAMPLED:
            return Decision(Reason.SAMPLE, 1.0)
        return decision

    def _explained(self, seconds: float, shape: tuple[int, ...], size: Size) -> BoolArray:
        """Return the cells in which moving tracks are, or have been since the last look."""
        known = self._known
        if not known.moving.any():
            return np.zeros(shape, bool)
        boxes = known.boxes[known.moving]
        now = known.at(seconds)[known.moving]
        margin = MARGIN * (boxes[:, 2:] - boxes[:, :2])
        low = np.minimum(boxes[:, :2], now[:, :2]) - margin
        high = np.maximum(boxes[:, 2:], now[:, 2:]) + margin
        return _cells(np.concatenate((low, high), axis=1), shape, size)

    def _learn(
        self,
        seconds: float,
        decision: Decision,
        look: _Look | None,
        found: Detections,
        tracks: Tracks,
        size: Size,
    ) -> None:
        before = self._known
        self._known = before.after(tracks, seconds, size)
        if decision.reason is Reason.SAMPLE:
            self.sampled += 1
            self.sampled_new += not np.isin(self._known.ids, before.ids).all()
        if look and seconds >= look.seconds:
            shape, known = look.unexplained.shape, self._known
            fresh = ~np.isin(known.ids, before.ids) | (known.ids < 0)
            explained = _cells(known.boxes[fresh], shape, size)
            doubts = _cells(doubtful(found, tracks), shape, size) & look.moving
            self._patience.looked(look.unexplained & ~explained, explained, doubts, seconds)
            moves = _cells(known.boxes[known.moving], shape, size)
            self._motion.absorb(~moves)


class _Look:
    """A look whose result is awaited.

    moving: (h, w) cells that moved; unexplained: those that no track explained
    """

    def __init__(
        self, seconds: float, decision: Decision, moving: BoolArray, unexplained: BoolArray
    ) -> None:
        self.seconds = seconds
        self.decision = decision
        self.moving = moving
        self.unexplained = unexplained


def _cells(boxes: FloatArray | Float32Array, shape: tuple[int, ...], size: Size) -> BoolArray:
    """Return (h, w) which cells the (n, 4) boxes touch."""
    covered = np.zeros(shape, np.uint8)
    scale = np.array([shape[1] / size[0], shape[0] / size[1]] * 2)
    scaled = np.clip(boxes * scale, -1, max(shape) + 1)
    low, high = np.floor(scaled[:, :2]).astype(int), np.ceil(scaled[:, 2:]).astype(int)
    for (x0, y0), (x1, y1) in zip(low.clip(0).tolist(), high.clip(0).tolist(), strict=True):
        covered[y0:y1, x0:x1] = 1
    return covered.view(bool)
