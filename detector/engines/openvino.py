"""OpenVINO: the engine for CPUs, x86 and Arm. A slot is one asynchronous infer request.

It runs an ONNX model, or the INT8 model that was made from it, if there is one. It also runs the
INT8 model for TensorRT, slowly and rounding as the file says: the reference for TensorRT.

Measured on two cores (YOLOv7-tiny at 640, CPU ms per image): with the batch fixed to one image 35,
with a dynamic batch 43; at 256 x 448 and half the width 3.4 and 6.8. Larger batches are no faster
on a CPU, so a dynamic batch is fixed to one.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

import openvino as ov

from detector.cache import CacheKey
from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.errors import FramelaneError, ModelError
from detector.export.precisions import find_int8, need_int8
from detector.hardware.cpu import int8_pays
from detector.hardware.openvino_core import CORE
from detector.manifest import Manifest

FLOATS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}  # our name -> OpenVINO's
PRECISIONS = ("auto", "int8", *FLOATS)


class OpenVinoEngine:
    """A model compiled for one device; see Engine.

    manifest: the file's, with the batch size of the engine
    precision: that it computes in: fp32, bf16, fp16, or int8 where the file says so
    """

    def __init__(
        self,
        manifest: Manifest,
        compiled: ov.CompiledModel,
        *,
        slots: int,
        precision: str,
        key: CacheKey | None,
    ) -> None:
        self.manifest = manifest
        self.slots = slots
        self.precision = precision
        self.key = key
        self.gpu: int | None = None
        self._requests = [compiled.create_infer_request() for _ in range(slots)]
        self._free: SimpleQueue[ov.InferRequest] = SimpleQueue()
        for request in self._requests:
            self._free.put(request)

    def submit(self, images: UInt8Array) -> OpenVinoPending:
        """Start on a batch; the images are copied. Raises ModelError for another shape or type."""
        assert self._requests, "the engine is closed"
        self.manifest.check_images(images)
        request = self._free.get()
        try:
            request.get_input_tensor().data[:] = (
                images  # half the cost of passing them to start_async
            )
            request.start_async()
        except RuntimeError as error:
            self._free.put(request)
            raise FramelaneError(
                f"OpenVINO could not start on a batch: {_reason(error)}"
            ) from error
        return OpenVinoPending(request, self._free)

    def close(self) -> None:
        """Release the runtime, after both threads have ended. Waits for batches in flight."""
        for request in self._requests:
            with suppress(RuntimeError):  # raised where the result is taken
                request.wait()
        self._requests.clear()
        self._free = SimpleQueue()


class OpenVinoPending:
    """A batch in flight; see Pending."""

    def __init__(self, request: ov.InferRequest, free: SimpleQueue[ov.InferRequest]) -> None:
        self._request: ov.InferRequest | None = request
        self._free = free

    def result(self) -> Candidates:
        """Wait, copy out, free the slot, also after a failure. May be called once."""
        request, self._request = self._request, None
        assert request is not None, "the result was taken, and its slot may be in use again"
        try:
            request.wait()
            boxes, scores = (request.get_output_tensor(i).data.copy() for i in range(2))
        except RuntimeError as error:
            raise FramelaneError(f"OpenVINO failed on a batch: {_reason(error)}") from error
        finally:
            self._free.put(request)
        return Candidates(boxes, scores)


def open_engine(
    model: Path,
    *,
    slots: int | None = None,
    streams: int | None = None,
    threads: int | None = None,
    precision: str = "auto",
    device: str = "CPU",
) -> OpenVinoEngine:
    """Compile a model with its manifest beside it.

    slots: batches in flight; default: one more than streams, so that no stream waits for a batch
    streams: batches computed at the same time; 1 has the lowest latency, because all cores work on
        one image; default: OpenVINO's choice for throughput
    threads: of all streams together; default: one per core
    precision: fp32, bf16, fp16 or int8; auto: int8 if there is an INT8 model beside it, and the CPU
        is an x86, else bf16 where the device computes in it, else fp32
    Raises ModelError if the file, its manifest or an option cannot be used.
    """
    _check_counts(slots=slots, streams=streams, threads=threads)
    chosen = _choose(device, model, precision)
    manifest = Manifest.beside(chosen.file)
    manifest.verify(chosen.file)
    if manifest.dynamic_batch:
        manifest = replace(manifest, max_batch=1, dynamic_batch=False)
    try:
        network = CORE.read_model(chosen.file)
        _check_size(network, manifest, chosen.file)
        network.reshape([manifest.max_batch, *manifest.input_size, 3])
        compiled = CORE.compile_model(network, device, _options(streams, threads, chosen))
        slots = slots or compiled.get_property("NUM_STREAMS") + 1
        key = None if _is_reference(chosen, model, device) else _key(device, manifest, chosen)
        return OpenVinoEngine(manifest, compiled, slots=slots, precision=chosen.precision, key=key)
    except RuntimeError as error:
        raise ModelError(
            f"OpenVINO cannot use '{model}' on {device}: {_reason(error)}: give a model that "
            "`framelane models export` wrote, or another device"
        ) from error


def _check_counts(**counts: int | None) -> None:
    for name, count in counts.items():
        if count is not None and count < 1:
            raise ModelError(f"{name} is {count}, must be 1 or more, or absent for the default")


def _check_size(network: ov.Model, manifest: Manifest, model: Path) -> None:
    """Raise ModelError for a manifest with another size: cells and anchors are of the graph's."""
    sides = network.input().get_partial_shape()[1:3]
    for side, wanted in zip(sides, manifest.input_size, strict=True):
        if side.is_static and side.get_length() != wanted:
            height, width = manifest.input_size
            raise ModelError(
                f"'{model}' takes images of {' x '.join(map(str, sides))} (height x width), but "
                f"its manifest says {height} x {width}: export the model again at the size you want"
            )


class Choice(NamedTuple):
    """The file to run, and how to run it.

    floats: precision of the layers that are not quantised
    literal: compute in floats everywhere, and round as the file says, in one stream
    """

    file: Path
    precision: str
    floats: str
    literal: bool = False


def _choose(device: str, model: Path, precision: str) -> Choice:
    if precision not in PRECISIONS:
        raise ModelError(f"unknown precision '{precision}': choose one of {', '.join(PRECISIONS)}")
    able = _capabilities(device)
    fastest = "bf16" if "BF16" in able else "fp32"
    if Manifest.beside(model).precision == "int8":
        if precision not in ("auto", "int8"):
            raise ModelError(f"'{model}' is an INT8 model: leave precision out, not {precision}")
        if model.suffix == ".onnx":  # TensorRT's, as its reference: some CPUs would overflow
            return Choice(model, "int8", "fp32", literal=True)
        return Choice(model, "int8", fastest)
    if precision == "int8":
        return Choice(need_int8(model, "openvino"), "int8", fastest)
    if precision == "auto":
        quantised = find_int8(model, "openvino") if device != "CPU" or int8_pays() else None
        return Choice(quantised, "int8", fastest) if quantised else Choice(model, fastest, fastest)
    if precision != "fp32" and precision.upper() not in able:
        raise ModelError(f"{device} does not compute in {precision}: choose fp32 or auto")
    return Choice(model, precision, precision)


def _capabilities(device: str) -> list[str]:
    try:
        return sorted(CORE.get_property(device, "OPTIMIZATION_CAPABILITIES"))
    except RuntimeError as error:
        raise ModelError(
            f"no device '{device}' for OpenVINO: choose one of {', '.join(CORE.available_devices)}"
        ) from error


def _options(streams: int | None, threads: int | None, chosen: Choice) -> dict[str, str | int]:
    options: dict[str, str | int] = {
        "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT",
        "INFERENCE_PRECISION_HINT": FLOATS[chosen.floats],
    }
    if chosen.literal:
        # With several streams, each computes the rounded weights at the same time, into the same
        # memory: every second time the weights came out different.
        options["LP_TRANSFORMS_MODE"], streams = "NO", 1
    if streams is not None:
        options["NUM_STREAMS"] = streams
    if threads is not None:
        options["INFERENCE_NUM_THREADS"] = threads
    return options


def _is_reference(chosen: Choice, model: Path, device: str) -> bool:
    """Return whether the engine is its own reference."""
    return device == "CPU" and chosen.file == model and chosen.precision in ("fp32", "int8")


def _key(device: str, manifest: Manifest, chosen: Choice) -> CacheKey:
    name = CORE.get_property(device, "FULL_DEVICE_NAME").strip()
    height, width = manifest.input_size
    return CacheKey(
        model_sha256=manifest.onnx_sha256,
        runtime="openvino",
        version=ov.__version__,
        device=f"{device}, {name}, {' '.join(_capabilities(device))}",
        precision=chosen.precision,
        shapes=f"{manifest.max_batch} x {height} x {width} x 3",
        flags={"floats": chosen.floats},
    )


def _reason(error: RuntimeError) -> str:
    """Return the last line of an OpenVINO message: the others are about its source files."""
    return str(error).strip().splitlines()[-1]
