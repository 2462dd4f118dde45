"""Which MQTT broker, and as whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from ssl import SSLContext, SSLSocket
from urllib.parse import unquote, urlsplit

from detector.errors import UsageError
from pipeline.delivery.network import tls_context

PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class Broker:
    """Which broker, and as whom.

    will: topic and payload that the broker publishes, retained, when we are gone without a word
    timeout: seconds for the connection until it is accepted, and later for each acknowledgement
    """

    host: str
    port: int
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)
    tls: SSLContext | None
    will: tuple[str, bytes]
    client_id: str
    timeout: float


def broker_of(
    url: str, ca_file: Path | None, *, will: tuple[str, bytes], timeout: float, where: str
) -> Broker:
    """Return the broker of a URL `mqtts://USER:PASSWORD@HOST:PORT`.

    where: the place in the configuration, for the message of a UsageError
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise UsageError(
            f"{where}: {parts.scheme}://HOST:PORT without a path is expected; "
            "'topic' is an option beside 'url'"
        )
    encrypted = parts.scheme == "mqtts"
    if ca_file and not encrypted:
        raise UsageError(f"{where}: ca_file: only mqtts:// has certificates")
    tls = tls_context(ca_file, where) if encrypted else None
    if tls:
        tls.sslsocket_class = _ClosedByFailure
    return Broker(
        host=parts.hostname,
        port=parts.port or PORTS[parts.scheme],
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        tls=tls,
        will=will,
        # The same after each reconnection: the broker then ends what is left of the last one
        client_id=f"framelane-{token_hex(6)}",
        timeout=timeout,
    )


class _ClosedByFailure(SSLSocket):
    """A connection that is closed when its handshake fails; paho only forgets it."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise
