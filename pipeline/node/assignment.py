"""A site as a fleet passes it on: what all cameras share, and each camera for itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from detector.engines.auto import AUTO
from detector.errors import UsageError
from detector.weights.zoo import bundled_models, find_model
from pipeline.access.config import ServeConfig
from pipeline.config import ModelConfig, RunConfig, SourceConfig
from pipeline.fleet.camera import CameraSpec
from pipeline.fleet.site import Site
from pipeline.node.model_store import hashes
from pipeline.redaction import shown_url
from pipeline.stream_names import free_name

PLACEMENT = {"place", "labels"}  # keys that say where a camera runs, not how


def site_of(config: RunConfig) -> Site:
    """Return the parts of a site. Raises UsageError for what cannot run on many machines."""
    _refuse_shared_files(config)
    names: dict[str, SourceConfig] = {}
    for source in config.sources:
        names[free_name(source, names)] = source
    sources = {name: _plain(source, name) for name, source in names.items()}
    cameras = tuple(
        CameraSpec(name, source.place, source.labels, _digest(sources[name]))
        for name, source in names.items()
    )
    model, file = _model(config)
    # `serve` keeps the newest frame of each camera, and lets a run go on without one
    common = config.model_copy(update={"model": model, "serve": ServeConfig()})
    shared: dict[str, Any] = {
        "config": common.model_dump(mode="json", exclude={"sources", "fleet"}, exclude_unset=True),
        "model": hashes(file) if file else None,
    }
    shared["digest"] = _digest(shared)
    return Site(cameras, sources, shared, file)


def _model(config: RunConfig) -> tuple[ModelConfig, Path | None]:
    """Return the section `model`, and the file that nodes need; None if each of them has it."""
    model = config.model
    if "engine" not in model.model_fields_set:
        model = model.model_copy(update={"engine": AUTO})  # a node with a GPU uses it
    if model.name in bundled_models():
        return model, None
    return model, find_model(model.name, size=model.imgsz)


def run_config(shared: Mapping[str, Any], model: Path | None) -> RunConfig:
    """Return the configuration of a node's run, without its cameras.

    shared: of Site; model: the file that the node was sent, if it was sent one
    """
    config = RunConfig.model_validate(dict(shared["config"]))
    if model:
        named = config.model.model_copy(update={"name": str(model), "imgsz": None})
        config = config.model_copy(update={"model": named})
    return config


def _refuse_shared_files(config: RunConfig) -> None:
    """Raise UsageError for an output to which a node and its successor would both write."""
    urls = [output.url for output in config.outputs]
    urls += [config.recording.url] if config.recording else []
    for url in urls:
        if "{stream}" not in url:
            raise UsageError(
                f"'{shown_url(url)}': in a fleet, an output has {{stream}} in its path"
            )
        if "://" not in url and "{epoch}" not in url:
            raise UsageError(
                f"'{shown_url(url)}': in a fleet, a file has {{epoch}} in its path, as in "
                "recordings/{stream}/{epoch}/%Y-%m-%d/%H%M%S.mp4: so a node that was cut off and a "
                "node that took its camera write to different files"
            )


def _plain(source: SourceConfig, name: str) -> dict[str, Any]:
    content = source.model_dump(mode="json", exclude=PLACEMENT | {"epoch"})
    return content | {"name": name}


def _digest(content: Any) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
