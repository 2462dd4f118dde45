"""The two runs that give recordings refined tracks."""

from __future__ import annotations

from collections.abc import Sequence

from detector.engines import Engine
from detector.engines.fake import FakeEngine
from detector.errors import UsageError
from pipeline.assembly.run import build
from pipeline.config import RunConfig, options_of
from pipeline.redaction import shown_url
from pipeline.refinement.remember import Remember
from pipeline.refinement.replay import Replay
from pipeline.run import Run
from pipeline.sources import source_for
from pipeline.stages.camera_motion import CameraMotion
from trackers import make_tracker
from trackers.motchallenge.history import History
from trackers.motchallenge.text import MotResult, joined
from trackers.refinement.refine import refined

FIRST_ONLY = ("analytics", "events", "deliver")  # sections that the first pass has no use for


class TwoPasses:
    """A run that detects and writes nothing, and one that detects nothing and writes.

    engine: an open one for the first run, which stays open; None: it opens one and closes it
    Raises UsageError for what cannot be read twice, or has no tracks.
    """

    def __init__(self, config: RunConfig, engine: Engine | None = None) -> None:
        _check(config)
        self._tracker = config.tracker
        self._seen: dict[str, Remember] = {}
        self._replays: dict[str, Replay] = {}
        nothing = {name: RunConfig.model_fields[name].get_default() for name in FIRST_ONLY}
        first = config.model_copy(update={"outputs": (), **nothing})
        self.first: Run = build(first, engine=engine, follow=self._remember)
        blind = FakeEngine(self.first.manifest)
        self.second: Run = build(config, engine=blind, follow=self._replay)

    def refine(self) -> None:
        """Give the second run the tracks; the first has ended."""
        for name, seen in self._seen.items():
            self._replays[name].result = self._refined(seen.scenes)

    def _replay(self, stream: str) -> Replay:
        self._replays[stream] = Replay()
        return self._replays[stream]

    def _remember(self, stream: str) -> Remember:
        camera = CameraMotion() if self._tracker.camera_motion else None
        self._seen[stream] = Remember(camera)
        return self._seen[stream]

    def _refined(self, scenes: Sequence[History]) -> MotResult:
        """Return the tracks of all scenes; identities go on from one to the next."""
        options = options_of(self._tracker)
        return joined(
            [refined(each, lambda: make_tracker(self._tracker.name, **options)) for each in scenes]
        )


def _check(config: RunConfig) -> None:
    """Raise UsageError if a recording could not be read twice, or without tracks."""
    if config.tracker.name == "none":
        raise UsageError("--refine: given, but tracker 'none' finds no tracks: choose a tracker")
    for source in config.sources:
        kind = source_for(source.url)
        if kind.live or source.realtime:
            raise UsageError(
                f"--refine: {shown_url(source.url)} is live, but refinement reads a recording to "
                "its end first: leave --refine out, or record the camera and refine the recording"
            )
        if (source.attention or config.attention).mode in ("on", "shadow"):
            raise UsageError(
                "--refine: attention given, but refinement needs the detections of every frame: "
                "leave one of them out"
            )
    if config.serve:
        raise UsageError("--refine: serve given, but nothing is live: leave one of them out")
