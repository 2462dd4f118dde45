"""MQTT 3.1.1: events, what each camera shows now, and its description for Home Assistant."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from detector.errors import UsageError
from pipeline.delivery.config import shown_receiver
from pipeline.delivery.message import Message
from pipeline.delivery.mqtt.broker import broker_of
from pipeline.delivery.mqtt.home_assistant import STATUS
from pipeline.delivery.mqtt.live_state import LiveState
from pipeline.delivery.mqtt.retained import OFFLINE, ONLINE, Retained
from pipeline.delivery.mqtt.topics import Topics, is_topic
from pipeline.delivery.mqtt.wake import Wake
from pipeline.delivery.network import Interrupt
from pipeline.delivery.retries import Schedule, Undelivered, connection_schedule
from pipeline.delivery.transport import Camera, Transport
from pipeline.events.record import EventRecord, Phase

if TYPE_CHECKING:
    from pipeline.delivery.mqtt.connection import MqttConnection

FAREWELL_SECONDS = 0.4


class Mqtt(Transport):
    """Publishes with QoS 1 on one connection; a message is delivered when it is acknowledged.

    States, counts and snapshots are retained. They are not queued: after a lost connection the
    broker gets what is true then. Events are not retained.

    topic: the first part of all topics
    home_assistant: describe the cameras, so that Home Assistant shows them
    discovery: the first part of the topics of those descriptions
    ca_file: certificates that are trusted instead of the system's
    timeout: seconds for the connection until it is accepted, and later for an acknowledgement
    """

    accepted: ClassVar[tuple[str, ...]] = ("mqtt://", "mqtts://")
    batch: ClassVar[int] = 50  # on their way at once: a distant broker takes 50 ms for each

    def __init__(
        self,
        url: str,
        folder: Path,
        schedule: Schedule | None = None,
        *,
        topic: str = "framelane",
        home_assistant: bool = False,
        discovery: str = "homeassistant",
        ca_file: Path | None = None,
        timeout: Annotated[float, Field(gt=0, le=60)] = 10.0,
    ) -> None:
        super().__init__(url, folder, schedule or connection_schedule())
        where = f"deliver '{shown_receiver(url)}'"
        for name, given in {"topic": topic, "discovery": discovery}.items():
            if not is_topic(given):
                raise UsageError(
                    f"{where}: {name}: a topic such as site/cameras is expected, without + and #"
                )
        self._topics = Topics(topic)
        self._home_assistant = f"{discovery}/{STATUS}" if home_assistant else None
        self._broker = broker_of(
            url, ca_file, will=(self._topics.availability, OFFLINE), timeout=timeout, where=where
        )
        self._interrupt = Interrupt()
        self._wake = Wake()
        self._connection: MqttConnection | None = None
        self._live = LiveState()
        self._retained = Retained(
            self._topics, self._live, folder, discovery if home_assistant else None
        )

    def deliver(self, messages: Sequence[Message], delivered: Callable[[Message], None]) -> None:
        """Publish messages, and wait for their acknowledgements."""
        waiting = deque(messages)
        with self._connected() as connection:
            numbers = [
                connection.publish(self._topics.events(each.stream), each.body) for each in messages
            ]
            connection.wait_for(numbers, lambda: delivered(waiting.popleft()))

    def wait(self, seconds: float | None) -> None:
        """Keep the connection, and publish what changes."""
        with self._connected() as connection:
            connection.serve(self._wake.descriptor, seconds)
        self._wake.clear()

    def pause(self, seconds: float | None) -> None:
        """Wait without a connection."""
        self._wake.wait(seconds)
        self._wake.clear()

    def wake(self) -> None:
        """End a wait. Any thread."""
        self._wake.set()

    def interrupt(self) -> None:
        """Shut the connection down. Any thread."""
        self._interrupt.set()

    def observe(self, record: EventRecord, phase: Phase) -> None:
        """Take note of a change. Any thread."""
        self._live.observe(record, phase)

    def cameras(self, added: Iterable[Camera] = (), removed: Iterable[str] = ()) -> None:
        """Take note of cameras that come or go. Any thread."""
        self._live.cameras(added, removed)
        self.wake()

    def close(self) -> None:
        """Say that we are gone, and disconnect."""
        if self._connection:
            with suppress(Undelivered):  # then the broker says it for us
                self._connection.publish(self._topics.availability, OFFLINE, retain=True)
                self._connection.leave(FAREWELL_SECONDS)
            self._disconnect()
        self._wake.close()

    @contextmanager
    def _connected(self) -> Iterator[MqttConnection]:
        """Give a connection on which everything retained is up to date."""
        try:
            connection = self._connection or self._connect()
            self._retained.publish(partial(connection.publish, retain=True))
            yield connection
        except Undelivered:
            self._disconnect()
            raise

    def _connect(self) -> MqttConnection:
        from pipeline.delivery.mqtt.connection import MqttConnection

        self._connection = MqttConnection(self._broker, self._interrupt, self._heard)
        self._connection.subscribe(self._topics.availability)
        if self._home_assistant:
            self._connection.subscribe(self._home_assistant)
        self.on_connected()
        return self._connection

    def _disconnect(self) -> None:
        self._retained.publish_all_again()
        if self._connection:
            self._connection.close()
            self._connection = None

    def _heard(self, topic: str, payload: bytes) -> None:
        """Publish again what Home Assistant has lost, or what was said of us wrongly.

        The broker may find only now that an earlier connection of ours is gone.
        """
        if (topic, payload) in {
            (self._home_assistant, ONLINE),
            (self._topics.availability, OFFLINE),
        }:
            self._retained.publish_all_again()
            self.wake()
