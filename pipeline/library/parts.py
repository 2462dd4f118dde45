"""Outputs under construction: `a.mp4.part` becomes `a.mp4` when all of a recording is done."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pipeline.sinks.output_lock import OutputLock


def part_of(output: str) -> Path:
    """Return where an output grows."""
    return Path(f"{output}.part")


def publish(outputs: Iterable[str]) -> None:
    """Give all outputs their final names; raises OSError.

    Their bytes are on the disk before they have a name, so that a power cut leaves no empty file
    under a final name.
    """
    outputs = list(outputs)
    for output in outputs:
        _to_disk(part_of(output))
    for output in outputs:
        os.replace(part_of(output), output)
    for folder in {Path(output).parent for output in outputs}:
        _to_disk(folder)


def discard(outputs: Iterable[str]) -> None:
    """Remove what is left of outputs that will not be finished, also by a killed process."""
    for part in map(part_of, outputs):
        if not part.parent.is_dir():
            continue
        with suppress(OSError):  # InUse: another run writes it
            lock = OutputLock(part)
            part.unlink(missing_ok=True)
            part.with_suffix(f".incomplete{part.suffix}").unlink(missing_ok=True)
            lock.release()  # a killed process leaves the file of its lock


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
