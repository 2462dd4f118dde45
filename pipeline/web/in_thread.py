"""Blocking calls beside the server's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


async def in_thread(function: Callable[[], Result]) -> Result:
    """Return what `function` returns, called on a thread that cannot keep the process alive.

    A thread pool's threads would: the end of a run must not wait for a camera that hangs.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def finish(result: Result | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def call() -> None:
        result, failure = None, None
        try:
            result = function()
        except BaseException as error:  # it is raised where the result is awaited
            failure = error
        with suppress(RuntimeError):  # the server has ended meanwhile
            loop.call_soon_threadsafe(finish, result, failure)

    Thread(target=call, name="web/request", daemon=True).start()
    return await done
