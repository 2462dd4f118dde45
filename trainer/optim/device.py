"""The device of a training, and its numeric precision."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from detector.errors import UsageError
from detector.hardware.cpu import computes_bf16
from trainer.recipe import Recipe


@dataclass(frozen=True, slots=True)
class TrainingDevice:
    """A device, and the reduced type for mixed precision; None: float32 everywhere."""

    torch_device: torch.device
    reduced: torch.dtype | None

    def autocast(self) -> AbstractContextManager[object]:
        """Use mixed precision until the block ends."""
        return torch.autocast(
            self.torch_device.type,
            self.reduced or torch.bfloat16,
            enabled=self.reduced is not None,
            cache_enabled=False,  # the cache would be shared between threads
        )

    def make_scaler(self) -> torch.amp.GradScaler:
        """Return a scaler that keeps gradients in range; only float16 needs it."""
        return torch.amp.GradScaler(self.torch_device.type, enabled=self.reduced == torch.float16)

    @property
    def workers(self) -> int:
        """The default number of workers that prepare images: all cores if a GPU trains."""
        return 1 if self.torch_device.type == "cpu" else os.cpu_count() or 1


def choose_device(
    recipe: Recipe, *, cpu_has_bf16: Callable[[], bool] = computes_bf16
) -> TrainingDevice:
    """Return the device on which this process trains `recipe`.

    cpu_has_bf16: whether the processor has instructions for bfloat16
    Raises UsageError if the machine lacks what the recipe asks for.
    """
    device = _device(recipe.device)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return TrainingDevice(device, _reduced(recipe.amp, device, cpu_has_bf16))


def _device(name: str) -> torch.device:
    has_gpu = torch.cuda.is_available()
    if name == "cuda" and not has_gpu:
        raise UsageError("device: 'cuda' given, but torch finds no GPU here: give cpu or auto")
    if name == "cpu" or not has_gpu:
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def _reduced(
    amp: bool | str, device: torch.device, cpu_has_bf16: Callable[[], bool]
) -> torch.dtype | None:
    if amp is False:
        return None
    if device.type == "cpu":
        if amp == "fp16":
            raise UsageError("amp: 'fp16' given, but a CPU has only bf16: give true")
        # without such instructions bfloat16 was measured to take ten times as long
        return torch.bfloat16 if amp == "bf16" or cpu_has_bf16() else None
    if amp == "fp16" or (amp is True and not torch.cuda.is_bf16_supported()):
        return torch.float16
    return torch.bfloat16
