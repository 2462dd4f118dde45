"""The name of a segment tells when it began, as strftime wrote it."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sinks.segment_time import started_by_name

FULL = ["%Y-%m-%d/%H%M%S.mp4", "%y%j-%H.%M.%S.mkv", "%s.mp4", "a%%b/%Y%m%d/%Y%m%d-%H%M%S.mp4"]


@pytest.mark.parametrize("template", FULL)
@pytest.mark.parametrize("ending", ["", "~2", ".incomplete", "~12.incomplete"])
@given(st.integers(1_000_000_000, 4_000_000_000))
def test_a_whole_date_is_read_back(template: str, ending: str, seconds: int) -> None:
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    path = Path(moment.strftime(f"rec/cam/{template}"))
    segment = path.with_stem(path.stem + ending)
    assert started_by_name(Path(f"rec/cam/{template}"), segment, 0.0) == seconds


def test_without_a_date_it_is_the_last_such_time_before_the_file_was_written() -> None:
    written = datetime(2026, 11, 28, 0, 5, tzinfo=timezone.utc).timestamp()
    template = Path("%H%M%S.mp4")
    assert started_by_name(template, Path("000000.mp4"), written) == written - 300
    assert started_by_name(template, Path("235900.mp4"), written) == written - 360


@pytest.mark.parametrize("name", ["2026-13-01.mp4", "2026-11-28.mp4", "other.mp4", "%Y.mp4"])
def test_a_name_that_tells_no_moment_has_none(name: str) -> None:
    assert started_by_name(Path("%Y-%m-%d.mp4"), Path(name), 0.0) is None
