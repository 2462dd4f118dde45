"""What is in this machine: asked of the kernel, the drivers and the packages, changing nothing."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from detector.commands.name_conflicts import name_conflicts
from detector.engines.auto import tensorrt_obstacle, torch_obstacle
from detector.engines.tensorrt_api import load_tensorrt
from detector.errors import ModelError
from detector.hardware.cpu import cpu_flags, cpu_name
from detector.hardware.cuda_driver import Gpu, find_driver

CPU_FEATURES = (  # that make inference faster, x86's and then Arm's
    "avx2",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_bf16",
    "amx_int8",
    "asimd",
    "asimddp",
    "i8mm",
    "bf16",
    "sve",
)
PACKAGES = ("av", "openvino", "onnx", "torch", "pycuda", "nncf")
JETPACK = {35: 5, 36: 6, 38: 7, 39: 7}  # major version of L4T -> of JetPack
VENDORS = {"0x10de": "NVIDIA", "0x8086": "Intel", "0x1002": "AMD"}  # as PCI numbers them


@dataclass(frozen=True, slots=True)
class Machine:
    """What `framelane doctor` found.

    jetson: L4T and JetPack, on a Jetson
    cpu_features: of those that matter
    driver: of NVIDIA, its version; cuda: the newest that it supports
    packages: name -> version, None where it is absent
    tensorrt: name and version, or None
    obstacles: what cannot be used on the GPU -> why not; None: it can
    openvino_devices: device -> name and the types that it computes in
    cards: vendors of the graphics cards on the PCI bus, also of those without a driver
    conflicts: package name of ours -> another distribution that installs it too
    """

    system: str
    python: str
    jetson: str | None
    cpu: str
    cores: int
    cpu_features: tuple[str, ...]
    gpus: tuple[Gpu, ...]
    driver: str | None
    cuda: str | None
    packages: dict[str, str | None]
    tensorrt: str | None
    obstacles: dict[str, str | None]
    openvino_devices: dict[str, str]
    cards: tuple[str, ...]
    conflicts: dict[str, str]


def examine() -> Machine:
    """Return what is in this machine. Takes a second or two: runtimes are loaded to be asked."""
    driver = find_driver()
    gpus = driver.gpus() if driver else ()
    features = cpu_flags()
    return Machine(
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        jetson=jetson_release(),
        cpu=cpu_name(),
        cores=len(os.sched_getaffinity(0)),
        cpu_features=tuple(name for name in CPU_FEATURES if name in features),
        gpus=gpus,
        driver=driver_version(),
        cuda="{}.{}".format(*driver.version) if driver else None,
        packages={name: _version(name) for name in PACKAGES},
        tensorrt=_tensorrt(),
        obstacles={
            "tensorrt": tensorrt_obstacle(gpus),
            "torch": torch_obstacle(gpus),
        },
        openvino_devices=_openvino_devices(),
        cards=graphics_cards(),
        conflicts=name_conflicts(),
    )


def jetson_release(path: Path = Path("/etc/nv_tegra_release")) -> str | None:
    """Return `L4T 36.4.3 (JetPack 6)` on a Jetson, else None."""
    text = path.read_text() if path.is_file() else ""
    match = re.match(r"# R(\d+) \(release\), REVISION: ([\d.]+)", text)
    if match is None:
        return None
    jetpack = JETPACK.get(int(match[1]), "unknown")
    return f"L4T {match[1]}.{match[2]} (JetPack {jetpack})"


def driver_version(path: Path = Path("/proc/driver/nvidia/version")) -> str | None:
    """Return the version of NVIDIA's kernel module, as in 580.65.06, if there is one."""
    text = path.read_text() if path.is_file() else ""
    match = re.search(r"Kernel Module.*?\s(\d+\.[\d.]+)", text)
    return match[1] if match else None


def _tensorrt() -> str | None:
    try:
        found = load_tensorrt()
    except ModelError:
        return None
    return f"{found.name} {found.version}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _openvino_devices() -> dict[str, str]:
    from detector.hardware.openvino_core import CORE

    devices = {}
    for device in CORE.available_devices:
        name = CORE.get_property(device, "FULL_DEVICE_NAME")
        kinds = CORE.get_property(device, "OPTIMIZATION_CAPABILITIES")
        able = [kind for kind in ("FP32", "FP16", "BF16", "INT8") if kind in kinds]
        devices[device] = f"{name.strip()} ({', '.join(able)})"
    return devices


def graphics_cards(bus: Path = Path("/sys/bus/pci/devices")) -> tuple[str, ...]:
    """Return the vendors of the display controllers, whether they have a driver or not."""
    displays = [
        device
        for device in sorted(bus.glob("*"))
        if (device / "class").is_file() and (device / "class").read_text().startswith("0x03")
    ]
    numbers = [(device / "vendor").read_text().strip() for device in displays]
    return tuple(VENDORS.get(number, number) for number in numbers)
