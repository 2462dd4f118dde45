"""The address that the server listens on, and the names under which a browser may ask for it."""

from __future__ import annotations

import socket
from collections.abc import Collection
from ipaddress import ip_address

from detector.errors import UsageError

BACKLOG = 64  # connections that wait to be accepted


def parse_address(address: str) -> tuple[str, int]:
    """Return host and port of HOST:PORT; raises UsageError. An IPv6 host is in brackets."""
    host, found, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    valid = port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= 65535
    if not (found and host and valid):
        raise UsageError(f"serve: '{address}' given: give HOST:PORT, as in 127.0.0.1:8080")
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Return whether only programs on this machine reach `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def listen(address: str) -> socket.socket:
    """Return a socket that listens at HOST:PORT; raises UsageError."""
    host, port = parse_address(address)
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"serve: {address}: {_reason(error)}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise UsageError(
            f"serve: {address}: {_reason(error)}: give another address or port"
        ) from error
    return listener


class HostNames:
    """Which values of the Host header are accepted.

    A hostile page can make a name of its own lead to this server (DNS rebinding), but not an IP
    address. So addresses are accepted, and only those names that the user gave.

    bound: the host that the server listens on; names: the user's
    """

    def __init__(self, bound: str, names: Collection[str]) -> None:
        self._local_only = is_loopback(bound)
        self._names = {name.lower() for name in names}

    def accept(self, header: str) -> bool:
        """Return whether a request with this Host header is for this server."""
        host = _host_of(header).lower()
        if host in self._names or host == "localhost":
            return True
        try:
            found = ip_address(host)
        except ValueError:
            return False
        return found.is_loopback or not self._local_only


def _host_of(header: str) -> str:
    """Return the host of HOST or HOST:PORT."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0] if header.count(":") == 1 else header


def _reason(error: OSError | UnicodeError) -> str:
    return getattr(error, "strerror", None) or "it is no host name"
