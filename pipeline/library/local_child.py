"""A worker in a process of its own: it takes jobs from a pipe and never outlives its parent."""

from __future__ import annotations

import ctypes
import faulthandler
import logging
import os
import signal
import sys
from multiprocessing.connection import Connection

from pipeline.library.executor import Job
from pipeline.library.worker import Worker

STOP = "stop"  # from the parent, in place of a job: end the present one with its current frame
_PR_SET_PDEATHSIG = 1  # of Linux's prctl


def main(descriptor: int, threads: int, parent: int) -> None:
    """Work on jobs until the parent closes the pipe, or ends in any way.

    descriptor: of the pipe; threads: how many cores this worker may use; parent: its process
    """
    _die_with(parent)
    faulthandler.enable()  # the parent shows the first line of what a crash leaves
    logging.getLogger("framelane").addHandler(logging.NullHandler())  # outcomes have the faults
    parent_pipe = _ParentPipe(Connection(descriptor))
    worker = Worker(threads)
    while (job := parent_pipe.next_job()) is not None:
        outcome = worker.run(job, parent_pipe.send, parent_pipe.stopping)
        parent_pipe.send(outcome)
    worker.close()


class _ParentPipe:
    """Both directions of the pipe to the parent; if the parent is gone, the process exits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._stopping = False

    def next_job(self) -> Job | None:
        """Wait for a job; None if the parent has none any more."""
        self._stopping = False
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                return None
            if message != STOP:  # it came after the end of its job
                assert isinstance(message, Job)
                return message

    def stopping(self) -> bool:
        """Return whether the parent has asked to end the present job."""
        try:
            while self._connection.poll():
                self._stopping |= self._connection.recv() == STOP
        except (EOFError, OSError):
            os._exit(1)
        return self._stopping

    def send(self, message: object) -> None:
        """Tell the parent."""
        try:
            self._connection.send(message)
        except OSError:
            os._exit(1)


def _die_with(parent: int) -> None:
    """Let the system kill this process when its parent dies, also by kill -9."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before
        os._exit(1)
