"""Import the TensorRT of this machine: TensorRT 10 or 11, or TensorRT-RTX.

The parts of their Python interfaces that we use are the same. `TensorRt` says where they differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Protocol

from detector.errors import FramelaneError, ModelError

MODULES = {  # module -> name, in order of preference: the first that imports is used
    "tensorrt": "tensorrt",
    "tensorrt_rtx": "tensorrt-rtx",  # from NVIDIA's archive
    "tensorrt_rtx_bindings": "tensorrt-rtx",  # from a package index
}
OLDEST = (10, 1)  # of tensorrt: has strongly typed networks, and contexts in our own memory
INSTALL = (
    "for an RTX card install the project with its extra `tensorrt-rtx`; a Jetson has one with "
    "JetPack 6.1 or newer (docs/jetson.md); for other GPUs see docs/gpu.md"
)
_SOURCE = re.compile(r"\[\S+\.cpp::\w+::\d+\]\s*|[.\s]*In \w+ at \S+:\d+")  # in TensorRT's source


class Log(Protocol):
    """The messages of TensorRT since the last `forget`, oldest first. Nothing is printed.

    TensorRT accepts one logger per process. So messages of two builds at the same time end up in
    the same log.
    """

    errors: list[str]
    warnings: list[str]

    def forget(self) -> None:
        """Drop all messages."""


@dataclass(frozen=True, slots=True)
class TensorRt:
    """An imported TensorRT.

    name: tensorrt or tensorrt-rtx
    module: the untyped Python module
    """

    name: str
    version: str
    module: Any

    @property
    def is_rtx(self) -> bool:
        """Whether it builds without a GPU, for several kinds of GPU, and compiles on loading."""
        return self.name == "tensorrt-rtx"

    def log(self) -> Any:
        """Return the logger of the process: a TensorRT ILogger that is also a `Log`."""
        return _log_of(self.module)


def load_tensorrt(import_: Callable[[str], Any] = import_module) -> TensorRt:
    """Import and return the TensorRT of this machine.

    Raises ModelError if there is none, or only one that is too old.
    """
    found = "no TensorRT is installed"
    for module_name, name in MODULES.items():
        try:
            module = import_(module_name)
        except (ImportError, OSError):  # not installed, or its libraries are missing
            continue
        version = str(module.__version__)
        if name == "tensorrt-rtx" or _numbers(version) >= OLDEST:
            return TensorRt(name, version, module)
        found = f"TensorRT {version} is too old, {'.'.join(map(str, OLDEST))} is needed"
    raise ModelError(f"{found}: {INSTALL}")


def refusal(log: Log, what: str, kind: type[FramelaneError] = ModelError) -> FramelaneError:
    """Return the error for a failed call, with the reason that TensorRT gave."""
    # Without a GPU, TensorRT also logs that, whatever the reason is
    reasons = [text for text in log.errors if "catchCudaError" not in text] or log.errors
    log.forget()
    reason = _SOURCE.sub("", " ".join(reasons[0].split())) if reasons else "no reason given"
    return kind(f"TensorRT {what}: {reason}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


@cache
def _log_of(trt: Any) -> Any:
    severity = trt.ILogger.Severity

    class MessageLog(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)  # as the documentation asks, instead of super()
            self.errors: list[str] = []
            self.warnings: list[str] = []

        def forget(self) -> None:
            self.errors, self.warnings = [], []

        def log(self, level: Any, text: str) -> None:
            """Keep errors and warnings; TensorRT calls this on any of its threads."""
            if level in (severity.INTERNAL_ERROR, severity.ERROR):
                self.errors.append(text)
            elif level == severity.WARNING:
                self.warnings.append(text)

    return MessageLog()
