"""The actor that works on recordings, without Ray: what its executor hears, and when."""

from __future__ import annotations

from pathlib import Path

from pipeline.cluster.recording_worker import Polled, RecordingWorker
from pipeline.cluster.sealed import Sealed
from pipeline.library.executor import Ending, Job
from tests.support.cameras import until
from tests.support.recordings import FRAMES, write_recording


def test_a_recording_is_opened_once_the_executor_knows_that_the_engine_is_open(
    tmp_path: Path,
) -> None:
    recording, output = write_recording(tmp_path / "a.mp4"), tmp_path / "out.jsonl"
    config = {
        "sources": [{"url": str(recording)}],
        "model": {"engine": "fake"},
        "outputs": ["output-0.jsonl"],
    }
    worker = RecordingWorker(1)
    said: list[Polled] = []

    def poll() -> Polled:
        said.append(worker.poll(1))
        return said[-1]

    assert poll().frames is None  # it overtakes the job
    worker.begin(Sealed(Job(0, recording.name, config, (str(output),))), 1)
    until(lambda: poll().frames is not None, "an open engine")
    assert said[-1].outcome is None and list(tmp_path.iterdir()) == [recording]
    until(lambda: poll().outcome, "the end of the job")
    outcome = said[-1].outcome
    assert outcome and (outcome.ending, outcome.frames) == (Ending.DONE, FRAMES)
    assert output.is_file()
