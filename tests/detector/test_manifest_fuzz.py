"""Whatever a manifest holds, it is read or refused in one line with its name."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from detector.errors import ModelError
from detector.manifest import Manifest
from tests.support.fake_manifest import fake_manifest

BOUNDED = settings(max_examples=200, deadline=None)
GOOD = asdict(fake_manifest())
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats(allow_nan=True)
    | st.text(max_size=6),
    lambda inside: (
        st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=4), inside, max_size=3)
    ),
    max_leaves=5,
)


def is_read_or_refused(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path, refused = Path(folder) / "model.json", ""
        path.write_bytes(content)
        try:
            Manifest.read(path)
        except ModelError as error:
            refused = str(error)
        assert not refused or (str(path) in refused and "\n" not in refused)


@BOUNDED
@given(st.dictionaries(st.sampled_from(sorted(GOOD)) | st.text(max_size=4), values, max_size=3))
def test_any_values_are_read_or_refused(changed: dict[str, Any]) -> None:
    is_read_or_refused(json.dumps(GOOD | changed).encode())


@BOUNDED
@given(st.binary(max_size=80))
@example(b"[" * 100_000)
@example(b'{"max_batch": ' + b"9" * 5000 + b"}")
@example(b"\xff\xfe{\x00}\x00")
@example(b'{"top_k": 1, "top_k": "a"}')
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    is_read_or_refused(content)


def test_any_number_of_digits_is_refused() -> None:
    text = json.dumps(GOOD | {"max_batch": "DIGITS"}).replace('"DIGITS"', "9" * 5000)
    is_read_or_refused(text.encode())
