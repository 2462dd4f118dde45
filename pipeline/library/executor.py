"""What a library asks of the processes or machines that work for it: jobs in, events out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, TypeAlias

from pipeline.library.load import Load


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a recording was when it was read.

    size: bytes; -1 if unknown
    modified: the time of the last change, in nanoseconds since 1970; 0 if unknown
    content: hash of the bytes, or the server's version of a remote file; "" if unknown
    """

    size: int = -1
    modified: int = 0
    content: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """One recording and the outputs that are made from it: plain data, which any process can read.

    number: of the recording in this run, from 0; also that of further attempts
    source: the recording as the user named it, without credentials, for messages
    config: a RunConfig as plain data, with one source. All paths are absolute. It may hold
        credentials. The URLs of its outputs are placeholders, which only tell the format
    outputs: the final paths of all outputs, in the order of the configuration; absolute
    known: what the recording was when it was done the last time; if its content is still the same,
        there is nothing to do. None if it has to be done in any case
    attempt: 1 for the first one
    """

    number: int
    source: str
    config: Mapping[str, Any] = field(repr=False)
    outputs: tuple[str, ...]
    known: Fingerprint | None = None
    attempt: int = 1


class Ending(Enum):
    """How a job ended whose worker is alive."""

    DONE = "done"  # every output is complete, and has its final name
    UNCHANGED = "unchanged"  # the recording is as `Job.known` says: nothing was done
    FAILED = "failed"  # no output has changed
    CUT = "cut"  # asked to stop; no output has changed
    UNUSABLE = "unusable"  # the model or its engine cannot be used here, whatever the recording


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job.

    reason: one line for the user if the job is not DONE
    faults: one line for each damage of a recording that was read to its end nevertheless
    may_pass: another attempt may succeed, for example because a network was involved
    frames: how many were emitted; seconds: the time that the job took
    fingerprint: of the recording, as it was read
    """

    ending: Ending
    reason: str = ""
    faults: tuple[str, ...] = ()
    may_pass: bool = False
    frames: int = 0
    seconds: float = 0.0
    fingerprint: Fingerprint = Fingerprint()


@dataclass(frozen=True, slots=True)
class Progress:
    """A job goes on; frames: emitted so far in this attempt."""

    job: Job
    frames: int


@dataclass(frozen=True, slots=True)
class Finished:
    """A job has ended, and its worker is free."""

    job: Job
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker of a job died, or its machine did; why: one line, such as `killed by SIGSEGV`.

    innocent: the job had no part in it, for example because its machine left: the attempt does not
        count
    """

    job: Job
    why: str
    innocent: bool = False


Event: TypeAlias = Progress | Finished | Lost


class Executor(Protocol):
    """Works on jobs somewhere else. All methods are called by one thread, none of them waits long.

    Every job that was submitted is in exactly one Finished or Lost, unless `close` comes first. An
    executor starts a new worker for one that died. A job is never tried again by the executor: that
    is for the caller to decide.
    """

    @property
    def capacity(self) -> int:
        """How many jobs may be in flight now; it may change at any time."""

    @property
    def load(self) -> Load:
        """How busy the machines are that work on jobs."""

    def submit(self, job: Job) -> None:
        """Start on a job. Called only while fewer than `capacity` jobs are in flight."""

    def wait(self, timeout: float) -> Sequence[Event]:
        """Return what has happened since the last call; wait up to `timeout` seconds for it."""

    def stop(self) -> None:
        """Ask every job in flight to end with its current frame: it is then Finished, as CUT."""

    def close(self) -> None:
        """End all workers at once, also in the middle of a job. No output is half written under
        its final name. May be called after any failure."""
