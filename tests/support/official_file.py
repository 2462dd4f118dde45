"""Writes checkpoints as the original program does: pickled modules of its classes.

The classes are stand-ins that exist only during writing, since reading must not need them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from detector.yolov7.network import Network

OFFICIAL = {  # our class -> module and class of the original program
    "Network": "models.yolo.Model",
    "Detect": "models.yolo.Detect",
    "IDetect": "models.yolo.IDetect",
    "IAuxDetect": "models.yolo.IAuxDetect",
    "Implicit": "models.common.ImplicitA",
    **{
        name: f"models.common.{name}"
        for name in ("Conv", "RepConv", "SPPCSPC", "DownC", "ReOrg", "Concat", "Shortcut")
    },
}


def write_official(
    network: Network,
    path: Path,
    *,
    class_names: Sequence[str],
    averaged: Network | None = None,
    attributes: Mapping[str, Any] | None = None,
    **entries: Any,
) -> None:
    """Write networks, in half precision, as `torch.save` does for the original program.

    averaged: the `ema` of an unfinished training
    attributes, entries: of the pickled network and of the checkpoint, replacing the usual ones
    """
    with _classes() as classes:
        models = {"model": network, "ema": averaged}
        checkpoint: dict[str, Any] = {"epoch": -1, "best_fitness": None, "optimizer": None}
        for name, each in models.items():
            model = each and _as_original(deepcopy(each), classes).half()
            checkpoint[name] = model
            if each and model:
                described = {"nc": each.classes, "width_multiple": each.width}
                usual = {"names": list(class_names), "yaml": described}
                model.__dict__.update({**usual, **(attributes or {})})
        torch.save({**checkpoint, **entries}, path)


def _as_original(module: nn.Module, classes: dict[str, type[nn.Module]]) -> nn.Module:
    """Return the module as its official class; torch's own modules stay unchanged."""
    kind = classes.get(type(module).__name__)
    original = kind() if kind else module
    original._parameters, original._buffers = module._parameters, module._buffers
    for name, child in module.named_children():
        original.add_module(name, _as_original(child, classes))
    return original


@contextmanager
def _classes() -> Iterator[dict[str, type[nn.Module]]]:
    modules = {name: ModuleType(name) for name in ("models", "models.yolo", "models.common")}
    classes: dict[str, type[nn.Module]] = {}
    for ours, dotted in OFFICIAL.items():
        module, _, name = dotted.rpartition(".")
        classes[ours] = type(name, (nn.Module,), {"__module__": module})
        setattr(modules[module], name, classes[ours])
    sys.modules.update(modules)
    try:
        yield classes
    finally:
        for name in modules:
            del sys.modules[name]
