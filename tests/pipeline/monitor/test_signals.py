"""The first Ctrl-C or SIGTERM stops a run in order, the second cancels it."""

from __future__ import annotations

import signal

import pytest

from pipeline.monitor.signals import Interrupt
from tests.support.faulty_runs import finish, make_run


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_stops_the_run_in_order(number: signal.Signals) -> None:
    run = make_run([1_000_000])
    run.pipeline.start()
    with Interrupt(run.pipeline) as interrupt:
        interrupt.obey()
        assert not run.pipeline.wait(0)
        signal.raise_signal(number)
        interrupt.obey()
        interrupt.obey()
        finish(run)
    assert not run.pipeline.cancelled
    assert all(sink.complete for sink in run.sinks["s0"])


def test_two_signals_cancel_the_run() -> None:
    run = make_run([1_000_000])
    run.pipeline.start()
    with Interrupt(run.pipeline) as interrupt:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        interrupt.obey()
        finish(run)
    assert run.pipeline.cancelled


def test_the_handlers_of_before_are_restored() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Interrupt(make_run([1]).pipeline):
        assert signal.getsignal(signal.SIGINT) not in before
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
