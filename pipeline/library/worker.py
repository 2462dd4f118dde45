"""One recording after the other, with an engine that stays open in between."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic

from detector.engines import Engine
from detector.errors import FramelaneError
from pipeline.assembly.engine import open_engine
from pipeline.assembly.run import build
from pipeline.config import ModelConfig, RunConfig
from pipeline.library.cores import with_threads
from pipeline.library.executor import Ending, Fingerprint, Job, Outcome
from pipeline.library.fingerprint import full_fingerprint, has_content, quick_fingerprint
from pipeline.library.parts import discard, part_of, publish
from pipeline.library.verdict import verdict
from pipeline.monitor.malloc_trim import MallocTrim
from pipeline.monitor.watchdog import Watchdog
from pipeline.process_settings import apply_process_settings
from pipeline.redaction import without_password
from pipeline.refinement.two_passes import TwoPasses
from pipeline.run import Run
from pipeline.runtime.runner import Pipeline
from pipeline.sinks.recorder import Recorder

LOOK_SECONDS = 0.25
HANGS_AFTER = 300.0  # seconds on one frame, after which a recording is given up
GRACE_SECONDS = 10.0  # for the end of a job that was given up


class Worker:
    """Works on jobs in this process, which it takes over: an executor has one in each process.

    Signals are left alone. All methods are called by one thread. If a job hangs in a call that
    cannot be interrupted, the process exits.

    threads: how many of the machine's cores this worker may use
    """

    def __init__(self, threads: int) -> None:
        apply_process_settings()
        self._threads = threads
        self._engine: Engine | None = None
        self._model: ModelConfig | None = None  # of the open engine
        self._trim = MallocTrim()

    def run(
        self,
        job: Job,
        on_progress: Callable[[int], None],
        stopping: Callable[[], bool],
    ) -> Outcome:
        """Work on a job to its end, and return what became of it. Raises nothing for a failure.

        on_progress: called about four times a second with the number of frames so far, on the
            calling thread; the first time once the engine is open
        stopping: asked as often; once it returns True, the job ends with its current frame
        """
        began_at = monotonic()
        try:
            config = RunConfig.model_validate(job.config)
            if _is_unchanged(config, job.known):
                return Outcome(Ending.UNCHANGED, fingerprint=_fingerprint(config))
            try:
                config = with_threads(config, self._threads)
                engine = self._opened(config)
            except FramelaneError as error:
                return _ended(Ending.UNUSABLE, error)
            on_progress(0)
            return self._annotate(job, config, engine, began_at, on_progress, stopping)
        except (FramelaneError, OSError) as error:
            return _ended(Ending.FAILED, error, may_pass=isinstance(error, OSError))
        finally:
            discard(job.outputs)
            self._trim.look()

    def close(self) -> None:
        """Release the engine."""
        if self._engine:
            self._engine.close()
        self._engine = self._model = None

    def _opened(self, config: RunConfig) -> Engine:
        """Return the engine of a configuration: that of the last job, if it is the same."""
        if self._engine is None or self._model != config.model:
            self.close()
            self._engine, self._model = open_engine(config), config.model
        return self._engine

    def _annotate(
        self,
        job: Job,
        config: RunConfig,
        engine: Engine,
        began_at: float,
        on_progress: Callable[[int], None],
        stopping: Callable[[], bool],
    ) -> Outcome:
        passes = TwoPasses(config, engine) if config.tracker.refine else None
        run = passes.second if passes else build(config, engine=engine)
        before = _fingerprint(config)
        on_frames = on_progress
        if passes:  # a frame counts half in each pass
            outcome = self._first_pass(
                passes, config, began_at, lambda frames: on_progress(frames // 2), stopping
            )
            if outcome.ending is not Ending.DONE:
                return outcome
            on_frames = partial(_on_second_pass, on_progress, outcome.frames)
        for output, path in zip(run.streams[0].outputs, job.outputs, strict=True):
            assert isinstance(output.sink, Recorder), "only files are planned"
            output.sink.write_to(part_of(path))
        stopped = self._watch(run, config, on_frames, stopping)
        outcome = verdict(run, stopped=stopped, seconds=monotonic() - began_at)
        if outcome.ending is not Ending.DONE:
            return outcome
        after = _fingerprint(config, full=True)
        if (after.size, after.modified) != (before.size, before.modified):
            return Outcome(
                Ending.FAILED,
                "it changed while it was read: it may still be written",
                may_pass=True,
            )
        publish(job.outputs)
        return replace(outcome, fingerprint=after)

    def _first_pass(
        self,
        passes: TwoPasses,
        config: RunConfig,
        began_at: float,
        on_progress: Callable[[int], None],
        stopping: Callable[[], bool],
    ) -> Outcome:
        """Detect in the whole recording, and refine its tracks."""
        stopped = self._watch(passes.first, config, on_progress, stopping)
        outcome = verdict(passes.first, stopped=stopped, seconds=monotonic() - began_at)
        if outcome.ending is Ending.DONE:
            passes.refine()
        return outcome

    def _watch(
        self,
        run: Run,
        config: RunConfig,
        on_progress: Callable[[int], None],
        stopping: Callable[[], bool],
    ) -> bool:
        """Run to the end, and return whether a stop cut it off."""
        pipeline = run.pipeline
        watchdog = Watchdog(
            pipeline,
            lambda: run.streams,
            config.watchdog or HANGS_AFTER,
            give_up=partial(_give_up, pipeline),
        )
        stopped = False
        pipeline.start()
        while not pipeline.wait(LOOK_SECONDS):
            on_progress(_emitted(pipeline))
            watchdog.look()
            if stopping() and not stopped:
                stopped = True
                pipeline.stop()
        pipeline.join()
        on_progress(_emitted(pipeline))
        if any(failure.stream is None for failure in pipeline.failures):
            self.close()  # the engine may be the cause: the next job has a new one
        return stopped


def _emitted(pipeline: Pipeline) -> int:
    return sum(each.emitted for each in pipeline.ledger.balances.values())


def _on_second_pass(on_progress: Callable[[int], None], first: int, frames: int) -> None:
    on_progress((first + frames) // 2)


def _give_up(pipeline: Pipeline) -> None:
    """Cancel a run that hangs; exit if a call into a library does not end."""
    pipeline.cancel()
    if not pipeline.wait(GRACE_SECONDS):
        print("a stage hangs in a call that cannot be interrupted", file=sys.stderr, flush=True)
        os._exit(1)


def _is_unchanged(config: RunConfig, known: Fingerprint | None) -> bool:
    """Return whether a local recording has the content that is known."""
    url = config.sources[0].url
    return known is not None and "://" not in url and has_content(Path(url), known)


def _fingerprint(config: RunConfig, *, full: bool = False) -> Fingerprint:
    """Return what the recording is now; of a remote one nothing is known."""
    url = config.sources[0].url
    if "://" in url:
        return Fingerprint()
    return full_fingerprint(Path(url)) if full else quick_fingerprint(Path(url))


def _ended(ending: Ending, error: Exception, *, may_pass: bool = False) -> Outcome:
    return Outcome(ending, without_password(str(error)), may_pass=may_pass)
