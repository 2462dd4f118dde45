"""Build a TensorRT plan from an ONNX model. Networks are strongly typed, as the file is.

A plan runs on one TensorRT version and one kind of GPU; with TensorRT-RTX, on the kinds of GPU that
it was built for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.engines.tensorrt_api import TensorRt, refusal
from detector.errors import ModelError
from detector.manifest import Manifest
from detector.progress import ProgressCallback


@dataclass(frozen=True, slots=True)
class Plan:
    """The result of a build.

    content: the bytes of the plan file
    warnings: TensorRT's messages; a correct INT8 model causes none
    """

    content: bytes
    warnings: tuple[str, ...]


def build_plan(
    model: Path,
    manifest: Manifest,
    tensorrt: TensorRt,
    *,
    batch: int = 1,
    capabilities: Sequence[str] = (),
    progress: ProgressCallback | None = None,
) -> Plan:
    """Return the plan of a model that follows the contract (docs/architecture.md).

    batch: batch size to choose kernels for, if the model's batch is dynamic; other sizes run too
    capabilities: TensorRT-RTX only: compute capabilities to build for, such as 8.6; empty:
        TensorRT-RTX's default
    progress: called on this thread during the build; an exception it raises ends the build
    TensorRT (not RTX) needs a GPU, whose context must be current. Raises ModelError for a model or
    an option that cannot be used.
    """
    trt = tensorrt.module
    log = tensorrt.log()
    log.forget()
    builder = trt.Builder(log)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, log)
    if not parser.parse_from_file(str(model)):  # by path: weights may be in files beside it
        raise refusal(log, f"cannot read '{model}'")
    config = builder.create_builder_config()
    _set_capabilities(config, tensorrt, capabilities)
    if manifest.dynamic_batch:
        _set_batches(config, builder, manifest, batch)
    watch = _watch_class(trt)(progress)
    config.progress_monitor = watch
    content = builder.build_serialized_network(network, config)
    if watch.failure is not None:
        raise watch.failure
    if content is None:
        raise refusal(log, f"cannot build '{model}'")
    return Plan(bytes(content), tuple(log.warnings))


def known_capabilities(tensorrt: TensorRt) -> tuple[str, ...]:
    """Return the compute capabilities that TensorRT-RTX can build for; empty for TensorRT."""
    if not tensorrt.is_rtx:
        return ()
    names = tensorrt.module.ComputeCapability.__members__
    digits = [name[2:] for name in names if name.startswith("SM")]
    return tuple(f"{number[:-1]}.{number[-1]}" for number in digits)


def _set_capabilities(config: Any, tensorrt: TensorRt, capabilities: Sequence[str]) -> None:
    known = known_capabilities(tensorrt)
    for capability in capabilities:
        if capability not in known:
            raise ModelError(
                f"{tensorrt.name} {tensorrt.version} cannot build for compute capability "
                f"{capability}: choose one of {', '.join(known) or 'none: it builds for this GPU'}"
            )
    if capabilities:
        config.num_compute_capabilities = len(capabilities)
    for index, capability in enumerate(capabilities):
        member = f"SM{capability.replace('.', '')}"
        config.set_compute_capability(getattr(tensorrt.module.ComputeCapability, member), index)


def _set_batches(config: Any, builder: Any, manifest: Manifest, batch: int) -> None:
    if not 1 <= batch <= manifest.max_batch:
        raise ModelError(f"batch is {batch}, must be 1 to {manifest.max_batch} for this model")
    smallest, usual, largest = (
        (n, *manifest.input_size, 3) for n in (1, batch, manifest.max_batch)
    )
    profile = builder.create_optimization_profile()
    profile.set_shape("images", smallest, usual, largest)
    config.add_optimization_profile(profile)


def _watch_class(trt: Any) -> Any:
    class Watch(trt.IProgressMonitor):  # type: ignore[misc]
        """Reports progress. Phases are nested: a phase is one step of its parent."""

        def __init__(self, progress: ProgressCallback | None) -> None:
            trt.IProgressMonitor.__init__(self)
            self.failure: BaseException | None = None
            self._progress = progress
            self._phases: list[tuple[str, int, int]] = []  # name, steps done, steps in all
            self._share = 0.0

        def phase_start(self, name: str, _parent: str | None, steps: int) -> None:
            self._phases.append((name, 0, steps))

        def phase_finish(self, name: str) -> None:
            self._phases = [phase for phase in self._phases if phase[0] != name]

        def step_complete(self, name: str, step: int) -> bool:
            """Return whether to go on: TensorRT would swallow an exception."""
            self._phases = [
                (known, step + 1, steps) if known == name else (known, done, steps)
                for known, done, steps in self._phases
            ]
            try:
                self._report(name)
            except BaseException as failure:  # includes KeyboardInterrupt
                self.failure = failure
            return self.failure is None

        def _report(self, name: str) -> None:
            share = 0.0
            for _, done, steps in reversed(self._phases):
                share = min((done + share) / steps, 1.0)
            self._share = max(self._share, share)
            if self._progress is not None:
                self._progress(self._share, name)

    return Watch
