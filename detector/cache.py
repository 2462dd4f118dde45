"""Files that take long to make, kept on disk: engines, verdicts of the gate, converted models.

A cached file `<name>.engine` has a sidecar `<name>.json` with its key, its hash and notes of the
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
class CacheKey:
    """Everything that a cached file depends on.

    model_sha256: hash of the model file that it is made from
    runtime, version: the software that makes it; for an engine, also runs it
    device: name and capability, as in `NVIDIA H200, SM90`
    precision: precision that the engine or model computes in
    shapes: shapes of the images that it accepts, as in `1-8 x 640 x 640 x 3`
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
        """Stem of the file and its sidecar: equal for equal keys, different for different ones."""
        digest = sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
        return f"{self.runtime}-{self.precision}-{digest[:32]}"


@dataclass(frozen=True, slots=True)
class CachedFile:
    """A complete file, and the content of its sidecar.

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


def cached_file(
    key: CacheKey, build: Build, folder: Path | None = None, *, rebuild: bool = False
) -> CachedFile:
    """Return the file under `key`; it is built now unless a complete one is cached.

    build: writes the file; if it raises, the exception is passed on and nothing is kept
    folder: default: `engines` in the cache folder
    rebuild: build the file even if it is cached
    If two threads or processes ask at the same time, one builds and the other waits for it. Raises
    ModelError if the folder cannot be written to.
    """
    folder = folder or cache_folder() / "engines"
    file, sidecar = folder / f"{key.name}.engine", folder / f"{key.name}.json"
    with locked(folder / f"{key.name}.lock"):
        if not rebuild and (made := _read_sidecar(file, sidecar, key)) is not None:
            return CachedFile(file, False, made["seconds"], made["notes"])
        began_at = monotonic()
        _clear(file, sidecar)
        with replacing(file) as written:
            notes = dict(build(written))
        seconds = monotonic() - began_at
        made = {
            "key": asdict(key),
            "sha256": sha256_of(file),
            "built_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "seconds": round(seconds, 3),
            "notes": notes,
        }
        with replacing(sidecar) as written:
            written.write_text(json.dumps(made, indent=2) + "\n")
        return CachedFile(file, True, seconds, notes)


def _read_sidecar(file: Path, sidecar: Path, key: CacheKey) -> dict[str, Any] | None:
    """Return the content of the sidecar if it has this key and describes this file, else None."""
    try:
        made: dict[str, Any] = json.loads(sidecar.read_bytes())
        agrees = made["key"] == asdict(key) and made["sha256"] == sha256_of(file)
        return made if agrees and {"seconds", "notes"} <= set(made) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # missing, truncated or malformed: the file must be built


def _clear(file: Path, sidecar: Path) -> None:
    """Remove the sidecar of the old file, and temporary folders of killed builds."""
    sidecar.unlink(missing_ok=True)
    for leftover in file.parent.glob(f".{file.name}.*"):
        shutil.rmtree(leftover)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock on a file while the block runs; the kernel frees it if the process dies.

    Raises ModelError if the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise ModelError(
            f"cannot write to the cache '{path.parent}': {error.strerror}; "
            "set FRAMELANE_CACHE to a folder that can be written to"
        ) from error
    with file:
        # The lock belongs to this open file, not to the process: it locks out other threads too
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
