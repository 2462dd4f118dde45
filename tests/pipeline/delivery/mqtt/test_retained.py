"""What a broker keeps: published once, again when it changes, and emptied at the end."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pipeline.connections.status import Cause, Trouble
from pipeline.delivery.mqtt.live_state import LiveState
from pipeline.delivery.mqtt.retained import MAX_SNAPSHOT, ONLINE, Retained
from pipeline.delivery.mqtt.topics import Topics
from pipeline.delivery.retries import Undelivered
from pipeline.delivery.transport import Camera
from pipeline.events.record import Phase
from tests.support.deliveries import an_event

PREFIX = "homeassistant"


class Site:
    """What would be published, in order."""

    def __init__(self, folder: Path, discovery: str | None = PREFIX) -> None:
        self.live = LiveState()
        self.retained = Retained(Topics("framelane"), self.live, folder, discovery)
        self.live.cameras([Camera("door", ("person",))], [])

    def published(self) -> list[tuple[str, bytes]]:
        found: list[tuple[str, bytes]] = []
        self.retained.publish(lambda topic, payload: found.append((topic, payload)))
        return found

    def topics(self) -> list[str]:
        return [topic for topic, _ in self.published()]


CONFIG = "homeassistant/device/framelane_door/config"
STATE, COUNTS = "framelane/door/state", "framelane/door/counts"
SNAPSHOT, AVAILABILITY = "framelane/door/snapshot", "framelane/availability"


def test_everything_is_published_first_and_then_only_what_changes(tmp_path: Path) -> None:
    site = Site(tmp_path)
    first = site.published()
    assert first[0] == (AVAILABILITY, ONLINE)
    assert [topic for topic, _ in first] == [AVAILABILITY, CONFIG, STATE, COUNTS]
    assert site.topics() == []
    site.live.observe(an_event(), Phase.START)
    assert site.topics() == [STATE, COUNTS]
    site.live.observe(an_event(class_name="car"), Phase.START)
    assert site.topics() == [CONFIG, STATE, COUNTS]  # it has a class more
    site.retained.publish_all_again()
    assert site.topics() == [AVAILABILITY, CONFIG, STATE, COUNTS]


def test_without_discovery_nothing_is_described(tmp_path: Path) -> None:
    assert Site(tmp_path, None).topics() == [AVAILABILITY, STATE, COUNTS]


def test_a_snapshot_is_published_once_and_again_when_its_file_is_a_better_one(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path)
    site.published()
    picture, event = tmp_path / "a.jpg", an_event(snapshot="a.jpg")
    site.live.observe(event, Phase.START)
    assert SNAPSHOT not in site.topics()  # there is no file yet
    picture.write_bytes(b"first")
    site.live.observe(event, Phase.UPDATE)
    assert (SNAPSHOT, b"first") in site.published()
    site.live.observe(event, Phase.UPDATE)
    assert SNAPSHOT not in site.topics()
    picture.write_bytes(b"better")
    os.utime(picture, ns=(1, 1))
    site.live.observe(event, Phase.UPDATE)
    assert (SNAPSHOT, b"better") in site.published()


@pytest.mark.parametrize("size", [0, MAX_SNAPSHOT + 1])
def test_a_snapshot_that_is_empty_or_too_large_is_left_out(size: int, tmp_path: Path) -> None:
    site = Site(tmp_path)
    (tmp_path / "a.jpg").write_bytes(bytes(size))
    site.live.observe(an_event(snapshot="a.jpg"), Phase.START)
    assert SNAPSHOT not in site.topics()


def test_a_camera_that_is_removed_leaves_nothing_behind(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.published()
    site.live.cameras([], ["door"])
    assert site.published() == [(topic, b"") for topic in (CONFIG, STATE, COUNTS, SNAPSHOT)]
    assert site.topics() == []


def test_a_camera_that_was_removed_without_a_connection_is_emptied_later(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.published()
    site.live.cameras([], ["door"])

    def fail(_topic: str, _payload: bytes) -> None:
        raise Undelivered(Trouble(Cause.ENDED_BY_PEER))

    with pytest.raises(Undelivered):
        site.retained.publish(fail)
    site.retained.publish_all_again()
    assert (STATE, b"") in site.published()


def test_a_camera_that_comes_back_is_not_emptied(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.published()
    site.live.cameras([], ["door"])
    site.live.cameras([Camera("door")], [])
    assert all(json.loads(payload) for topic, payload in site.published() if topic != CONFIG)
