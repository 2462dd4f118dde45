"""The server of page, API and metrics: uvicorn on a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import socket
from threading import Thread

import uvicorn
from starlette.types import ASGIApp

from pipeline.access.address import listen
from pipeline.web.protocol import BoundedProtocol

log = logging.getLogger("framelane")

MAX_HEAD = 1 << 15  # bytes of a request's line and headers
GRACE_SECONDS = 1  # for open requests at the end
JOIN_SECONDS = 5.0  # more than the server takes to end


class _Uvicorn(uvicorn.Server):
    """Breaks off the connections that do not end by themselves."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # in which they close


class Server:
    """Serves `app` at `address` while it is open.

    address: HOST:PORT; port 0 takes a free one
    Raises UsageError for an address that is malformed or in use.
    """

    def __init__(self, app: ASGIApp, address: str) -> None:
        self._socket = listen(address)
        self.port: int = self._socket.getsockname()[1]
        self._url = f"http://{address.rpartition(':')[0]}:{self.port}"
        config = uvicorn.Config(
            app,
            http=BoundedProtocol,
            ws="websockets-sansio",
            ws_max_size=MAX_HEAD,
            ws_per_message_deflate=False,  # video is compressed already
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=GRACE_SECONDS,
            h11_max_incomplete_event_size=MAX_HEAD,
        )
        for name in ("uvicorn.error", "uvicorn.access"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # clients must not fill our log
        logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of clients that have gone
        self._server = _Uvicorn(config)
        self._thread = Thread(target=self._serve, name="web", daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        log.info("the page is at %s", self._url)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(JOIN_SECONDS)

    def _serve(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except Exception:
            log.exception("the web server failed")
        finally:
            self._socket.close()
