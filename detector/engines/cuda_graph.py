"""CUDA graphs: work that is recorded on a stream once, and then started by one call.

They are made through the driver, because pycuda (2026.1) does not support them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from ctypes import byref, c_ulonglong, c_void_p

from detector.hardware.cuda_driver import CudaDriver, CudaError

_THREAD_LOCAL = 1  # calls of other threads, such as allocations, do not break the capture


class CudaGraph:
    """A graph, ready to be launched on the stream that it was captured on."""

    def __init__(self, driver: CudaDriver, executable: c_void_p, stream: int) -> None:
        self._driver = driver
        self._executable = executable
        self._stream = c_void_p(stream)

    @classmethod
    def capture(cls, driver: CudaDriver, stream: int, work: Callable[[], None]) -> CudaGraph:
        """Return the graph of what `work` puts on the stream; the work itself is not done.

        stream: its handle; not the default stream
        Raises CudaError if the work cannot be captured, and passes on what `work` raises. In both
        cases the stream can be used again.
        """
        graph = _captured(driver, c_void_p(stream), work)
        executable = c_void_p()
        try:
            driver.call("cuGraphInstantiateWithFlags", byref(executable), graph, c_ulonglong(0))
        finally:
            driver.call("cuGraphDestroy", graph)
        return cls(driver, executable, stream)

    def launch(self) -> None:
        """Put the graph on the stream."""
        self._driver.call("cuGraphLaunch", self._executable, self._stream)

    def close(self) -> None:
        """Free the graph. Its last launch must have ended."""
        self._driver.call("cuGraphExecDestroy", self._executable)


def _captured(driver: CudaDriver, stream: c_void_p, work: Callable[[], None]) -> c_void_p:
    graph = c_void_p()
    driver.call("cuStreamBeginCapture_v2", stream, _THREAD_LOCAL)
    try:
        work()
    except BaseException:
        with suppress(CudaError):  # the capture is invalid, which we know
            driver.call("cuStreamEndCapture", stream, byref(graph))
            driver.call("cuGraphDestroy", graph)
        raise
    driver.call("cuStreamEndCapture", stream, byref(graph))
    return graph
