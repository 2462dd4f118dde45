"""What a fleet runs: its cameras, and what all of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.fleet.camera import CameraSpec


@dataclass(frozen=True, slots=True)
class Site:
    """A configuration in parts.

    sources: the configuration of each camera, as plain data; may hold credentials
    shared: `config`, that of everything else, as plain data, which may hold credentials; `model`,
        the hashes of the model's files, None if each node has it; `digest`, equal for equal ones
    model: the model's ONNX file, None if each node has it
    """

    cameras: Sequence[CameraSpec]
    sources: Mapping[str, Mapping[str, Any]] = field(repr=False)
    shared: Mapping[str, Any] = field(repr=False)
    model: Path | None = None
