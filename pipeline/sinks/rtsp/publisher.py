"""The publishing side of RTSP (RFC 2326: ANNOUNCE, SETUP, RECORD), over TCP.

FFmpeg's muxer can publish too, but ignores the time-out of a write: one frame to a stopped receiver
took 29 s (measured with a time-out of 2 s). This one never waits once it is connected.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import struct
import time
from contextlib import suppress
from threading import Event
from urllib.parse import unquote, urlsplit, urlunsplit

from pipeline.connections.peer_socket import Deadline, PeerSocket
from pipeline.connections.status import Cause, Disconnected, Trouble
from pipeline.media.rtp import Packetizer, description
from pipeline.sinks.rtsp.answer import Answer, read_answer
from pipeline.sinks.rtsp.receiver import Receiver
from pipeline.sinks.rtsp.send_buffer import SendBuffer

DEFAULT_PORT = 554
STOP_GRACE = 1.0  # seconds that a handshake may go on when the run ends: most need less
REPORT_SECONDS = 2.0  # between two reports of the clock
_INTERLEAVED = struct.Struct(">cBH")
_RTP, _RTCP = 0, 1  # channels
_CAUSES = {401: Cause.UNAUTHORISED, 403: Cause.UNAUTHORISED, 404: Cause.NOT_FOUND}


class Publication(Receiver):
    """A connection on which one stream of H.264 is published; the constructor connects it.

    url: rtsp://user:password@host:port/path
    sps, pps: the stream's parameter sets
    timeout: seconds for the whole handshake, and later without progress
    stopped: ends the handshake a second later
    Raises OSError or Disconnected.
    """

    def __init__(self, url: str, sps: bytes, pps: bytes, timeout: float, stopped: Event) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        self._user = unquote(parts.username or ""), unquote(parts.password or "")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        port = parts.port or DEFAULT_PORT
        self._url = urlunsplit(("rtsp", f"{host}:{port}", parts.path, parts.query, ""))
        self._number = 0
        self._session = ""
        self._challenge: dict[str, str] = {}
        self._packetizer = Packetizer(secrets.randbits(32), secrets.randbits(16))
        self._first_timestamp = secrets.randbits(32)
        self._reported_at = float("-inf")
        self._peer = PeerSocket(parts.hostname, port, Deadline(timeout, stopped, STOP_GRACE))
        try:
            self._begin(description(sps, pps))
            self._buffer = SendBuffer(self._peer.socket, timeout)
        except BaseException:
            self._peer.close()
            raise

    def send(self, unit: bytes, ticks: int, captured_at: float) -> None:
        """Send one access unit, and a report of the clock if one is due. Raises OSError."""
        timestamp = self._first_timestamp + ticks
        now = time.monotonic()
        message = bytearray()
        if now - self._reported_at > REPORT_SECONDS:
            self._reported_at = now
            report = self._packetizer.report(timestamp, time.time() - (now - captured_at))
            message += _INTERLEAVED.pack(b"$", _RTCP, len(report)) + report
        for packet in self._packetizer.packets_of(unit, timestamp):
            message += _INTERLEAVED.pack(b"$", _RTP, len(packet)) + packet
        self._buffer.send(bytes(message))

    def close(self) -> None:
        """End the session if that is possible without waiting, and close the connection."""
        with self._peer.socket as connection, suppress(OSError):
            connection.setblocking(False)
            if not self.backlog:
                connection.send(self._request("TEARDOWN", self._url, {}, ""))

    def _begin(self, session: str) -> None:
        self._ask("OPTIONS", self._url)
        self._ask("ANNOUNCE", self._url, {"Content-Type": "application/sdp"}, session)
        transport = f"RTP/AVP/TCP;unicast;interleaved={_RTP}-{_RTCP};mode=record"
        answer = self._ask("SETUP", f"{self._url.rstrip('/')}/trackID=0", {"Transport": transport})
        self._session = answer.headers.get("session", "").partition(";")[0]
        self._ask("RECORD", self._url, {"Range": "npt=0.000-"})

    def _ask(
        self, method: str, url: str, headers: dict[str, str] | None = None, body: str = ""
    ) -> Answer:
        """Return the answer to a request; raises Disconnected if it is negative."""
        for _ in range(2):  # the answer to the first may ask for a password
            self._peer.sendall(self._request(method, url, headers or {}, body))
            answer = read_answer(self._peer)
            asked = answer.headers.get("www-authenticate")
            if answer.status != 401 or self._challenge or not (asked and self._user[0]):
                break
            self._challenge = _challenge(asked)
        if answer.status != 200:
            cause = _CAUSES.get(answer.status, Cause.REFUSED)
            detail = f"the server answered {method} with {answer.status} {answer.reason}"
            raise Disconnected(Trouble(cause, detail))
        return answer

    def _request(self, method: str, url: str, headers: dict[str, str], body: str) -> bytes:
        self._number += 1
        lines = {"CSeq": str(self._number), "User-Agent": "Framelane"} | headers
        if self._session:
            lines["Session"] = self._session
        if self._challenge:
            lines["Authorization"] = self._authorization(method, url)
        if body:
            lines["Content-Length"] = str(len(body))
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"{method} {url} RTSP/1.0\r\n{head}\r\n{body}".encode()

    def _authorization(self, method: str, url: str) -> str:
        """Return the header that proves user name and password (RFC 2617)."""
        user, password = self._user
        if self._challenge["scheme"] == "basic":
            return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        realm, nonce = self._challenge.get("realm", ""), self._challenge.get("nonce", "")
        response = _md5(f"{_md5(f'{user}:{realm}:{password}')}:{nonce}:{_md5(f'{method}:{url}')}")
        fields = {"username": user, "realm": realm, "nonce": nonce, "uri": url}
        shown = ", ".join(f'{name}="{value}"' for name, value in fields.items())
        return f'Digest {shown}, response="{response}"'


def _challenge(header: str) -> dict[str, str]:
    """Return the scheme of an authentication and its parameters."""
    scheme, _, rest = header.partition(" ")
    return {"scheme": scheme.lower()} | dict(re.findall(r'(\w+)="([^"]*)"', rest))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
