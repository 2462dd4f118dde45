"""All viewers of one camera: one remuxer and one JPEG encoder, while somebody looks."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from threading import Event, Lock, Thread

from pipeline.frames.picture import Picture
from pipeline.frames.result import Tracked
from pipeline.packets.current_group import MAX_GROUP
from pipeline.packets.packet import PacketFormat
from pipeline.packets.tap import PacketQueue, Tap
from pipeline.sinks.frame_tap import FrameTap
from pipeline.web.live.frames import jpeg_messages, tracks_message
from pipeline.web.live.remuxer import GroupOfPictures, Remuxer, Unplayable
from pipeline.web.live.viewer import Message, Viewer, put_for_all

log = logging.getLogger("framelane")

MAX_WAITING = 8 << 20  # bytes of packets that wait for the remuxer
JPEG_SECONDS = 0.1  # between two frames as JPEG


class CameraView:
    """Sends each viewer video if it and the camera can, else JPEG, and the tracks of each frame.

    name: of the stream; tap: None if the source has no packets
    classes: names by class id
    """

    def __init__(
        self, name: str, tap: Tap | None, frames: FrameTap, classes: Sequence[str]
    ) -> None:
        self._name = name
        self._tap = tap
        self._frames = frames
        self._classes = classes
        self._lock = Lock()
        self._video: list[Viewer] = []
        self._jpeg: list[Viewer] = []
        self._group = GroupOfPictures(MAX_GROUP)
        self._packets: PacketQueue | None = None  # while the remuxer runs
        self._coded = (0, 0)  # width and height of frames as they are encoded
        self._encoder: _JpegEncoder | None = None  # while somebody wants JPEG
        self._why_jpeg = "" if tap else "the source has no packets of video"

    @property
    def viewers(self) -> int:
        """How many look on."""
        return len(self._video) + len(self._jpeg)

    def join(self, viewer: Viewer, *, video: bool) -> None:
        """Begin to send; video: the viewer can play it."""
        with self._lock:
            if not self.viewers:
                self._frames.listen(self._send_tracks)
            if video and not self._why_jpeg:
                for message in self._group.messages:
                    viewer.put(message)
                self._video.append(viewer)
                self._start_remuxer()
            else:
                self._send_jpeg(viewer, self._why_jpeg or "as asked for")

    def leave(self, viewer: Viewer) -> None:
        """Send nothing more; what nobody needs any more ends."""
        with self._lock:
            self._video = [each for each in self._video if each is not viewer]
            self._jpeg = [each for each in self._jpeg if each is not viewer]
            self._stop_what_nobody_needs()

    def _send_tracks(self, item: Tracked) -> None:
        if self._video and self._is_turned(item.frame.picture):
            self._fall_back("its frames are shown turned")
        put_for_all((*self._video, *self._jpeg), tracks_message(item, self._classes))

    def _is_turned(self, picture: Picture) -> bool:
        """Return whether frames are turned by a quarter, which no fragment says."""
        width, height = self._coded
        return width != height and (picture.width, picture.height) == (height, width)

    def _send_jpeg(self, viewer: Viewer, why: str) -> None:
        viewer.put(Message(json.dumps({"type": "format", "mime": "image/jpeg", "why": why})))
        self._jpeg.append(viewer)
        if self._encoder is None:
            self._encoder = _JpegEncoder(self._name, self._frames, self._send_picture)

    def _send_picture(self, item: Tracked) -> None:
        put_for_all(tuple(self._jpeg), *jpeg_messages(item))

    def _start_remuxer(self) -> None:
        if self._packets is None:
            assert self._tap
            self._packets = self._tap.subscribe("live view", MAX_WAITING)
            name = f"page/{self._name}"
            Thread(target=self._remux, args=(self._packets,), name=name, daemon=True).start()

    def _stop_what_nobody_needs(self) -> None:
        if not self._video and self._packets and self._tap:
            self._tap.unsubscribe(self._packets)
            self._packets = None
            self._group.clear()
        if not self._jpeg and self._encoder:
            self._encoder.stop()
            self._encoder = None
        if not self.viewers:
            self._frames.stop_listening(self._send_tracks)

    def _remux(self, packets: PacketQueue) -> None:
        remuxer = Remuxer()
        try:
            for item in packets:
                if isinstance(item, PacketFormat):
                    self._coded = item.tracks[0].width, item.tracks[0].height
                messages = remuxer.messages(item)
                with self._lock:
                    self._group.add(messages)
                    for message in messages:
                        put_for_all(tuple(self._video), message)
        except Unplayable as error:
            self._fall_back(str(error))
        except Exception:
            log.exception("the live view of '%s' failed", self._name)
            self._fall_back("its packets cannot be read")
        else:
            with self._lock:
                ended = [] if self._packets is None else [*self._video, *self._jpeg]
            for viewer in ended:
                viewer.close()

    def _fall_back(self, why: str) -> None:
        with self._lock:
            self._why_jpeg = why
            viewers, self._video = self._video, []
            for viewer in viewers:
                self._send_jpeg(viewer, why)
            self._stop_what_nobody_needs()


class _JpegEncoder:
    """Encodes the newest frame, at most one in JPEG_SECONDS, on a thread of its own."""

    def __init__(self, name: str, frames: FrameTap, send: Callable[[Tracked], None]) -> None:
        self._frames = frames
        self._send = send
        self._new = Event()
        self._stopped = Event()
        frames.listen(self._note)
        Thread(target=self._encode, name=f"page/{name}/jpeg", daemon=True).start()

    def stop(self) -> None:
        """End soon."""
        self._frames.stop_listening(self._note)
        self._stopped.set()
        self._new.set()

    def _note(self, item: Tracked) -> None:
        self._new.set()

    def _encode(self) -> None:
        while True:
            self._new.wait()
            if self._stopped.is_set():
                return
            self._new.clear()
            if item := self._frames.latest:
                self._send(item)
            self._stopped.wait(JPEG_SECONDS)
