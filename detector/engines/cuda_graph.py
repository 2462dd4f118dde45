"""CUDA graphs: work that was put on a stream once, and is then started as a whole.

Through the driver, as pycuda (2026.1) has none.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from ctypes import byref, c_ulonglong, c_void_p

from detector.hardware.cuda_driver import CudaDriver, CudaError

_THREAD_LOCAL = 1  # what other threads do meanwhile, such as allocate, does not break the capture


class CudaGraph:
    """A graph that is ready to be launched, on the stream that it was captured on."""

    def __init__(self, driver: CudaDriver, executable: c_void_p, stream: int) -> None:
        self._driver = driver
        self._executable = executable
        self._stream = c_void_p(stream)

    @classmethod
    def capture(cls, driver: CudaDriver, stream: int, work: Callable[[], None]) -> CudaGraph:
        """Return the graph of what `work` puts on the stream, which is not done meanwhile.

        stream: its handle; not the default one. Raises CudaError if it cannot be captured, and
        passes on what `work` raises; the stream can be used again in either case.
        """
        graph = _captured(driver, c_void_p(stream), work)
        executable = c_void_p()
        try:
            driver.call("cuGraphInstantiateWithFlags", byref(executable), graph, c_ulonglong(0))
        finally:
            driver.call("cuGraphDestroy", graph)
        return cls(driver, executable, stream)

    def launch(self) -> None:
        """Put the whole of it on the stream."""
        self._driver.call("cuGraphLaunch", self._executable, self._stream)

    def close(self) -> None:
        """Free it. What was launched must have ended."""
        self._driver.call("cuGraphExecDestroy", self._executable)


def _captured(driver: CudaDriver, stream: c_void_p, work: Callable[[], None]) -> c_void_p:
    graph = c_void_p()
    driver.call("cuStreamBeginCapture_v2", stream, _THREAD_LOCAL)
    try:
        work()
    except BaseException:
        with suppress(CudaError):  # that the capture is broken is no news
            driver.call("cuStreamEndCapture", stream, byref(graph))
            driver.call("cuGraphDestroy", graph)
        raise
    driver.call("cuStreamEndCapture", stream, byref(graph))
    return graph
