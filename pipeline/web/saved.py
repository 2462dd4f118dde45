"""Changes made through the API, written into the configuration file; comments stay."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from threading import Lock
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from detector.atomic_write import replacing
from detector.errors import FramelaneError


class ConfigFile:
    """A configuration file that is changed section by section; any thread.

    Variables such as ${PASSWORD} stay as they are: the file is not filled in here.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._yaml = YAML()
        self._yaml.preserve_quotes = True
        self._yaml.width = 4096  # no line is broken
        self._yaml.indent(mapping=2, sequence=4, offset=2)

    def set(self, section: str, content: Any) -> None:
        """Replace a section."""
        with self._lock:
            whole = self._load()
            whole[section] = content
            self._store(whole)

    def add_source(self, source: dict[str, Any]) -> None:
        """Add a camera."""
        with self._lock:
            whole = self._load()
            if whole.get("sources") is None:
                whole["sources"] = []
            whole["sources"].append(source)
            self._store(whole)

    def remove_source(self, name: str) -> None:
        """Remove the camera that has this name in the file, if there is one."""
        with self._lock:
            whole = self._load()
            sources = whole.get("sources") or []
            for place, source in enumerate(sources):
                if isinstance(source, dict) and source.get("name") == name:
                    del sources[place]
                    self._store(whole)
                    return

    def _load(self) -> Any:
        try:
            return self._yaml.load(self._path.read_text(encoding="utf-8")) or {}
        except (OSError, UnicodeDecodeError, YAMLError) as error:
            why = getattr(error, "strerror", None) or "it is not valid YAML any more"
            raise FramelaneError(
                f"the change holds for this run, but cannot be saved: {self._path}: {why}"
            ) from None

    def _store(self, whole: Any) -> None:
        text = StringIO()
        self._yaml.dump(whole, text)
        try:
            with replacing(self._path) as written:
                written.write_text(text.getvalue(), encoding="utf-8")
        except OSError as error:
            raise FramelaneError(
                f"the change holds for this run, but cannot be saved: {self._path}: "
                f"{error.strerror}"
            ) from None
