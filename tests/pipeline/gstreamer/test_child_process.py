"""The child process: its messages, what it is told, and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.gstreamer.child_process import CHILD, ChildProcess, ProcessLost
from tests.support.cameras import CAP, until
from tests.support.environment import PASSWORD
from tests.support.gstreamer import require_decoder

START = {
    "task": "decode",
    "codec": "h264",
    "lengths": False,
    "headers": "",
    "max_pixels": 1,
    "slots": 2,
}
CHILDREN = {  # programs in place of the real child, and what is said of them
    "import os; os.kill(os.getpid(), 9)": "its process was ended by SIGKILL",
    "raise SystemExit(3)": "its process ended",
    "import time; time.sleep(1000)": None,
}
PARENT = """
import sys, time
from pathlib import Path
from pipeline.gstreamer.child_process import ChildProcess
process = ChildProcess({start})
assert process.receive(60.0).kind == b"I"
print(process.number, flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("program", CHILDREN)
def test_the_end_of_a_child_is_told_from_its_silence(program: str, tmp_path: Path) -> None:
    script = tmp_path / "child.py"
    script.write_text(program)
    process = ChildProcess({}, (sys.executable, script))
    said = CHILDREN[program]
    if said:
        with pytest.raises(ProcessLost, match=said):
            process.receive(CAP)
    else:
        assert process.receive(0.05) is None
    process.close()
    assert not Path(f"/proc/{process.number}").exists()


def test_a_child_that_takes_nothing_is_lost(tmp_path: Path) -> None:
    script = tmp_path / "child.py"
    script.write_text("import time; time.sleep(1000)")
    process = ChildProcess({}, (sys.executable, script))
    with pytest.raises(ProcessLost, match=r"it took nothing for 0\.1 s"):
        process.send(b"P", bytes(10 << 20), 0.1)
    process.close()


def test_a_missing_python_is_said() -> None:
    with pytest.raises(ProcessLost, match="/no/python cannot be run: No such file"):
        ChildProcess({}, ("/no/python", CHILD))


def test_a_child_gets_no_passwords_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    require_decoder()
    monkeypatch.setenv("CAMERA_PASSWORD", PASSWORD)
    process = ChildProcess(START)
    assert process.receive(CAP)
    folder = Path(f"/proc/{process.number}")
    told = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
    process.close()
    assert PASSWORD.encode() not in told
    assert bytes(CHILD) in told


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_ends_when_its_parent_is_killed(how: signal.Signals) -> None:
    require_decoder()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(start=START)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    number = int(parent.stdout.readline())
    assert Path(f"/proc/{number}").exists()
    os.kill(parent.pid, how)
    parent.wait(CAP)
    parent.stdout.close()
    until(lambda: _is_gone(number))


def _is_gone(number: int) -> bool:
    """Return whether a process has ended; its entry may stay until its new parent looks."""
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"
