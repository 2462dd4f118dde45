"""The paths that are served now, and which of them a viewer's URL means."""

from __future__ import annotations

import re
import threading
from urllib.parse import unquote

from pipeline.sinks.rtsp.server_child.path_server import PathServer


class Paths:
    """The servers by their paths. Any thread may call it."""

    def __init__(self) -> None:
        self.servers: dict[str, PathServer] = {}
        self.lock = threading.Lock()

    def add(self, path: str, server: PathServer) -> bool:
        """Add a path; return False if it is there already."""
        with self.lock:
            return self.servers.setdefault(path, server) is server

    def remove(self, path: str) -> None:
        """Remove a path."""
        with self.lock:
            del self.servers[path]

    def at(self, url: bytes) -> PathServer | None:
        """Return the server at a URL, which may name a part of its stream: /path/stream=0."""
        named = re.sub(r"^[a-z]+://[^/]*", "", unquote(url.decode("latin-1")), flags=re.IGNORECASE)
        named = named.partition("?")[0]
        with self.lock:
            fits = (path for path in self.servers if f"{named}/".startswith(f"{path}/"))
            return self.servers.get(max(fits, key=len, default=""))
