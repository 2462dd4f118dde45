"""The data.yaml of a data set in YOLO layout, as different tools write it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from detector.errors import UsageError
from detector.image_suffixes import is_image
from detector.settings import read_yaml
from detector.text_file import read_text


class DataYaml:
    """The class names of a data set, and the image files of each split."""

    def __init__(self, path: Path) -> None:
        """Read the file at `path`. Raises UsageError if it is wrong."""
        self._path = path
        self._content = read_yaml(path)
        self.names = self._names()

    def images(self, split: str) -> list[Path]:
        """Return the image files of a split, in order, each once.

        A split is a folder, an image, a .txt with an image per line, or a list of these. Raises
        UsageError if the file has no such split, or if the split has no images.
        """
        values = self._content.get(split)
        if values is None:
            raise UsageError(
                f"{self._path}: '{split}' names no images; keys that may name images: "
                f"{', '.join(self._splits()) or 'none'}. Give one of them as 'split' in the "
                f"recipe, or add '{split}' to {self._path.name}"
            )
        found = []
        for value in values if isinstance(values, list) else [values]:
            if not isinstance(value, str) or not value.strip():
                raise UsageError(
                    f"{self._path}: '{split}': {value!r} given: a folder, an image, a .txt with an "
                    "image per line, or a list of these is expected"
                )
            found += self._files(split, value)
        return list(dict.fromkeys(found))

    def _splits(self) -> list[str]:
        """Return the keys whose values may name images."""
        no_splits = ("names", "path")
        return [
            str(key)
            for key, value in self._content.items()
            if isinstance(value, str | list) and key not in no_splits
        ]

    def _files(self, split: str, value: str) -> list[Path]:
        """Return the image files that one value names."""
        places = list(dict.fromkeys(self._places(value)))
        place = next((each for each in places if _exists(each)), None)
        looked_for = " and ".join(str(each) for each in places)
        if place is None or not (place.is_dir() or place.is_file()):
            raise UsageError(
                f"{self._path}: '{split}' names '{value}', which does not exist: looked for "
                f"{looked_for}"
            )
        if place.is_dir():
            images = sorted(file for file in place.rglob("*") if is_image(file))
        else:
            images = [place] if is_image(place) else self._listed(place)
        if not images:
            raise UsageError(
                f"{self._path}: '{split}' names {place}, which has no images: put images there, or "
                "correct the path"
            )
        return images

    def _places(self, value: str) -> Iterator[Path]:
        """Yield the paths that a value may mean, best first.

        Some tools write paths as from another folder: Roboflow `../train/images` for a folder
        beside data.yaml, others the path on the machine that made the file.
        """
        for folder in self._folders():
            yield folder / value
        inside = value
        while inside.startswith(("../", "./")):
            inside = inside.split("/", 1)[1]
        yield self._path.parent / inside

    def _folders(self) -> Iterator[Path]:
        """Yield the folders that paths in the file may be relative to, best first."""
        given = self._content.get("path")
        if given is not None and not isinstance(given, str):
            raise UsageError(f"{self._path}: 'path': {given!r} given: a folder is expected")
        yield self._path.parent / (given or "")
        yield self._path.parent

    def _listed(self, file: Path) -> list[Path]:
        """Return the images in a text file, one per line."""
        try:
            lines = [line.strip() for line in read_text(file).splitlines()]
        except (OSError, UnicodeError) as error:
            raise UsageError(
                f"{file} cannot be read as text: {error}: the path of one image per line is "
                "expected"
            ) from error
        images = [self._listed_image(file, line) for line in lines if line]
        wrong = next((image for image in images if not is_image(image)), None)
        if wrong is not None:
            raise UsageError(
                f"{file}: '{wrong.name}' given, which is not an image: the path of one image per "
                "line is expected"
            )
        return images

    def _listed_image(self, file: Path, line: str) -> Path:
        """Return the image that a line names; tools differ in what it is relative to."""
        parts = Path(line.replace("\\", "/") if "/" not in line else line).parts
        for folder in (file.parent, *self._folders(), Path()):
            if _exists(folder.joinpath(*parts)):
                return folder.joinpath(*parts)
        for start in range(1, len(parts) - 1):  # CVAT lists data/images/... for images/...
            if _exists(file.parent.joinpath(*parts[start:])):
                return file.parent.joinpath(*parts[start:])
        return file.parent.joinpath(*parts)  # it does not exist; reading it says so

    def _names(self) -> list[str]:
        """Return the class names in the order of their ids."""
        given = self._content.get("names")
        names = list(given) if isinstance(given, list) else []
        if isinstance(given, dict):
            by_id = {_whole(key): name for key, name in given.items()}
            names = [by_id[i] for i in range(len(given)) if i in by_id]
            if len(names) != len(given):
                raise UsageError(
                    f"{self._path}: 'names' has the keys {', '.join(map(repr, given))}: 0 to "
                    f"{len(given) - 1}, each once, are expected"
                )
        if not names or any(isinstance(name, dict | list) or name is None for name in names):
            raise UsageError(
                f"{self._path}: 'names': {given!r} given: a list of the class names is expected"
            )
        count = self._content.get("nc")
        if count is not None and _whole(count) != len(names):
            raise UsageError(
                f"{self._path}: 'nc' is {count!r}, but 'names' has {len(names)} classes: correct "
                "one of them"
            )
        return [str(name) for name in names]


def _whole(value: Any) -> int | None:
    """Return a whole number, which may be written as text."""
    try:
        return int(value) if isinstance(value, int | str) else None
    except ValueError:
        return None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, or has a NUL in it
        return False
