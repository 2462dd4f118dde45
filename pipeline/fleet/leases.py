"""Who may run a camera: one node at a time, and each start has an epoch of its own.

The epoch stands in the paths of outputs. A node that was cut off and goes on does not know that it
has a successor; but the successor writes to other files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Lease:
    """A camera is given to a node.

    epoch: larger than that of every earlier lease of the camera
    digest: of the camera's configuration
    confirmed: the node has reported it
    """

    node: str
    epoch: int
    digest: str
    confirmed: bool = False


class Leases:
    """The leases of all cameras, by name."""

    def __init__(self) -> None:
        self._leases: dict[str, Lease] = {}
        self._last: dict[str, int] = {}  # epoch of each camera, also of those without a lease

    def __getitem__(self, camera: str) -> Lease:
        """Return the lease of a camera."""
        return self._leases[camera]

    def __contains__(self, camera: str) -> bool:
        """Return whether a camera has a lease."""
        return camera in self._leases

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the cameras with a lease."""
        return iter(self._leases)

    def __len__(self) -> int:
        """Return how many cameras have a lease."""
        return len(self._leases)

    def get(self, camera: str) -> Lease | None:
        """Return the lease of a camera, None if it has none."""
        return self._leases.get(camera)

    def grant(self, camera: str, node: str, digest: str, now: float) -> Lease:
        """Give a camera to a node, and return the lease.

        now: seconds since 1970. The epoch is that time, so that also a coordinator that has lost
        its memory does not use one again
        """
        epoch = max(int(now), self._last.get(camera, 0) + 1)
        self._last[camera] = epoch
        self._leases[camera] = lease = Lease(node, epoch, digest)
        return lease

    def adopt(self, camera: str, lease: Lease) -> None:
        """Take over a lease that a node reports."""
        self.seen(camera, lease.epoch)
        self._leases[camera] = lease

    def confirm(self, camera: str) -> None:
        """Note that the node has reported its lease."""
        self._leases[camera] = replace(self._leases[camera], confirmed=True)

    def seen(self, camera: str, epoch: int) -> None:
        """Note an epoch that is in use somewhere."""
        self._last[camera] = max(epoch, self._last.get(camera, 0))

    def end(self, camera: str) -> None:
        """Take a camera from its node."""
        self._leases.pop(camera, None)

    def as_data(self) -> dict[str, Any]:
        """Return all of it, ready for JSON."""
        return {
            "held": {name: asdict(lease) for name, lease in self._leases.items()},
            "last": dict(self._last),
        }

    @staticmethod
    def from_data(content: Mapping[str, Any]) -> Leases:
        """Return the leases that `as_data` has written."""
        leases = Leases()
        leases._last = dict(content["last"])
        leases._leases = {name: Lease(**each) for name, each in content["held"].items()}
        return leases
