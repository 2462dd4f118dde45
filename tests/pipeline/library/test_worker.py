"""A worker keeps its engine, leaves nothing half done, and says what became of each recording."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from detector.engines import ENGINES, EngineEntry
from detector.engines.fake import FakeEngine
from detector.errors import FramelaneError
from detector.manifest import Manifest
from pipeline.library.executor import Ending, Job, Outcome
from pipeline.library.fingerprint import full_fingerprint
from pipeline.library.worker import Worker
from tests.support.cameras import CAP
from tests.support.recordings import write_recording

opened: list[FakeEngine] = []
before_results: list[Callable[[], object]] = []  # called once each, before results of engines


def open_engine(model: Path) -> FakeEngine:
    """Return an engine that is remembered; see Engine."""

    def before_result(_number: int) -> None:
        if before_results:
            before_results.pop()()

    opened.append(FakeEngine(Manifest.beside(model), before_result=before_result))
    return opened[-1]


@pytest.fixture(autouse=True)
def _engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "counted", EngineEntry(__name__))
    opened.clear()
    before_results.clear()


@pytest.fixture
def worker() -> Iterator[Worker]:
    with closing(Worker(1)) as worker:
        yield worker


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "a.mp4")


def job(source: Path | str, folder: Path, **more: object) -> Job:
    config: dict[str, object] = {
        "sources": [{"url": str(source)}],
        "model": {"engine": "counted"},
        "outputs": ["output-0.jsonl", "output-1.mp4"],
    }
    outputs = (str(folder / "out/a.jsonl"), str(folder / "out/a.mp4"))
    return Job(0, "a.mp4", config | more, outputs)


def run(worker: Worker, job: Job) -> Outcome:
    return worker.run(job, lambda _frames: None, lambda: False)


def left(folder: Path) -> set[str]:
    return {path.name for path in (folder / "out").glob("*")}


def test_the_engine_stays_open_between_jobs_and_another_model_gets_another(
    worker: Worker, recording: Path, tmp_path: Path
) -> None:
    for _ in range(3):
        assert run(worker, job(recording, tmp_path)).ending is Ending.DONE
    assert len(opened) == 1 and not opened[0].closed
    other = job(recording, tmp_path, model={"engine": "fake"})
    assert run(worker, other).ending is Ending.DONE
    assert opened[0].closed


def test_outputs_appear_together_and_the_recording_is_known_by_its_content(
    worker: Worker, recording: Path, tmp_path: Path
) -> None:
    frames: list[int] = []
    outcome = worker.run(job(recording, tmp_path), frames.append, lambda: False)
    assert (outcome.ending, outcome.frames, outcome.faults) == (Ending.DONE, 30, ())
    assert outcome.fingerprint == full_fingerprint(recording)
    assert outcome.fingerprint.size == recording.stat().st_size
    assert frames[0] == 0
    assert left(tmp_path) == {"a.jsonl", "a.mp4"}
    assert len((tmp_path / "out/a.jsonl").read_text().splitlines()) == 30


def test_a_recording_with_known_content_is_left_alone_and_no_engine_is_opened(
    worker: Worker, recording: Path, tmp_path: Path
) -> None:
    known = full_fingerprint(recording)
    os.utime(recording, ns=(1, 1))
    again = Job(0, "a", job(recording, tmp_path).config, (str(tmp_path / "out/a.jsonl"),), known)
    outcome = run(worker, again)
    assert (outcome.ending, outcome.fingerprint.modified) == (Ending.UNCHANGED, 1)
    assert opened == [] and left(tmp_path) == set()


def test_a_failure_leaves_an_older_result_alone_and_no_part(
    worker: Worker, recording: Path, tmp_path: Path
) -> None:
    run(worker, job(recording, tmp_path))
    before = (tmp_path / "out/a.jsonl").read_bytes()
    recording.write_bytes(b"a text")
    outcome = run(worker, job(recording, tmp_path))
    assert (outcome.ending, outcome.may_pass) == (Ending.FAILED, False)
    assert "it is not a video" in outcome.reason
    assert str(tmp_path) not in outcome.reason  # the name is shown beside it
    assert left(tmp_path) == {"a.jsonl", "a.mp4"}
    assert (tmp_path / "out/a.jsonl").read_bytes() == before


def test_a_stop_ends_a_job_and_leaves_nothing(
    worker: Worker, recording: Path, tmp_path: Path
) -> None:
    asked = Event()
    before_results.append(lambda: asked.wait(CAP))

    def stopping() -> bool:
        asked.set()
        return True

    outcome = worker.run(job(recording, tmp_path), lambda _frames: None, stopping)
    assert outcome.ending is Ending.CUT
    assert left(tmp_path) == set()


def test_a_recording_that_changes_while_it_is_read_is_done_later(
    worker: Worker, recording: Path, tmp_path: Path
) -> None:
    before_results.append(lambda: os.utime(recording, ns=(1, 1)))
    outcome = run(worker, job(recording, tmp_path))
    assert (outcome.ending, outcome.may_pass) == (Ending.FAILED, True)
    assert "it changed while it was read" in outcome.reason
    assert left(tmp_path) == set()


@pytest.mark.parametrize("refine", [False, True])
def test_an_engine_that_fails_is_replaced_for_the_next_job(
    refine: bool, worker: Worker, recording: Path, tmp_path: Path
) -> None:
    work = job(recording, tmp_path, tracker={"refine": refine})

    def fail() -> None:
        raise FramelaneError("the device is lost")

    before_results.append(fail)
    outcome = run(worker, work)
    assert (outcome.ending, outcome.may_pass) == (Ending.FAILED, True)
    assert "the device is lost" in outcome.reason
    assert run(worker, work).ending is Ending.DONE
    assert len(opened) == 2


def test_a_model_that_cannot_be_used_is_told_from_a_recording_that_cannot(
    worker: Worker, recording: Path, tmp_path: Path
) -> None:
    outcome = run(worker, job(recording, tmp_path, model={"name": "nowhere.onnx"}))
    assert outcome.ending is Ending.UNUSABLE
    assert run(worker, job(tmp_path / "gone.mp4", tmp_path)).ending is Ending.FAILED


class Cut(SimpleHTTPRequestHandler):
    """Serves files, and half of each whose name begins with `half`."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def copyfile(self, source: object, outputfile: object) -> None:
        """Send the file."""
        content: bytes = source.read()  # type: ignore[attr-defined]
        half = "half" in self.path
        outputfile.write(content[: len(content) // 2] if half else content)  # type: ignore[attr-defined]
        self.close_connection = True


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    handler = partial(Cut, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_remote_recording_is_done_and_a_broken_connection_may_pass(
    worker: Worker, tmp_path: Path, server: str
) -> None:
    for name in ("whole.ts", "half.ts"):
        write_recording(tmp_path / name, frames=200)
    outcome = run(worker, job(f"{server}/whole.ts", tmp_path))
    assert (outcome.ending, outcome.frames, outcome.fingerprint.content) == (Ending.DONE, 200, "")
    (tmp_path / "out/a.jsonl").unlink()
    (tmp_path / "out/a.mp4").unlink()
    for name in ("half.ts", "gone.ts"):
        outcome = run(worker, job(f"{server}/{name}", tmp_path))
        assert (outcome.ending, outcome.may_pass) == (Ending.FAILED, True), name
        assert left(tmp_path) == set()
