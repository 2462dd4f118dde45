"""A message that may hold credentials, on its way to one node."""

from __future__ import annotations

from typing import Generic, TypeVar

Content = TypeVar("Content")


class Sealed(Generic[Content]):
    """Shows nothing of what is in it: neither in a log nor in a traceback."""

    __slots__ = ("_content",)

    def __init__(self, content: Content) -> None:
        self._content = content

    def open(self) -> Content:
        """Return the message."""
        return self._content

    def __repr__(self) -> str:
        return "Sealed(***)"
