"""Annotated frames as a video file that survives a kill, at the times of the source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import av
from av.packet import Packet
from av.video.stream import VideoStream

from pipeline.codecs.encoder_choice import FILE
from pipeline.codecs.encoders import EncoderName, even
from pipeline.frames.fate import Ticket
from pipeline.frames.frame import Frame
from pipeline.frames.result import Tracked
from pipeline.media.h264 import H264, Preset, ticks_per_second
from pipeline.media.muxing import FORMATS, muxing
from pipeline.sinks import SinkError
from pipeline.sinks.audio import AudioCopy
from pipeline.sinks.recorder import Recorder


class VideoFileSink(Recorder):
    """Writes H.264, and copies all audio of a recording.

    The encoder takes the luma and chroma of the source, so that its colours stay what they were.
    Times are exact; .mkv rounds them to 1 ms. The video has the size of the first frame, made
    even; a frame of another size or pixel aspect is letterboxed into it. The encoder looks about
    ten frames ahead, so that a ticket is returned some frames after its own.

    encoder: auto: the first of this machine that keeps times, keyframes, and files after a kill
    preset: speed, as in x264; threads: both are of the software encoder
    crf: quality, as in x264
    """

    accepted: ClassVar[tuple[str, ...]] = tuple(FORMATS)
    needs_drawing = True
    foreign_errors: ClassVar[tuple[type[Exception], ...]] = (OSError, av.FFmpegError)

    def __init__(
        self,
        path: Path | str,
        classes: Sequence[str] = (),
        *,
        encoder: EncoderName = "auto",
        preset: Preset = "veryfast",
        crf: int = 23,
        threads: int = 2,
    ) -> None:
        super().__init__(path, classes)
        self._format = FORMATS[self.path.suffix.lower()]
        self._encoder_name: EncoderName = encoder
        self._preset: Preset = preset
        self._crf = crf
        self._threads = threads
        self._files = ExitStack()  # closes the output and the audio
        self._audio: AudioCopy | None = None
        self._held: dict[int, Ticket] = {}  # frames inside the encoder, by pts
        self._end = Fraction(0)  # of the last frame

    def open(self) -> None:
        """Choose the encoder, and lock the name of the file."""
        FILE.check(self._encoder_name, str(self.path))
        super().open()

    def _begin(self, frame: Frame) -> None:
        stream, name = frame.stream, self._format
        size = (frame.picture.width, frame.picture.height)
        encoder = FILE.encoder(self._encoder_name, str(self.path), even(size))[1]
        self._ticks = ticks_per_second(frame.time_base)
        self._stream = stream
        self._output = av.open(
            f"file:{self.path}", "w", format=name, container_options=muxing(name, self._ticks)
        )
        self._files.callback(self._output.close)
        self._video = H264(
            self._output,
            size,
            ticks=self._ticks,
            interval=stream.nominal_interval,
            pixel_aspect=frame.picture.pixel_aspect,
            space=frame.picture.space,
            colours=frame.picture.colours,
            preset=self._preset,
            crf=self._crf,
            threads=self._threads,
            encoder=encoder,
        )
        if stream.audio_from:
            audio = AudioCopy(stream.audio_from, stream.name, self._output, stream.epochs)
            self._audio = audio
            self._files.callback(audio.close)

    def _write(self, item: Tracked) -> list[Ticket]:
        assert item.drawn is not None, "the builder draws for sinks that want it"
        frame = item.frame
        pts = round(frame.time * self._ticks)
        self._held[pts] = frame.ticket
        self._end = frame.time + frame.stream.nominal_interval
        return self._mux(self._video.encode(item.drawn, pts, frame.picture.pixel_aspect))

    def _complete(self) -> list[Ticket]:
        written = self._mux(self._video.flush())
        assert not self._held, self._held
        if self._audio:
            self._audio.write_until(self._end if self._stream.cut.is_set() else None)
        self._files.close()
        return written

    def _abandon(self) -> None:
        with self._files:
            if self._held:
                self._mux(self._video.flush())

    def _mux(self, packets: Iterable[Packet[VideoStream]]) -> list[Ticket]:
        """Write packets, and before each one the audio up to its time."""
        written = []
        for packet in packets:
            assert packet.pts is not None and packet.dts is not None
            ticket = self._held.pop(packet.pts)
            if self._audio:
                self._audio.write_until(packet.dts * packet.time_base)
            self._write_packet(packet)
            written.append(ticket)
        return written

    def _write_packet(self, packet: Packet[VideoStream]) -> None:
        try:
            self._output.mux(packet)
        except av.error.PatchWelcomeError as error:  # the gap does not fit into 32 bits
            raise SinkError(
                f"cannot write '{self.path}': the gap between two frames is too long for ticks of "
                f"1/{self._ticks} s; write .mkv, which counts milliseconds"
            ) from error
