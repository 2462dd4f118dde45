"""Of two runs that write one output the second is refused; a killed run leaves no lock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.sinks.output_lock import InUse, OutputLock, is_locked, open_locked
from tests.support.paths import ROOT

HOLD = (
    "import sys; from pathlib import Path; from pipeline.sinks.output_lock import OutputLock\n"
    "lock = OutputLock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
)


def holder(path: Path) -> subprocess.Popen[str]:
    """Start another process that locks an output, and wait until it has."""
    line = [sys.executable, "-c", HOLD, str(path)]
    process = subprocess.Popen(
        line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_an_output_of_another_process_is_refused_until_that_ends(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with holder(path) as process:
        with pytest.raises(InUse, match="another run is writing it"):
            OutputLock(path)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    OutputLock(path).release()  # the killed process left a file, but no lock
    assert list(tmp_path.iterdir()) == []


def test_templates_and_links_are_one_output(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    lock = OutputLock(tmp_path / "%Y" / "%H%M%S.mp4")
    with pytest.raises(InUse):
        OutputLock(tmp_path / "link" / "%Y" / "%H%M%S.mp4")
    OutputLock(tmp_path / "%Y" / "%M%S.mp4").release()  # another template
    lock.release()
    OutputLock(tmp_path / "%Y" / "%H%M%S.mp4").release()


def test_folders_that_were_made_for_the_lock_alone_go_with_it(tmp_path: Path) -> None:
    OutputLock(tmp_path / "new" / "deeper" / "out.mp4").release()
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_use_is_neither_emptied_nor_unlocked(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")
    descriptor = open_locked(path)
    os.write(descriptor, b"new")
    os.link(path, tmp_path / "other.mp4")
    assert is_locked(tmp_path / "other.mp4")
    with pytest.raises(InUse):
        open_locked(tmp_path / "other.mp4")
    os.close(descriptor)
    assert path.read_bytes() == b"new" and not is_locked(path)
