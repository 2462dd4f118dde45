"""Where pictures come from: one protocol, one file each, one table of names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import import_module
from math import inf
from pathlib import Path
from typing import Any, Protocol, cast

from detector.errors import FramelaneError, UsageError
from detector.image_suffixes import is_image
from pipeline.frame import Picture, Stream, Ticket
from pipeline.options import checked_options
from pipeline.redaction import without_password


class SourceError(FramelaneError):
    """A source that cannot be opened or read: one line that says which, and why."""


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A picture as its source gave it: not yet counted, its time not yet repaired.

    pts: in units of `time_base`, None where the source gave none
    captured_at: `time.monotonic()` seconds of arrival
    dts: the decoder's clock, which stands in for a missing `pts`; None where there is none
    scene: pictures with the same number belong together; a lost connection or another size of the
        pictures begins a new one
    expires_at: `time.monotonic()` seconds after which nobody wants it any more
    """

    pts: int | None
    time_base: Fraction
    captured_at: float
    picture: Picture = field(repr=False)
    dts: int | None = None
    scene: int = 0
    expires_at: float = inf

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """None yet: the ledger hears of a picture when it becomes a Frame (see Item)."""
        return ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A picture that was sent and not decoded; reason: in words."""

    reason: str

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """None: it never becomes a Frame (see Item)."""
        return ()


class Source(Protocol):
    """Pictures in the order of their display, read on one thread."""

    @property
    def faults(self) -> list[str]:
        """What went wrong so far without ending the stream: a line each that says where."""

    def open(self) -> Stream:
        """Open what the source reads, or raise SourceError."""

    def __iter__(self) -> Iterator[Decoded | Skipped]:
        """Yield every picture that decodes, and what stands for one that does not; after `stop`,
        end soon."""

    def stop(self) -> None:
        """Ask for an early end, from any thread, also before `open`.

        It sets the stream's `cut`, unless the source has been read to its end already.
        """

    def close(self) -> None:
        """Release everything. Always called, also after a failure."""


LIVE = "pipeline.sources.live.source:Live"
SOURCES = {  # a new source is one file and one line: `Class(url, name, *, options)`
    "camera": LIVE,
    "file": "pipeline.sources.file:VideoFileSource",
    "hls": LIVE,
    "images": "pipeline.sources.images:Images",
    "mjpeg": LIVE,
    "pipe": LIVE,
    "rtsp": LIVE,
    "rtsps": LIVE,
    "synthetic": "pipeline.sources.synthetic:Synthetic",
}
BY_PLACE = {"file", "images"}  # chosen by what lies there; all others by what stands before a colon
ACCEPTED = (
    "a video file, an http(s) URL, rtsp(s)://, camera:N, mjpeg:URL, hls:URL, pipe:PATH, a folder "
    "or glob of pictures, synthetic[:SEED]"
)
_BY_ENDING = {".m3u8": "hls", ".mjpeg": "mjpeg", ".mjpg": "mjpeg"}  # of http(s) URLs


def make_source(url: str, name: str, options: Mapping[str, Any]) -> Source:
    """Return the source that `url` asks for; nothing is opened yet.

    name: the stream's, unique in the run; options: keyword arguments of that kind of source
    Raises UsageError for what is no source, does not exist, or has no such option.
    """
    module, _, class_name = SOURCES[source_kind(url)].partition(":")
    made = cast(Callable[..., Source], getattr(import_module(module), class_name))
    return made(url, name, **checked_options(made, options, f"source '{without_password(url)}'"))


def source_kind(url: str) -> str:
    """Return the entry of SOURCES that reads `url`; raises UsageError where there is none."""
    kind = url.partition(":")[0]
    if kind in SOURCES.keys() - BY_PLACE:
        return kind
    scheme, found, _ = url.partition("://")
    if found and scheme not in {"http", "https"}:
        raise UsageError(f"{without_password(url)}: no source reads '{scheme}': give {ACCEPTED}")
    if found:
        return _BY_ENDING.get(Path(url.partition("?")[0]).suffix.lower(), "file")
    path = Path(url)
    if path.is_fifo():
        return "pipe"
    if path.is_char_device():
        return "camera"
    if is_image(path) or path.is_dir() or (is_glob(url) and not path.exists()):
        return "images"
    return "file"


def is_live(url: str) -> bool:
    """Return whether `url` is a camera, or something else that does not wait for us."""
    return SOURCES[source_kind(url)] == LIVE


def is_glob(url: str) -> bool:
    """Return whether `url` is a pattern rather than a path."""
    return any(letter in url for letter in "*?[")
