"""Each fault of the benchmark, briefly: the report names it, and the other camera is unaffected.

`python -m benchmarks.live faults` measures the latency of the other cameras meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from pipeline.config import RunConfig
from pipeline.report.figures import figures
from pipeline.run import Run
from tests.support.cameras import numbered, require_gstreamer, until, write_units
from tests.support.disks import small_disk
from tests.support.faults import FAULTS
from tests.support.runs import more_of, reported, running, status
from tests.support.site import Site

QUICK = {"retry_seconds": 0.1, "max_retry_seconds": 0.2}
REPORTED = {  # how a line of the report starts; empty: the stream goes on without one
    "server killed and restarted": "camera: ended by peer",
    "server stopped (SIGSTOP)": "camera: timed out",
    "server sends nothing": "camera: timed out",
    "stream turns into garbage": "camera: bad data",
    "resolution changes": "",
    "receiver killed and restarted": "rtsp victim: ",
    "receiver stopped (SIGSTOP)": "",
    "disk full": "/",
    "dead from the start": "camera: refused",
    "server accepts and stays silent": "camera: timed out",
    "401": "camera: unauthorised",
    "404": "camera: not found",
    "clock jumps by an hour": "",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A run of two cameras, one of which gets the faults."""
    require_gstreamer()
    folder = tmp_path_factory.mktemp("site")
    clip = write_units(folder / "clip.units", numbered())
    smaller = write_units(folder / "smaller.units", numbered((640, 96)))
    with ExitStack() as files:
        try:
            disk = files.enter_context(small_disk(folder / "disk", "600k"))
        except OSError:
            disk = None
        site = files.enter_context(Site(["victim", "steady"], clip, smaller, disk))
        patience = {"victim": 2.0, "steady": 30.0}
        sources = [
            {"url": url, "name": name, "timeout_seconds": patience[name], **QUICK}
            for name, url in site.urls.items()
        ]
        outputs = [str(folder / "{stream}.jsonl"), *site.outputs(**QUICK)]
        configuration = {"sources": sources, "model": {"engine": "fake"}, "outputs": outputs}
        with running(RunConfig.model_validate(configuration)) as site.run:
            yield site
        assert site.run.pipeline.failures == []


@pytest.fixture
def run(site: Site) -> Run:
    assert site.run
    more_of(site.run, "victim", "steady")
    return site.run


def lines(site: Site) -> int:
    """Return the number of frames of the other camera that are written to the sound disk."""
    return len((site.clip.parent / "steady.jsonl").read_text().splitlines())


def cameras(report: set[str]) -> set[str]:
    return {each for each in report if each.startswith("camera")}


def test_every_fault_has_a_line_in_the_report() -> None:
    assert REPORTED.keys() == FAULTS.keys()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_reported_and_the_other_camera_is_unaffected(
    site: Site, run: Run, name: str
) -> None:
    if name == "disk full" and site.disk is None:
        pytest.skip("a small file system cannot be mounted here")
    known = {stream.name: reported(run, stream.name) for stream in run.streams}
    with FAULTS[name](site, "victim") as stream:
        if REPORTED[name]:
            until(
                lambda: any(
                    line.startswith(REPORTED[name])
                    for line in reported(run, stream) - known.get(stream, set())
                ),
                f"the line {REPORTED[name]!r}",
            )
        else:
            more_of(run, stream, frames=30)
            assert cameras(reported(run, stream)) == cameras(known.get(stream, set()))
        shown = lines(site)
        until(lambda: lines(site) > shown + 20, "a frame of the other camera")
    more_of(run, "victim", "steady")
    connection = status(run, "steady").snapshot()
    assert (connection["connections"], connection["causes"]) == (1, {})
    json.dumps(figures(run.pipeline, run.streams))  # the report works during the run
