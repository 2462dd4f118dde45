"""An engine with scripted results: for tests, and for running the pipeline without a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Semaphore
from time import sleep
from typing import Any

import numpy as np

from detector.cache import CacheKey
from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.errors import ModelError
from detector.kernels.device_frame import DeviceFrame
from detector.letterbox import Letterbox
from detector.manifest import Manifest

Answer = Callable[[UInt8Array], Candidates]
Reader = Callable[[DeviceFrame, Letterbox], UInt8Array]
Hook = Callable[[int], None]  # takes the number of the batch, from 0; may wait, may raise


def nothing_found(images: UInt8Array) -> Candidates:
    """Return candidates without rows."""
    n = len(images)
    return Candidates(np.zeros((n, 0, 4), np.float32), np.zeros((n, 0, 1), np.float32))


def pass_by(_number: int) -> None:
    """Neither wait nor fail."""


class FakeEngine:
    """Returns `answer(images)` for each batch, computed when the result is taken; see Engine.

    before_submit, before_result: called in `submit` and `result` while a slot is held, to wait or
        to fail
    reader: returns the (H, W, 3) RGB image of a frame in the memory of GPU 0, when the result is
        taken; None: it takes no such frames
    key: for the gate, which accepts the engine without one
    closed: whether close was called
    """

    def __init__(
        self,
        manifest: Manifest,
        *,
        answer: Answer = nothing_found,
        slots: int = 2,
        before_submit: Hook = pass_by,
        before_result: Hook = pass_by,
        reader: Reader | None = None,
        key: CacheKey | None = None,
    ) -> None:
        self.manifest = manifest
        self.slots = slots
        self.precision = manifest.precision if key is None else key.precision
        self.key = key
        self.gpu = None if reader is None else 0
        self.closed = False
        self._answer = answer
        self._reader = reader
        self._before_submit, self._before_result = before_submit, before_result
        self._free = Semaphore(slots)
        self._submitted = 0

    def submit(self, images: UInt8Array) -> FakePending:
        """Take a slot for (n, h, w, 3) RGB bytes. Raises ModelError for another shape or type."""
        self.manifest.check_images(images)
        kept = images.copy()
        return self._submit(lambda: kept)

    def submit_frames(
        self, frames: Sequence[DeviceFrame], letterboxes: Sequence[Letterbox]
    ) -> FakePending:
        """Take a slot for frames in GPU memory, which are kept until the result is taken."""
        reader = self._reader
        assert reader is not None, "the engine takes no frames in GPU memory"
        pairs = list(zip(frames, letterboxes, strict=True))
        return self._submit(lambda: np.stack([reader(*pair) for pair in pairs]))

    def _submit(self, images: Callable[[], UInt8Array]) -> FakePending:
        self._free.acquire()
        number, self._submitted = self._submitted, self._submitted + 1
        try:
            self._before_submit(number)
        except BaseException:
            self._free.release()
            raise
        return FakePending(images, number, self._answer, self._before_result, self._free)

    def close(self) -> None:
        """Set `closed`."""
        self.closed = True


@dataclass(slots=True)
class FakePending:
    """A batch in flight; see Pending."""

    images: Callable[[], UInt8Array]
    number: int
    answer: Answer
    before_result: Hook
    free: Semaphore
    taken: bool = field(default=False, init=False)

    def result(self) -> Candidates:
        """Return the answer, and free the slot, also after a failure. May be called once."""
        assert not self.taken, "the result was taken, and its slot may be in use again"
        self.taken = True
        try:
            self.before_result(self.number)
            return self.answer(self.images())
        finally:
            del self.images
            self.free.release()


def open_engine(
    model: Path | None = None,
    *,
    manifest: Manifest | None = None,
    seconds: float = 0.0,
    **script: Any,
) -> FakeEngine:
    """Return an engine for a manifest, or for the manifest beside `model`.

    seconds: that each batch takes, one after the other; script: keyword arguments of FakeEngine
    """
    if seconds:
        script["before_result"] = lambda _number: sleep(seconds)
    if manifest is None:
        if model is None:
            raise ModelError(
                "the fake engine needs a manifest, or a model with a manifest beside it"
            )
        manifest = Manifest.beside(model)
    return FakeEngine(manifest, **script)
