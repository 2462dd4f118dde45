"""Webhooks by Standard Webhooks 1.0: one signed POST for each message."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage, RemoteDisconnected
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from threading import Event
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import Field

from detector.errors import UsageError
from pipeline.connections.peer_socket import Deadline, PeerSocket
from pipeline.connections.status import Cause, Trouble
from pipeline.delivery.config import shown_receiver
from pipeline.delivery.http_post import PORTS, Address, HalfAnswer, connected, post
from pipeline.delivery.message import Message
from pipeline.delivery.network import network_trouble, tls_context
from pipeline.delivery.retries import Schedule, Undelivered, webhook_schedule
from pipeline.delivery.signature import secret_bytes, signed_headers
from pipeline.delivery.transport import Transport

MAX_RETRY_AFTER = 86400.0  # seconds; a receiver cannot silence us for longer
THROTTLES = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
NOT_PRIVATE = "http:// is for private addresses only, because anyone can read it: use https://"
_CAUSES: dict[int, Cause] = {
    HTTPStatus.UNAUTHORIZED: Cause.UNAUTHORISED,
    HTTPStatus.FORBIDDEN: Cause.UNAUTHORISED,
    HTTPStatus.NOT_FOUND: Cause.NOT_FOUND,
}


class Webhook(Transport):
    """Posts each message; a camera whose message is not taken does not hold up the others.

    secret: `whsec_` and the key in Base64, which signs each message
    timeout: seconds for a whole request
    ca_file: certificates that are trusted instead of the system's
    """

    accepted: ClassVar[tuple[str, ...]] = ("https://", "http://")
    required: ClassVar[tuple[str, ...]] = ("secret",)

    def __init__(
        self,
        url: str,
        folder: Path,
        schedule: Schedule | None = None,
        *,
        secret: str,
        timeout: Annotated[float, Field(gt=0, le=60)] = 15.0,
        ca_file: Path | None = None,
    ) -> None:
        super().__init__(url, folder, schedule or webhook_schedule())
        where = f"deliver '{shown_receiver(url)}'"
        try:
            self._key = secret_bytes(secret)
        except ValueError as error:
            raise UsageError(f"{where}: secret: {error}") from None
        self._address = _address(url, ca_file, where)
        self._timeout = timeout
        self._stopped = Event()

    def deliver(self, messages: Sequence[Message], delivered: Callable[[Message], None]) -> None:
        """Post messages, one after the other."""
        for message in messages:
            self._post(message)
            delivered(message)

    def interrupt(self) -> None:
        """End the request that is under way."""
        self._stopped.set()

    def _post(self, message: Message) -> None:
        began_at = time.monotonic()
        whole = True  # no connection: the other cameras would get none either
        try:
            peer = connected(self._address, Deadline(self._timeout, self._stopped))
            try:
                self._check(peer)
                whole = False
                status, headers = post(peer, self._address, message.body, self._headers(message))
            finally:
                peer.close()
        except (RemoteDisconnected, HalfAnswer):
            why = "the connection ended before the answer did"
            raise Undelivered(Trouble(Cause.ENDED_BY_PEER, why), whole=False) from None
        except HTTPException:
            trouble = Trouble(Cause.BAD_DATA, "the answer is not HTTP")
            raise Undelivered(trouble, whole=False) from None
        except OSError as error:
            seconds = time.monotonic() - began_at
            trouble = network_trouble(error, seconds, self._timeout)
            raise Undelivered(trouble, whole=whole) from None
        _check_status(status, headers)

    def _headers(self, message: Message) -> Mapping[str, str]:
        signed = signed_headers(self._key, message.id, int(time.time()), message.body)
        return {"Content-Type": "application/json", "User-Agent": "framelane", **signed}

    def _check(self, peer: PeerSocket) -> None:
        """Raise Undelivered rather than send to a public address what anyone could read."""
        if not self._address.tls and _is_public(peer.socket.getpeername()[0]):
            raise Undelivered(Trouble(Cause.UNSUPPORTED, NOT_PRIVATE))


def _address(url: str, ca_file: Path | None, where: str) -> Address:
    parts = urlsplit(url)
    if parts.username is not None or parts.fragment:
        raise UsageError(
            f"{where}: a webhook has neither user and password nor a #fragment: "
            "its receiver knows us by the signature, see 'secret'"
        )
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not parts.hostname or not target.isascii() or not target.isprintable() or " " in target:
        raise UsageError(f"{where}: https://HOST/PATH is expected, percent-encoded")
    encrypted = parts.scheme == "https"
    if ca_file and not encrypted:
        raise UsageError(f"{where}: ca_file: only https:// has certificates")
    if not encrypted and _is_public(parts.hostname):
        raise UsageError(f"{where}: {NOT_PRIVATE}")
    tls = tls_context(ca_file, where) if encrypted else None
    return Address(parts.hostname, parts.port or PORTS[parts.scheme], target, tls)


def _is_public(host: str) -> bool:
    """Return whether a host is the address of no private network; a name may be anything."""
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return not (mapped or found).is_private


def _check_status(status: int, headers: HTTPMessage) -> None:
    """Raise Undelivered unless the receiver has taken the message."""
    if 200 <= status < 300:
        return
    said = _phrase(status)
    if status == HTTPStatus.GONE:
        raise Undelivered(Trouble(Cause.REFUSED, f"{said}: it wants no more"), final=True)
    if status in THROTTLES:
        raise Undelivered(Trouble(Cause.REFUSED, said), retry_after=_retry_after(headers))
    if 300 <= status < 400:
        said += ": redirects are not followed; give the URL that it points to"
    raise Undelivered(Trouble(_CAUSES.get(status, Cause.REFUSED), said), whole=False)


def _phrase(status: int) -> str:
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"


def _retry_after(headers: HTTPMessage) -> float | None:
    """Return the seconds of Retry-After: a number, or a date (RFC 9110, 10.2.3)."""
    given = headers.get("Retry-After", "").strip()
    if given.isdecimal():
        return min(float(given), MAX_RETRY_AFTER)
    try:
        until = parsedate_to_datetime(given)
    except (TypeError, ValueError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=timezone.utc)
    seconds = (until - datetime.now(timezone.utc)).total_seconds()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)
