"""One connection to an MQTT broker, served by the thread that uses it."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from select import POLLIN, POLLOUT, poll
from ssl import SSLSocket
from time import monotonic
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from pipeline.connections.peer_socket import Deadline, PeerSocket
from pipeline.connections.status import Cause, Trouble
from pipeline.delivery.mqtt.broker import Broker
from pipeline.delivery.network import Interrupt, network_trouble
from pipeline.delivery.retries import Undelivered

KEEP_ALIVE = 30  # seconds; a broker that is gone is noticed after that
ACCEPTED = "Success"
REFUSALS = {  # why a broker refuses, by the name that paho gives to its answer
    "Unsupported protocol version": (Cause.UNSUPPORTED, "the broker does not speak MQTT 3.1.1"),
    "Client identifier not valid": (Cause.REFUSED, "the broker refuses our client identifier"),
    "Server unavailable": (Cause.REFUSED, "the broker is not available"),
    "Bad user name or password": (Cause.UNAUTHORISED, "the broker refuses user or password"),
    "Not authorized": (Cause.UNAUTHORISED, "the broker refuses user or password"),
}
LOST = Trouble(Cause.ENDED_BY_PEER, "the connection to the broker broke")


class MqttConnection:
    """A connection that the broker has accepted; the constructor makes it.

    heard: called with topic and payload of each message that was subscribed to
    Raises Undelivered, as all methods do when the connection is lost.
    """

    def __init__(
        self, broker: Broker, interrupt: Interrupt, heard: Callable[[str, bytes], None]
    ) -> None:
        self._broker = broker
        self._interrupt = interrupt
        self._heard = heard
        self._answer: str | None = None  # to the request for a connection
        self._awaited: set[int] = set()  # messages whose acknowledgement is waited for
        self._client = self._new_client()
        try:
            self._connect()
        except BaseException:
            self.close()
            raise

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Send a message, and return its number."""
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        _check(info.rc)
        return info.mid

    def subscribe(self, topic: str) -> None:
        """Ask for the messages of a topic."""
        _check(self._client.subscribe(topic, qos=1)[0])

    def wait_for(self, numbers: Sequence[int], acknowledged: Callable[[], None]) -> None:
        """Wait until messages are acknowledged, in the order of `numbers`, and tell of each.

        A broker acknowledges in order, so what follows a missing one does not count.
        """
        self._awaited |= set(numbers)
        waiting = deque(numbers)

        def take_acknowledged() -> None:
            while waiting and waiting[0] not in self._awaited:
                waiting.popleft()
                acknowledged()

        try:
            while waiting:
                until = monotonic() + self._broker.timeout
                while waiting[0] in self._awaited:
                    self._step(until, "no acknowledgement")
                take_acknowledged()
        except Undelivered:
            take_acknowledged()  # the last ones came together with the end
            raise

    def serve(self, wake: int, seconds: float | None) -> None:
        """Keep the connection until the descriptor `wake` is readable, or for this long.

        seconds: None: without a limit
        """
        until = monotonic() + (seconds if seconds is not None else float("inf"))
        while (left := until - monotonic()) > 0:
            if self._once(min(left, KEEP_ALIVE / 4), wake):
                return

    def leave(self, seconds: float) -> None:
        """Send what is still to be sent and our farewell, for at most this long."""
        until = monotonic() + seconds
        with suppress(Undelivered):
            while self._client.want_write():
                self._step(until, "no progress")
            self._client.disconnect()

    def close(self) -> None:
        """Close the connection."""
        self._interrupt.watch(None)
        if line := self._client.socket():
            line.close()

    def _new_client(self) -> Client:
        broker = self._broker
        client = _Client(self._dial, broker.client_id)
        client.connect_timeout = broker.timeout
        if broker.user is not None:
            client.username_pw_set(broker.user, broker.password)
        if broker.tls:
            client.tls_set_context(broker.tls)
        client.will_set(*broker.will, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    def _on_connect(self, _client: Client, _data: Any, _flags: Any, reason: Any, _: Any) -> None:
        self._answer = reason.getName()

    def _on_publish(self, _client: Client, _data: Any, number: int, *_: Any) -> None:
        self._awaited.discard(number)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._heard(message.topic, bytes(message.payload))

    def _dial(self) -> socket.socket:
        """Return a connected socket, as fast as a stop or the deadline demands."""
        deadline = Deadline(self._broker.timeout, self._interrupt.stopped)
        line = PeerSocket(self._broker.host, self._broker.port, deadline).socket
        self._interrupt.watch(line)
        return line

    def _connect(self) -> None:
        began_at = monotonic()
        try:
            code = self._client.connect(self._broker.host, self._broker.port, KEEP_ALIVE)
        except OSError as error:
            seconds = monotonic() - began_at
            trouble = network_trouble(error, seconds, self._broker.timeout)
            raise Undelivered(trouble) from None
        _check(code)
        try:
            while self._answer is None:
                self._step(began_at + self._broker.timeout, "the broker says nothing")
        except Undelivered:
            if self._answer is None:
                raise
        if self._answer != ACCEPTED:
            unknown = (Cause.REFUSED, "the broker refuses the connection")
            raise Undelivered(Trouble(*REFUSALS.get(self._answer, unknown)))

    def _step(self, until: float, missing: str) -> None:
        """Serve the connection once; raises Undelivered when it is too late for what is missing."""
        left = until - monotonic()
        if left <= 0:
            why = f"{missing} for {self._broker.timeout:g} s"
            raise Undelivered(Trouble(Cause.TIMED_OUT, why))
        self._once(left)

    def _once(self, seconds: float, wake: int | None = None) -> bool:
        """Wait for the socket, or for `wake`, and serve it; return whether `wake` is readable.

        paho's own loop uses select(), which knows no descriptor above 1023.
        """
        client, line = self._client, self._client.socket()
        if line is None:
            raise Undelivered(LOST)
        waiting = poll()
        waiting.register(line, POLLIN | (POLLOUT if client.want_write() else 0))
        if wake is not None:
            waiting.register(wake, POLLIN)
        decrypted = isinstance(line, SSLSocket) and line.pending() > 0
        ready = dict(waiting.poll(0 if decrypted else seconds * 1e3))
        happened = ready.get(line.fileno(), 0)
        if decrypted or happened & ~POLLOUT:
            _check(client.loop_read())
        if happened & POLLOUT:
            _check(client.loop_write())
        _check(client.loop_misc())
        return wake in ready


class _Client(Client):
    """paho's client on a connection that a stop can interrupt.

    With another version of paho that does not ask us for the socket, only that is lost.
    """

    def __init__(self, dial: Callable[[], socket.socket], client_id: str) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2, client_id, clean_session=True, reconnect_on_failure=False
        )
        self._dial = dial

    def _create_socket_connection(self) -> socket.socket:
        return self._dial()


def _check(code: MQTTErrorCode) -> None:
    if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
        raise Undelivered(LOST)
