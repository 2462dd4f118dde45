"""Which TensorRT is here: TensorRT 10 and 11, and TensorRT-RTX, behind one import.

The three have one Python interface, as far as we use it. Where they differ, `TensorRt` says how.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Protocol

from detector.errors import FramelaneError, ModelError

MODULES = {  # in the order of preference: the first that imports is taken
    "tensorrt": "tensorrt",
    "tensorrt_rtx": "tensorrt-rtx",  # as it comes with NVIDIA's archive
    "tensorrt_rtx_bindings": "tensorrt-rtx",  # as it comes from a package index
}
OLDEST = (10, 1)  # of tensorrt: strongly typed networks, and contexts that use memory of ours
INSTALL = (
    "for an RTX card install the project with its extra `tensorrt-rtx`; a Jetson has one with "
    "JetPack 6.1 or newer (docs/jetson.md); for other GPUs see docs/gpu.md"
)
_SOURCE = re.compile(r"\[\S+\.cpp::\w+::\d+\]\s*|[.\s]*In \w+ at \S+:\d+")  # in its own files


class Log(Protocol):
    """What TensorRT has said since it was last forgotten, oldest first; it prints nothing.

    TensorRT takes one logger per process, and ignores another. So there is one, and what is said
    in two builds at the same time is not told apart.
    """

    errors: list[str]
    warnings: list[str]

    def forget(self) -> None:
        """Begin anew."""


@dataclass(frozen=True, slots=True)
class TensorRt:
    """A TensorRT that was imported.

    name: tensorrt or tensorrt-rtx
    module: that has the classes; it has no types
    """

    name: str
    version: str
    module: Any

    @property
    def is_rtx(self) -> bool:
        """Whether it builds without a GPU, for several kinds, and compiles when it loads."""
        return self.name == "tensorrt-rtx"

    def log(self) -> Any:
        """Return the logger, of TensorRT's kind, that is a `Log`."""
        return _log_of(self.module)


def load_tensorrt(import_: Callable[[str], Any] = import_module) -> TensorRt:
    """Return the TensorRT of this machine, which is imported now.

    Raises ModelError if there is none, or only one that is too old.
    """
    found = "no TensorRT is installed"
    for module_name, name in MODULES.items():
        try:
            module = import_(module_name)
        except (ImportError, OSError):  # absent, or without the libraries that it needs
            continue
        version = str(module.__version__)
        if name == "tensorrt-rtx" or _numbers(version) >= OLDEST:
            return TensorRt(name, version, module)
        found = f"TensorRT {version} is too old, {'.'.join(map(str, OLDEST))} is needed"
    raise ModelError(f"{found}: {INSTALL}")


def refusal(log: Log, what: str, kind: type[FramelaneError] = ModelError) -> FramelaneError:
    """Return the error for something that TensorRT would not do, with the reason that it gave."""
    # A machine without a GPU is mentioned on the way, whatever the reason is
    reasons = [text for text in log.errors if "catchCudaError" not in text] or log.errors
    log.forget()
    reason = _SOURCE.sub("", " ".join(reasons[0].split())) if reasons else "no reason given"
    return kind(f"TensorRT {what}: {reason}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


@cache
def _log_of(trt: Any) -> Any:
    severity = trt.ILogger.Severity

    class Kept(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)  # as the documentation asks, instead of super()
            self.errors: list[str] = []
            self.warnings: list[str] = []

        def forget(self) -> None:
            self.errors, self.warnings = [], []

        def log(self, level: Any, text: str) -> None:
            """Keep what matters; TensorRT calls this on any of its threads."""
            if level in (severity.INTERNAL_ERROR, severity.ERROR):
                self.errors.append(text)
            elif level == severity.WARNING:
                self.warnings.append(text)

    return Kept()
