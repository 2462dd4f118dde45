"""Built engines on disk, each under a key of everything that it depends on.

An engine file `<name>.engine` has a sidecar `<name>.json` that tells its key, its hash and how it
was made. It is used only if both are there and agree with each other and with what is asked for.
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
    """What an engine depends on: if any of it differs, it is another engine.

    model_sha256: of the model file that it is made from
    runtime, version: of what builds and runs it
    device: name and capability, as in `NVIDIA H200, SM90`
    precision: that it computes in
    shapes: of the images that it takes, as in `1-8 x 640 x 640 x 3`
    flags: whatever else the builder was told, and what it was held to
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
        """Name of its files: the same for equal keys, and another for each other one."""
        digest = sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
        return f"{self.runtime}-{self.precision}-{digest[:32]}"


@dataclass(frozen=True, slots=True)
class CachedEngine:
    """An engine file that is whole, and what its sidecar says.

    built: by this very call
    seconds: that the build took; notes: what the builder had to say
    """

    path: Path
    built: bool
    seconds: float
    notes: Mapping[str, Any]


Build = Callable[[Path], Mapping[str, Any]]  # writes the file at the path, and returns its notes


def cache_folder() -> Path:
    """Return where what can be made again is kept: $FRAMELANE_CACHE, or the user's cache folder."""
    if given := os.environ.get("FRAMELANE_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "framelane"


def cached_engine(
    key: EngineKey, build: Build, folder: Path | None = None, *, anew: bool = False
) -> CachedEngine:
    """Return the engine under `key`, which is built now unless a whole one is there.

    build: what it raises is passed on, and then nothing is kept
    folder: default: `engines` in the cache folder
    anew: build it even so
    Of two that ask at once, threads or processes, one builds and the other waits for it. Raises
    ModelError if the folder cannot be written to.
    """
    folder = folder or cache_folder() / "engines"
    engine, sidecar = folder / f"{key.name}.engine", folder / f"{key.name}.json"
    with locked(folder / f"{key.name}.lock"):
        if not anew and (made := _whole(engine, sidecar, key)) is not None:
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


def _whole(engine: Path, sidecar: Path, key: EngineKey) -> dict[str, Any] | None:
    """Return the sidecar, if it is of this key and the engine is the very file it describes."""
    try:
        made: dict[str, Any] = json.loads(sidecar.read_bytes())
        agrees = made["key"] == asdict(key) and made["sha256"] == sha256_of(engine)
        return made if agrees and {"seconds", "notes"} <= set(made) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # missing, cut off, or something else: to be built anew in any case


def _clear(engine: Path, sidecar: Path) -> None:
    """Remove what must not vouch for the next file, and what a killed build has left behind."""
    sidecar.unlink(missing_ok=True)
    for left_behind in engine.parent.glob(f".{engine.name}.*"):
        shutil.rmtree(left_behind)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file while the block runs; the system frees it if the process dies."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise ModelError(
            f"cannot write to the cache '{path.parent}': {error.strerror}; "
            "set FRAMELANE_CACHE to a folder that can be written to"
        ) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)  # of this opening: it holds off other threads, too
        yield
