"""Sources of frames: one protocol, one file each, one table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import inf
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, ClassVar, Protocol, cast
from urllib.parse import unquote

from detector.errors import FramelaneError, UsageError
from pipeline.codecs.choice import DecoderChoice
from pipeline.connections.status import Status
from pipeline.frames.frame import Unnumbered
from pipeline.frames.picture import Picture
from pipeline.frames.stream import Stream
from pipeline.options import checked_options
from pipeline.packets.tap import Tap
from pipeline.redaction import shown_url

_SCHEME = re.compile(r"[a-z]+(:|$)")  # of a URL, or a name that is one


class SourceError(FramelaneError):
    """A source cannot be opened or read: one line that says which, and why."""


@dataclass(frozen=True, slots=True, eq=False)
class Decoded(Unnumbered):
    """A frame as its source delivers it: not numbered yet, its time not repaired yet.

    pts: in units of `time_base`; None if the source has none
    captured_at: `time.monotonic()` seconds of arrival
    dts: decoding time, which replaces a missing `pts`; None if there is none
    keyframe: no frame before it is needed to decode it, so that a recording may begin here
    scene: frames with the same number belong together; a lost connection or another frame size
        starts a new scene
    expires_at: `time.monotonic()` seconds after which the frame is too old to be used
    """

    pts: int | None
    time_base: Fraction
    captured_at: float
    picture: Picture = field(repr=False)
    dts: int | None = None
    keyframe: bool = False
    scene: int = 0
    expires_at: float = inf


@dataclass(frozen=True, slots=True)
class Skipped(Unnumbered):
    """A frame that was sent and not decoded; reason: in words."""

    reason: str


class Source(Protocol):
    """Frames in display order, read on one thread. Classes that derive from it get its defaults.

    The constructor is `Class(url, name, *, options)`; nothing is opened before `open`.

    accepted: the URLs that it reads, in words, for error messages
    live: it does not wait for its reader, and has the option `max_age`
    status: the state of its connection, for any thread; None if it has no connection to lose
    decoder: what decodes it; None if it has no video to decode
    tap: where its packets can be had before they are decoded; None if it has none, as recordings
    reserved_corner: width and height, in pixels, of the top left corner that annotations must
        not cover
    """

    accepted: ClassVar[str] = ""
    live: ClassVar[bool] = False
    status: Status | None = None
    decoder: DecoderChoice | None = None
    tap: Tap | None = None
    reserved_corner: tuple[int, int] = (0, 0)

    @staticmethod
    def accepts(url: str) -> bool:
        """Return whether this kind of source reads `url`; by default it reads none."""
        return False

    @property
    def faults(self) -> list[str]:
        """What went wrong so far without ending the stream: one line each, which says where."""
        no_faults: list[str] = []
        return no_faults

    def open(self) -> Stream:
        """Open the source, or raise SourceError."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Decoded | Skipped]:
        """Yield every frame that decodes, and a Skipped for each that does not; end soon after
        `stop`."""
        raise NotImplementedError

    def stop(self) -> None:
        """Ask for an early end, from any thread, also before `open`.

        It sets the stream's `cut`, unless the source has already been read to its end.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Release everything. Always called, also after a failure."""
        raise NotImplementedError


SOURCES = (  # the first that accepts a URL reads it; a new source is one file and one line
    "pipeline.sources.live.source:Live",
    "pipeline.sources.synthetic:Synthetic",
    "pipeline.sources.images:Images",
    "pipeline.sources.file:VideoFileSource",
)


def make_source(
    url: str, name: str, options: Mapping[str, Any], also: Iterable[str] = ()
) -> Source:
    """Return a source for `url`; nothing is opened yet.

    name: the stream's, unique in the run; options: keyword arguments of the source's constructor
    also: other keys of a source's configuration, for the message about an unknown option
    Raises UsageError for a URL that no source reads, a path that does not exist, a wrong option.
    """
    url = plain_url(url)
    kind = cast(Callable[..., Source], source_for(url))
    checked = checked_options(kind, options, f"source '{shown_url(url)}'", also)
    try:
        return kind(url, name, **checked)
    except OSError as error:  # such as a folder that may not be read
        raise UsageError(f"source '{shown_url(url)[:100]}': {error.strerror}") from error


def source_for(url: str) -> type[Source]:
    """Return the class of the source that reads `url`; raises UsageError if there is none."""
    try:
        url = plain_url(url)
        for name in SOURCES:
            source: type[Source] = resolve_name(name)
            if source.accepts(url):
                return source
    except (OSError, ValueError) as error:  # a name that is too long, or holds a NUL
        why = getattr(error, "strerror", None) or "it holds a NUL character"
        raise UsageError(f"source '{shown_url(url)[:100]}': no path or URL: {why}") from error
    scheme = url.partition("://")[0]
    accepted = ", ".join(resolve_name(name).accepted for name in reversed(SOURCES))
    raise UsageError(f"{shown_url(url)}: no source reads '{scheme}': give {accepted}")


def plain_url(url: str) -> str:
    """Return a URL as the sources know it, whatever other tools would let a user type.

    What exists under that name, such as a folder called `camera`, goes before any scheme. Raises
    OSError or ValueError for what can be no name, UsageError for a file: URL of another host.
    """
    scheme, remote, rest = url.partition("://")
    if not remote:
        if url == "-":
            return "pipe:/dev/stdin"
        if Path(url).exists():
            return f"./{url}" if _SCHEME.match(url) else url
        return f"camera:{url}" if url.isascii() and url.isdecimal() else url
    if scheme.lower() == "file":
        host, slash, path = rest.partition("/")
        if host.lower() not in {"", "localhost"}:
            raise UsageError(
                f"{shown_url(url)[:100]}: a file of another host: give file:///PATH, or the path"
            )
        return unquote(slash + path)
    return f"{scheme.lower()}://{rest}" if scheme.isalpha() else url


def is_glob(url: str) -> bool:
    """Return whether `url` is a pattern rather than a path."""
    return any(letter in url for letter in "*?[")
