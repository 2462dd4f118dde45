"""The signal that ends a wait for a socket."""

from __future__ import annotations

import os
from threading import Thread

import pytest

from pipeline.delivery.mqtt.wake import Wake
from tests.support.cameras import CAP


@pytest.fixture
def wake() -> Wake:
    return Wake()


@pytest.mark.parametrize("used_before", [True, False])
def test_what_was_set_before_ends_the_next_wait_once(wake: Wake, used_before: bool) -> None:
    if used_before:
        wake.wait(0.0)
    wake.set()
    wake.set()
    wake.wait(None)
    wake.clear()
    with pytest.raises(BlockingIOError):
        os.eventfd_read(wake.descriptor)
    wake.close()


def test_another_thread_ends_a_wait(wake: Wake) -> None:
    thread = Thread(target=wake.wait, args=(CAP,))
    thread.start()
    wake.set()
    thread.join(CAP)
    assert not thread.is_alive()
    wake.close()


def test_it_may_be_set_after_its_end(wake: Wake) -> None:
    wake.wait(0.0)
    wake.close()
    wake.set()
    wake.clear()
