"""MQTT at a real mosquitto: delivery, what is retained, and a broker that goes or refuses."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from threading import Event
from time import monotonic
from typing import Any

import pytest

from pipeline.connections.status import Cause
from pipeline.delivery.deliverer import Deliverer
from pipeline.delivery.mqtt.transport import Mqtt
from pipeline.delivery.retries import Schedule, Undelivered
from pipeline.delivery.transport import Camera
from pipeline.events.record import Phase
from tests.support.broker import Broker, Listener, listening, say, silent_server
from tests.support.cameras import CAP
from tests.support.certificates import make_certificates
from tests.support.deliveries import MemoryOutbox, a_row, an_event, validator
from tests.support.environment import PASSWORD

WAIT = 1.0  # of the clock of a test, after each failure
USER_IN_URL = "camera%20man"


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    running = Broker(tmp_path)
    running.start()
    try:
        yield running
    finally:
        running.kill()


class Site:
    """A deliverer to a broker; it is stopped when the test ends."""

    def __init__(
        self, stack: ExitStack, port: int, folder: Path, password: str = PASSWORD, **options: Any
    ) -> None:
        scheme = "mqtts" if "ca_file" in options else "mqtt"
        url = f"{scheme}://{USER_IN_URL}:{password}@localhost:{port}"
        self.clock = Clock()
        self.transport = Mqtt(url, folder, Schedule((WAIT,), (WAIT,), Random()), **options)
        self.outbox = MemoryOutbox()
        self.deliverer = Deliverer("mqtt", "mqtt://", self.transport, self.outbox, self.clock)
        stack.callback(self.stop)

    def stop(self) -> None:
        self.deliverer.interrupt()
        assert self.deliverer.join(CAP)

    def add(self, *rows: Any) -> None:
        self.outbox.rows.extend(rows)
        self.deliverer.wake()

    def wait_for_failures(self, count: int) -> None:
        """Wait until so many attempts have failed."""
        until = monotonic() + CAP
        while self.deliverer.figures()["failures"] < count:
            assert monotonic() < until, self.deliverer.figures()
            Event().wait(0.01)

    def retry(self) -> None:
        self.clock.now += 2 * WAIT
        self.deliverer.wake()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def ids(listener: Listener, camera: str) -> list[str]:
    return [json.loads(each)["id"] for each in listener.payloads(f"framelane/{camera}/events")]


def wait_for_events(listener: Listener, camera: str, count: int) -> None:
    listener.wait_until(lambda: len(ids(listener, camera)) >= count)


def test_events_arrive_in_order_and_are_not_retained(
    broker: Broker, tmp_path: Path, stack: ExitStack
) -> None:
    rows = [a_row(number, f"camera{number % 3}") for number in range(1, 301)]
    listener = stack.enter_context(listening(broker))
    site = Site(stack, broker.port, tmp_path)
    site.add(*rows)
    site.deliverer.start()
    site.outbox.wait_empty()
    for camera in ("camera0", "camera1", "camera2"):
        expected = [row.uuid for row in rows if row.stream == camera]
        wait_for_events(listener, camera, len(expected))
        assert ids(listener, camera) == expected
    for payload in listener.payloads("framelane/camera0/events"):
        validator("envelope").validate(json.loads(payload))
    with listening(broker) as late:
        late.wait_until(lambda: late.last("framelane/availability") == b"online")
        assert [topic for topic, _, _ in late.heard] == ["framelane/availability"]


def test_a_broker_that_was_killed_gets_every_event_after_its_return(
    broker: Broker, tmp_path: Path, stack: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "framelane")
    rows = [a_row(number, f"camera{number % 2}") for number in range(1, 41)]
    site = Site(stack, broker.port, tmp_path)
    site.transport.cameras([Camera("camera0"), Camera("camera1")])
    site.deliverer.start()
    with listening(broker) as before:
        site.add(*rows[:20])
        site.outbox.wait_empty()
        before.wait_until(lambda: len(ids(before, "camera0") + ids(before, "camera1")) == 20)
    broker.kill()
    site.wait_for_failures(1)
    site.add(*rows[20:])
    site.retry()
    site.wait_for_failures(2)  # nobody listens at the port
    assert site.deliverer.figures()["state"] == "failing"
    assert site.deliverer.figures()["pending"] == 20
    broker.start()
    after = stack.enter_context(listening(broker))
    site.retry()
    site.outbox.wait_empty()
    for camera in (0, 1):
        name = f"camera{camera}"
        expected = [row.uuid for row in rows[20:] if row.stream == name]
        wait_for_events(after, name, len(expected))
        assert ids(after, name) == expected
    # this broker keeps nothing on its disk, and yet knows what is retained
    assert after.last("framelane/availability") == b"online"
    assert after.last("framelane/camera0/state")
    assert site.deliverer.figures()["state"] == "delivering"
    assert PASSWORD not in caplog.text


def test_messages_that_were_on_their_way_come_again_with_the_same_uuid(
    broker: Broker, tmp_path: Path, stack: ExitStack
) -> None:
    site = Site(stack, broker.port, tmp_path)
    site.deliverer.start()
    first = [a_row(1)]
    with listening(broker) as before:
        site.add(*first)
        site.outbox.wait_empty()
        before.wait_until(lambda: len(ids(before, "door")) == 1)
    site.outbox.rows.append(first[0])  # as if the acknowledgement had not reached the disk
    site.add(a_row(2))
    site.outbox.wait_empty()
    with listening(broker) as after:
        site.outbox.rows.append(first[0])
        site.add(a_row(3))
        after.wait_until(lambda: len(ids(after, "door")) == 2)
        assert ids(after, "door")[0] == first[0].uuid


def test_a_refused_password_is_no_connection_and_is_said_once(
    broker: Broker, tmp_path: Path, stack: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "framelane")
    site = Site(stack, broker.port, tmp_path, password="wrong")
    site.add(a_row(1))
    site.deliverer.start()
    for failures in (1, 2, 3):
        site.wait_for_failures(failures)
        site.retry()
    site.wait_for_failures(4)
    figures = site.deliverer.figures()
    assert (figures["state"], figures["pending"], figures["delivered"]) == ("failing", 1, 0)
    assert figures["last_error"] == "unauthorised (the broker refuses user or password)"
    said = [line for line in caplog.messages if "refuses user or password" in line]
    assert len(said) == 1
    assert "wrong" not in caplog.text


def test_a_broker_that_accepts_and_stays_silent_is_given_up_and_can_be_left(
    tmp_path: Path, stack: ExitStack
) -> None:
    with silent_server() as port:
        site = Site(stack, port, tmp_path, timeout=2)
        site.add(a_row(1))
        site.deliverer.start()
        site.wait_for_failures(1)
        assert site.deliverer.figures()["last_error"] == (
            "timed out (the broker says nothing for 2 s)"
        )
        patient = Site(stack, port, tmp_path, timeout=60)
        patient.add(a_row(1))
        patient.deliverer.start()
        patient.deliverer.interrupt()
        assert patient.deliverer.join(30)  # and not 60


def test_tls_verifies_the_broker(tmp_path: Path, stack: ExitStack) -> None:
    certificates = make_certificates(tmp_path / "certificates")
    broker = Broker(tmp_path, certificates)
    broker.start()
    stack.callback(broker.kill)
    listener = stack.enter_context(listening(broker, certificates))
    site = Site(stack, broker.port, tmp_path, ca_file=certificates.authority)
    site.add(*[a_row(number) for number in range(1, 101)])
    site.deliverer.start()
    site.outbox.wait_empty()
    listener.wait_until(lambda: len(ids(listener, "door")) == 100)


def test_a_broker_of_an_unknown_authority_is_told_nothing(tmp_path: Path, stack: ExitStack) -> None:
    certificates = make_certificates(tmp_path / "certificates")
    other = make_certificates(tmp_path / "other")
    broker = Broker(tmp_path, certificates)
    broker.start()
    stack.callback(broker.kill)
    site = Site(stack, broker.port, tmp_path, ca_file=other.authority)
    with pytest.raises(Undelivered) as error:
        site.transport.deliver([], lambda _: None)
    assert error.value.trouble.cause is Cause.UNAUTHORISED
    assert "its certificate is not accepted" in str(error.value)


def test_states_counts_and_the_snapshot_are_retained(
    broker: Broker, tmp_path: Path, stack: ExitStack
) -> None:
    (tmp_path / "door.jpg").write_bytes(b"\xff\xd8 a picture \xff\xd9")
    site = Site(stack, broker.port, tmp_path)
    site.transport.cameras([Camera("door", ("person",), ("yard",), ("gate",))])
    site.deliverer.start()
    with listening(broker) as listener:
        listener.wait_until(lambda: listener.last("framelane/door/counts") is not None)
        site.transport.observe(an_event(snapshot="door.jpg"), Phase.START)
        site.deliverer.wake()
        listener.wait_until(lambda: listener.last("framelane/door/snapshot") is not None)
    with listening(broker) as late:
        late.wait_until(lambda: late.last("framelane/door/snapshot") is not None)
        retained = {topic for topic, _, kept in late.heard if kept}
        state = json.loads(late.last("framelane/door/state") or b"")
        counts = json.loads(late.last("framelane/door/counts") or b"")
        assert late.last("framelane/door/snapshot") == b"\xff\xd8 a picture \xff\xd9"
    validator("state").validate(state)
    validator("counts").validate(counts)
    assert (state["motion"], state["objects"]) == ("ON", {"person": 1})
    assert retained == {
        "framelane/availability",
        "framelane/door/state",
        "framelane/door/counts",
        "framelane/door/snapshot",
    }


@pytest.mark.parametrize("orderly", [True, False])
def test_the_end_is_told_by_us_and_a_broken_connection_by_the_broker(
    orderly: bool, broker: Broker, tmp_path: Path, stack: ExitStack
) -> None:
    listener = stack.enter_context(listening(broker))
    site = Site(stack, broker.port, tmp_path)
    site.deliverer.start()
    listener.wait_until(lambda: listener.last("framelane/availability") == b"online")
    if orderly:
        site.deliverer.drain()
    else:
        site.deliverer.interrupt()  # shuts the connection down without a farewell
    assert site.deliverer.join(CAP)
    listener.wait_until(lambda: listener.last("framelane/availability") == b"offline")


def test_what_is_said_of_us_wrongly_is_put_right(
    broker: Broker, tmp_path: Path, stack: ExitStack
) -> None:
    listener = stack.enter_context(listening(broker))
    site = Site(stack, broker.port, tmp_path)
    site.deliverer.start()
    listener.wait_until(lambda: listener.last("framelane/availability") == b"online")
    say(broker, "framelane/availability", b"offline")  # the will of a connection of long ago
    listener.wait_until(
        lambda: listener.payloads("framelane/availability") == [b"online", b"offline", b"online"]
    )


def test_home_assistant_gets_one_description_for_each_camera_and_again_when_it_starts(
    broker: Broker, tmp_path: Path, stack: ExitStack
) -> None:
    topic = "homeassistant/device/framelane_door/config"
    listener = stack.enter_context(listening(broker))
    site = Site(stack, broker.port, tmp_path, home_assistant=True)
    site.transport.cameras([Camera("door", ("person",))])
    site.deliverer.start()
    listener.wait_until(lambda: len(listener.payloads(topic)) == 1)
    validator("home_assistant").validate(json.loads(listener.payloads(topic)[0]))
    say(broker, "homeassistant/status", b"online")
    listener.wait_until(lambda: len(listener.payloads(topic)) == 2)
    site.transport.cameras(removed=["door"])
    listener.wait_until(lambda: len(listener.payloads(topic)) == 3)
    assert listener.payloads(topic)[2] == b""
    listener.wait_until(lambda: listener.last("framelane/door/snapshot") == b"")  # the last of all
    with listening(broker) as late:
        late.wait_until(lambda: bool(late.heard))
        assert {name for name, _, _ in late.heard} == {"framelane/availability"}
