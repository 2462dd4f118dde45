"""Recorded video: files and http(s) URLs, every frame that decodes, in display order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from errno import EIO
from pathlib import Path
from time import monotonic
from typing import ClassVar

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from detector.errors import UsageError
from pipeline.codecs.choice import DecoderChoice, DecoderName
from pipeline.codecs.contexts import HARDWARE, Hardware
from pipeline.codecs.packet_note import is_damaged
from pipeline.codecs.stream_decoder import NotDecoded, StreamDecoder
from pipeline.connections.peer_socket import Deadline, Stopped
from pipeline.connections.status import Disconnected
from pipeline.frames.stream import Stream
from pipeline.media.container import WRAP, first_video_stream, nominal_interval, open_container
from pipeline.packets.tap import Tap
from pipeline.redaction import shown_url
from pipeline.sources import Decoded, SourceError
from pipeline.sources.conversion import FrameConverter
from pipeline.sources.damage import Damage
from pipeline.sources.file_feed import FileFeed
from pipeline.sources.live.http_client import Response
from pipeline.sources.pixel_aspect import PixelAspects
from pipeline.sources.pixel_limit import PixelLimit, TooManyPixels
from pipeline.sources.recorded import RecordedSource
from pipeline.sources.web_page import HEAD_BYTES, WEB_PAGE, is_web_page

_HEADER_BYTES = 64  # enough for the size of an animation
_MPEG = {"mpeg", "mpegts"}  # containers whose times have 33 bits


class VideoFileSource(RecordedSource):
    """The first video stream of a file or http(s) URL, attached pictures excluded.

    threads: decoding threads. One thread uses the least CPU and reports all damage. More threads
        decode a single large video faster, use 30 % more CPU, and lose a few more frames near a
        damaged packet
    decoder: what decodes; auto: hardware if its first frame is that of software
    timeout_seconds: how long a server may stay silent
    max_pixels: of a frame; larger ones are refused before they are decoded
    loop: after the end, begin again, as if the recording went on; for local files
    packets: have a tap, for who watches a recording that is read at the speed at which it plays
    Raises UsageError for a path that does not exist, or a loop of what is not local.
    """

    accepted: ClassVar[str] = "a video file, an http(s) URL"

    def __init__(
        self,
        url: str,
        name: str,
        hardware: Hardware = HARDWARE,
        *,
        threads: int = 1,
        decoder: DecoderName = "auto",
        timeout_seconds: float = 10.0,
        max_pixels: int = 2**25,
        loop: bool = False,
        packets: bool = False,
    ) -> None:
        super().__init__()
        self._remote = "://" in url
        if loop and self._remote:
            raise UsageError(
                f"{shown_url(url)}: loop: only local files are read again: leave it out"
            )
        if not self._remote and not Path(url).exists():
            raise UsageError(f"{shown_url(url)}: no such file")
        self._limit = PixelLimit.given(max_pixels, shown_url(url))
        self._url = url
        self._name = name
        self._threads = threads
        self.decoder: DecoderChoice = DecoderChoice(decoder, shown_url(url), hardware)
        self._timeout_seconds = timeout_seconds
        self._loop = loop
        self._offset = 0  # of the times in this round of a loop
        self._end = 0  # of the last frame so far, without the offset
        self.tap: Tap | None = Tap() if packets else None
        self._feed: FileFeed | None = None
        self._container: InputContainer | None = None
        self._decoding: StreamDecoder | None = None
        self._converter = FrameConverter(shown_url(url), hardware)
        self._damage = Damage(shown_url(url))

    @staticmethod
    def accepts(url: str) -> bool:
        """Return whether `url` is a path or an http(s) URL."""
        scheme, remote, _ = url.partition("://")
        return not remote or scheme in {"http", "https"}

    @property
    def faults(self) -> list[str]:
        """What the decoder reported: one line for each kind of damage, and where it begins."""
        return self._damage.lines

    @property
    def interrupted(self) -> bool:
        """Whether reading failed before the end, because of the disk or the network."""
        return self._damage.interrupted

    def open(self) -> Stream:
        """Open the container and select the video stream.

        Raises SourceError, or DecoderError if the machine lacks the decoder that was asked for.
        """
        self.decoder.check()
        container = self._begin()
        stream = Stream(
            name=self._name,
            url=shown_url(self._url),
            nominal_interval=nominal_interval(self._video),
            audio_from=self._url if container.streams.audio and not self._loop else None,
            clock_period=WRAP if container.format.name in _MPEG else None,
            cut=self._cut,
        )
        if av.format.Flags.no_timestamps in av.format.Flags(container.format.flags):
            self.tap = None  # nobody could tell which frame a packet has
        self._feed = FileFeed(self.tap, self._video, stream.epochs) if self.tap else None
        return stream

    def __iter__(self) -> Iterator[Decoded]:
        """Yield every frame that decodes, also those after damaged packets."""
        yield from self._round()
        while self._loop and self._damage.any_frame and not self._cut.is_set():
            self._rewind()
            yield from self._round()
        if not self._cut.is_set():
            self._ended = True
            self._damage.end()

    def stop(self) -> None:
        """End with the frame that is being read; a silent server delays that by the time-out."""
        super().stop()

    def close(self) -> None:
        """Close the container."""
        if self.tap:
            self.tap.close()
        self._close_container()

    def _close_container(self) -> None:
        if self._decoding:
            self._decoding.close()
            self._decoding = None
        if self._container:
            self._container.close()
            self._container = None

    def _round(self) -> Iterator[Decoded]:
        """Yield the frames from the first to the last."""
        for packet in self._packets():
            if packet and self._feed:
                self._feed.packet(packet, self._offset)
            for frame in self._decode(packet):
                if self._cut.is_set():
                    return
                yield self._decoded(frame)

    def _rewind(self) -> None:
        """Go back to the start; the times go on."""
        self._close_container()
        self._begin()  # not every container can seek to its first frame
        self._offset += max(0, self._end - (self._video.start_time or 0))
        self._end = 0

    def _begin(self) -> InputContainer:
        """Open the container with a new decoder of its video, and return it."""
        self._container = container = self._open_container()
        self._video = self._video_stream(container)
        self._check_size(self._video)
        self._video.codec_context.options = self._limit.options
        self._video.codec_context.thread_count = self._threads
        self._video.codec_context.thread_type = "AUTO"  # slice threads would hide errors
        self._decoding = StreamDecoder(self._video.codec_context, self.decoder, keeps=True)
        self._aspects = PixelAspects(self._video, self._decoding, self._threads)
        return container

    def _open_container(self) -> InputContainer:
        # by default the demuxer makes up missing times, which do not always increase
        # FFmpeg's own limit holds while it probes, and if the size changes later
        options = {"fflags": "-genpts", **self._limit.options}
        try:
            return open_container(self._url, self._timeout_seconds, options)
        except av.FFmpegError as error:
            shown = shown_url(self._url)
            cause = error if shown == self._url else None  # its text has the password
            raise SourceError(f"{shown}: cannot be opened: {self._reason(error)}") from cause

    def _reason(self, error: av.FFmpegError) -> str:
        """Return why the file cannot be opened, and what to do about it."""
        broken_off = self._remote and error.errno == EIO  # FFmpeg's word for a short answer
        if not (broken_off or isinstance(error, av.error.InvalidDataError)):
            return self._describe(error)
        head = self._head()
        if is_web_page(head):
            return WEB_PAGE
        if self._remote:
            return self._describe(error)
        if not head:
            return "the file is empty"
        if head[4:8] == b"ftyp":
            return "its index (moov) is missing: the recording was never finished, or is cut off"
        return "it is not a video: give a recording that FFmpeg can read"

    def _head(self) -> bytes:
        """Return the first bytes of the file; of a remote one, none if it does not come again."""
        if not self._remote:
            return _first_bytes(Path(self._url), HEAD_BYTES)
        try:
            deadline = Deadline(self._timeout_seconds, self._cut)
            with closing(Response(self._url, deadline, self._timeout_seconds)) as response:
                return response.read(HEAD_BYTES)
        except (Disconnected, Stopped):
            return b""

    def _describe(self, error: av.FFmpegError) -> str:
        if isinstance(error, (av.error.TimeoutError, av.error.ExitError)):
            return f"no answer for {self._timeout_seconds:g} s"
        return str(error.strerror)

    def _video_stream(self, container: InputContainer) -> VideoStream:
        if (video := first_video_stream(container)) is None:
            raise SourceError(f"{shown_url(self._url)}: has no video stream")
        return video

    def _check_size(self, video: VideoStream) -> None:
        try:
            self._limit.check(video.width, video.height)
            if not (self._remote or video.width):  # probing kept to the limit
                self._limit.check_header(_first_bytes(Path(self._url), _HEADER_BYTES))
        except TooManyPixels as error:
            raise SourceError(f"{shown_url(self._url)}: {error}") from None

    def _packets(self) -> Iterator[av.Packet[VideoStream] | None]:
        """Yield the stream's packets, then the one that flushes the decoder."""
        assert self._container, "open() comes first"
        try:
            for packet in self._container.demux(self._video):
                if self._cut.is_set():
                    return
                yield packet
        except av.FFmpegError as error:
            invalid = isinstance(error, av.error.InvalidDataError)
            self._damage.broken_off(self._describe(error), interrupted=not invalid)
            yield None

    def _decode(self, packet: av.Packet[VideoStream] | None) -> list[av.VideoFrame]:
        try:
            return self._aspects.decode(packet)
        except av.FFmpegError as error:
            self._note(packet, error)
            return []
        except NotDecoded as waits:
            self._damage.undecodable(self._seconds(packet.pts if packet else None), str(waits))
            return []

    def _note(self, packet: av.Packet[VideoStream] | None, error: av.FFmpegError) -> None:
        """Count a packet that does not decode; raise SourceError if all frames are too large."""
        reason = self._describe(error)
        try:
            self._limit.check_failed(self._video.codec_context, error)
        except TooManyPixels as refusal:
            if not self._damage.any_frame:
                raise SourceError(f"{shown_url(self._url)}: {refusal}") from None
            reason = str(refusal)
        self._damage.undecodable(self._seconds(packet.pts if packet else None), reason)

    def _decoded(self, frame: av.VideoFrame) -> Decoded:
        self._damage.frame(self._seconds(frame.pts), damaged=is_damaged(frame))
        assert self._video.time_base
        if self._loop and frame.pts is not None:
            length = frame.duration or round(nominal_interval(self._video) / self._video.time_base)
            self._end = max(self._end, frame.pts + length)
        return Decoded(
            pts=None if frame.pts is None else frame.pts + self._offset,
            time_base=self._video.time_base,
            captured_at=monotonic(),
            picture=self._converter.picture(frame, self._aspects.of(frame)),
            dts=None if frame.dts is None else frame.dts + self._offset,
            keyframe=frame.key_frame,
        )

    def _seconds(self, pts: int | None) -> float | None:
        return None if pts is None else float(pts * (self._video.time_base or 0))


def _first_bytes(path: Path, count: int) -> bytes:
    with path.open("rb") as file:
        return file.read(count)
