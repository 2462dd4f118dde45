"""Models that a node was sent."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from detector.atomic_write import replacing
from detector.errors import FramelaneError
from detector.export.precisions import int8_files
from detector.manifest import manifest_path, sha256_of

PART_BYTES = 4 << 20  # of a file in one message


class ModelStore:
    """The folder of sent models, each in a folder named after its content.

    A file is there complete, or not at all.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, wanted: Mapping[str, str]) -> Path | None:
        """Return the model's file, None if a part of it is missing.

        wanted: name of each file -> its SHA-256; the first one is the ONNX file
        """
        paths = [self._path(name, wanted) for name in wanted]
        return paths[0] if all(path.is_file() for path in paths) else None

    def receive(self, request: Mapping[str, Any]) -> None:
        """Add a part of a file; raises FramelaneError if the whole has another hash.

        request: as `parts` yields it; parts come in order
        """
        wanted: Mapping[str, str] = request["wanted"]
        path = self._path(request["name"], wanted)
        unfinished = path.with_name(f".{path.name}.part")
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb" if request["first"] else "ab") as file:
            file.write(base64.b64decode(request["content"]))
        if request["last"]:
            if sha256_of(unfinished) != wanted[request["name"]]:
                unfinished.unlink()
                raise FramelaneError(f"model file '{path.name}' arrived damaged: send it again")
            with replacing(path) as written:
                unfinished.rename(written)

    def _path(self, name: str, wanted: Mapping[str, str]) -> Path:
        content = sha256("".join(wanted.values()).encode()).hexdigest()
        return self._folder / content[:16] / Path(name).name


def model_files(model: Path) -> list[Path]:
    """Return the files that make up a model: the ONNX file, its manifest, its INT8 models."""
    return [model, manifest_path(model), *int8_files(model)]


def hashes(model: Path) -> dict[str, str]:
    """Return the name and SHA-256 of each file of a model; the first one is the ONNX file."""
    return {path.name: sha256_of(path) for path in model_files(model)}


def parts(model: Path) -> Iterator[dict[str, Any]]:
    """Yield the messages that carry a model to a node."""
    wanted = hashes(model)
    for path in model_files(model):
        size, done = path.stat().st_size, 0
        with path.open("rb") as file:
            while content := file.read(PART_BYTES):
                first, done = done == 0, done + len(content)
                yield {
                    "wanted": wanted,
                    "name": path.name,
                    "first": first,
                    "last": done == size,
                    "content": base64.b64encode(content).decode(),
                }
