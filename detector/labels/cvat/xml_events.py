"""XML from outside, as events with line numbers.

A document type is refused: with it come entities, which can fill the memory from a few bytes or
name files of this machine. No format of labels has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from xml.parsers.expat import ExpatError, ParserCreate

from detector.errors import UsageError

MAX_DEPTH = 50
MAX_TEXT = 1 << 20  # characters in one element


class XmlHandler(Protocol):
    """Takes the elements of a document in their order; `line` is that of the tag."""

    def start(self, path: tuple[str, ...], attributes: Mapping[str, str], line: int) -> None:
        """Take the start of an element; path: its tags from the root, with its own."""

    def end(self, path: tuple[str, ...], text: str, line: int) -> None:
        """Take the end of an element, with the text that it holds itself."""


def parse_xml(data: bytes, where: str, handler: XmlHandler) -> None:
    """Hand the elements of a document to `handler`. Raises UsageError if it is not well-formed."""
    parser = ParserCreate()
    parser.buffer_text = True
    path: list[str] = []
    texts: list[list[str]] = []

    def place() -> str:
        return f"{where}:{parser.CurrentLineNumber}"

    def start(tag: str, attributes: dict[str, str]) -> None:
        if len(path) == MAX_DEPTH:
            raise UsageError(f"{place()}: elements are nested more than {MAX_DEPTH} deep")
        path.append(tag)
        texts.append([])
        handler.start(tuple(path), attributes, parser.CurrentLineNumber)

    def text(part: str) -> None:
        if texts:
            texts[-1].append(part)
            if len(texts[-1]) > 1 and sum(map(len, texts[-1])) > MAX_TEXT:
                raise UsageError(f"{place()}: the text of '{path[-1]}' is too long")

    def end(_: str) -> None:
        handler.end(tuple(path), "".join(texts.pop()), parser.CurrentLineNumber)
        path.pop()

    def refuse(*_: object) -> None:
        raise UsageError(f"{place()}: a document type (DOCTYPE) is refused: remove it")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except ExpatError as error:
        raise UsageError(f"{where}:{error.lineno}: not well-formed XML: {error}") from error
    except (LookupError, ValueError) as error:  # an encoding that Python does not know
        raise UsageError(f"{where}: not XML that can be read: {error}") from error
