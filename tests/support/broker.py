"""Debian's mosquitto as a child process, and a client that hears everything."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Event
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.cameras import CAP
from tests.support.certificates import Certificates
from tests.support.environment import PASSWORD, absent

USER = "camera man"  # its URL needs percent-encoding


def require_mosquitto() -> str:
    """Return the path of mosquitto. Skips visibly without it; fails if REQUIRE_MOSQUITTO=1."""
    found = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    return found or absent("no mosquitto: install the Debian package", "REQUIRE_MOSQUITTO")


class Broker:
    """A broker on loopback that keeps nothing on disk; `kill` and `start` as often as needed.

    certificates: of a broker that speaks TLS
    """

    def __init__(self, folder: Path, certificates: Certificates | None = None) -> None:
        self._mosquitto = require_mosquitto()
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        passwords = folder / "passwords"
        passwords.touch(mode=0o600)
        subprocess.run(["mosquitto_passwd", "-b", passwords, USER, PASSWORD], check=True)
        lines = [
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous false",
            f"password_file {passwords}",
            "persistence false",
            "user root",
            "log_dest none",
        ]
        if certificates:
            lines += [f"certfile {certificates.server}", f"keyfile {certificates.key}"]
        self._configuration = folder / "mosquitto.conf"
        self._configuration.write_text("\n".join(lines))

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        line = [self._mosquitto, "-c", str(self._configuration)]
        self._process = subprocess.Popen(line, stderr=subprocess.DEVNULL)
        for _ in range(int(CAP * 20)):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self._process.poll() is not None:
                raise OSError("mosquitto does not start")
            Event().wait(0.05)
        raise OSError("mosquitto does not answer")

    def kill(self) -> None:
        """Kill it, as a power cut would."""
        if self._process:
            self._process.kill()
            self._process.wait(CAP)
            self._process = None


@dataclass
class Listener:
    """Everything that one client of a broker was sent.

    heard: topic, payload, and whether the broker had kept the message
    """

    heard: list[tuple[str, bytes, bool]] = field(default_factory=list)
    changed: Condition = field(default_factory=Condition)
    subscribed: bool = False

    def wait_until(self, true: Callable[[], bool]) -> None:
        """Wait for what other processes must do."""
        with self.changed:
            assert self.changed.wait_for(true, CAP), f"heard only {self.heard[-5:]}"

    def payloads(self, topic: str) -> list[bytes]:
        """Return what came under a topic, in order."""
        return [payload for name, payload, _ in self.heard if name == topic]

    def last(self, topic: str) -> bytes | None:
        """Return the last message of a topic."""
        payloads = self.payloads(topic)
        return payloads[-1] if payloads else None


@contextmanager
def listening(broker: Broker, certificates: Certificates | None = None) -> Iterator[Listener]:
    """Subscribe to all topics for the duration of the block."""
    listener = Listener()
    client = Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(USER, PASSWORD)
    if certificates:
        client.tls_set(str(certificates.authority))

    def on_connect(client: Client, *_: Any) -> None:
        client.subscribe("#", qos=1)

    def on_subscribe(*_: Any) -> None:
        with listener.changed:
            listener.subscribed = True
            listener.changed.notify_all()

    def on_message(_client: Client, _data: Any, message: MQTTMessage) -> None:
        with listener.changed:
            listener.heard.append((message.topic, bytes(message.payload), message.retain))
            listener.changed.notify_all()

    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_message = on_message
    client.connect("localhost" if certificates else "127.0.0.1", broker.port)
    client.loop_start()
    try:
        listener.wait_until(lambda: listener.subscribed)
        yield listener
    finally:
        client.disconnect()
        client.loop_stop()


def say(broker: Broker, topic: str, payload: bytes) -> None:
    """Publish one message, as another program would."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(USER, PASSWORD)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        client.publish(topic, payload, qos=1).wait_for_publish(CAP)
    finally:
        client.disconnect()
        client.loop_stop()


@contextmanager
def silent_server() -> Iterator[int]:
    """Accept connections and say nothing; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
