"""From an ONNX model to a TensorRT plan. Precision is in the file: networks are strongly typed.

A plan is what TensorRT runs: for one version, and for one kind of GPU or, with TensorRT-RTX, for
those that it was built for.
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
    """What the builder returned.

    content: the plan, as it goes into a file
    warnings: what TensorRT had to say; an INT8 model that makes it say anything is not right
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
    """Return the plan of a model by our contract.

    batch: that the kernels are chosen for, where the model leaves it open; others run, too
    capabilities: for TensorRT-RTX, of the GPUs that it is to run on, as in 8.6; none: what
        TensorRT-RTX takes without being told
    progress: called now and then, on this thread; what it raises ends the build
    TensorRT itself needs a GPU, whose context must be current. Raises ModelError for a model or an
    option that cannot be used.
    """
    trt = tensorrt.module
    log = tensorrt.log()
    log.forget()
    builder = trt.Builder(log)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, log)
    if not parser.parse_from_file(str(model)):  # by name: weights may lie in files beside it
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
    """Return those of the GPUs that TensorRT-RTX can build for, as in 8.6; none for TensorRT."""
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
                f"{capability}: choose of {', '.join(known) or 'none, it takes the GPU at hand'}"
            )
    if capabilities:
        config.num_compute_capabilities = len(capabilities)
    for place, capability in enumerate(capabilities):
        member = f"SM{capability.replace('.', '')}"
        config.set_compute_capability(getattr(tensorrt.module.ComputeCapability, member), place)


def _set_batches(config: Any, builder: Any, manifest: Manifest, batch: int) -> None:
    if not 1 <= batch <= manifest.max_batch:
        raise ModelError(f"batch is {batch}, must be 1 to {manifest.max_batch} for this model")
    least, usual, most = ((n, *manifest.input_size, 3) for n in (1, batch, manifest.max_batch))
    profile = builder.create_optimization_profile()
    profile.set_shape("images", least, usual, most)
    config.add_optimization_profile(profile)


def _watch_class(trt: Any) -> Any:
    class Watch(trt.IProgressMonitor):  # type: ignore[misc]
        """Tells of progress. Phases lie in one another: a phase is one step of the one around."""

        def __init__(self, progress: ProgressCallback | None) -> None:
            trt.IProgressMonitor.__init__(self)
            self.failure: BaseException | None = None
            self._progress = progress
            self._phases: list[tuple[str, int, int]] = []  # name, steps done, steps in all
            self._told = 0.0

        def phase_start(self, name: str, _around: str | None, steps: int) -> None:
            self._phases.append((name, 0, steps))

        def phase_finish(self, name: str) -> None:
            self._phases = [phase for phase in self._phases if phase[0] != name]

        def step_complete(self, name: str, step: int) -> bool:
            """Return whether to go on. TensorRT would swallow what is raised here."""
            self._phases = [
                (known, step + 1, steps) if known == name else (known, done, steps)
                for known, done, steps in self._phases
            ]
            try:
                self._tell(name)
            except BaseException as failure:  # Ctrl-C also arrives here
                self.failure = failure
            return self.failure is None

        def _tell(self, name: str) -> None:
            share = 0.0
            for _, done, steps in reversed(self._phases):
                share = min((done + share) / steps, 1.0)
            self._told = max(self._told, share)
            if self._progress is not None:
                self._progress(self._told, name)

    return Watch
