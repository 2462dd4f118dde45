"""FFmpeg's errors translated into causes."""

from __future__ import annotations

import errno
import socket

import av

from pipeline.connections.status import Cause, Trouble
from pipeline.memory_limits import MAX_BLOCK

_TIMED_OUT_SHARE = 0.9  # of the time-out: the socket's own ends a little before ours

_BY_CLASS: tuple[tuple[type[Exception], Cause], ...] = (
    (av.error.HTTPUnauthorizedError, Cause.UNAUTHORISED),
    (av.error.HTTPForbiddenError, Cause.UNAUTHORISED),
    (av.error.HTTPNotFoundError, Cause.NOT_FOUND),
    (av.error.HTTPError, Cause.REFUSED),
    (av.error.HTTPClientError, Cause.REFUSED),
    (FileNotFoundError, Cause.NOT_FOUND),
    (socket.gaierror, Cause.UNREACHABLE),
    (ConnectionRefusedError, Cause.REFUSED),
    (PermissionError, Cause.UNAUTHORISED),
    (ConnectionError, Cause.ENDED_BY_PEER),  # reset, broken pipe
    (TimeoutError, Cause.TIMED_OUT),
    (av.error.ExitError, Cause.TIMED_OUT),  # PyAV's own time-out interrupts the call
    (EOFError, Cause.ENDED_BY_PEER),
    (av.error.DecoderNotFoundError, Cause.UNSUPPORTED),
    (av.error.DemuxerNotFoundError, Cause.UNSUPPORTED),
    (av.error.ProtocolNotFoundError, Cause.UNSUPPORTED),
)
_BY_NUMBER = {
    errno.EHOSTUNREACH: Cause.UNREACHABLE,
    errno.ENETUNREACH: Cause.UNREACHABLE,
    errno.EHOSTDOWN: Cause.UNREACHABLE,
    errno.ENODEV: Cause.NOT_FOUND,
    errno.ENXIO: Cause.NOT_FOUND,
}


def trouble_opening(error: Exception, seconds: float, timeout: float) -> Trouble:
    """Return why a connection was not made; seconds: duration of the attempt."""
    if error.__class__ is av.error.OSError and error.errno == errno.EIO:
        return Trouble(Cause.UNREACHABLE, "the host name is unknown, or the host does not answer")
    return _trouble(error, seconds, timeout)


def trouble_reading(error: Exception, seconds: float, timeout: float) -> Trouble:
    """Return why a connection was lost; seconds: since the last packet."""
    if isinstance(error, OSError) and error.errno == errno.EIO:
        return Trouble(Cause.ENDED_BY_PEER, "the connection broke")
    return _trouble(error, seconds, timeout)


def _trouble(error: Exception, seconds: float, timeout: float) -> Trouble:
    """Return the cause. It leaves out the error's full text, which has the URL with credentials."""
    said = str(getattr(error, "strerror", None) or type(error).__name__)
    cause = next((cause for kind, cause in _BY_CLASS if isinstance(error, kind)), None)
    if cause is None:
        cause = _BY_NUMBER.get(getattr(error, "errno", None) or 0, Cause.BAD_DATA)
    if cause is Cause.BAD_DATA and seconds >= _TIMED_OUT_SHARE * timeout:
        cause = Cause.TIMED_OUT  # FFmpeg reports a missing RTSP answer as invalid data
    if isinstance(error, av.error.MemoryError):
        return Trouble(cause, f"more than {MAX_BLOCK >> 20} MB in one piece")
    if cause is Cause.TIMED_OUT:
        return Trouble(cause, f"no answer for {timeout:g} s")
    return Trouble(cause, said)
