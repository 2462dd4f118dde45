"""Whatever a MOTChallenge file holds, it is read or refused with file and line."""

from __future__ import annotations

import contextlib
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import UsageError
from trackers.evaluation.report import evaluate_files
from trackers.motchallenge.text import read_mot

values = st.one_of(
    st.integers(-3, 5).map(str),
    st.sampled_from(
        ["1e308", "-1e308", "1e400", "nan", "inf", "2147483648", "0.5", "", " 1 ", "x"]
    ),
    st.sampled_from(["1_0", "\u0661", "1.", "-0", "9999999999999999999999", "0x1"]),
    st.floats(allow_nan=True).map(str),
)
rows = st.lists(values, max_size=11).map(",".join)
texts = st.lists(st.one_of(rows, st.text(max_size=20)), max_size=6).map("\n".join)
files = st.one_of(
    texts.map(lambda text: text.encode("utf-8", "surrogatepass")),
    texts.map(lambda text: text.encode("utf-16", "surrogatepass")),
    st.binary(max_size=60),
)
BOUNDED = settings(max_examples=150, deadline=None)


@BOUNDED
@given(files, st.booleans())
def test_any_bytes_are_read_as_finite_rows_or_refused(content: bytes, with_classes: bool) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.txt"
        path.write_bytes(content)
        refused = ""
        try:
            found = read_mot(path, with_classes=with_classes)
            assert np.isfinite(found.boxes_xyxy).all() and (found.frames >= 1).all()
        except UsageError as error:
            refused = str(error)
    assert not refused or (str(path) in refused and "\n" not in refused)


@BOUNDED
@given(files, files)
def test_any_two_files_are_scored_or_refused(truth: bytes, results: bytes) -> None:
    with TemporaryDirectory() as folder:
        paths = Path(folder) / "gt.txt", Path(folder) / "results.txt"
        for path, content in zip(paths, (truth, results), strict=True):
            path.write_bytes(content)
        with contextlib.suppress(UsageError):
            evaluate_files(*paths).as_json()
