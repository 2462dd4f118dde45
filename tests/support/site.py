"""A site for a run: cameras, a receiver that streams are pushed to, and a disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pipeline.run import Run
from tests.support.cameras import Server

GUEST = "guest"  # a stream that is added during the run


class Site:
    """Cameras, each with its own server, and one receiver for all streams.

    names: of the cameras; clip: that they send; smaller: a clip of a smaller frame size
    disk: a small disk for segments, or None
    run: the run at this site, set by its user
    """

    def __init__(
        self, names: Sequence[str], clip: Path, smaller: Path, disk: Path | None = None
    ) -> None:
        self.clip, self.smaller, self.disk = clip, smaller, disk
        self.run: Run | None = None
        with ExitStack() as files:
            enter = files.enter_context
            self.cameras = {name: enter(Server({name: {"clip": clip}})) for name in names}
            self.receiver = enter(
                Server(receivers={name: Path("/dev/null") for name in [*names, GUEST]})
            )
            self._files = files.pop_all()

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    @property
    def urls(self) -> dict[str, str]:
        """The URLs of the cameras, by name."""
        return {name: server.url(name) for name, server in self.cameras.items()}

    def outputs(self, **options: Any) -> list[Mapping[str, Any]]:
        """Return the outputs of each stream: the receiver, with these options, and the disk."""
        pushed = {"url": self.receiver.url("{stream}"), **options}
        if self.disk is None:
            return [pushed]
        recorded = {
            "url": f"{self.disk}/{{stream}}/%H%M%S.jsonl",
            "segment_seconds": 10,
            "keep_bytes": 4 << 20,
        }
        return [pushed, recorded]
