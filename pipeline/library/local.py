"""Workers as processes of this machine: each keeps its engine, and has its share of the cores."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from signal import SIGKILL, Signals

from detector.errors import FramelaneError
from detector.terminal import printable
from pipeline.library.cores import shares
from pipeline.library.executor import Event, Finished, Job, Lost, Outcome, Progress
from pipeline.library.load import Load, LoadMeter
from pipeline.library.local_child import STOP
from pipeline.redaction import without_password

# Not `-m`: that would import a folder `pipeline` of the working directory. Not a fork or a spawn of
# multiprocessing: it would import the user's main module again.
_PROGRAM = (
    "import sys; numbers = sys.argv[1:4]; sys.path = sys.argv[4:]; "
    "from pipeline.library.local_child import main; main(*map(int, numbers))"
)
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_MAX_STILLBORN = 3  # workers in a row that die before their engine is open
MAX_WORDS = 300  # characters of standard error that a message may quote
END_SECONDS = 10.0  # for the end of a worker that has nothing to do


class LocalExecutor:
    """An Executor with a number of processes, which are started when they are needed.

    workers: how many; cores: that they share
    """

    def __init__(self, workers: int, cores: int) -> None:
        self._shares = deque(shares(cores, workers))  # of workers that are not started
        self._idle: list[_Child] = []
        self._busy: dict[Connection, _Child] = {}
        self._capacity = workers
        self._stillborn = 0
        self._meter = LoadMeter.of_this_machine()

    @property
    def capacity(self) -> int:
        """How many jobs may be in flight: one for each worker."""
        return self._capacity

    @property
    def load(self) -> Load:
        """How busy this machine is."""
        return self._meter.look()

    def submit(self, job: Job) -> None:
        """Start on a job, in a worker that has an engine already if one is free."""
        child = self._idle.pop() if self._idle else _Child(self._shares.popleft())
        self._busy[child.connection] = child
        child.start(job)

    def wait(self, timeout: float) -> Sequence[Event]:
        """Return what has happened; raises FramelaneError if no worker can be started."""
        ready = wait(list(self._busy), timeout)
        return [self._event(child) for pipe, child in list(self._busy.items()) if pipe in ready]

    def stop(self) -> None:
        """Ask every job in flight to end with its current frame."""
        for child in self._busy.values():
            child.send(STOP)

    def close(self) -> None:
        """End all workers: those with a job at once."""
        for child in self._busy.values():
            child.kill()
        for child in self._idle:
            child.end()
        self._busy.clear()
        self._idle.clear()
        self._capacity = 0

    def _event(self, child: _Child) -> Event:
        """Return what a worker says, or how it died."""
        job = child.job
        assert job is not None, "a worker without a job is not asked"
        try:
            message = child.connection.recv()
        except (EOFError, OSError):
            return self._lost(child, job)
        self._stillborn, child.is_open = 0, True
        if isinstance(message, Outcome):
            del self._busy[child.connection]
            self._idle.append(child)
            child.job = None
            return Finished(job, message)
        return Progress(job, int(message))

    def _lost(self, child: _Child, job: Job) -> Lost:
        del self._busy[child.connection]
        why = child.died()
        self._shares.append(child.threads)
        self._stillborn += not child.is_open
        if self._stillborn >= _MAX_STILLBORN:
            raise FramelaneError(
                f"{self._stillborn} workers in a row died before they could begin; the last one: "
                f"{why}: try `framelane run` with one of the recordings"
            )
        return Lost(job, why, innocent=not child.is_open)


class _Child:
    """A process, its pipe, and the job that it works on.

    is_open: it has opened its engine, or finished a job
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.job: Job | None = None
        self.is_open = False
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `kill` and `end`
        ours, theirs = socket.socketpair()
        with theirs:
            numbers = [str(theirs.fileno()), str(threads), str(os.getpid())]
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, *numbers, *sys.path],
                stdin=subprocess.DEVNULL,
                stdout=self._words,
                stderr=self._words,
                pass_fds=[theirs.fileno()],
                env=dict.fromkeys(_THREAD_VARIABLES, str(threads)) | dict(os.environ),
                start_new_session=True,  # Ctrl-C is for the parent, which then asks for an end
            )
        self.connection = Connection(ours.detach())

    def start(self, job: Job) -> None:
        """Give the process a job."""
        self._words.seek(0)  # of both processes, which share the open file
        self._words.truncate()
        self.job = job
        self.send(job)

    def send(self, message: object) -> None:
        """Send to the process."""
        with suppress(OSError):  # it has died, which `wait` will find
            self.connection.send(message)

    def end(self) -> None:
        """End a process that waits for a job."""
        self.connection.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._process.wait()
        self._words.close()

    def kill(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        self.connection.close()
        self._words.close()

    def died(self) -> str:
        """Return how a process that closed its pipe ended, in words."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        code = self._process.poll()
        self._words.seek(0)
        said = _last_words(self._words.read().decode(errors="replace"))
        self.kill()
        return _in_words(-SIGKILL if code is None else code, said)


def _last_words(text: str) -> str:
    """Return the line that tells most of what a process left on standard error."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith("Fatal Python error")]
    return without_password(printable([*lines[-1:], *fatal][-1]))[:MAX_WORDS] if lines else ""


def _in_words(code: int, said: str) -> str:
    """Return why a process ended.

    code: of its exit; negative: the signal that killed it; said: on standard error
    """
    detail = f" ({said})" if said else ""
    if code == -SIGKILL:
        return f"its process was killed by SIGKILL: often the memory was full{detail}"
    if code < 0:
        return f"its process was killed by {Signals(-code).name}{detail}"
    return f"its process exited with code {code}{detail}"
