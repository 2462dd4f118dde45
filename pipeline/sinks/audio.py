"""The audio of a source, copied bit for bit beside its video."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain

import av
from av.audio.stream import AudioStream
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Discard, Stream

from pipeline.frames.stream import Epoch
from pipeline.media.container import open_container
from pipeline.media.muxing import refused
from pipeline.sinks.audio_clock import AudioClock

log = logging.getLogger("framelane")

MAX_START = 30  # seconds: an audio stream that starts later is left out
LABELS = {"language", "title"}  # by which players let the user choose
MAX_WAIT = 10  # seconds that audio is held back until the video has the same clock
TOLERANCE = Fraction(1, 1000)  # seconds by which times are rounded
READ_TIMEOUT = 10.0  # seconds; a source on the network that stalls must not stall the recorder


@dataclass(slots=True)
class _Copy:
    """The target of one audio stream, the filter in front of it, and its clock.

    end: of what is written, in seconds of the output
    shift: of the last packet
    joined_at: where the audio before the last restart of the clock ended
    """

    target: AudioStream
    filter: BitStreamFilterContext
    clock: AudioClock
    end: Fraction | None = None
    shift: Fraction = Fraction(0)
    joined_at: Fraction | None = None


class AudioCopy:
    """Copies all audio streams of a file into a container, in step with the video.

    It reads the file with a second demuxer, so that neither the video nor the audio waits for the
    other. Audio that cannot be copied is left out with a warning and costs no frame. It must be
    made before the container's first packet.

    url: the file to read; name: of its stream, for warnings
    epochs: clocks of the video, see AudioClock
    """

    def __init__(
        self, url: str, name: str, output: OutputContainer, epochs: Sequence[Epoch] = ()
    ) -> None:
        self._name = name
        self._epochs = epochs
        self._output = output
        self._copies: dict[int, _Copy] = {}
        self._packets: Iterator[Packet[Stream]] = iter(())
        self._input = self._open(url)
        if self._input and self._input.streams.audio:
            self._begin(self._input)
        self._next = next(self._packets, None)

    def write_until(self, time: Fraction | None) -> None:
        """Write the packets before `time`, in seconds of the output; None: the rest."""
        while self._copies and (packet := self._next):
            if copy := self._copies.get(packet.stream_index):
                shift = self._shift(packet, copy, time)
                if shift is None or (time is not None and _time(packet) + shift >= time):
                    return
                self._write(packet, copy, shift)
            self._next = next(self._packets, None)

    def _shift(
        self, packet: Packet[Stream], copy: _Copy, until: Fraction | None
    ) -> Fraction | None:
        """Return what to add to a packet's time; None: wait until the video shows that."""
        shift = copy.clock.shift(_time(packet))
        if shift is not None or copy.end is None:
            return shift
        if until is not None and until < copy.end + MAX_WAIT:
            return None
        return copy.clock.restart(_time(packet), copy.end)

    def close(self) -> None:
        """Close the file that is being read."""
        if self._input:
            self._input.close()

    def _open(self, url: str) -> InputContainer | None:
        try:
            return open_container(url, READ_TIMEOUT)
        except av.FFmpegError as error:
            log.warning("%s: the audio is left out: %s", self._name, error.strerror)
            return None

    def _begin(self, source: InputContainer) -> None:
        container = self._output.format.name
        early = self._read_until_all_started(source)
        started = {packet.stream_index for packet in early}
        for stream in source.streams.audio:
            if stream.index not in started:
                # The header of an mp4 needs the first packet of each stream. Waiting for one that
                # never starts would leave an unreadable file after a kill.
                self._warn(stream, f"is left out: it has not started after {MAX_START} s")
            elif refused(stream, container):
                self._warn(stream, f"is left out: {container} cannot hold it")
            else:
                self._add(stream)
        for other in set(source.streams) - set(source.streams.audio):
            other.discard = Discard.all  # many demuxers then skip it
        self._packets = chain(early, self._read(source, *source.streams.audio))

    def _read_until_all_started(self, source: InputContainer) -> deque[Packet[Stream]]:
        """Return the audio packets up to the first of the stream that starts last."""
        early: deque[Packet[Stream]] = deque()
        silent = {stream.index for stream in source.streams.audio}
        deadline = None
        for packet in self._read(source, *source.streams):
            deadline = deadline or _time(packet) + MAX_START
            if isinstance(packet.stream, AudioStream):
                early.append(packet)
                silent.discard(packet.stream_index)
            if not silent or _time(packet) > deadline:
                break
        return early

    def _add(self, stream: AudioStream) -> None:
        target = self._output.add_stream_from_template(stream)
        target.metadata.update({k: v for k, v in stream.metadata.items() if k in LABELS})
        self._copies[stream.index] = _Copy(target, _filter(stream), AudioClock(self._epochs))

    def _read(self, source: InputContainer, *streams: Stream) -> Iterator[Packet[Stream]]:
        try:
            for packet in source.demux(*streams):
                if packet.size and packet.dts is not None:
                    yield packet
        except av.FFmpegError as error:
            log.warning("%s: the audio ends early: %s", self._name, error.strerror)

    def _write(self, packet: Packet[Stream], copy: _Copy, shift: Fraction) -> None:
        stream, time = packet.stream, _time(packet) + shift
        if shift != copy.shift:
            copy.shift, copy.joined_at = shift, copy.end
        if copy.joined_at is not None and time + TOLERANCE < copy.joined_at:
            return  # the audio before the restart was longer than the video
        copy.end = time + (packet.duration or 0) * packet.time_base
        _move(packet, shift)
        try:
            for part in copy.filter.filter(packet):
                part.stream = copy.target
                self._output.mux(part)
        except OSError:
            raise  # the disk fails, not the audio
        except av.FFmpegError as error:
            self._warn(stream, f"ends at {float(time):.3f} s: {error.strerror}")
            del self._copies[stream.index]

    def _warn(self, stream: Stream, what: str) -> None:
        codec = stream.codec_context.name if stream.codec_context else "unknown codec"
        log.warning("%s: audio stream %d (%s) %s", self._name, stream.index, codec, what)


def _filter(stream: AudioStream) -> BitStreamFilterContext:
    """Return the filter that makes the packets of a transport stream fit a file."""
    streamed_aac = stream.codec_context.name == "aac" and not stream.codec_context.extradata
    return BitStreamFilterContext("aac_adtstoasc" if streamed_aac else "null", stream)


def _move(packet: Packet[Stream], shift: Fraction) -> None:
    assert packet.dts is not None
    ticks = round(shift / packet.time_base)
    packet.dts += ticks
    if packet.pts is not None:
        packet.pts += ticks


def _time(packet: Packet[Stream]) -> Fraction:
    assert packet.dts is not None
    return packet.dts * packet.time_base
