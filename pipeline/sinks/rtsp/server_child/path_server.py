"""GStreamer's server of one path, with its password."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Any

from pipeline.sinks.rtsp.server_child.gst import Gio, GLib, GstRtspServer
from pipeline.sinks.rtsp.server_child.stream import Stream

DIGEST = 2  # the kind of authentication
MAX_BODY = 1 << 14  # bytes of a request; viewers need none


class PathServer:
    """Serves one stream to viewers whose connections it is given. Any thread may call it.

    path: "/name"
    user: "name:password" that viewers need; None: they need none
    """

    def __init__(self, path: str, user: str | None) -> None:
        self.stream = Stream()
        self.server = GstRtspServer.RTSPServer()
        self.server.set_content_length_limit(MAX_BODY)
        if user:
            name, _, password = user.partition(":")
            self.stream.set_permissions(permissions(name))
            self.server.set_auth(authentication(name, password))
        self.server.get_mount_points().add_factory(path, self.stream)

    def serve(self, viewer: socket.socket, address: tuple[str, int]) -> None:
        """Serve a viewer on its connection, which the caller keeps, to watch and to close it."""
        on_main_loop(self._serve, viewer, address)

    def end(self) -> None:
        """End the stream for all viewers."""
        on_main_loop(self._end)

    def _serve(self, viewer: socket.socket, address: tuple[str, int]) -> None:
        with contextlib.suppress(GLib.Error, OSError):  # the viewer has gone
            connection = Gio.Socket.new_from_fd(os.dup(viewer.fileno()))  # GStreamer's own
            self.server.transfer_connection(connection, address[0], address[1], None)

    def _end(self) -> None:
        self.stream.end()
        self.server.client_filter(lambda *_: GstRtspServer.RTSPFilterResult.REMOVE)


def permissions(name: str) -> Any:
    """Return what lets one user watch, and nobody else."""
    found = GstRtspServer.RTSPPermissions.new()
    for right in ("media.factory.access", "media.factory.construct"):
        found.add_permission_for_role(name, right, True)
    return found


def authentication(name: str, password: str) -> Any:
    """Return what recognises one user by a password."""
    auth = GstRtspServer.RTSPAuth.new()
    auth.set_supported_methods(DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", name)
    auth.add_digest(name, password, token)
    return auth


def on_main_loop(call: Any, *arguments: Any) -> None:
    """Call it on the thread of the main loop, once."""
    GLib.idle_add(lambda: call(*arguments) and False)
