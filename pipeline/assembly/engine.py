"""The stages that all streams share: the engine, what comes before it, and what comes after it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detector.acceptance.gate import open_accepted
from detector.engines import ENGINES, Engine, engine_opener
from detector.engines.auto import AUTO, choose_engine, gpu_for_frames
from detector.errors import UsageError, did_you_mean
from detector.hardware.cuda_driver import find_gpus
from detector.manifest import Manifest
from detector.weights.zoo import find_model
from pipeline.config import DetectConfig, ModelConfig, RunConfig, TrackerConfig, options_of
from pipeline.graph import SharedStages
from pipeline.options import checked_options
from pipeline.sources import source_for
from pipeline.stages.infer import Collect, Submit
from pipeline.stages.preprocess import Preprocess
from pipeline.stages.suppress import Suppress

CONFIDENCE = {"with a tracker": 0.1, "without": 0.25}  # trackers use low scores, too


def open_engine(config: RunConfig) -> Engine:
    """Open the engine of a configuration, for one run after the other; the caller closes it.

    Raises FramelaneError if the model or its engine cannot be used.
    """
    model = find_model(config.model.name, size=config.model.imgsz)
    _check_imgsz(config.model, model, Manifest.beside(model))
    name = engine_name(config.model, model)
    return open_accepted(name, model, **engine_options(name, config)).engine


def engine_name(config: ModelConfig, model: Path) -> str:
    """Return the name of the engine that runs a model: `auto` is resolved."""
    return choose_engine(model) if config.engine == AUTO else config.engine


def frames_gpu(config: RunConfig, model: Path, engine: Engine | None) -> int | None:
    """Return the GPU on which decoders leave frames, because the engine takes them there.

    None: all frames come to the host. So they do for the motion of the camera, which is estimated
    there on each small image.
    """
    if config.tracker.camera_motion:
        return None
    if engine is not None:
        return engine.gpu
    name = engine_name(config.model, model)
    return gpu_for_frames(name, engine_options(name, config), find_gpus())


def shared_stages(
    config: RunConfig, model: Path, manifest: Manifest, engine: Engine | None, gpu: int | None
) -> SharedStages:
    """Return the stages from frames to detections.

    engine: an open one, which stays open; None: the first of them opens one
    gpu: see frames_gpu
    Raises UsageError if the configuration does not fit the model.
    """
    _check_imgsz(config.model, model, manifest)
    name = engine_name(config.model, model)
    options = engine_options(name, config)
    submit = Submit(lambda: engine or open_accepted(name, model, **options).engine)
    return SharedStages(
        Preprocess(manifest.input_size, gpu),
        submit,
        Collect(),
        _suppress(config.detect, config.tracker, manifest),
        (lambda: None) if engine else submit.close_engine,
        submit.slots,
        submit.is_open,
        max_batch=manifest.max_batch if ENGINES[name].faster_in_batches else 1,
        in_flight=len(os.sched_getaffinity(0)),  # no CPU engine has more streams than cores
    )


def engine_options(name: str, config: RunConfig) -> dict[str, Any]:
    """Return the engine's options: the user's and, if it has the option, the number of streams.

    With fewer cameras than cores there is one stream per camera: each frame gets several cores and
    is ready sooner. Recordings need throughput, so the engine chooses the number itself.
    """
    options = checked_options(engine_opener(name), options_of(config.model), "model")
    cameras = [
        source for source in config.sources if source_for(source.url).live or source.realtime
    ]
    few = 0 < len(cameras) == len(config.sources) < len(os.sched_getaffinity(0))
    return {"streams": len(cameras)} | options if few and ENGINES[name].has_streams else options


def _check_imgsz(config: ModelConfig, model: Path, manifest: Manifest) -> None:
    """Raise UsageError if the user expects another input size than the model was exported for."""
    expected = config.imgsz
    if expected and expected != manifest.input_size:
        height, width = manifest.input_size
        raise UsageError(
            f"--imgsz: {expected[0]}x{expected[1]} given, but {model.name} was exported for "
            f"{height}x{width} (height x width): leave it out, or export the model at that size"
        )


def _suppress(config: DetectConfig, tracker: TrackerConfig, manifest: Manifest) -> Suppress:
    default = CONFIDENCE["without" if tracker.name == "none" else "with a tracker"]
    return Suppress(
        confidence=default if config.conf is None else config.conf,
        iou=manifest.nms_iou if config.iou is None else config.iou,
        classes=None if config.classes is None else _class_ids(config.classes, manifest.classes),
        agnostic=config.agnostic,
        max_detections=config.max_detections,
        keep_small=tracker.camera_motion,
    )


def _class_ids(wanted: Sequence[str | int], names: Sequence[str]) -> set[int]:
    """Return the numbers of classes that the user gives by name or by number."""
    numbers = {name: k for k, name in enumerate(names)} | {str(k): k for k in range(len(names))}
    for each in map(str, wanted):
        if each not in numbers:
            raise UsageError(
                f"--classes: no class '{each}' in this model{did_you_mean(each, numbers)}"
            )
    return {numbers[str(each)] for each in wanted}
