"""Engines, and the verdicts of the acceptance gate on them, kept on disk under a key each.

An engine file `<name>.engine` has a sidecar `<name>.json` with its key, its hash and notes of the
build. The file is used only if both exist, the hash is right, and the key is the one asked for.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any

from detector.atomic_write import replacing
from detector.errors import ModelError
from detector.manifest import sha256_of


@dataclass(frozen=True, slots=True)
class EngineKey:
    """Everything that an engine, or the verdict on it, depends on.

    model_sha256: of the model file that it is made from
    runtime, version: the software that builds and runs it
    device: name and capability, as in `NVIDIA H200, SM90`
    precision: that it computes in
    shapes: of the images that it accepts, as in `1-8 x 640 x 640 x 3`
    flags: other options of the builder; in the key of a verdict also the tolerance
    """

    model_sha256: str
    runtime: str
    version: str
    device: str
    precision: str
    shapes: str
    flags: Mapping[str, str | int | float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Stem of its files: equal for equal keys, and different for different ones."""
        digest = sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
        return f"{self.runtime}-{self.precision}-{digest[:32]}"


@dataclass(frozen=True, slots=True)
class CachedEngine:
    """A complete engine file, and the content of its sidecar.

    built: whether this call built it
    seconds: duration of the build; notes: what the builder returned
    """

    path: Path
    built: bool
    seconds: float
    notes: Mapping[str, Any]


Build = Callable[[Path], Mapping[str, Any]]  # writes the file, and returns notes for the sidecar


def cache_folder() -> Path:
    """Return the cache folder: $FRAMELANE_CACHE, or `framelane` in the user's cache folder."""
    if given := os.environ.get("FRAMELANE_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "framelane"


def cached_engine(
    key: EngineKey, build: Build, folder: Path | None = None, *, rebuild: bool = False
) -> CachedEngine:
    """Return the engine under `key`; it is built now unless a complete one is cached.

    build: its exceptions are passed on, and then nothing is kept
    folder: default: `engines` in the cache folder
    rebuild: build it even if it is cached
    If two threads or processes ask at the same time, one builds and the other waits for it. Raises
    ModelError if the folder cannot be written to.
    """
    folder = folder or cache_folder() / "engines"
    engine, sidecar = folder / f"{key.name}.engine", folder / f"{key.name}.json"
    with locked(folder / f"{key.name}.lock"):
        if not rebuild and (made := _complete(engine, sidecar, key)) is not None:
            return CachedEngine(engine, False, made["seconds"], made["notes"])
        began_at = monotonic()
        _clear(engine, sidecar)
        with replacing(engine) as written:
            notes = dict(build(written))
        seconds = monotonic() - began_at
        made = {
            "key": asdict(key),
            "sha256": sha256_of(engine),
            "built_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "seconds": round(seconds, 3),
            "notes": notes,
        }
        with replacing(sidecar) as written:
            written.write_text(json.dumps(made, indent=2) + "\n")
        return CachedEngine(engine, True, seconds, notes)


def _complete(engine: Path, sidecar: Path, key: EngineKey) -> dict[str, Any] | None:
    """Return the sidecar if it has this key and describes this engine file, else None."""
    try:
        made: dict[str, Any] = json.loads(sidecar.read_bytes())
        agrees = made["key"] == asdict(key) and made["sha256"] == sha256_of(engine)
        return made if agrees and {"seconds", "notes"} <= set(made) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # missing, truncated or malformed: the engine must be built


def _clear(engine: Path, sidecar: Path) -> None:
    """Remove the sidecar of the old file, and temporary folders of killed builds."""
    sidecar.unlink(missing_ok=True)
    for leftover in engine.parent.glob(f".{engine.name}.*"):
        shutil.rmtree(leftover)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file while the block runs; the kernel frees it if the process dies."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise ModelError(
            f"cannot write to the cache '{path.parent}': {error.strerror}; "
            "set FRAMELANE_CACHE to a folder that can be written to"
        ) from error
    with file:
        fcntl.flock(
            file, fcntl.LOCK_EX
        )  # belongs to this open file: it locks out other threads too
        yield
