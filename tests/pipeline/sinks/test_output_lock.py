"""Of two runs that write one output the second is refused; the lock ends with its process."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from pipeline.sinks import SinkError, make_sink
from pipeline.sinks.output_lock import InUse, OutputLock, is_locked, open_locked
from tests.support import footage
from tests.support.paths import ROOT

HOLD = """
import sys
from pathlib import Path
from pipeline.sinks.output_lock import OutputLock
lock = OutputLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("name", ["a.jsonl", "new/folder/a.mp4", "%Y-%m-%d/%H%M%S.mp4"])
def test_a_lock_excludes_another_and_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    lock = OutputLock(path)
    with pytest.raises(InUse, match="another run is writing it"):
        OutputLock(path)
    OutputLock(path.with_name("b.jsonl")).release()
    lock.release()
    assert list(tmp_path.iterdir()) == []
    OutputLock(path).release()


def test_a_link_to_an_output_is_the_same_output(tmp_path: Path) -> None:
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "a.jsonl")
    lock = OutputLock(tmp_path / "a.jsonl")
    with pytest.raises(InUse):
        OutputLock(tmp_path / "link.jsonl")
    lock.release()


def test_a_killed_run_leaves_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    line = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(
        line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout and child.stdout.readline() == "held\n"
        with pytest.raises(InUse):
            OutputLock(path)
        child.kill()
    OutputLock(path).release()
    assert list(tmp_path.iterdir()) == []


def test_where_no_lock_can_be_made_the_output_itself_complains(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    OutputLock(tmp_path / "file" / "a.jsonl").release()


def test_a_hard_link_to_a_file_that_is_being_written_is_refused(tmp_path: Path) -> None:
    descriptor = open_locked(tmp_path / "a.jsonl")
    os.write(descriptor, b"precious")
    os.link(tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    assert is_locked(tmp_path / "b.jsonl")
    sink = make_sink(str(tmp_path / "b.jsonl"), classes=footage.CLASSES, options={})
    sink.open()
    with pytest.raises(SinkError, match="another run is writing it: give another name"):
        list(sink.process(next(footage.noise(range(1), Fraction(1, 25)))))
    sink.close()
    os.close(descriptor)
    assert (tmp_path / "a.jsonl").read_bytes() == b"precious"
    assert not is_locked(tmp_path / "b.jsonl")


@pytest.mark.parametrize("name", ["a.jsonl", "%H%M%S.jsonl"])
def test_the_second_sink_of_an_output_is_refused_before_its_first_frame(
    tmp_path: Path, name: str
) -> None:
    first, second = (
        make_sink(str(tmp_path / name), classes=footage.CLASSES, options={}) for _ in range(2)
    )
    first.open()
    with pytest.raises(SinkError, match="another run is writing it"):
        second.open()
    second.close()
    first.close()
    second.open()
    second.close()
    assert list(tmp_path.iterdir()) == []
