"""The frame rate and the length of a sequence are read from its seqinfo.ini, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.errors import UsageError
from trackers.motchallenge.sequences import SequenceInfo, read_info


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_skipped(tmp_path: Path, encoding: str) -> None:
    text = "[Sequence]\r\nname=a\r\nframeRate=25\r\nseqLength=600\r\n"
    (tmp_path / "seqinfo.ini").write_text(text, encoding=encoding)
    assert read_info(tmp_path / "det.txt") == SequenceInfo(25, 600)


@pytest.mark.parametrize(
    "values",
    [
        "frameRate=0\nseqLength=5",
        "frameRate=inf\nseqLength=5",
        "frameRate=nan\nseqLength=5",
        "frameRate=25\nseqLength=99999999999",
        "frameRate=25\nseqLength=-1",
        "frameRate=25",
        "frameRate=%(x)s\nseqLength=5",
    ],
)
def test_numbers_that_no_sequence_has_are_refused(tmp_path: Path, values: str) -> None:
    (tmp_path / "seqinfo.ini").write_text(f"[Sequence]\n{values}\n")
    with pytest.raises(UsageError, match=r"seqinfo\.ini: "):
        read_info(tmp_path / "det.txt")
