"""What a broker keeps for those who come later: states, counts, snapshots, descriptions."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from pipeline.delivery.mqtt.home_assistant import device, discovery_topic
from pipeline.delivery.mqtt.live_state import CameraState, LiveState
from pipeline.delivery.mqtt.topics import Topics
from pipeline.events.payload import as_text

ONLINE, OFFLINE = b"online", b"offline"
MAX_SNAPSHOT = 2_000_000  # bytes; a larger one is not for a message

Publish = Callable[[str, bytes], object]  # topic and payload, retained


class Retained:
    """Publishes what has changed since it was published last; used by one thread.

    live: what the cameras show
    folder: of the events, to which the paths of snapshots are relative
    discovery: first part of the topics of Home Assistant's discovery; None: no descriptions
    """

    def __init__(
        self, topics: Topics, live: LiveState, folder: Path, discovery: str | None
    ) -> None:
        self._topics = topics
        self._live = live
        self._folder = folder
        self._discovery = discovery
        self._all = True
        self._removed: set[str] = set()  # cameras whose topics must be emptied
        self._described: dict[str, bytes] = {}  # camera -> its published description
        self._pictured: dict[str, tuple[str, int]] = {}  # camera -> its published snapshot

    def publish_all_again(self) -> None:
        """Publish everything the next time: the broker or Home Assistant is a new one."""
        self._all = True

    def publish(self, publish: Publish) -> None:
        """Publish what has changed. If `publish` raises, call `publish_all_again`."""
        everything, self._all = self._all, False
        changed, removed = self._live.take_changed(everything=everything)
        self._removed |= set(removed)
        for name in sorted(self._removed - {each.camera.name for each in changed}):
            self._empty(publish, name)
        self._removed.clear()
        if everything:
            publish(self._topics.availability, ONLINE)
            self._described.clear()
            self._pictured.clear()
        for each in changed:
            self._publish_camera(publish, each)

    def _publish_camera(self, publish: Publish, shown: CameraState) -> None:
        name = shown.camera.name
        if self._discovery:
            description = as_text(device(self._topics, shown.camera)).encode()
            if self._described.get(name) != description:
                publish(discovery_topic(self._discovery, self._topics, name), description)
                self._described[name] = description
        publish(self._topics.state(name), as_text(shown.state).encode())
        publish(self._topics.counts(name), as_text(shown.counts).encode())
        if shown.snapshot:
            self._publish_snapshot(publish, name, shown.snapshot)

    def _publish_snapshot(self, publish: Publish, name: str, path: str) -> None:
        try:
            with (self._folder / path).open("rb") as file:
                # A better frame of the same event has the same path
                version = path, os.fstat(file.fileno()).st_mtime_ns
                if self._pictured.get(name) == version:
                    return
                image = file.read(MAX_SNAPSHOT + 1)
        except OSError:
            return  # not written yet, or deleted since
        if 0 < len(image) <= MAX_SNAPSHOT:
            publish(self._topics.snapshot(name), image)
            self._pictured[name] = version

    def _empty(self, publish: Publish, name: str) -> None:
        """Remove what the broker keeps of a camera; an empty message does that."""
        topics = [self._topics.state(name), self._topics.counts(name), self._topics.snapshot(name)]
        if self._discovery:
            topics.insert(0, discovery_topic(self._discovery, self._topics, name))
        for topic in topics:
            publish(topic, b"")
