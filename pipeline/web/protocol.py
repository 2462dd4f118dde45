"""HTTP connections with limits that uvicorn does not have: their number, and time for a head."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS = 200
MAX_FROM_ONE_ADDRESS = 100  # so that one machine cannot take all
HEAD_SECONDS = 10.0  # for the request line and the headers of each request


class BoundedProtocol(H11Protocol):
    """Reads requests; closes connections that are too many, or that keep it waiting."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, unless there are too many connections."""
        super().connection_made(transport)
        if self._too_many():
            transport.abort()
        else:
            self._await_head()

    def data_received(self, data: bytes) -> None:
        """Read a part of a request."""
        super().data_received(data)
        if self.transport.get_protocol() is self and self.conn.their_state is h11.IDLE:
            self._await_head()
        else:  # it has a whole head, or is a WebSocket from here on
            self._cancel_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._cancel_timer()
        super().connection_lost(exc)

    def _too_many(self) -> bool:
        same = sum(_address(each) == _address(self) for each in self.connections)
        return len(self.connections) > MAX_CONNECTIONS or same > MAX_FROM_ONE_ADDRESS

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _cancel_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def _address(connection: object) -> str:
    client = getattr(connection, "client", None)  # of WebSockets, too
    return client[0] if client else ""
