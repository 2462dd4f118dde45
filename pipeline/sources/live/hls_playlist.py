"""Text of HLS playlists (RFC 8216): which variant is read, and addresses that need no context."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal
from urllib.parse import urljoin

MAX_PLAYLIST = 4 << 20  # bytes; a day in segments of 2 s has 3 MB
MAX_ADDRESSES = 64 << 20  # bytes of all addresses, written out
Variant = Literal["best", "lowest"]
_VARIANT = "#EXT-X-STREAM-INF:"
_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"\n]*"|[^,"\n]*)')
_URI = re.compile(r'(URI=")([^"\n]*)(")')


class PlaylistError(ValueError):
    """A playlist that is not read: why, in words."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """One variant of a stream, as its master playlist announces it.

    size: width and height, (0, 0) if not stated; bit_rate: per second
    """

    url: str
    size: tuple[int, int]
    bit_rate: int

    def __str__(self) -> str:
        size = "{} x {}, ".format(*self.size) if self.size[0] else ""
        return f"{size}{self.bit_rate // 1000} kbit/s"


def renditions(text: str, url: str) -> list[Rendition]:
    """Return the variants that a master playlist at `url` offers; none if it is a media playlist.

    Variants without pictures are left out if others say what size theirs have.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = []
    for line, following in pairwise(lines):
        if line.startswith(_VARIANT) and not following.startswith("#"):
            stated = dict(_ATTRIBUTE.findall(line))
            size = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", stated.get("RESOLUTION", ""))
            rate = stated.get("BANDWIDTH", "")
            found.append(
                Rendition(
                    urljoin(url, following),
                    (int(size[1]), int(size[2])) if size else (0, 0),
                    int(rate) if re.fullmatch(r"[0-9]{1,12}", rate) else 0,
                )
            )
    return [each for each in found if each.size[0]] or found


def chosen(offered: Sequence[Rendition], variant: Variant, max_height: int | None) -> Rendition:
    """Return the variant to read: of those up to `max_height`, or else of the lowest."""
    height = min(each.size[1] for each in offered) if max_height is None else max_height
    fitting = [each for each in offered if max_height is None or each.size[1] <= height]
    fitting = fitting or [min(offered, key=_rank)]
    return max(fitting, key=_rank) if variant == "best" else min(fitting, key=_rank)


def _rank(each: Rendition) -> tuple[int, int]:
    return each.size[0] * each.size[1], each.bit_rate


def with_full_addresses(text: str, url: str) -> str:
    """Return a playlist whose addresses are complete, so that a redirect does not matter.

    Raises PlaylistError if they would be too long: each line can repeat a long address.
    """
    lines = text.splitlines()
    if len(lines) * len(url) + len(text) > MAX_ADDRESSES:
        raise PlaylistError(f"a playlist of {len(lines)} lines for such a long address")
    return "\n".join(_with_full_address(line.strip(), url) for line in lines) + "\n"


def _with_full_address(line: str, url: str) -> str:
    if not line:
        return line
    try:
        if line.startswith("#"):
            return _URI.sub(lambda found: found[1] + urljoin(url, found[2]) + found[3], line)
        return urljoin(url, line)
    except ValueError:  # such as a bracket without its counterpart
        raise PlaylistError("a playlist with an address that is none") from None
