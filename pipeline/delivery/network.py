"""TLS to a receiver, the end of a wait for it, and failures of its connection as causes."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock

from detector.errors import UsageError
from pipeline.connections.causes import trouble_opening
from pipeline.connections.status import Cause, Trouble


def tls_context(ca_file: Path | None, where: str) -> ssl.SSLContext:
    """Return a context that verifies the receiver's name and certificate.

    ca_file: certificates in PEM that are trusted instead of the system's
    where: the place in the configuration, for the message of a UsageError
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        why = error.strerror if isinstance(error, FileNotFoundError) else "no certificates in PEM"
        raise UsageError(
            f"{where}: ca_file: '{ca_file}': {why}; give the file of the certificate authority"
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def network_trouble(error: OSError, seconds: float, timeout: float) -> Trouble:
    """Return why an exchange failed after some seconds, in words without credentials."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"its certificate is not accepted: {error.verify_message}; see ca_file"
        return Trouble(Cause.UNAUTHORISED, why)
    if isinstance(error, ssl.SSLError):
        return Trouble(Cause.BAD_DATA, f"TLS failed: {error.reason or 'no TLS'}")
    return trouble_opening(error, seconds, timeout)


class Interrupt:
    """Ends every wait of a connection from another thread."""

    def __init__(self) -> None:
        self.stopped = Event()
        self._lock = Lock()
        self._line: socket.socket | None = None

    def watch(self, line: socket.socket | None) -> None:
        """Have the connection of this socket shut down at `set`; None: no connection."""
        with self._lock:
            if self._line:
                self._line.close()
            self._line = line.dup() if line else None
            if self.stopped.is_set():
                self._shut_down()

    def set(self) -> None:
        """Interrupt. Any thread."""
        self.stopped.set()
        with self._lock:
            self._shut_down()

    def _shut_down(self) -> None:
        if self._line:
            with suppress(OSError):
                self._line.shutdown(socket.SHUT_RDWR)
