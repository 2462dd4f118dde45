"""Plans, manifests and an executor for tests of schedules: no process, no video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.config import RunConfig
from pipeline.library.executor import (
    Ending,
    Event,
    Fingerprint,
    Finished,
    Job,
    Outcome,
)
from pipeline.library.load import Load
from pipeline.library.plan import Plan
from pipeline.library.recordings import find_recordings


def config_for(folder: Path, **more: object) -> RunConfig:
    """Return a configuration with the fake engine, as `framelane annotate` makes it."""
    minimal: dict[str, object] = {
        "sources": ["recording"],
        "model": {"engine": "fake"},
        "outputs": [str(folder / "out/{path}.jsonl")],
    }
    return RunConfig.model_validate(minimal | more)


def write_files(folder: Path, count: int) -> Path:
    """Fill `rec` in a folder with small files; the first ones are the largest."""
    (folder / "rec").mkdir()
    for k in range(count):
        (folder / f"rec/{k:05}.mp4").write_bytes(bytes(8 + (count - k) % 1000))
    return folder / "rec"


def plan_for(folder: Path, **more: object) -> Plan:
    """Return the plan for the recordings in `rec`."""
    return Plan(config_for(folder, **more), find_recordings([str(folder / "rec")]).recordings)


def done(job: Job) -> Finished:
    """Write the outputs of a job, as a worker does, and return the event."""
    for output in job.outputs:
        Path(output).parent.mkdir(parents=True, exist_ok=True)
        Path(output).write_text(job.source)
    now = Path(job.config["sources"][0]["url"]).stat()
    known = Fingerprint(now.st_size, now.st_mtime_ns, "content")
    return Finished(job, Outcome(Ending.DONE, frames=10, seconds=2.0, fingerprint=known))


class FakeExecutor:
    """Answers each job at the next `wait` with what `answer` says.

    capacity: jobs in flight; submitted: every job so far
    """

    load = Load(cores=4, busy_cores=3.0)

    def __init__(self, answer: Callable[[Job], Event] = done, capacity: int = 4) -> None:
        self.capacity = capacity
        self.submitted: list[Job] = []
        self.calls = 0
        self.stopped = self.closed = False
        self._answer = answer
        self._in_flight: list[Job] = []

    def submit(self, job: Job) -> None:
        assert len(self._in_flight) < self.capacity
        self.submitted.append(job)
        self._in_flight.append(job)
        self.calls += 1

    def wait(self, timeout: float) -> Sequence[Event]:
        del timeout
        self.calls += 1
        jobs, self._in_flight = self._in_flight, []
        return [self._answer(job) for job in jobs]

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        self.closed = True
