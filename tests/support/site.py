"""A site to run at: cameras, what their pictures are pushed to, and a disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pipeline.run import Run
from tests.support.cameras import Server

GUEST = "guest"  # a stream that comes later


class Site:
    """Cameras, each with a server of its own, and one receiver for all, while it is open.

    names: of the cameras; clip, smaller: what they show
    disk: a small one, where segments are recorded; None: there is none
    run: what is running at this site, once it is
    """

    def __init__(
        self, names: Sequence[str], clip: Path, smaller: Path, disk: Path | None = None
    ) -> None:
        self.clip, self.smaller, self.disk = clip, smaller, disk
        self.run: Run | None = None
        with ExitStack() as files:
            enter = files.enter_context
            self.cameras = {name: enter(Server({name: {"clip": clip}})) for name in names}
            self.wall = enter(
                Server(receivers={name: Path("/dev/null") for name in [*names, GUEST]})
            )
            self._files = files.pop_all()

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    @property
    def urls(self) -> dict[str, str]:
        """Where the cameras are, by name."""
        return {name: server.url(name) for name, server in self.cameras.items()}

    def outputs(self, **options: Any) -> list[Mapping[str, Any]]:
        """Return what a stream gives: to the receiver, with these options, and to the disk."""
        pushed = {"url": self.wall.url("{stream}"), **options}
        if self.disk is None:
            return [pushed]
        recorded = {
            "url": f"{self.disk}/{{stream}}/%H%M%S.jsonl",
            "segment_seconds": 10,
            "keep_bytes": 4 << 20,
        }
        return [pushed, recorded]
