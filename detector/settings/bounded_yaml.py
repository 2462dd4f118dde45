"""YAML of limited size: aliases are counted as often as they are used, and errors quote nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from yaml.events import AliasEvent, ScalarEvent
from yaml.nodes import Node

from detector.errors import UsageError
from detector.text_file import decoded

MAX_BYTES = 1 << 21  # a list of 20,000 class names takes a quarter of it
MAX_NODES = 50_000  # keys and values, with each alias written out
MAX_DEPTH = 50  # a configuration needs 6
MAX_SCALAR = 1 << 15  # characters: some numbers take time that grows with the square of these
# Of the words that an error quotes, only those of YAML itself: '<scalar>', ',', '\t'.
_QUOTED = re.compile(r"""((['"])(?:<[a-z ]+>|.|\\t)\2)|['"].*""", re.DOTALL)


class TooLarge(yaml.YAMLError):
    """YAML beyond one of the limits; the message says which."""


def load(path: Path) -> Any:
    """Return the content of a YAML file: mappings, lists, text, numbers.

    Raises UsageError, in one line that names the file and quotes none of it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:  # a NUL in the name
        raise UsageError("the name of a YAML file holds a NUL character") from error
    return parsed(data, str(path))


def parsed(data: bytes, path: str) -> Any:
    """Return the content of the bytes of a YAML file; path: its name, for messages.

    Raises UsageError as `load` does.
    """
    if len(data) > MAX_BYTES:
        raise UsageError(f"{path}: larger than {MAX_BYTES >> 20} MB: give a YAML file")
    try:
        return yaml.load(decoded(data), Loader=_Loader)
    except UnicodeError:
        why = "it is no text in UTF-8 or UTF-16"
    except TooLarge as error:
        why = str(error)
    except yaml.MarkedYAMLError as error:
        why = ", ".join(filter(None, _places(error))) or "it cannot be read"
    except yaml.YAMLError:
        why = "it holds control characters"
    except (ValueError, OverflowError, AttributeError, TypeError, LookupError):  # of constructors
        why = "a number or date in it cannot be read: put text into quotes"
    raise UsageError(f"{path}: not valid YAML: {why}")  # not chained: the error quotes the file


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with a budget, which is checked before anything is built."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._nodes = 0
        self._depth = 0
        self._open: list[str] = []  # anchors of the nodes that are being read
        self._sizes: dict[str, int] = {}  # nodes below each anchor, aliases written out

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """Read one node and those below it."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        anchor: str | None = event.anchor
        if isinstance(event, AliasEvent):
            if anchor in self._open:
                raise TooLarge(f"an alias in line {_line(event)} contains itself")
            self._count(self._sizes.get(str(anchor), 0), event)
            return super().compose_node(parent, index)
        if isinstance(event, ScalarEvent) and len(event.value) > MAX_SCALAR:
            raise TooLarge(f"a value in line {_line(event)} has more than {MAX_SCALAR} characters")
        if self._depth == MAX_DEPTH:
            raise TooLarge(f"line {_line(event)} is nested deeper than {MAX_DEPTH} levels")
        before = self._nodes
        self._count(1, event)
        self._depth += 1
        if anchor is not None:
            self._open.append(anchor)
        node = super().compose_node(parent, index)
        if anchor is not None:
            self._open.pop()
            self._sizes[anchor] = self._nodes - before
        self._depth -= 1
        return node

    def _count(self, nodes: int, event: Any) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise TooLarge(
                f"up to line {_line(event)} it has more than {MAX_NODES} values, with aliases "
                "written out"
            )


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _places(error: yaml.MarkedYAMLError) -> list[str]:
    """Return what was being read, what is wrong, and where; without a word of the file."""
    parts = ((error.context, error.context_mark), (error.problem, error.problem_mark))
    return [
        _QUOTED.sub(lambda found: found[1] or "", text).rstrip(" ,:")
        + (f" (line {mark.line + 1}, column {mark.column + 1})" if mark else "")
        for text, mark in parts
        if text
    ]
