"""Where a training computes, and how precisely."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from detector.errors import UsageError
from detector.hardware.cpu import computes_bf16
from trainer.recipe import Recipe


@dataclass(frozen=True, slots=True)
class TrainingDevice:
    """A device, and the type that it computes in where that is safe; None: float32 everywhere."""

    device: torch.device
    reduced: torch.dtype | None

    def autocast(self) -> AbstractContextManager[object]:
        """Compute in the reduced type, where it is safe, until the block ends."""
        return torch.autocast(
            self.device.type,
            self.reduced or torch.bfloat16,
            enabled=self.reduced is not None,
            cache_enabled=False,  # it would be shared between threads
        )

    def make_scaler(self) -> torch.amp.GradScaler:
        """Return what keeps gradients in range; float16 alone needs it."""
        return torch.amp.GradScaler(self.device.type, enabled=self.reduced == torch.float16)

    @property
    def workers(self) -> int:
        """How many prepare images where a recipe is silent: a GPU leaves all cores."""
        return 1 if self.device.type == "cpu" else os.cpu_count() or 1


def choose_device(recipe: Recipe) -> TrainingDevice:
    """Return where `recipe` trains, in this process. Raises UsageError for what is not there."""
    device = _device(recipe.device)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return TrainingDevice(device, _reduced(recipe.amp, device))


def _device(name: str) -> torch.device:
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise UsageError("device: 'cuda' given, but torch finds no GPU here: give cpu or auto")
    if name == "cpu" or not there:
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def _reduced(amp: bool | str, device: torch.device) -> torch.dtype | None:
    if amp is False:
        return None
    if device.type == "cpu":
        if amp == "fp16":
            raise UsageError("amp: 'fp16' given, but on a CPU there is only bf16: give true")
        # a processor that has no such instructions was measured to take ten times as long with it
        return torch.bfloat16 if amp == "bf16" or computes_bf16() else None
    if amp == "fp16" or (amp is True and not torch.cuda.is_bf16_supported()):
        return torch.float16
    return torch.bfloat16
