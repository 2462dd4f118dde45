"""What this machine has, what a run will use of it, and what to install for more."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from detector.cli import Command

if TYPE_CHECKING:
    from detector.commands.machine import Machine


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def doctor(as_json: bool) -> None:
    """Show this machine's hardware and software, what a run uses of it, and what is missing."""
    from detector.commands.machine import examine

    machine = examine()
    click.echo(as_text(machine) if not as_json else json.dumps(as_data(machine), indent=2))


def as_data(machine: Machine) -> dict[str, Any]:
    """Return what is known of a machine, and what follows from it, as plain values."""
    return {**asdict(machine), "use": use(machine), "advice": list(advice(machine))}


def as_text(
    machine: Machine,
    used: Iterable[tuple[str, str]] = (),
    more: Iterable[tuple[str, Iterable[tuple[str, str]]]] = (),
) -> str:
    """Return it for a person.

    used: further rows of what a run uses: part, text
    more: further sections: title, rows
    """
    parts = (
        ("here", _here(machine)),
        *more,
        ("used for the fastest run", [*use(machine).items(), *used]),
        ("for more", [("", line) for line in advice(machine)] or [("", "nothing to install")]),
    )
    lines = []
    for title, rows in parts:
        lines.append(title)
        lines += [f"  {name:<13}{text}" if name else f"  {text}" for name, text in rows]
    return "\n".join(lines)


def use(machine: Machine) -> dict[str, str]:
    """Return what a run takes here: part -> what."""
    obstacles = machine.obstacles
    if obstacles["tensorrt"] is None:
        engine = f"tensorrt on {machine.gpus[0].name} ({machine.tensorrt})"
    elif obstacles["torch"] is None:
        engine = (
            f"torch on {machine.gpus[0].name}, in fp16, for models with their weights beside them; "
            "openvino for others"
        )
    else:
        engine = f"openvino on the CPU, in {_cpu_precision(machine)}"
    return {"engine": engine}


def advice(machine: Machine) -> Iterator[str]:
    """Yield what to install or to change, the most useful first."""
    for package, other in machine.conflicts.items():
        yield (
            f"{other} installs a package `{package}`, too, and whichever was installed last has "
            f"replaced the other: uninstall {other.split()[0]}, or give Framelane an environment "
            "of its own (pipx install framelane)"
        )
    if not machine.gpus and "NVIDIA" in machine.cards:
        yield "there is an NVIDIA card, but its driver does not work: install it, then restart"
    if machine.gpus and machine.obstacles["tensorrt"]:
        yield f"for TensorRT: {machine.obstacles['tensorrt']}"
    if machine.gpus and machine.obstacles["torch"]:
        yield f"for torch on the GPU: {machine.obstacles['torch']}"
    if "Intel" in machine.cards and "GPU" not in machine.openvino_devices:
        yield "for OpenVINO on the Intel GPU: install its OpenCL driver (intel-opencl-icd)"
    if machine.packages["torch"] is None:
        yield "to train (torch): install the project's extra `train`"
    if machine.packages["nncf"] is None:
        yield "to make INT8 models (nncf): install the project's extra `quantize`"


def _here(machine: Machine) -> Iterator[tuple[str, str]]:
    """Yield part -> what there is of it."""
    yield "system", f"{machine.system}, Python {machine.python}"
    if machine.jetson:
        yield "Jetson", machine.jetson
    yield "CPU", f"{machine.cpu}, {machine.cores} cores: {', '.join(machine.cpu_features)}"
    for gpu in machine.gpus:
        memory = "shared with the CPU" if gpu.integrated else "of its own"
        yield (
            f"cuda:{gpu.number}",
            f"{gpu.name}, compute capability {gpu.capability_name}, "
            f"{gpu.memory_bytes / 1e9:.0f} GB {memory}",
        )
    if not machine.gpus:
        yield "GPU", "none of NVIDIA's that works"
    if machine.cuda:
        yield "driver", f"{machine.driver or 'unknown version'}, for CUDA up to {machine.cuda}"
    yield "TensorRT", machine.tensorrt or "not installed"
    for name, installed in machine.packages.items():
        yield name, installed or "not installed"
    for device, text in machine.openvino_devices.items():
        yield f"openvino {device}", text


def _cpu_precision(machine: Machine) -> str:
    able = "BF16" in machine.openvino_devices.get("CPU", "")
    return f"{'bf16' if able else 'fp32'}, or int8 where the model has a gated one"
