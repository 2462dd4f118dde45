"""Connecting to a Ray cluster that runs already."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from detector.errors import FramelaneError, UsageError
from pipeline.cluster.ray_module import load_ray, print_no_deaths

AUTO = "auto"
NAMESPACE = "framelane"
ANSWER_SECONDS = 5.0  # for the head to take a connection: Ray itself tries for minutes
TOKEN = "~/.ray/auth_token"  # unless RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH is set


@contextmanager
def connected(address: str) -> Iterator[ModuleType]:
    """Yield Ray, connected to the cluster at HOST:PORT, or with `auto` to that of this machine.

    This machine must be one of the cluster's. Raises UsageError without Ray, without a token, or
    for an address that is none; FramelaneError if the cluster cannot be reached.
    """
    ray = load_ray()
    _require_token()
    if address != AUTO:
        _require_head(address)
    print_no_deaths(ray)
    try:
        ray.init(
            address=address,
            namespace=NAMESPACE,
            log_to_driver=False,  # what nodes print stays there
            logging_level=logging.ERROR,
            configure_logging=True,
        )
    except Exception as error:  # Ray has no common class for this
        raise FramelaneError(_why(address, error)) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _require_token() -> None:
    """Raise UsageError if this user has no token."""
    file = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or TOKEN).expanduser()
    if not os.environ.get("RAY_AUTH_TOKEN") and not file.is_file():
        raise UsageError(
            f"--cluster: {file} is missing: copy the token of the cluster there from its head; "
            "`ray get-auth-token --generate` makes the first one, see docs/cluster.md"
        )


def _require_head(address: str) -> None:
    """Raise UsageError for what is no address, FramelaneError if nothing answers there."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        raise UsageError(
            f"--cluster: '{address}' given; accepted: HOST:PORT of the head, as in "
            "192.168.1.10:6379, or auto on a machine of the cluster"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise FramelaneError(_why(address, error)) from error


def _why(address: str, error: Exception) -> str:
    first = str(getattr(error, "strerror", None) or error).strip().partition("\n")[0].rstrip(".")
    if address == AUTO and isinstance(error, ConnectionError):
        first = "no Ray node runs on this machine"
    return (
        f"--cluster {address}: {first}: start Ray on this machine with `ray start` and the token "
        "of the cluster, see docs/cluster.md"
    )
