"""What Linux knows about a TCP connection, and how it resets one."""

from __future__ import annotations

import ctypes
import socket
import sys

ESTABLISHED = 1  # a state of TCP
RECEIVED_AT = 128  # tcpi_bytes_received in the kernel's struct tcp_info: 8 bytes
LIBC = ctypes.CDLL(None)


def traffic(connection: socket.socket) -> tuple[int, int]:
    """Return the state of a connection, and how many bytes have arrived on it.

    State 0: the connection is closed. Old kernels do not count bytes, which gives 0 bytes.
    """
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, RECEIVED_AT + 8)
    except OSError:
        return 0, 0
    return info[0], int.from_bytes(info[RECEIVED_AT : RECEIVED_AT + 8], sys.byteorder)


def cut_off(connection: socket.socket) -> None:
    """Reset a connection, though GStreamer has a descriptor of it and may not be reading.

    It is connected to no address, for which Python has no call.
    """
    LIBC.connect(connection.fileno(), bytes(16), 16)
