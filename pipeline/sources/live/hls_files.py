"""The playlists and segments of one HLS connection, read with limits for FFmpeg's demuxer."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from threading import Event
from typing import Protocol

import av
from av.stream import Stream

from pipeline.connections.peer_socket import Deadline
from pipeline.connections.status import Cause, Disconnected, Trouble
from pipeline.redaction import without_password
from pipeline.sources.live.hls_playlist import (
    MAX_PLAYLIST,
    PlaylistError,
    Variant,
    chosen,
    renditions,
    with_full_addresses,
)
from pipeline.sources.live.http_client import OPTIONS, Response
from pipeline.sources.web_page import WEB_PAGE, is_web_page

log = logging.getLogger("framelane")

_MAGIC = b"#EXTM3U"
_END = re.compile(r"^\s*#EXT-X-ENDLIST", re.MULTILINE)
_MARK = b"\xef\xbb\xbf"  # of UTF-8, in front of some playlists
_READ_BYTES = 1 << 16
_SEGMENT_TIMEOUTS = 12  # time-outs that a whole segment may take: one minute by default


class HlsFile(Protocol):
    """What FFmpeg reads."""

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, none at the end."""

    def close(self) -> None:
        """Close it."""


class HlsFiles:
    """Opens the resources of one stream. A master playlist is replaced by one of its variants.

    timeout: seconds for a whole playlist, and that a segment may be silent
    stopped: ends every wait
    Raises Disconnected or Stopped.
    """

    def __init__(
        self,
        url: str,
        timeout: float,
        stopped: Event,
        options: Mapping[str, str],
        variant: Variant,
        max_height: int | None,
    ) -> None:
        self._timeout = timeout
        self._stopped = stopped
        self._options = {key: value for key, value in options.items() if key in OPTIONS}
        self._first: Playlist | None = None
        self.finished = False  # the playlist as read last has an end
        self.url = self._media_playlist(url, variant, max_height)

    def open(self, url: str, flags: int, options: Mapping[str, str]) -> HlsFile:
        """Return the resource at `url`, as PyAV's `io_open`."""
        if self._first and url == self.url:
            first, self._first = self._first, None
            return first
        if url.startswith(("crypto+", "crypto:")):
            return Encrypted(url, options, self._timeout)
        return self._opened(url)[0]

    def _media_playlist(self, url: str, variant: Variant, max_height: int | None) -> str:
        """Return the address of the playlist to read, given or announced at `url`."""
        opened, address = self._opened(url)
        if not isinstance(opened, Playlist):
            page = isinstance(opened, Segment) and is_web_page(opened.first)
            opened.close()
            raise Disconnected(Trouble(Cause.BAD_DATA, WEB_PAGE if page else "it is no playlist"))
        offered = renditions(opened.text, address)
        if not offered:
            self._first = opened
            return url
        best = chosen(offered, variant, max_height)
        if len(offered) > 1:
            shown = without_password(url)
            log.info("%s: reading the variant of %s, of %d", shown, best, len(offered))
        return best.url

    def _opened(self, url: str) -> tuple[HlsFile, str]:
        deadline = Deadline(self._timeout, self._stopped)
        response = Response(url, deadline, self._timeout, self._options)
        try:
            data = response.read(_READ_BYTES)
            while 0 < len(data) < len(_MARK + _MAGIC) and (more := response.read(_READ_BYTES)):
                data += more
            if not data.removeprefix(_MARK).startswith(_MAGIC):
                total = Deadline(self._timeout * _SEGMENT_TIMEOUTS, self._stopped)
                return Segment(response, data, total), response.url
            with closing(response):
                while more := response.read(_READ_BYTES):
                    data += more
                    if len(data) > MAX_PLAYLIST:
                        raise PlaylistError(f"a playlist of more than {MAX_PLAYLIST >> 20} MB")
                text = data.removeprefix(_MARK).decode("utf-8", "replace")
                self.finished = bool(_END.search(text))
                return Playlist(with_full_addresses(text, response.url)), response.url
        except PlaylistError as error:
            raise Disconnected(Trouble(Cause.BAD_DATA, str(error))) from None
        except BaseException:
            response.close()
            raise


class Playlist:
    """A playlist that has been read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._rest = text.encode()

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, none at the end."""
        part, self._rest = self._rest[:size], self._rest[size:]
        return part

    def close(self) -> None:
        """Nothing is open."""


class Segment:
    """A segment, or a key, while it arrives; first: bytes that are there and were not read."""

    def __init__(self, response: Response, first: bytes, total: Deadline) -> None:
        self._response = response
        self.first = first
        self._total = total

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, none at the end."""
        if self.first:
            part, self.first = self.first[:size], self.first[size:]
            return part
        self._total.slice()
        self._response.deadline.restart()
        return self._response.read(size)

    def close(self) -> None:
        """Close the connection."""
        self._response.close()


class Encrypted:
    """An encrypted segment, which FFmpeg fetches and decrypts as raw data."""

    def __init__(self, url: str, options: Mapping[str, str], timeout: float) -> None:
        self._files = ExitStack()
        container = av.open(url, format="data", options=dict(options), timeout=timeout)
        self._container = self._files.enter_context(closing(container))
        self._packets: Iterator[av.Packet[Stream]] = self._container.demux()
        self._rest = b""

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, none at the end."""
        while not self._rest:
            packet = next(self._packets, None)
            if packet is None or not packet.size:
                return b""
            self._rest = bytes(packet)
        part, self._rest = self._rest[:size], self._rest[size:]
        return part

    def close(self) -> None:
        """Close the connection."""
        self._files.close()
