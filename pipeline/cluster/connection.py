"""Connecting to a Ray cluster that runs already."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from detector.errors import FramelaneError
from pipeline.cluster.ray_module import load_ray, print_no_deaths

AUTO = "auto"
NAMESPACE = "framelane"


@contextmanager
def connected(address: str) -> Iterator[ModuleType]:
    """Yield Ray, connected to the cluster at HOST:PORT, or with `auto` to that of this machine.

    This machine must be one of the cluster's. Raises UsageError without Ray, FramelaneError if the
    cluster cannot be reached.
    """
    ray = load_ray()
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


def _why(address: str, error: Exception) -> str:
    first = str(error).strip().partition("\n")[0].rstrip(".")
    if address == AUTO and isinstance(error, ConnectionError):
        first = "no Ray node runs on this machine"
    return (
        f"--cluster {address}: {first}: start Ray on this machine with `ray start` and the token "
        "of the cluster, see docs/cluster.md"
    )
