"""One connection to a broker, at servers that answer what a test tells them."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread

import pytest

from pipeline.connections.status import Cause
from pipeline.delivery.mqtt.broker import Broker
from pipeline.delivery.mqtt.connection import MqttConnection
from pipeline.delivery.network import Interrupt
from pipeline.delivery.retries import Undelivered
from tests.support.broker import silent_server
from tests.support.cameras import CAP

ACCEPTED = bytes([0x20, 2, 0, 0])  # CONNACK, MQTT 3.1.1, 3.2
CONNECT, PUBLISH = 0x10, 0x30


def puback(number: int) -> bytes:
    return bytes([0x40, 2]) + number.to_bytes(2, "big")


class Peer:
    """The server's side of a connection."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._file = line.makefile("rb")

    def send(self, data: bytes) -> None:
        self._line.sendall(data)

    def packet(self) -> tuple[int, bytes]:
        """Return the type of the next packet, and what follows its length."""
        first = self._file.read(1)
        if not first:
            raise EOFError
        size, shift = 0, 0
        while True:
            byte = self._file.read(1)[0]
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return first[0] & 0xF0, self._file.read(size)

    def wait_for_the_end(self) -> None:
        while self._file.read(1):
            pass

    def published(self) -> tuple[int, bytes]:
        """Return number and payload of the next PUBLISH."""
        kind, rest = self.packet()
        assert kind == PUBLISH
        topic = int.from_bytes(rest[:2], "big")
        number = int.from_bytes(rest[2 + topic : 4 + topic], "big")
        return number, rest[4 + topic :]


@contextmanager
def server(talk: Callable[[Peer], None], accept: bytes = ACCEPTED) -> Iterator[int]:
    """Take one connection, accept it, and let `talk` go on; yield the port."""

    def run() -> None:
        with suppress(OSError, EOFError):
            line, _ = listener.accept()
            with line:
                line.settimeout(CAP)
                peer = Peer(line)
                assert peer.packet()[0] == CONNECT
                peer.send(accept)
                talk(peer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(CAP)
        thread = Thread(target=run)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join(CAP)


def broker(port: int, timeout: float = 60.0) -> Broker:
    return Broker("127.0.0.1", port, None, None, None, ("a", b"offline"), "framelane-1", timeout)


@contextmanager
def connected(port: int, timeout: float = 60.0) -> Iterator[MqttConnection]:
    connection = MqttConnection(broker(port, timeout), Interrupt(), lambda *_: None)
    try:
        yield connection
    finally:
        connection.close()


def send_three(port: int, timeout: float) -> tuple[int, Undelivered | None]:
    """Publish three messages; return how many were acknowledged in order, and what went wrong."""
    acknowledged: list[None] = []
    with connected(port, timeout) as connection:
        numbers = [connection.publish("t", bytes([each])) for each in range(3)]
        try:
            connection.wait_for(numbers, lambda: acknowledged.append(None))
        except Undelivered as error:
            return len(acknowledged), error
        return len(acknowledged), None


def acknowledging(*which: int) -> Callable[[Peer], None]:
    """Acknowledge some of three messages, in this order, and say nothing more."""

    def talk(peer: Peer) -> None:
        numbers = [peer.published()[0] for _ in range(3)]
        for index in which:
            peer.send(puback(numbers[index]))
        peer.wait_for_the_end()

    return talk


def test_messages_are_done_when_all_are_acknowledged() -> None:
    with server(acknowledging(0, 1, 2)) as port:
        assert send_three(port, CAP) == (3, None)


@pytest.mark.parametrize(("which", "counted"), [((), 0), ((0,), 1), ((0, 2), 1), ((1, 2), 0)])
def test_what_follows_a_missing_acknowledgement_does_not_count(
    which: tuple[int, ...], counted: int
) -> None:
    with server(acknowledging(*which)) as port:
        acknowledged, error = send_three(port, 2.0)
        assert acknowledged == counted
        assert error is not None
        assert str(error) == "timed out (no acknowledgement for 2 s)"


def test_a_broker_that_leaves_is_noticed_at_once() -> None:
    def talk(peer: Peer) -> None:
        numbers = [peer.published()[0] for _ in range(3)]
        peer.send(puback(numbers[0]))

    with server(talk) as port:
        acknowledged, error = send_three(port, CAP)
        assert acknowledged == 1
        assert error is not None
        assert error.trouble.cause is Cause.ENDED_BY_PEER


@pytest.mark.parametrize(
    ("code", "cause", "said"),
    [
        (1, Cause.ENDED_BY_PEER, "the connection to the broker broke"),
        (2, Cause.REFUSED, "the broker refuses our client identifier"),
        (3, Cause.REFUSED, "the broker is not available"),
        (4, Cause.UNAUTHORISED, "the broker refuses user or password"),
        (5, Cause.UNAUTHORISED, "the broker refuses user or password"),
        (99, Cause.REFUSED, "the broker refuses the connection"),
    ],
)
def test_a_refusal_is_no_connection(code: int, cause: Cause, said: str) -> None:
    with server(Peer.wait_for_the_end, bytes([0x20, 2, 0, code])) as port:
        with pytest.raises(Undelivered) as error, connected(port):
            pass
        assert (error.value.trouble.cause, error.value.trouble.detail) == (cause, said)


@pytest.mark.parametrize(
    "nonsense",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\x03\0\0\0", b"\xff\xff\xff\xff\xff\xff"],
)
def test_a_server_that_speaks_something_else_is_no_broker(nonsense: bytes) -> None:
    with (
        server(Peer.wait_for_the_end, nonsense) as port,
        pytest.raises(Undelivered),
        connected(port, 1.0),
    ):
        pass


def test_a_server_that_says_nothing_is_given_up() -> None:
    with silent_server() as port:
        with pytest.raises(Undelivered) as error, connected(port, 1.0):
            pass
        assert str(error.value) == "timed out (the broker says nothing for 1 s)"


def test_an_interrupt_before_the_connection_ends_it_at_once() -> None:
    interrupt = Interrupt()
    interrupt.set()
    with silent_server() as port, pytest.raises(Undelivered):
        MqttConnection(broker(port), interrupt, lambda *_: None)


def test_an_interrupt_ends_a_wait_for_an_acknowledgement() -> None:
    interrupt = Interrupt()

    def talk(peer: Peer) -> None:
        peer.published()
        interrupt.set()
        peer.wait_for_the_end()

    with server(talk) as port:
        connection = MqttConnection(broker(port), interrupt, lambda *_: None)
        number = connection.publish("t", b"")
        with pytest.raises(Undelivered):
            connection.wait_for([number], lambda: None)
        connection.close()
